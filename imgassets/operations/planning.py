"""Which partitions need work: fingerprints of inputs, settings, algorithms and models.

A partition's wanted fingerprint covers its category's feeds up to its day, the settings and
algorithm versions that can change a row, the category's types, their order and its ordering policy,
the champion models that judge its images, the flags of one's own, what people said of the
category's images up to its day, the clicks on them, and their relevance where the policy asks it.
A partition whose mark 'complete' (see :mod:`imgassets.operations.state`) equals the wanted one has
nothing to do, however it was run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

import polars as pl

from imgassets import __version__
from imgassets.learning.category_training import MODEL as CATEGORY_MODEL
from imgassets.learning.search.champion import MODEL as SEARCH_MODEL
from imgassets.learning.type_scopes import chain, scope_of_model, verticals_of
from imgassets.marketplaces.rules import rules_version, standing_rules
from imgassets.moderation.flags import all_flags
from imgassets.operations.categories import category_types
from imgassets.operations.reviews import known_pairs, known_types, known_values
from imgassets.selection.pairs.verdict import comparator_version
from imgassets.selection.policies import read_policies
from imgassets.selection.thresholds import read_thresholds
from imgassets.settings import Settings
from imgassets.vision.backbones import signals_version
from imgassets.warehouse.contracts import (
    FeedFiles,
    FlagLabels,
    ImageClicks,
    ImageLabels,
    ImageRelevance,
    ModelVersions,
    PartitionState,
    TypePriorities,
)
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import Partition, quote

_MAX_GAP = timedelta(days=7)

_ELSEWHERE = (CATEGORY_MODEL, SEARCH_MODEL)
"""Models that no row of a partition comes from: a later category model never moves a product that
was placed before, and what images show is not asked until somebody searches."""

# A pair counts from the day on which one product has both of its images.
_TOLD = """
WITH images AS (
    SELECT category, product_id, image_id, min(day) AS first FROM fetched_images GROUP BY ALL
)
SELECT i.category, min(i.first) AS first, k.image_id, k.flag, k.value
FROM known AS k JOIN images AS i USING (image_id) GROUP BY ALL
UNION ALL
SELECT
    l.category, min(greatest(l.first, r.first)), p.left_image_id, 'pair with ' || p.right_image_id,
    if(p.same, 'same', 'different')
FROM pairs AS p
JOIN images AS l ON l.image_id = p.left_image_id
JOIN images AS r
    ON r.image_id = p.right_image_id AND r.category = l.category AND r.product_id = l.product_id
GROUP BY ALL
"""


def fingerprints(warehouse: Warehouse, settings: Settings) -> pl.DataFrame:
    """Return the wanted fingerprint of every partition that some feed names.

    Returns:
        Frame (day: Date, category: String, feeds_hash: String, fingerprint: String,
        n_rows: Int64), sorted; ``feeds_hash`` covers the category's feeds up to the day alone.
    """
    files = warehouse.read(FeedFiles).sort("category", "day", "supplier_id")
    priorities = _hash_by_category(warehouse.read(TypePriorities))
    told = _told(warehouse)
    policies = read_policies(settings.ordering.policies)
    contents = _contents(warehouse)
    champions = warehouse.read(ModelVersions, where="is_champion").select("model", "version")
    of_types = {
        scope: version
        for model, version in champions.iter_rows()
        if (scope := scope_of_model(model)) is not None
    }
    categories = category_types(warehouse)
    lists = {row[0]: row[1:] for row in categories.select("category", "types").iter_rows()}
    verticals = verticals_of(categories)
    common = repr(
        [
            __version__,
            settings.decision_hash(),
            signals_version(settings.vision),
            read_thresholds(settings.dedup.thresholds).model_dump(),
            comparator_version(settings.dedup.comparator),
            rules_version(standing_rules()),
            [
                row
                for row in sorted(champions.rows())
                if scope_of_model(row[0]) is None and row[0] not in _ELSEWHERE
            ],
        ]
    )
    if settings.flags:
        common += repr(sorted((f.id, f.title) for f in all_flags(settings.flags).values()))
    rows: list[tuple[object, ...]] = []
    for (category,), of_category in files.group_by("category", maintain_order=True):
        history = hashlib.sha256()
        name = str(category)
        # A category is typed by the closest model that it has: others' models are not its inputs.
        answering = [(str(s), of_types.get(s)) for s in chain(name, verticals.get(name))]
        policy = policies.of(name)
        own = repr(
            [common, priorities.get(name, ""), lists.get(name), answering, policy.model_dump()]
        )
        own += contents.get((ImageClicks.table_name(), name, None), "")
        for (day,), of_day in of_category.group_by("day", maintain_order=True):
            shares = of_day.select("supplier_id", "content_hash").rows()
            history.update(repr([day, shares]).encode())
            feeds_hash = history.hexdigest()[:32]
            inputs = repr([feeds_hash, own])
            if policy.min_relevance:
                inputs += contents.get((ImageRelevance.table_name(), name, day), "")
            if said := [row for first, row in told.get(name, []) if first <= day]:
                inputs += repr(said)
            fingerprint = hashlib.sha256(inputs.encode()).hexdigest()[:32]
            rows.append((day, category, feeds_hash, fingerprint, int(of_day["n_rows"].sum())))
    return pl.DataFrame(
        rows,
        schema={
            "day": pl.Date,
            "category": pl.String,
            "feeds_hash": pl.String,
            "fingerprint": pl.String,
            "n_rows": pl.Int64,
        },
        orient="row",
    )


def _contents(warehouse: Warehouse) -> dict[tuple[str, str, date | None], str]:
    """Return a hash of what tables that no run writes hold, by (table, category, day).

    Of clicks all days count together, as None. Rows are hashed one by one and summed, in the
    warehouse: they have keys, so no two are alike.
    """
    parts = [
        f"SELECT '{contract.table_name()}', category, {day}::DATE, count(*) || ' ' || "
        f"sum(md5_number_lower(concat_ws('|', {', '.join(contract.column_names())}))::HUGEINT) "
        f"FROM {contract.table_name()} GROUP BY ALL"
        for contract, day in ((ImageClicks, "NULL"), (ImageRelevance, "day"))
    ]
    rows = warehouse.sql(" UNION ALL ".join(parts)).iter_rows()
    return {(table, category, day): text for table, category, day, text in rows}


def _hash_by_category(priorities: pl.DataFrame) -> dict[str, str]:
    return {
        str(category): hashlib.sha256(
            repr(rows.sort("rank", "image_type").rows()).encode()
        ).hexdigest()
        for (category,), rows in priorities.group_by("category", maintain_order=True)
    }


def _told(warehouse: Warehouse) -> dict[str, list[tuple[date, tuple[str, str, str]]]]:
    """Return what people said of each category's images, with the first day of each image.

    An image counts wherever it is: a placeholder that was judged once may be in many categories.
    """
    values = known_values(warehouse).select("image_id", "flag", pl.col("value").cast(pl.String))
    types = known_types(warehouse).select(
        "image_id", flag=pl.format("type of {}", "product_id"), value="image_type"
    )
    known = pl.concat([values, types])
    pairs = known_pairs(warehouse)
    if known.is_empty() and pairs.is_empty():
        return {}
    rows = warehouse.sql(_TOLD, known=known, pairs=pairs)
    said: dict[str, list[tuple[date, tuple[str, str, str]]]] = {}
    for category, first, *told in rows.sort("category", "image_id", "flag").iter_rows():
        said.setdefault(category, []).append((first, (told[0], told[1], told[2])))
    return said


def stale_partitions(warehouse: Warehouse, wanted: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of :func:`fingerprints` whose partition was last completed from others."""
    done = warehouse.read(PartitionState, where="stage = 'complete'")
    return wanted.join(done, on=["day", "category", "fingerprint"], how="anti").sort(
        "category", "day"
    )


