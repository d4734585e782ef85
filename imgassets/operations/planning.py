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
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from operator import itemgetter

import polars as pl

from imgassets import __version__
from imgassets.learning.category_training import MODEL as CATEGORY_MODEL
from imgassets.learning.search.champion import MODEL as SEARCH_MODEL
from imgassets.learning.type_scopes import chain, scope_of_model, verticals_of
from imgassets.marketplaces.rules import rules_version, standing_rules
from imgassets.moderation.flags import all_flags
from imgassets.operations.categories import category_types
from imgassets.operations.rectangles import rectangles
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
from imgassets.warehouse.partitions import Partition, category_predicate, quote

_ELSEWHERE = (CATEGORY_MODEL, SEARCH_MODEL)
"""Models that no row of a partition comes from: a later category model never moves a product that
was placed before, and what images show is not asked until somebody searches."""

# A pair counts from the day on which one product has both of its images.
_TOLD = """
WITH images AS (
    SELECT category, product_id, image_id, min(day) AS first FROM fetched_images
    WHERE {within} GROUP BY ALL
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


def fingerprints(
    warehouse: Warehouse, settings: Settings, categories: Collection[str] | None = None
) -> pl.DataFrame:
    """Return the wanted fingerprint of every partition that some feed names.

    Args:
        warehouse: the warehouse.
        settings: what rows are made with.
        categories: only partitions of these, so that a run of a few costs the same in a catalog of
            many; None: all.

    Returns:
        Frame (day: Date, category: String, feeds_hash: String, fingerprint: String,
        n_rows: Int64), sorted; ``feeds_hash`` covers the category's feeds up to the day alone.
    """
    within = "true" if categories is None else category_predicate(categories)
    files = warehouse.read(FeedFiles, where=within).sort("category", "day", "supplier_id")
    priorities = _hash_by_category(warehouse.read(TypePriorities, where=within))
    told = _told(warehouse, within)
    policies = read_policies(settings.ordering.policies)
    contents = _contents(warehouse, within)
    champions = warehouse.read(ModelVersions, where="is_champion").select("model", "version")
    of_types = {
        scope: version
        for model, version in champions.iter_rows()
        if (scope := scope_of_model(model)) is not None
    }
    known = category_types(warehouse)
    lists = {row[0]: row[1:] for row in known.select("category", "types").iter_rows()}
    verticals = verticals_of(known)
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
    shares = files.select("category", "day", "supplier_id", "content_hash", "n_rows").iter_rows()
    for name, of_category in groupby(shares, key=itemgetter(0)):
        history = hashlib.sha256()
        # A category is typed by the closest model that it has: others' models are not its inputs.
        answering = [(str(s), of_types.get(s)) for s in chain(name, verticals.get(name))]
        policy = policies.of(name)
        own = repr(
            [common, priorities.get(name, ""), lists.get(name), answering, policy.model_dump()]
        )
        own += contents.get((ImageClicks.table_name(), name, None), "")
        answers = _Answers(told.get(name, []))
        for day, group in groupby(of_category, key=itemgetter(1)):
            of_day = [row[2:] for row in group]
            history.update(repr([day, [row[:2] for row in of_day]]).encode())
            feeds_hash = history.hexdigest()[:32]
            inputs = repr([feeds_hash, own])
            if policy.min_relevance:
                inputs += contents.get((ImageRelevance.table_name(), name, day), "")
            inputs += answers.until(day)
            fingerprint = hashlib.sha256(inputs.encode()).hexdigest()[:32]
            rows.append((day, name, feeds_hash, fingerprint, sum(row[2] for row in of_day)))
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


class _Answers:
    """Hashes what people said of one category's images, day by day.

    Args:
        told: the first day of an image and what was said of it, sorted.
    """

    def __init__(self, told: Sequence[tuple[date, tuple[str, ...]]]) -> None:
        self._told = told
        self._hashed = 0
        self._hash = hashlib.sha256()

    def until(self, day: date) -> str:
        """Return the hash up to a day, not before one asked for earlier; '' of nothing."""
        while self._hashed < len(self._told) and self._told[self._hashed][0] <= day:
            self._hash.update(repr(self._told[self._hashed]).encode())
            self._hashed += 1
        return self._hash.hexdigest() if self._hashed else ""


def _contents(warehouse: Warehouse, within: str) -> dict[tuple[str, str, date | None], str]:
    """Return a hash of what tables that no run writes hold, by (table, category, day).

    Of clicks all days count together, as None. Rows are hashed one by one and summed, in the
    warehouse: they have keys, so no two are alike.
    """
    parts = [
        f"SELECT '{contract.table_name()}', category, {day}::DATE, count(*) || ' ' || "
        f"sum(md5_number_lower(concat_ws('|', {', '.join(contract.column_names())}))::HUGEINT) "
        f"FROM {contract.table_name()} WHERE {within} GROUP BY ALL"
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


def _told(warehouse: Warehouse, within: str) -> Mapping[str, list[tuple[date, tuple[str, ...]]]]:
    """Return what people said of each category's images, with the first day of each image, sorted.

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
    rows = warehouse.sql(_TOLD.format(within=within), known=known, pairs=pairs)
    said: dict[str, list[tuple[date, tuple[str, ...]]]] = {}
    for category, first, *told in rows.sort("category", "first", "image_id", "flag").iter_rows():
        said.setdefault(category, []).append((first, tuple(told)))
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
        return rectangles(self.rows, self.existing, category_order, max_rows)


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
