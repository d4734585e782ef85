"""Feeds of files: each is registered by content, its good rows are taken in, the others kept apart.

What a kind of files says, and what its rows change, is told by whoever makes a :class:`FileFeed`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from imgassets.ingest.judged_rows import JudgedRows
from imgassets.ingest.refusal import Refused
from imgassets.ingest.source_files import SourceFile, source_files
from imgassets.warehouse.contracts import UNCATEGORISED, Contract, Quarantine
from imgassets.warehouse.lake import CommitMessage, Replacement, Upsert, Warehouse
from imgassets.warehouse.partitions import Partition, quote

_EXTENSIONS = ("csv", "jsonl", "parquet")

Row = Mapping[str, Any]


@dataclass
class TakenIn:
    """What one look at files found.

    Attributes:
        files: those that were new or had changed, as paths or URLs.
        unchanged: number of files seen before with the same bytes.
        new: rows whose key was not known.
        replaced: rows that say something else than an earlier file, and stand instead.
        withdrawn: rows that a file named before and names no more.
        same: rows that say what is known already.
        refused: rows, or whole files, in quarantine.
        categories: categories with new, replaced or withdrawn rows.
        touched: their partitions, where a kind of files has a day of its own.
    """

    files: list[str] = field(default_factory=list)
    unchanged: int = 0
    new: int = 0
    replaced: int = 0
    withdrawn: int = 0
    same: int = 0
    refused: int = 0
    categories: set[str] = field(default_factory=set)
    touched: set[Partition] = field(default_factory=set)


def today() -> date:
    """Return the day in UTC."""
    return datetime.now(UTC).date()


Write = Replacement | Upsert


def _nothing_more(source: SourceFile, good: pl.DataFrame) -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class FileFeed:
    """One kind of files, and how they are taken in.

    Attributes:
        warehouse: the warehouse.
        registry: table of the files that were taken in; its key is the file and `scope`.
        first_day: day of quarantine rows whose own cannot be read.
        today: the last day that rows may be about.
        stage: of the refused rows in quarantine; also who commits.
        limits: what rows are held against, as text.
        judge: reads a file's content.
        changes: counts what good rows change, and returns it; `facts` are given to it.
        scope: further columns of the registry that tell this kind of files from others.
        facts: further columns of a file's row in the registry, made of its good rows (none where it
            cannot be read). A ``day`` among them is that of refused rows, too.
    """

    warehouse: Warehouse
    registry: type[Contract]
    first_day: date
    today: date
    stage: str
    limits: str
    judge: Callable[[SourceFile, bytes], JudgedRows]
    changes: Callable[[Warehouse, str, pl.DataFrame, TakenIn, Row], Sequence[Write]]
    scope: Mapping[str, str] = field(default_factory=dict)
    facts: Callable[[SourceFile, pl.DataFrame], dict[str, Any]] = _nothing_more

    def take_in(
        self,
        location: str,
        limit: int | None,
        progress: Callable[[int], None] | None = None,
    ) -> TakenIn:
        """Take in every file that is new or has changed, each in one transaction.

        Args:
            location: a file, or a folder with such files below it (taken in the order of their
                paths): a path or fsspec URL.
            limit: take in at most this many files; None: all.
            progress: called with the number of files seen so far after each one.

        Raises:
            ValueError: there is no such file or folder, or its name tells of no known format.
        """
        self.warehouse.initialise()
        where = " AND ".join(f"{name} = {quote(value)}" for name, value in self.scope.items())
        registered = self.warehouse.read(self.registry, where=where or "true")
        known = {row["file"]: row for row in registered.iter_rows(named=True)}
        judged_by = hashlib.sha256(self.limits.encode()).hexdigest()[:16]
        result = TakenIn()
        for source in source_files(location, _EXTENSIONS):
            if limit is not None and len(result.files) >= limit:
                break
            if source.extension not in _EXTENSIONS:
                raise ValueError(f"{source.file}: no {', '.join(_EXTENSIONS)} file by its name")
            self._look_at(source, known.get(source.file, {}), judged_by, result)
            if progress is not None:
                progress(len(result.files) + result.unchanged)
        return result

    def _look_at(self, source: SourceFile, before: Row, judged_by: str, result: TakenIn) -> None:
        judged_alike = before.get("judged_by") in (judged_by, self._until_tomorrow(judged_by))
        if judged_alike and before["source_key"] == source.key:
            result.unchanged += 1
            return
        content = source.read()
        sha256 = hashlib.sha256(content).hexdigest()
        if judged_alike and before["sha256"] == sha256:
            result.unchanged += 1
            return
        registered = {
            "file": source.file,
            **self.scope,
            "sha256": sha256,
            "source_key": source.key,
            "judged_by": judged_by,
        }
        self._take_in_one(source, content, registered, result)

    def _take_in_one(
        self, source: SourceFile, content: bytes, registered: dict[str, Any], result: TakenIn
    ) -> None:
        changes: Sequence[Write] = ()
        try:
            judged = self.judge(source, content)
        except Refused as error:
            refused, n_rows = _of_file(error), 0
            facts = self.facts(source, pl.DataFrame())
        else:
            facts = self.facts(source, judged.good)
            changes = self.changes(self.warehouse, source.file, judged.good, result, facts)
            refused, n_rows = judged.refused, judged.good.height
            if "future_day" in refused["rule_id"]:
                registered["judged_by"] = self._until_tomorrow(registered["judged_by"])
        quarantine = self._quarantine(source, refused, facts)
        row = {**registered, **facts, "n_rows": n_rows, "n_refused": refused.height}
        self.warehouse.replace(
            [
                *changes,
                Replacement(
                    Quarantine, quarantine, equals={"stage": self.stage, "feed_file": source.file}
                ),
                Replacement(
                    self.registry,
                    self.registry.conform(pl.DataFrame([row])),
                    equals={**self.scope, "file": source.file},
                ),
            ],
            CommitMessage(asset=self.stage),
        )
        result.files.append(source.file)
        result.refused += refused.height

    def _until_tomorrow(self, judged_by: str) -> str:
        """Mark a judgement that another day may change."""
        return f"{judged_by} on {self.today}"

    def _quarantine(self, source: SourceFile, refused: pl.DataFrame, facts: Row) -> pl.DataFrame:
        """Return refused rows, or a refused file, as rows of ``quarantine``."""
        empty = Quarantine.create_empty().with_columns(row=pl.lit(None, pl.Int32))
        rows = pl.concat([empty, refused], how="diagonal_relaxed")
        category = pl.col("category").replace("", None).fill_null(UNCATEGORISED)
        day = pl.lit(facts["day"]) if "day" in facts else pl.col("day").fill_null(self.first_day)
        return Quarantine.conform(
            rows.with_columns(
                day.alias("day"),
                category=category,
                stage=pl.lit(self.stage),
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
