"""What a product's new image set changes."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from imgassets.selection import PRODUCT

_BEFORE = [*PRODUCT, "supplier_id", "image_id", "position", "first_day"]


def changes_of(
    status: pl.DataFrame, ordered: pl.DataFrame, before: pl.DataFrame, minimum: pl.DataFrame
) -> pl.DataFrame:
    """Compare the sets with the first supplier's images.

    Args:
        status: rows of :func:`imgassets.selection.bypass.bypass_status`.
        ordered: the sets: (day, category, product_id, rank, image_id).
        before: fetched references: (day, category, product_id, supplier_id, image_id, position,
            first_day); the supplier of the earliest day came first, then by name.
        minimum: (category, min_images), one row per category.

    Returns:
        Rows of ``image_set_changes``, sorted by key.
    """
    after = ordered.group_by(PRODUCT).agg(pl.col("image_id").sort_by("rank").alias("after"))
    none = pl.lit([], dtype=pl.List(pl.String))
    both = (
        status.join(_first_suppliers_images(before), on=PRODUCT, how="left")
        .join(after, on=PRODUCT, how="left")
        .join(minimum, on="category", how="left")
        .with_columns(pl.col("before").fill_null(none), pl.col("after").fill_null(none))
    )
    before_list, after_list = both["before"].to_list(), both["after"].to_list()
    moves = [moved(b, a) for b, a in zip(before_list, after_list, strict=True)]
    missing = pl.col("min_images").cast(pl.Int32) - pl.col("after").list.len().cast(pl.Int32)
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
            moved=pl.Series(moves, dtype=pl.List(pl.String)),
            hero_changed=pl.col("before").list.first().ne_missing(pl.col("after").list.first()),
            missing_images=missing.clip(0),
        )
        .select(
            *PRODUCT, "status", "before", "after", "added", "removed", "moved", "hero_changed",
            "missing_images",
        )
        .sort(PRODUCT)
    )  # fmt: skip


def shown_so_far(aggregated: pl.DataFrame) -> pl.DataFrame:
    """Return images in their own order as what was shown before, where nothing else is known."""
    return aggregated.select(
        *PRODUCT, "image_id", supplier_id=pl.lit(""), position="best_position", first_day="day"
    ).select(_BEFORE)


def _first_suppliers_images(before: pl.DataFrame) -> pl.DataFrame:
    """List the images of the supplier that came first (earliest day, then name), in its order."""
    first = (
        before.sort([*PRODUCT, "first_day", "supplier_id"])
        .group_by(PRODUCT, maintain_order=True)
        .agg(pl.col("supplier_id").first())
    )
    return (
        before.join(first, on=[*PRODUCT, "supplier_id"])
        .sort([*PRODUCT, "position", "first_day", "image_id"])
        .group_by(PRODUCT, maintain_order=True)
        .agg(pl.col("image_id").unique(maintain_order=True).alias("before"))
    )


def moved(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """Return the images in both lists, in the new order, whose place among those differs."""
    common = set(before) & set(after)
    old = [image for image in before if image in common]
    new = [image for image in after if image in common]
    return [a for a, b in zip(new, old, strict=True) if a != b]
