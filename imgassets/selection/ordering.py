"""The order of a product's images (paper A, II-E), and what it changes."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from imgassets.selection import IMAGE, PRODUCT
from imgassets.warehouse.contract import UNTYPED

"""Image type while no model has typed the image."""

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")
_SET_COLUMNS = [*PRODUCT, "rank", "image_id", "image_type", "is_hero", "reason"]


class ImageSets(NamedTuple):
    """What :func:`order_image_sets` returns.

    Attributes:
        ordered: rows of ``ordered_image_sets``.
        changes: rows of ``image_set_changes``, one for every product.
    """

    ordered: pl.DataFrame
    changes: pl.DataFrame


def order_image_sets(
    products: pl.DataFrame,
    aggregated: pl.DataFrame,
    quality: pl.DataFrame,
    types: pl.DataFrame,
    clusters: pl.DataFrame,
    priorities: pl.DataFrame,
    offers_fetched: pl.DataFrame,
    compliance: pl.DataFrame,
) -> ImageSets:
    """Order every product's chosen images and compare them with what the first supplier shows.

    The representatives come one of each type first, in the category's order of types; then the
    second of each type in the same order, and so on. Types without a rank follow those with one.
    Within a type the better position wins, then quality.

    Products with nothing to choose from are bypassed: those without an image, those with one (kept
    as it is) and those all of whose images are curated (kept in their suppliers' order). An image
    that compliance rejects is kept in none of them; without its only image a product is changed.

    Args:
        products: distinct (day, category, product_id) to make sets for.
        aggregated: rows of ``aggregated_images``.
        quality: rows of ``quality_scores``.
        types: rows of ``image_types``.
        clusters: rows of ``dedup_clusters``.
        priorities: rows of ``type_priorities``.
        offers_fetched: fetched references: day (the partition's), category, product_id,
            supplier_id, image_id, position, first_day (of the reference).
        compliance: rows of ``compliance_flags``.

    Returns:
        The sets and the changes, each sorted by key.
    """
    products = products.select(PRODUCT).unique()
    rejected = compliance.filter(pl.col("decision") == "rejected")
    status = _bypasses(products, aggregated, rejected)
    bypassed = status.filter(pl.col("status").is_not_null())
    kept = _kept_as_is(bypassed, aggregated.join(rejected, on=IMAGE, how="anti"), types)
    chosen = _chosen(
        status.filter(pl.col("status").is_null()).select(PRODUCT),
        aggregated,
        quality,
        clusters,
        priorities,
    )
    ordered = (
        pl.concat([kept, chosen])
        .with_columns(is_hero=pl.col("rank") == 1)
        .select(_SET_COLUMNS)
        .sort([*PRODUCT, "rank"])
    )
    return ImageSets(ordered, _changes(status, ordered, offers_fetched))


def _bypasses(
    products: pl.DataFrame, aggregated: pl.DataFrame, rejected: pl.DataFrame
) -> pl.DataFrame:
    """Give each product its bypass status, null for those that are processed."""
    bad = rejected.select(IMAGE).unique().with_columns(bad=True)
    counts = (
        aggregated.join(bad, on=IMAGE, how="left")
        .group_by(PRODUCT)
        .agg(
            pl.len().alias("images"),
            pl.col("is_curated").all().alias("all_curated"),
            pl.col("bad").fill_null(value=False).all().alias("all_bad"),
        )
    )
    images = pl.col("images").fill_null(0)
    return products.join(counts, on=PRODUCT, how="left").select(
        *PRODUCT,
        status=pl.when(images == 0)
        .then(pl.lit("bypassed_no_image"))
        .when("all_bad")
        .then(None)
        .when(images == 1)
        .then(pl.lit("bypassed_single_image"))
        .when(pl.col("all_curated"))
        .then(pl.lit("bypassed_curated")),
    )


def _kept_as_is(
    bypassed: pl.DataFrame, aggregated: pl.DataFrame, types: pl.DataFrame
) -> pl.DataFrame:
    """Rank the images of bypassed products by position alone."""
    reason = (
        pl.when(pl.col("status") == "bypassed_single_image")
        .then(pl.lit("the product's only image: kept as it is"))
        .otherwise(
            pl.format(
                "chosen by hand at the supplier, like all images of the product: "
                "kept in the supplier's order (position {})",
                pl.col("best_position"),
            )
        )
    )
    return (
        aggregated.join(bypassed, on=PRODUCT)
        .join(types.select(*IMAGE, "image_type"), on=IMAGE, how="left")
        .sort([*PRODUCT, "best_position", "image_id"])
        .select(
            *PRODUCT,
            pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over(PRODUCT).alias("rank"),
            "image_id",
            pl.col("image_type").fill_null(UNTYPED),
            reason.alias("reason"),
        )
    )


def _chosen(
    products: pl.DataFrame,
    aggregated: pl.DataFrame,
    quality: pl.DataFrame,
    clusters: pl.DataFrame,
    priorities: pl.DataFrame,
) -> pl.DataFrame:
    """Rank the representatives of the products that are not bypassed."""
    worst = pl.max_horizontal("p_blurry", "p_small_object", "p_placeholder")
    return (
        clusters.filter("is_representative")
        .join(products, on=PRODUCT, how="semi")
        .join(aggregated.select(*IMAGE, "best_position"), on=IMAGE)
        .join(quality.select(*IMAGE, worst.alias("defect")), on=IMAGE, how="left")
        .join(
            priorities.select("category", "image_type", pl.col("rank").alias("type_rank")),
            on=["category", "image_type"],
            how="left",
        )
        .sort([*PRODUCT, "image_type", "best_position", "defect", "image_id"], nulls_last=True)
        .with_columns(
            turn=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over([*PRODUCT, "image_type"])
        )
        .sort([*PRODUCT, "turn", "type_rank", "best_position", "image_id"], nulls_last=True)
        .select(
            *PRODUCT,
            pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over(PRODUCT).alias("rank"),
            "image_id",
            "image_type",
            _reason().alias("reason"),
        )
    )


def _reason() -> pl.Expr:
    """Sentence for a chosen image's place."""
    turn = pl.col("turn")
    ordinal = pl.when(turn <= len(_ORDINALS)).then(
        pl.lit(list(_ORDINALS)).list.get(turn - 1, null_on_oob=True)
    ).otherwise(pl.format("{}th", turn))  # fmt: skip
    ranked = pl.col("type_rank").is_not_null()
    return (
        pl.when(pl.col("image_type") == UNTYPED)
        .then(pl.format("no type yet: by the suppliers' position {}", pl.col("best_position")))
        .when((turn == 1) & ranked)
        .then(
            pl.format("first {} image: type rank {} of {}", "image_type", "type_rank", "category")
        )
        .when(turn == 1)
        .then(
            pl.format(
                "first {} image: a type without a rank in {}, after those with one",
                "image_type",
                "category",
            )
        )
        .otherwise(
            pl.format(
                "{} {}: extra image of a type, moved after {} of each",
                ordinal,
                "image_type",
                pl.when(turn == 2)
                .then(pl.lit("one"))
                .when(turn == 3)
                .then(pl.lit("two"))
                .otherwise((turn - 1).cast(pl.String)),
            )
        )
    )


def _changes(
    status: pl.DataFrame, ordered: pl.DataFrame, offers_fetched: pl.DataFrame
) -> pl.DataFrame:
    """Compare the sets with the first supplier's images."""
    after = ordered.group_by(PRODUCT).agg(pl.col("image_id").sort_by("rank").alias("after"))
    none = pl.lit([], dtype=pl.List(pl.String))
    both = (
        status.join(_first_suppliers_images(offers_fetched), on=PRODUCT, how="left")
        .join(after, on=PRODUCT, how="left")
        .with_columns(pl.col("before").fill_null(none), pl.col("after").fill_null(none))
    )
    before_list, after_list = both["before"].to_list(), both["after"].to_list()
    moved = [_moved(b, a) for b, a in zip(before_list, after_list, strict=True)]
    return (
        both.with_columns(
            status=pl.coalesce(
                "status",
                pl.when(pl.col("before") == pl.col("after"))
                .then(pl.lit("unchanged"))
                .otherwise(pl.lit("changed")),
            ),
            added=pl.col("after").list.set_difference("before").list.sort(),
            removed=pl.col("before").list.set_difference("after").list.sort(),
            moved=pl.Series(moved, dtype=pl.List(pl.String)),
            hero_changed=pl.col("before").list.first().ne_missing(pl.col("after").list.first()),
        )
        .select(*PRODUCT, "status", "before", "after", "added", "removed", "moved", "hero_changed")
        .sort(PRODUCT)
    )


def _first_suppliers_images(offers_fetched: pl.DataFrame) -> pl.DataFrame:
    """List the images of the supplier that came first (earliest day, then name), in its order."""
    first = (
        offers_fetched.sort([*PRODUCT, "first_day", "supplier_id"])
        .group_by(PRODUCT, maintain_order=True)
        .agg(pl.col("supplier_id").first())
    )
    return (
        offers_fetched.join(first, on=[*PRODUCT, "supplier_id"])
        .sort([*PRODUCT, "position", "first_day", "image_id"])
        .group_by(PRODUCT, maintain_order=True)
        .agg(pl.col("image_id").unique(maintain_order=True).alias("before"))
    )


def _moved(before: list[str], after: list[str]) -> list[str]:
    """Images in both lists whose place among the common images differs."""
    common = set(before) & set(after)
    old = [image for image in before if image in common]
    new = [image for image in after if image in common]
    return [a for a, b in zip(new, old, strict=True) if a != b]
