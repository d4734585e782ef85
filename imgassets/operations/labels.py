"""Bringing labels and category orders into the warehouse."""

from __future__ import annotations

import polars as pl

from imgassets.warehouse.contracts import FlagLabels, ImageLabels, TypePriorities
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse


def import_priorities(warehouse: Warehouse, priorities: pl.DataFrame) -> int:
    """Replace the orders of the categories that ``priorities`` names; return their number."""
    warehouse.initialise()
    kept = warehouse.read(TypePriorities).join(priorities, on="category", how="anti")
    warehouse.replace(
        [Replacement(TypePriorities, pl.concat([kept, priorities.select(kept.columns)]))],
        CommitMessage(asset="type_priorities"),
    )
    return priorities["category"].n_unique()


def has_image_labels(warehouse: Warehouse) -> bool:
    """Tell whether any image's type was labelled."""
    warehouse.initialise()
    return not warehouse.read(ImageLabels, columns=["product_id"]).is_empty()


def import_image_labels(warehouse: Warehouse, labels: pl.DataFrame) -> tuple[int, int]:
    """Add labels, replacing those of the same images; return (imported, total)."""
    warehouse.initialise()
    key = ImageLabels.primary_key()
    kept = warehouse.read(ImageLabels).join(labels, on=key, how="anti")
    merged = pl.concat([kept, labels.select(kept.columns)]).sort(key)
    warehouse.replace([Replacement(ImageLabels, merged)], CommitMessage(asset="image_labels"))
    return labels.height, merged.height


def import_flag_labels(warehouse: Warehouse, labels: pl.DataFrame) -> tuple[int, int]:
    """Add labels of flags, replacing those of the same images and flags; return (imported, total).

    Raises:
        ValueError: a product's group is another one than its labels of types name: its images
            would be on both sides of a split. Nothing is written.
    """
    warehouse.initialise()
    _refuse_other_groups(warehouse.read(ImageLabels), labels)
    key = FlagLabels.primary_key()
    kept = warehouse.read(FlagLabels).join(labels, on=key, how="anti")
    merged = pl.concat([kept, labels.select(kept.columns)]).sort(key)
    warehouse.replace([Replacement(FlagLabels, merged)], CommitMessage(asset="flag_labels"))
    return labels.height, merged.height


def _refuse_other_groups(known: pl.DataFrame, labels: pl.DataFrame) -> None:
    """Raise if both frames name a product's group (it is not the product itself) and differ."""
    named = pl.col("group_id") != pl.col("product_id")
    before = known.filter(named).group_by("product_id").agg(pl.col("group_id").unique().sort())
    differing = (
        labels.filter(named)
        .select("product_id", "group_id")
        .unique()
        .join(before.rename({"group_id": "before"}), on="product_id")
        .filter(~pl.col("group_id").is_in(pl.col("before")))
        .sort("product_id", "group_id")
    )
    if not differing.is_empty():
        first = differing.row(0, named=True)
        raise ValueError(
            f"{differing.height} products have another group than in the labels of types, e.g. "
            f"{first['product_id']}: {first['group_id']} instead of {', '.join(first['before'])}; "
            "use the same group, or leave it out"
        )
