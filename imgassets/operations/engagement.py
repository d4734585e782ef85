"""Engagement and interventions as feeds: files are registered by content, good rows taken in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl

from imgassets.ingest.engagement_rows import read_engagement
from imgassets.ingest.intervention_rows import read_interventions
from imgassets.ingest.judged_rows import JudgedRows
from imgassets.ingest.source_files import SourceFile
from imgassets.operations.file_feed import FileFeed, Row, TakenIn, Write, today
from imgassets.settings import Settings
from imgassets.warehouse.contracts import EngagementDaily, EngagementFiles, Interventions
from imgassets.warehouse.impact_contracts import METRICS
from imgassets.warehouse.lake import Replacement, Upsert, Warehouse
from imgassets.warehouse.partitions import quote

_CELL = ["day", "category"]
_KEY = EngagementDaily.primary_key()
_STANDING = "_standing"
"""Suffix of a standing row's columns beside those of the row that comes."""


def take_in_engagement(
    warehouse: Warehouse, settings: Settings, location: str, limit: int | None = None
) -> TakenIn:
    """Take in every file of daily engagement that is new or has changed; bad rows are quarantined.

    A row replaces what an earlier file said of the product and day, apart from counts that it
    leaves empty. What a file says no more stays: files are deltas. A file that arrives twice
    changes nothing.

    Args:
        warehouse: the warehouse.
        settings: gives the limits of counts.
        location: a file, or a folder with such files below it (taken in the order of their paths):
            a path or fsspec URL; see :func:`imgassets.ingest.engagement_rows.read_engagement`.
        limit: take in at most this many files (a sensor's tick is short); None: all.

    Raises:
        ValueError: there is no such file or folder, or its name tells of no known format.
    """
    of = settings.impact

    def judge(source: SourceFile, content: bytes) -> JudgedRows:
        return read_engagement(
            content, source.extension, today=today(), max_count=of.max_count, funnel=of.funnel
        )

    limits = repr([of.max_count, of.funnel])
    feed = _feed(warehouse, settings, "engagement", limits, judge, _engagement_changes)
    return feed.take_in(location, limit)


def take_in_interventions(
    warehouse: Warehouse, settings: Settings, location: str, limit: int | None = None
) -> TakenIn:
    """Take in every file of interventions that is new or has changed; bad rows are quarantined.

    A corrected file replaces what it said before: interventions that it no longer names are
    withdrawn. A version that cannot be read leaves those of the one before.

    Args:
        warehouse: the warehouse.
        settings: gives the first day, under which rows without a day are quarantined.
        location: as for :func:`take_in_engagement`; see
            :func:`imgassets.ingest.intervention_rows.read_interventions`.
        limit: take in at most this many files; None: all.

    Raises:
        ValueError: there is no such file or folder, or its name tells of no known format.
    """

    def judge(source: SourceFile, content: bytes) -> JudgedRows:
        return read_interventions(content, source.extension, today=today())

    feed = _feed(warehouse, settings, "interventions", "", judge, _intervention_changes)
    return feed.take_in(location, limit)


def _feed(
    warehouse: Warehouse,
    settings: Settings,
    kind: str,
    limits: str,
    judge: Callable[[SourceFile, bytes], JudgedRows],
    changes: Callable[[Warehouse, str, pl.DataFrame, TakenIn, Row], Sequence[Write]],
) -> FileFeed:
    return FileFeed(
        warehouse,
        EngagementFiles,
        settings.first_day,
        today(),
        kind,
        limits,
        judge,
        changes,
        scope={"kind": kind},
    )


def _engagement_changes(
    warehouse: Warehouse, file: str, rows: pl.DataFrame, result: TakenIn, _: Row
) -> list[Upsert]:
    """Return the rows that change something; none where they change nothing."""
    if rows.is_empty():
        return []
    categories = ", ".join(quote(name) for name in rows["category"].unique().sort())
    first, last = quote(rows["day"].min()), quote(rows["day"].max())
    rows = rows.with_columns(feed_file=pl.lit(file))
    standing = warehouse.read(
        EngagementDaily, where=f"day BETWEEN {first} AND {last} AND category IN ({categories})"
    )
    known = standing.with_columns(is_known=pl.lit(True)).drop("feed_file")
    compared = rows.join(known, on=_KEY, how="left", suffix=_STANDING)
    # A count that the file does not know leaves the one that is known.
    same = pl.all_horizontal(
        pl.col(m).is_null() | pl.col(m).eq_missing(pl.col(f"{m}{_STANDING}")) for m in METRICS
    )
    is_known = pl.col("is_known").fill_null(False)
    counted = compared.select(
        new=(~is_known).sum(), replaced=(is_known & ~same).sum(), same=(is_known & same).sum()
    ).row(0, named=True)
    result.new += counted["new"]
    result.replaced += counted["replaced"]
    result.same += counted["same"]
    merged = compared.with_columns(pl.coalesce(m, f"{m}{_STANDING}").alias(m) for m in METRICS)
    changed = merged.filter(~(is_known & same)).select(standing.columns)
    if changed.is_empty():
        return []
    result.categories |= set(changed["category"])
    return [Upsert(EngagementDaily, changed.sort("category", "product_id", "day"))]


def _intervention_changes(
    warehouse: Warehouse, file: str, rows: pl.DataFrame, result: TakenIn, _: Row
) -> list[Replacement]:
    """Return a file's interventions, which stand for those that it named before."""
    given = Interventions.conform(
        rows.with_columns(source=pl.lit("feed"), feed_file=pl.lit(file), detail=pl.lit(""))
    )
    of_file = {"source": "feed", "feed_file": file}
    standing = warehouse.read(
        Interventions,
        where=" AND ".join(f"{name} = {quote(value)}" for name, value in of_file.items()),
    )
    key = [*_CELL, "product_id"]
    new = given.join(standing, on=key, how="anti")
    withdrawn = standing.join(given, on=key, how="anti")
    result.new += new.height
    result.withdrawn += withdrawn.height
    result.same += given.height - new.height
    result.categories |= {*new["category"], *withdrawn["category"]}
    if new.is_empty() and withdrawn.is_empty():
        return []
    return [Replacement(Interventions, given, equals=of_file)]
