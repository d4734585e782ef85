"""Bringing labels and category orders into the warehouse."""

from __future__ import annotations

import polars as pl

from imgassets.warehouse.contracts import ImageLabels, TypePriorities
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


def import_image_labels(warehouse: Warehouse, labels: pl.DataFrame) -> tuple[int, int]:
    """Add labels, replacing those of the same images; return (imported, total)."""
    warehouse.initialise()
    key = ImageLabels.primary_key()
    kept = warehouse.read(ImageLabels).join(labels, on=key, how="anti")
    merged = pl.concat([kept, labels.select(kept.columns)]).sort(key)
    warehouse.replace([Replacement(ImageLabels, merged)], CommitMessage(asset="image_labels"))
    return labels.height, merged.height
