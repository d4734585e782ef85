"""How far each partition was computed, and from what: the marks that make work resumable.

Loading a partition marks it with the feeds' hash ('feeds') and the whole fingerprint ('offers').
Fetching copies the first ('fetched'). Aggregating marks 'aggregated' anew from the same feeds: what
people said of an image counts once it was fetched, and is read by later steps alone. It does so
only where every earlier day of the category was fetched from its present feeds: a partition holds
all images up to its day, so one that was run before its predecessors is not whole. The last step
copies that ('complete'). Every mark is written in the transaction of the rows it speaks of.
"""

from __future__ import annotations

import polars as pl

from imgassets.operations.planning import fingerprints
from imgassets.settings import Settings
from imgassets.warehouse.contracts import PartitionState
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import (
    Partition,
    category_predicate,
    partition_frame,
    quote,
)

_CELL = ["day", "category"]


def loaded(
    warehouse: Warehouse, settings: Settings, partitions: frozenset[Partition]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the marks 'feeds' and 'offers' of partitions about to be loaded."""
    wanted = fingerprints(warehouse, settings, _categories(partitions)).join(
        partition_frame(partitions), on=_CELL, how="semi"
    )
    return (
        _mark(wanted.with_columns(fingerprint="feeds_hash"), "feeds"),
        _mark(wanted, "offers"),
    )


def advanced(
    warehouse: Warehouse, partitions: frozenset[Partition], start: str, stage: str
) -> pl.DataFrame:
    """Return the marks of ``stage`` for the partitions that have reached the stage ``start``."""
    reached = warehouse.read(PartitionState, partitions=partitions, where=f"stage = {quote(start)}")
    return _mark(reached, stage)


def aggregated(
    warehouse: Warehouse, settings: Settings, partitions: frozenset[Partition]
) -> pl.DataFrame:
    """Return the mark 'aggregated' of the partitions whose earlier days were all fetched."""
    categories = _categories(partitions)
    wanted = fingerprints(warehouse, settings, categories)
    feeds = wanted.select(*_CELL, "feeds_hash")
    where = f"stage = 'fetched' AND {category_predicate(categories)}"
    fetched = warehouse.read(PartitionState, where=where).select(
        *_CELL, pl.col("fingerprint").alias("feeds_hash")
    )
    missing = feeds.join(fetched, on=[*_CELL, "feeds_hash"], how="anti")
    first_missing = missing.group_by("category").agg(pl.col("day").min().alias("missing"))
    marks = advanced(warehouse, partitions, "offers", "aggregated")
    present = wanted.join(_feeds_of(warehouse, partitions), on=[*_CELL, "feeds_hash"], how="semi")
    marks = marks.update(present.select(*_CELL, "fingerprint"), on=_CELL)
    whole = pl.col("missing").is_null() | (pl.col("day") < pl.col("missing"))
    return marks.join(first_missing, on="category", how="left").filter(whole).drop("missing")


def _categories(partitions: frozenset[Partition]) -> set[str]:
    return {partition.category for partition in partitions}


def _feeds_of(warehouse: Warehouse, partitions: frozenset[Partition]) -> pl.DataFrame:
    """Return the feeds' hash that each partition was loaded from: day, category, feeds_hash."""
    marks = warehouse.read(PartitionState, partitions=partitions, where="stage = 'feeds'")
    return marks.select(*_CELL, pl.col("fingerprint").alias("feeds_hash"))


def _mark(rows: pl.DataFrame, stage: str) -> pl.DataFrame:
    return rows.with_columns(stage=pl.lit(stage)).select(PartitionState.column_names())