@dataclass(frozen=True)
class Plan:
    """Partitions to run.

    Attributes:
        rows: feed rows of each partition to run.
        existing: every partition that some feed names.
        n_fresh: partitions in range that have nothing to do.
    """

    rows: dict[Partition, int]
    existing: frozenset[Partition]
    n_fresh: int

    @property
    def categories(self) -> list[str]:
        """Return the categories to run, sorted."""
        return sorted({p.category for p in self.rows})

    @property
    def partitions(self) -> list[Partition]:
        """Return every partition to run, sorted."""
        return sorted(self.rows)

    def rectangles(
        self, category_order: Sequence[str], max_rows: int = 2000
    ) -> list[list[Partition]]:
        """Cover the partitions with rectangles of consecutive categories and days.

        No rectangle touches an up-to-date partition; it may hold (day, category) cells that no
        feed names: they cost nothing.

        Args:
            category_order: all categories in the order Dagster enumerates them, which is what a
                range of partition keys follows.
            max_rows: feed rows in one run, about; bounds memory and what a kill loses.
        """
        return _rectangles(self.rows, self.existing, category_order, max_rows)


def plan(
    warehouse: Warehouse,
    settings: Settings,
    *,
    first: date | None = None,
    last: date | None = None,
    categories: Sequence[str] = (),
    force: bool = False,
) -> Plan:
    """Return what a backfill has to run.

    Args:
        warehouse: the warehouse.
        settings: the settings the runs will use.
        first: earliest day, inclusive; None: no limit.
        last: latest day, inclusive; None: no limit.
        categories: only these; empty: all.
        force: also partitions that are up to date.

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
    chosen = wanted
    if first:
        chosen = chosen.filter(pl.col("day") >= first)
    if last:
        chosen = chosen.filter(pl.col("day") <= last)
    if categories:
        chosen = chosen.filter(pl.col("category").is_in(list(categories)))
    stale = chosen if force else stale_partitions(warehouse, chosen)
    rows = {Partition(r[0], r[1]): r[2] for r in stale.select("day", "category", "n_rows").rows()}
    existing = frozenset(Partition(r[0], r[1]) for r in wanted.select("day", "category").rows())
    return Plan(rows, existing, chosen.height - stale.height)


def plan_missing_signals(warehouse: Warehouse, settings: Settings) -> Plan:
    """Return the partitions without signals of the present version, if anybody labelled any."""
    wanted = fingerprints(warehouse, settings)
    version = quote(signals_version(settings.vision))
    measured = warehouse.sql(
        f"SELECT DISTINCT day, category FROM image_signals WHERE signals_version = {version}"
    )
    labelled = pl.concat(
        [warehouse.read(contract, columns=["product_id"]) for contract in (ImageLabels, FlagLabels)]
    )
    stale = wanted.join(measured, on=["day", "category"], how="anti")
    if labelled.is_empty():
        stale = stale.clear()
    rows = {Partition(r[0], r[1]): r[2] for r in stale.select("day", "category", "n_rows").rows()}
    existing = frozenset(Partition(r[0], r[1]) for r in wanted.select("day", "category").rows())
    return Plan(rows, existing, wanted.height - stale.height)


def _rectangles(
    sizes: dict[Partition, int],
    existing: frozenset[Partition],
    category_order: Sequence[str],
    max_rows: int,
) -> list[list[Partition]]:
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
    fresh: frozenset[Partition],
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
