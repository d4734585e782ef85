"""What people have said about images' flags: imported labels and answers to yes/no tasks."""

from __future__ import annotations

import polars as pl

from imgassets.moderation.flags import NO_FLAGS

_KNOWN = {
    "image_id": pl.String, "flag": pl.String, "value": pl.Boolean, "group_id": pl.String,
    "product_id": pl.String, "category": pl.String, "split": pl.String, "origin": pl.String,
}  # fmt: skip
_IMAGE = ["image_id", "flag"]


def known_values(
    labels: pl.DataFrame, verdicts: pl.DataFrame, tasks: pl.DataFrame, groups: pl.DataFrame
) -> pl.DataFrame:
    """Join imported labels and verdicts into one value per image and flag.

    A holdout label wins over everything, so that the holdout never moves. Otherwise a verdict of
    yes or no wins over train labels: people looked later, and at this very image. An image whose
    labels contradict each other (the same bytes under two URLs) has no value unless a verdict
    decides; see :func:`contradictions`.

    Args:
        labels: product_id, image_url, flag, value, group_id, split, image_id, category; one row
            per label and image that its URL gave.
        verdicts: as :func:`imgassets.moderation.answers.verdicts` returns them; those about types
            and pairs are left out, see :mod:`imgassets.moderation.known_types` and
            :mod:`imgassets.moderation.known_pairs`.
        tasks: task_id, product_id, category.
        groups: product_id, group_id of the products that any label gives a group.

    Returns:
        image_id, flag, value, group_id (the label's; else that of any label of the product; else
        the product), product_id, category, split ('train' or 'holdout'), origin ('label' or
        'answer'); one row per (image_id, flag), sorted by them.
    """
    named = groups.rename({"group_id": "product_group"})
    unanimous = (
        _by_image(labels)
        .filter(pl.col("yes") * pl.col("no") == 0)
        .with_columns(value=pl.col("yes") > 0, origin=pl.lit("label"))
    )
    answered = (
        verdicts.filter(pl.col("verdict").is_in(["yes", "no"]), ~pl.col("flag").is_in(NO_FLAGS))
        .join(tasks, on="task_id")
        .join(_by_image(labels).select(*_IMAGE, "group_id"), on=_IMAGE, how="left")
        .with_columns(
            value=pl.col("verdict") == "yes", split=pl.lit("train"), origin=pl.lit("answer")
        )
    )
    held_out = _by_image(labels).filter(pl.col("split") == "holdout")
    answered = answered.join(held_out, on=_IMAGE, how="anti")
    from_labels = unanimous.join(answered, on=_IMAGE, how="anti")
    columns = [name for name in _KNOWN if name != "group_id"]
    both = pl.concat(
        [part.select(*columns, pl.col("group_id")) for part in (from_labels, answered)],
        how="vertical_relaxed",
    )
    return (
        both.join(named, on="product_id", how="left")
        .with_columns(
            pl.coalesce(
                pl.when(pl.col("group_id") != pl.col("product_id")).then("group_id"),
                "product_group",
                "product_id",
            ).alias("group_id")
        )
        .select(pl.col(name).cast(dtype) for name, dtype in _KNOWN.items())
        .sort(_IMAGE)
    )


def contradictions(labels: pl.DataFrame, verdicts: pl.DataFrame) -> pl.DataFrame:
    """Return the images about which labels, or answers, contradict each other.

    Args:
        labels: as in :func:`known_values`.
        verdicts: likewise.

    Returns:
        image_id, flag, origin ('label' or 'answer'), yes, no (how many say so), detail (the
        labels' products and URLs, or the task), sorted.
    """
    in_labels = (
        _by_image(labels)
        .filter(pl.col("yes") * pl.col("no") > 0)
        .with_columns(origin=pl.lit("label"))
    )
    in_answers = verdicts.filter(
        pl.col("verdict") == "contradictory", ~pl.col("flag").is_in(NO_FLAGS)
    ).with_columns(origin=pl.lit("answer"), detail=pl.concat_str(pl.lit("task "), "task_id"))
    columns = [*_IMAGE, "origin", "yes", "no", "detail"]
    return pl.concat(
        [part.select(columns).cast({"yes": pl.UInt32, "no": pl.UInt32})
         for part in (in_labels, in_answers)]
    ).sort(columns)  # fmt: skip


def _by_image(labels: pl.DataFrame) -> pl.DataFrame:
    """Return one row per (image_id, flag): of its holdout labels, or of all if it has none."""
    detail = pl.concat_str(
        "product_id", "image_url", pl.when("value").then(pl.lit("yes")).otherwise(pl.lit("no")),
        separator=" ",
    )  # fmt: skip
    return (
        labels.sort(*_IMAGE, "product_id", "image_url", "category")
        .unique([*_IMAGE, "product_id", "image_url"], keep="first", maintain_order=True)
        .filter((pl.col("split") == "holdout") | ~(pl.col("split") == "holdout").any().over(_IMAGE))
        .group_by(_IMAGE, maintain_order=True)
        .agg(
            pl.col("product_id", "category", "split", "group_id").first(),
            yes=pl.col("value").sum(),
            no=(~pl.col("value")).sum(),
            detail=detail.unique(maintain_order=True).str.join("; "),
        )
    )
