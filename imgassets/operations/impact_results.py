"""What the estimates of causal impact say, as pages show it: all cells, or one of them whole."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from imgassets.warehouse.contracts import (
    CausalImpact,
    Contract,
    ImpactControls,
    ImpactPlacebos,
    ImpactSeries,
)
from imgassets.warehouse.history import writes
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import Partition, quote

_NEWEST = """
SELECT c.category, c.cohort, c.metric, c.horizon_weeks, c.day, c.status, c.relative_effect,
    c.lower, c.upper, c.probability, c.verdict, c.reason, c.n_treated, c.n_control
FROM causal_impact AS c
SEMI JOIN (
    SELECT category, cohort, max(day) AS day FROM causal_impact WHERE {until} GROUP BY ALL
) AS newest USING (category, cohort, day)
ORDER BY c.category, c.cohort, c.metric, c.horizon_weeks
"""


@dataclass(frozen=True)
class Cell:
    """One metric of one cohort of a category, as of a day.

    Attributes:
        day: the last day of the data used.
        horizons: rows of contract ``CausalImpact``, the shortest horizon first.
        controls: rows of contract ``ImpactControls``, those that matter most first.
        series: rows of contract ``ImpactSeries`` in order of days.
        placebos: rows of contract ``ImpactPlacebos``.
        days: days of the cell's other evaluations and this one, newest first.
    """

    category: str
    cohort: date
    metric: str
    day: date
    horizons: list[dict[str, Any]]
    controls: list[dict[str, Any]]
    series: pl.DataFrame
    placebos: pl.DataFrame
    days: list[date]


def last_estimate(warehouse: Warehouse) -> int:
    """Return the snapshot that changed estimates last; -1: none did."""
    written = writes(warehouse, CausalImpact)
    return written[0].snapshot_id if written else -1


def newest_cells(warehouse: Warehouse, until: date | None = None) -> pl.DataFrame:
    """Return the newest evaluation of every cohort, one row per cell and horizon.

    Args:
        warehouse: the warehouse.
        until: only evaluations as of this day or earlier; None: all.
    """
    return warehouse.sql(_NEWEST.format(until=f"day <= {quote(until)}" if until else "true"))


def read_cell(
    warehouse: Warehouse, category: str, cohort: date, metric: str, until: date | None = None
) -> Cell | None:
    """Return the newest evaluation of a cell with all that it rests on; None: there is none.

    Args:
        warehouse: the warehouse.
        category: the cell's category.
        cohort: first day of the cohort's period.
        metric: one of ``METRICS``.
        until: the evaluation as of this day or the last one before it; None: the newest.
    """
    where = f"cohort = {quote(cohort)} AND metric = {quote(metric)}"
    found = warehouse.sql(
        f"SELECT DISTINCT day FROM causal_impact WHERE category = {quote(category)} AND {where} "
        "ORDER BY day DESC"
    )["day"].to_list()
    days = [day for day in found if until is None or day <= until]
    if not days:
        return None

    def read(contract: type[Contract]) -> pl.DataFrame:
        return warehouse.read(contract, partitions=[Partition(days[0], category)], where=where)

    controls = read(ImpactControls).sort("inclusion", descending=True, nulls_last=True)
    return Cell(
        category=category,
        cohort=cohort,
        metric=metric,
        day=days[0],
        horizons=read(CausalImpact).to_dicts(),
        controls=controls.to_dicts(),
        series=read(ImpactSeries),
        placebos=read(ImpactPlacebos),
        days=found,
    )
