"""Causal impact: what is known as of a day goes in, rows of four tables come out."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from imgassets import __version__
from imgassets.impact.options import RULES_VERSION
from imgassets.operations.interventions import standing_interventions
from imgassets.operations.planning import Plan
from imgassets.settings import Settings
from imgassets.warehouse.contracts import (
    CausalImpact,
    Contract,
    EngagementDaily,
    ImpactControls,
    ImpactPlacebos,
    ImpactSeries,
    PartitionState,
)
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from imgassets.warehouse.partitions import Partition, partition_frame, quote

TABLES: tuple[type[Contract], ...] = (CausalImpact, ImpactControls, ImpactSeries, ImpactPlacebos)
_STAGE = "impact"

_CONTENT = """
SELECT count(*) || ' ' || sum(hash(day, category, product_id, impressions, clicks, add_to_cart,
    orders)::HUGEINT) AS content
FROM engagement_daily WHERE day BETWEEN {first} AND {last}
"""


@dataclass(frozen=True)
class Estimated:
    """What a run estimated.

    Attributes:
        rows: rows of ``causal_impact`` of the partitions asked for.
        unchanged: partitions whose data and settings stand as they were: nothing was done.
        snapshot_id: of the commit; None: nothing was done.
    """

    rows: pl.DataFrame
    unchanged: frozenset[Partition] = field(default_factory=frozenset)
    snapshot_id: int | None = None


def last_day_of_engagement(warehouse: Warehouse) -> date | None:
    """Return the last day that engagement is known of; None: there is none."""
    warehouse.initialise()
    found: date | None = warehouse.sql("SELECT max(day) AS day FROM engagement_daily")["day"][0]
    return found


def plan_estimates(
    warehouse: Warehouse, day: date | None = None, categories: Collection[str] = ()
) -> Plan:
    """Return the partitions of an estimate.

    Args:
        warehouse: the warehouse.
        day: as of which day; None: the last one that engagement is known of.
        categories: only these; empty: all with engagement.

    Raises:
        ValueError: no engagement is known, or none of a category.
    """
    known = last_day_of_engagement(warehouse)
    if known is None:
        raise ValueError(
            "no engagement is known: run `imgassets impact ingest --engagement FILE` first"
        )
    names = warehouse.sql("SELECT DISTINCT category FROM engagement_daily")["category"]
    if unknown := sorted(set(categories) - set(names)):
        raise ValueError(
            f"no engagement of category {', '.join(unknown)} (known: {', '.join(sorted(names))})"
        )
    cells = {name: Partition(day or known, name) for name in names}
    wanted = {cells[name]: 1 for name in categories or names}
    return Plan(wanted, frozenset(cells.values()), 0)


def estimate_partitions(
    warehouse: Warehouse,
    settings: Settings,
    partitions: Collection[Partition],
    run_id: str = "",
) -> Estimated:
    """Estimate causal impact as of the days of some partitions, and store it in one transaction.

    Nothing after a partition's day is read. Placebos and false discoveries are pooled over all
    categories of the day, so these are always estimated together: what a partition holds does not
    depend on how a run was cut. A partition made from the same data and settings is left alone.

    Args:
        warehouse: the warehouse.
        settings: gives the options of the estimate and the seed.
        partitions: (day, category) partitions wanted.
        run_id: of the run that asks.
    """
    warehouse.initialise()
    marks = warehouse.read(PartitionState, partitions=partitions, where=f"stage = {quote(_STAGE)}")
    done = {(row["day"], row["category"]): row["fingerprint"] for row in marks.to_dicts()}
    fingerprints = {day: _fingerprint(warehouse, settings, day) for day in _days(partitions)}
    stale = frozenset(p for p in partitions if done.get((p.day, p.category)) != fingerprints[p.day])
    unchanged = frozenset(partitions) - stale
    if not stale:
        return Estimated(warehouse.read(CausalImpact, partitions=partitions), unchanged)
    frames = [_as_of(warehouse, settings, day, stale) for day in _days(stale)]
    together = {table: pl.concat([part[table] for part in frames]) for table in TABLES}
    state = partition_frame(stale).with_columns(
        stage=pl.lit(_STAGE), fingerprint=pl.col("day").replace_strict(fingerprints)
    )
    snapshot_id = warehouse.replace(
        [
            *(Replacement(table, frame, stale) for table, frame in together.items()),
            Replacement(PartitionState, state, stale, equals={"stage": _STAGE}),
        ],
        CommitMessage(asset="causal_impact", run_id=run_id, code_version=__version__),
    )
    rows = warehouse.read(CausalImpact, partitions=partitions)
    return Estimated(rows, unchanged, snapshot_id)


def count_cells(warehouse: Warehouse, partitions: Collection[Partition]) -> tuple[int, int]:
    """Return how many cells of some partitions are estimated, and how many refused altogether."""
    cell = ["day", "category", "cohort", "metric"]
    rows = warehouse.read(CausalImpact, partitions=partitions, columns=[*cell, "status"])
    status = pl.col("status")
    cells = rows.group_by(cell).agg(
        estimated=(status == "estimated").any(), refused=(status == "refused").all()
    )
    return int(cells["estimated"].sum()), int(cells["refused"].sum())


def _days(partitions: Collection[Partition]) -> list[date]:
    return sorted({partition.day for partition in partitions})


def _as_of(
    warehouse: Warehouse, settings: Settings, day: date, wanted: Collection[Partition]
) -> Mapping[type[Contract], pl.DataFrame]:
    """Return the rows of the wanted partitions of a day."""
    from imgassets.impact.estimate import estimate_impact

    interventions = standing_interventions(warehouse, day)
    names = sorted(partition.category for partition in wanted if partition.day == day)
    if not set(names) & set(interventions["category"]):
        return {table: table.create_empty() for table in TABLES}
    options = settings.impact.options(settings.seed)
    engagement = _Engagement(warehouse, options.first_data_day(day), day)
    found = estimate_impact(engagement, interventions, names, day, options)
    return {table: table.conform(getattr(found, table.table_name())) for table in TABLES}


class _Engagement(Mapping[str, pl.DataFrame]):
    """Each category's engagement of some days, read when it is asked for.

    Args:
        warehouse: where it is.
        first: earliest day.
        last: latest day.
    """

    def __init__(self, warehouse: Warehouse, first: date, last: date) -> None:
        self._warehouse = warehouse
        self._days = f"day BETWEEN {quote(first)} AND {quote(last)}"
        found = warehouse.sql(f"SELECT DISTINCT category FROM engagement_daily WHERE {self._days}")
        self._categories = frozenset(found["category"])

    def __getitem__(self, category: str) -> pl.DataFrame:
        if category not in self._categories:
            raise KeyError(category)
        where = f"{self._days} AND category = {quote(category)}"
        columns = [name for name in EngagementDaily.column_names() if name != "feed_file"]
        return self._warehouse.read(EngagementDaily, where=where, columns=columns)

    def __contains__(self, category: object) -> bool:
        return category in self._categories

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._categories))

    def __len__(self) -> int:
        return len(self._categories)


def _fingerprint(warehouse: Warehouse, settings: Settings, day: date) -> str:
    """Return a hash of everything that the estimates as of a day are made of."""
    options = settings.impact.options(settings.seed)
    first, last = quote(options.first_data_day(day)), quote(day)
    content = warehouse.sql(_CONTENT.format(first=first, last=last))["content"][0]
    live = standing_interventions(warehouse, day).rows()
    inputs = repr([__version__, RULES_VERSION, options, content, live])
    return hashlib.sha256(inputs.encode()).hexdigest()[:32]
