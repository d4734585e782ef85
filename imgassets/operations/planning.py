"""Which partitions need work: fingerprints of inputs, settings, algorithms and models.

A partition's wanted fingerprint covers its category's feeds up to its day, the settings and
algorithm versions that can change a row, the category's type priorities and the champion model.
The loading step stores it (stage 'offers'), the last step copies it (stage 'complete'): a partition
whose 'complete' fingerprint equals the wanted one has nothing to do, however it was run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

import polars as pl

from imgassets import __version__
from imgassets.settings import Settings
from imgassets.vision.backbones import signals_version
from imgassets.warehouse.contracts import (
    FeedFiles,
    ModelVersions,
    PartitionState,
    TypePriorities,
)
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import Partition

MODEL = "image_type"
_MAX_GAP = timedelta(days=7)


def fingerprints(warehouse: Warehouse, settings: Settings) -> pl.DataFrame:
    """Return the wanted fingerprint of every partition that some feed names.

    Returns:
        Frame (day: Date, category: String, fingerprint: String, n_rows: Int64), sorted.
    """
    files = warehouse.read(FeedFiles).sort("category", "day", "supplier_id")
    priorities = _hash_by_category(warehouse.read(TypePriorities))
    champions = warehouse.read(ModelVersions, where="is_champion")
    common = repr(
        [
            __version__,
            settings.decision_hash(),
            signals_version(settings.vision),
            champions.select("model", "version").rows(),
        ]
    )
    rows: list[tuple[date, str, str, int]] = []
    for (category,), of_category in files.group_by("category", maintain_order=True):
        history = hashlib.sha256()
        for (day,), of_day in of_category.group_by("day", maintain_order=True):
            history.update(repr([day, of_day.select("supplier_id", "content_hash").rows()]).encode())
            inputs = repr([history.hexdigest(), common, priorities.get(str(category), "")])
            digest = hashlib.sha256(inputs.encode()).hexdigest()[:32]
            rows.append((day, str(category), digest, int(of_day["n_rows"].sum())))  # type: ignore[arg-type]
    return pl.DataFrame(
        rows,
        schema={
            "day": pl.Date,
            "category": pl.String,
            "fingerprint": pl.String,
            "n_rows": pl.Int64,
        },
        orient="row",
    )


def _hash_by_category(priorities: pl.DataFrame) -> dict[str, str]:
    return {
        str(category): hashlib.sha256(repr(rows.sort("rank", "image_type").rows()).encode()).hexdigest()
        for (category,), rows in priorities.group_by("category", maintain_order=True)
    }


@dataclass(frozen=True)
class Plan:
    """Partitions to run, as rectangles of consecutive categories and days.

    Attributes:
        rectangles: each the sorted partitions of one run.
        n_fresh: partitions in range that have nothing to do.
    """

    rectangles: list[list[Partition]]
    n_fresh: int

    @property
    def partitions(self) -> list[Partition]:
        """Return every partition to run, sorted."""
        return sorted(p for rectangle in self.rectangles for p in rectangle)


def plan(
    warehouse: Warehouse,
    settings: Settings,
    category_order: Sequence[str],
    *,
    first: date | None = None,
    last: date | None = None,
    categories: Sequence[str] = (),
    force: bool = False,
    stage: str = "complete",
    max_rows: int = 2000,
) -> Plan:
    """Return what a backfill has to run.

    Args:
        warehouse: the warehouse.
        settings: the settings the runs will use.
        category_order: all categories in the order Dagster enumerates them; a run covers a
            rectangle of consecutive categories and days in this order.
        first: earliest day, inclusive; None: no limit.
        last: latest day, inclusive; None: no limit.
        categories: only these; empty: all.
        force: also partitions that are up to date.
        stage: 'complete', or 'offers' to ask only whether feeds were loaded.
        max_rows: feed rows in one run, about; bounds memory and what a kill loses.

    Raises:
        ValueError: a category is unknown, or ``first`` lies after ``last``.
    """
    if first and last and first > last:
        raise ValueError(f"the first day {first} lies after the last day {last}")
    wanted = fingerprints(warehouse, settings)
    unknown = sorted(set(categories) - set(wanted["category"]))
    if unknown:
        known = ", ".join(sorted(set(wanted["category"]))) or "none: run `imgassets ingest` first"
        raise ValueError(f"unknown category {', '.join(unknown)} (known: {known})")
    done = warehouse.read(PartitionState, where=f"stage = '{stage}'").select(
        "day", "category", pl.col("fingerprint").alias("done")
    )
    chosen = wanted.join(done, on=["day", "category"], how="left")
    if first:
        chosen = chosen.filter(pl.col("day") >= first)
    if last:
        chosen = chosen.filter(pl.col("day") <= last)
    if categories:
        chosen = chosen.filter(pl.col("category").is_in(list(categories)))
    is_stale = pl.lit(force) | pl.col("done").is_null() | (pl.col("done") != pl.col("fingerprint"))
    stale = chosen.filter(is_stale)
    sizes = {Partition(r[0], r[1]): r[2] for r in stale.select("day", "category", "n_rows").rows()}
    existing = {Partition(r[0], r[1]) for r in wanted.select("day", "category").rows()}
    return Plan(_rectangles(sizes, existing, category_order, max_rows), chosen.height - stale.height)


def _rectangles(
    sizes: dict[Partition, int],
    existing: set[Partition],
    category_order: Sequence[str],
    max_rows: int,
) -> list[list[Partition]]:
    """Cover the stale partitions with rectangles that touch no up-to-date partition.

    A rectangle may hold (day, category) cells that no feed names: they cost nothing.
    """
    fresh = existing - set(sizes)
    merged: list[_Box] = []
    for index, category in enumerate(category_order):
        of_category: list[_Box] = []
        for day in sorted(p.day for p in sizes if p.category == category):
            box = _Box(index, index, day, day, sizes[Partition(day, category)])
            _append(of_category, box, fresh, category_order, max_rows)
        for box in of_category:
            _append(merged, box, fresh, category_order, max_rows)
    return [
        [
            Partition(low + timedelta(days=offset), category_order[index])
            for index in range(start, stop + 1)
            for offset in range((high - low).days + 1)
        ]
        for start, stop, low, high, _ in merged
    ]


class _Box(NamedTuple):
    """A rectangle of categories (by index, inclusive) and days (inclusive) with its feed rows."""

    start: int
    stop: int
    first: date
    last: date
    rows: int


def _append(
    boxes: list[_Box],
    box: _Box,
    fresh: set[Partition],
    category_order: Sequence[str],
    max_rows: int,
) -> None:
    """Join ``box`` to the last one where the union stays small and touches nothing fresh."""
    if not boxes:
        boxes.append(box)
        return
    last = boxes[-1]
    union = _Box(
        min(last.start, box.start),
        max(last.stop, box.stop),
        min(last.first, box.first),
        max(last.last, box.last),
        last.rows + box.rows,
    )
    apart = max(box.first - last.last, last.first - box.last)
    inside = set(category_order[union.start : union.stop + 1])
    if (
        union.rows <= max_rows
        and apart <= _MAX_GAP
        and box.start - last.stop <= 1
        and not any(p.category in inside and union.first <= p.day <= union.last for p in fresh)
    ):
        boxes[-1] = union
    else:
        boxes.append(box)
