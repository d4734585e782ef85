"""What people have said about images' types: imported labels and answers to typed questions."""

from __future__ import annotations

import polars as pl

from imgassets.moderation.flags import IMAGE_TYPE

_KNOWN = {
    "product_id": pl.String, "image_id": pl.String, "image_type": pl.String,
    "group_id": pl.String, "category": pl.String, "origin": pl.String,
}  # fmt: skip
_IMAGE = ["product_id", "image_id"]


def known_types(
    labels: pl.DataFrame,
    verdicts: pl.DataFrame,
    tasks: pl.DataFrame,
    images: pl.DataFrame,
    groups: pl.DataFrame,
) -> pl.DataFrame:
    """Join imported labels and decided answers into one type per product and image.

    An answer wins over labels of the same product and image: whoever gave it looked at this very
    picture, saw the product's others beside it, and is known by name. To let a label stand again,
    undo the answer. Where the task's category has the image under further products, the answer
    holds for them too, as a model's would, unless they have a label of their own. Labels that
    contradict each other (the same bytes under two URLs of a product) give no type unless an
    answer decides; see :func:`contradictions`.

    Args:
        labels: product_id, image_url, image_type, group_id, image_id, category; one row per label
            and image that its URL gave.
        verdicts: as :func:`imgassets.moderation.answers.verdicts` returns them, of any flag.
        tasks: task_id, product_id, category.
        images: category, product_id, image_id: which products have the images of verdicts.
        groups: product_id, group_id of the products that any label gives a group.

    Returns:
        product_id, image_id, image_type, group_id (the label's; else that of any label of the
        product; else the product), category, origin ('label' or 'answer'); one row per
        (product_id, image_id), sorted by them.
    """
    by_image = _by_image(labels)
    labelled = by_image.filter(pl.col("types").list.len() == 1).with_columns(
        image_type=pl.col("types").list.first(), origin=pl.lit("label")
    )
    asked = _decided(verdicts).join(tasks, on="task_id")
    others = (
        asked.drop("product_id")
        .join(images, on=["category", "image_id"])
        .join(labelled, on=_IMAGE, how="anti")
    )
    answered = (
        pl.concat([part.select(*_IMAGE, "category", "image_type") for part in (asked, others)])
        .sort(*_IMAGE, "category")
        .unique(_IMAGE, keep="first", maintain_order=True)
        .join(by_image.select(*_IMAGE, "group_id"), on=_IMAGE, how="left")
        .with_columns(origin=pl.lit("answer"))
    )
    columns = list(_KNOWN)
    both = pl.concat(
        [labelled.join(answered, on=_IMAGE, how="anti").select(columns), answered.select(columns)]
    )
    named = groups.rename({"group_id": "product_group"})
    return (
        both.join(named, on="product_id", how="left")
        .with_columns(
            group_id=pl.coalesce(
                pl.when(pl.col("group_id") != pl.col("product_id")).then("group_id"),
                "product_group",
                "product_id",
            )
        )
        .select(pl.col(name).cast(dtype) for name, dtype in _KNOWN.items())
        .sort(_IMAGE)
    )


def contradictions(
    labels: pl.DataFrame, verdicts: pl.DataFrame, tasks: pl.DataFrame
) -> pl.DataFrame:
    """Return the images about whose type people contradict each other.

    Args:
        labels: as in :func:`known_types`.
        verdicts: likewise.
        tasks: likewise.

    Returns:
        product_id, image_id, category, origin, detail, sorted. By origin: 'label', labels of one
        product and image differ, so that none is used; 'answer', as many reviewers say one type as
        another; 'label and answer', a decided answer overrules a label.
    """
    by_image = _by_image(labels)
    in_labels = by_image.filter(pl.col("types").list.len() > 1).with_columns(origin=pl.lit("label"))
    of_types = verdicts.filter(pl.col("flag") == IMAGE_TYPE).join(tasks, on="task_id")
    in_answers = of_types.filter(
        ~pl.col("decided"), pl.col("verdict") == "contradictory"
    ).with_columns(
        origin=pl.lit("answer"),
        detail=pl.concat_str(pl.lit("task "), "task_id", pl.lit(": "), "counts"),
    )
    overruled = (
        _decided(of_types)
        .join(by_image.drop("category"), on=_IMAGE)
        .filter(
            pl.col("types").list.len() == 1,
            pl.col("types").list.first() != pl.col("image_type"),
        )
        .with_columns(
            origin=pl.lit("label and answer"),
            detail=pl.concat_str(
                "detail", pl.lit("; task "), "task_id", pl.lit(": "), "image_type"
            ),
        )
    )
    columns = [*_IMAGE, "category", "origin", "detail"]
    return pl.concat([part.select(columns) for part in (in_labels, in_answers, overruled)]).sort(
        columns
    )


def _decided(verdicts: pl.DataFrame) -> pl.DataFrame:
    """Return the verdicts that decide about a type, with it as image_type."""
    return verdicts.filter(pl.col("flag") == IMAGE_TYPE, "decided").with_columns(
        image_type="verdict"
    )


def _by_image(labels: pl.DataFrame) -> pl.DataFrame:
    """Return product_id, image_id, category, group_id, types (distinct, sorted) and detail."""
    return (
        labels.sort(*_IMAGE, "image_url", "category")
        .unique([*_IMAGE, "image_url"], keep="first", maintain_order=True)
        .group_by(_IMAGE, maintain_order=True)
        .agg(
            pl.col("category").min(),
            pl.col("group_id").first(),
            types=pl.col("image_type").unique().sort(),
            detail=pl.concat_str("image_url", "image_type", separator=" ").str.join("; "),
        )
    )
