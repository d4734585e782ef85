"""Engagement and interventions as feeds: files are registered by content, good rows taken in."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import polars as pl

from imgassets.ingest.engagement_rows import JudgedRows, read_engagement
from imgassets.ingest.intervention_rows import read_interventions
from imgassets.ingest.refusal import Refused
from imgassets.ingest.source_files import SourceFile, source_files
from imgassets.settings import Settings
from imgassets.warehouse.contracts import (
    UNCATEGORISED,
    EngagementDaily,
    EngagementFiles,
    Interventions,
    Quarantine,
)
from imgassets.warehouse.impact_contracts import METRICS
from imgassets.warehouse.lake import CommitMessage, Replacement, Upsert, Warehouse
from imgassets.warehouse.partitions import quote

_EXTENSIONS = ("csv", "jsonl", "parquet")
_CELL = ["day", "category"]
_KEY = EngagementDaily.primary_key()
_STANDING = "_standing"
"""Suffix of a standing row's columns beside those of the row that comes."""


@dataclass
class TakenIn:
    """What one look at files of engagement or interventions found.

    Attributes:
        files: those that were new or had changed, as paths or URLs.
        unchanged: number of files seen before with the same bytes.
        new: rows about a product and day, or interventions, that were not known.
        replaced: rows that say something else than an earlier file, and stand instead.
        withdrawn: interventions that a file named before and names no more.
        same: rows that say what is known already.
        refused: rows, or whole files, in quarantine.
        categories: categories with new, replaced or withdrawn rows.
    """

    files: list[str] = field(default_factory=list)
    unchanged: int = 0
    new: int = 0
    replaced: int = 0
    withdrawn: int = 0
    same: int = 0
    refused: int = 0
    categories: set[str] = field(default_factory=set)


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
    today = _today()

    def judge(source: SourceFile, content: bytes) -> JudgedRows:
        return read_engagement(
            content, source.extension, today=today, max_count=of.max_count, funnel=of.funnel
        )

    limits = repr([of.max_count, of.funnel])
    feed = _Feed(
        warehouse, settings.first_day, today, "engagement", limits, judge, _engagement_changes
    )
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
    today = _today()

    def judge(source: SourceFile, content: bytes) -> JudgedRows:
        return read_interventions(content, source.extension, today=today)

    feed = _Feed(
        warehouse, settings.first_day, today, "interventions", "", judge, _intervention_changes
    )
    return feed.take_in(location, limit)


def _today() -> date:
    return datetime.now(UTC).date()


_Changes = Callable[[Warehouse, str, pl.DataFrame, TakenIn], Sequence[Replacement | Upsert]]


@dataclass(frozen=True)
class _Feed:
    """One kind of files, and how they are taken in.

    Attributes:
        warehouse: the warehouse.
        first_day: day of quarantine rows whose own cannot be read.
        today: the last day that rows may be about.
        kind: of the files.
        limits: what rows are held against, as text.
        judge: reads a file's content.
        changes: counts what good rows change, and returns it.
    """

    warehouse: Warehouse
    first_day: date
    today: date
    kind: str
    limits: str
    judge: Callable[[SourceFile, bytes], JudgedRows]
    changes: _Changes

    def take_in(self, location: str, limit: int | None) -> TakenIn:
        self.warehouse.initialise()
        registered = self.warehouse.read(EngagementFiles, where=f"kind = {quote(self.kind)}")
        known = {row["file"]: row for row in registered.iter_rows(named=True)}
        judged_by = hashlib.sha256(self.limits.encode()).hexdigest()[:16]
        result = TakenIn()
        for source in source_files(location, _EXTENSIONS):
            if limit is not None and len(result.files) >= limit:
                break
            if source.extension not in _EXTENSIONS:
                raise ValueError(f"{source.file}: no {', '.join(_EXTENSIONS)} file by its name")
            before = known.get(source.file, {})
            judged_alike = before.get("judged_by") in (judged_by, self._until_tomorrow(judged_by))
            if judged_alike and before["source_key"] == source.key:
                result.unchanged += 1
                continue
            content = source.read()
            sha256 = hashlib.sha256(content).hexdigest()
            if judged_alike and before["sha256"] == sha256:
                result.unchanged += 1
                continue
            self._take_in_one(source, content, sha256, judged_by, result)
        return result

    def _take_in_one(
        self, source: SourceFile, content: bytes, sha256: str, judged_by: str, result: TakenIn
    ) -> None:
        changes: Sequence[Replacement | Upsert] = ()
        n_rows = 0
        try:
            judged = self.judge(source, content)
        except Refused as error:
            refused = _of_file(error)
        else:
            changes = self.changes(self.warehouse, source.file, judged.good, result)
            refused, n_rows = judged.refused, judged.good.height
            if "future_day" in refused["rule_id"]:
                judged_by = self._until_tomorrow(judged_by)
        quarantine = self._quarantine(source, refused)
        registered = {
            "file": source.file,
            "kind": self.kind,
            "sha256": sha256,
            "source_key": source.key,
            "judged_by": judged_by,
            "n_rows": n_rows,
            "n_refused": refused.height,
        }
        self.warehouse.replace(
            [
                *changes,
                Replacement(
                    Quarantine, quarantine, equals={"stage": self.kind, "feed_file": source.file}
                ),
                Replacement(
                    EngagementFiles,
                    EngagementFiles.conform(pl.DataFrame([registered])),
                    equals={"kind": self.kind, "file": source.file},
                ),
            ],
            CommitMessage(asset=self.kind),
        )
        result.files.append(source.file)
        result.refused += refused.height

    def _until_tomorrow(self, judged_by: str) -> str:
        """Mark a judgement that another day may change."""
        return f"{judged_by} on {self.today}"

    def _quarantine(self, source: SourceFile, refused: pl.DataFrame) -> pl.DataFrame:
        """Return refused rows, or a refused file, as rows of ``quarantine``."""
        empty = Quarantine.create_empty().with_columns(row=pl.lit(None, pl.Int32))
        rows = pl.concat([empty, refused], how="diagonal_relaxed")
        category = pl.col("category").replace("", None).fill_null(UNCATEGORISED)
        return Quarantine.conform(
            rows.with_columns(
                pl.col("day").fill_null(self.first_day),
                category=category,
                stage=pl.lit(self.kind),
                feed_file=pl.lit(source.file),
                feed_row="row",
            )
        )


def _of_file(error: Refused) -> pl.DataFrame:
    """Return a file that cannot be read as a refused row."""
    refusal = error.refusal
    return pl.DataFrame(
        {
            "rule_id": [refusal.rule_id],
            "measured": [refusal.measured],
            "limit": [refusal.limit],
            "detail": [refusal.detail],
        }
    )


def _engagement_changes(
    warehouse: Warehouse, file: str, rows: pl.DataFrame, result: TakenIn
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
    warehouse: Warehouse, file: str, rows: pl.DataFrame, result: TakenIn
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
