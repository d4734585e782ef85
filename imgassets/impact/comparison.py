"""What a cohort is compared with: its series and its candidate controls, in event time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from imgassets.impact.cohorts import Cohort
from imgassets.impact.controls import (
    TELLING_CORRELATION,
    Fate,
    fill_missing,
    match_candidates,
)
from imgassets.impact.market import Market
from imgassets.impact.options import ImpactOptions
from imgassets.impact.panel import Panel, scaled_total, shifted, shifted_controls
from imgassets.impact.screening import outliers
from imgassets.warehouse.impact_contracts import METRICS

Floats = NDArray[np.float64]

MAX_CANDIDATES = 500
"""Candidate controls of a cohort: the busiest before the intervention."""

MAX_CATEGORIES = 3
"""Similar categories that are searched for controls when the own one has too few."""


@dataclass(frozen=True)
class Comparison:
    """Series of one cohort, in event time: row ``n_pre`` is the first day with the new set.

    Attributes:
        cohort: whose.
        n_treated: treated products with data.
        n_pre: rows before the intervention.
        y: [metrics, T], sums over the treated products; NaN where too little is known.
        candidates: [metrics, T, C] without gaps.
        missing: [metrics, C] share of days that were filled.
        names: [C] products.
        categories: [C], of these.
        notes: by metric, what was left out or made good.
        problem: why there is nothing to compare, with the measured value; '' if there is.
    """

    cohort: Cohort
    n_treated: int
    n_pre: int
    y: Floats
    candidates: Floats
    missing: Floats
    names: tuple[str, ...]
    categories: tuple[str, ...]
    notes: tuple[tuple[str, ...], ...]
    problem: str = ""

    @property
    def post_rows(self) -> int:
        """Days with data from the intervention on."""
        return self.y.shape[1] - self.n_pre

    def without_candidates(self) -> Comparison:
        """Return the same without the candidates' series: they are most of its memory."""
        m, rows = self.y.shape
        return replace(self, candidates=np.zeros((m, rows, 0)), missing=np.zeros((m, 0)))


def compare(cohort: Cohort, market: Market, options: ImpactOptions) -> Comparison:
    """Put a cohort's series and its candidate controls together.

    Args:
        cohort: the treated products.
        market: figures of all categories.
        options: days before, horizons, and how many controls are enough.
    """
    panel = market.panel(cohort.category)
    if panel is None:
        return _nothing(cohort, 0, "no engagement data of the category")
    known = set(panel.products)
    products = [p for p in cohort.dates if p in known]
    if not products:
        what = "have data" if cohort.dates else "are left"
        return _nothing(
            cohort,
            0,
            f"0 of {cohort.size} treated products {what}; "
            f"at least {options.min_treated} are needed",
        )
    rows = np.array([(cohort.dates[p] - panel.first_day).days for p in products])
    before = min(options.pre_days, int(rows.min()))
    after = min(options.longest_days, panel.values.shape[1] - int(rows.max()))
    if before < 1 or after < 0:
        return _nothing(
            cohort,
            len(products),
            f"the intervention of {cohort.first_day} to {cohort.last_day} lies outside the data "
            f"({panel.first_day} to {panel.last_day})",
        )
    dates, counts = np.unique(rows, return_counts=True)
    times = _Times(panel.first_day, dates, counts / counts.sum(), before, after)
    names, categories, series, missing, removed = _candidates(cohort.category, market, times)
    y, notes = _treated(panel, products, rows, times, series)
    similar = _similar(cohort.category, market, times, y)
    for _ in range(MAX_CATEGORIES):
        if _related(y, series, missing, before) >= options.min_controls:
            break
        category = next(similar, None)
        if category is None:
            break
        more = _candidates(category, market, times)
        names, categories = names + more[0], categories + more[1]
        series = np.concatenate([series, more[2]], axis=2)
        missing = np.concatenate([missing, more[3]], axis=1)
        removed = removed + more[4]
    absent = len(cohort.dates) - len(products)
    common = [*cohort.notes]
    if absent:
        common.append(f"products left out, no engagement data: {absent}")
    for metric, count in enumerate(removed):
        if count:
            notes[metric].append(f"outliers among figures of controls, made good: {count}")
    return Comparison(
        cohort=cohort,
        n_treated=len(products),
        n_pre=before,
        y=y,
        candidates=series,
        missing=missing,
        names=names,
        categories=categories,
        notes=tuple((*common, *found) for found in notes),
    )


@dataclass(frozen=True)
class _Times:
    """Dates on which sets went live: rows since ``first_day``, their shares, and days wanted."""

    first_day: date
    rows: NDArray[np.int64]
    weights: Floats
    before: int
    after: int

    def name(self, row: int) -> str:
        """Name a row of event time for people."""
        tau = row - self.before
        if len(self.rows) == 1:
            return str(self.first_day + timedelta(days=int(self.rows[0]) + tau))
        return f"day {tau}"


def _nothing(cohort: Cohort, n_treated: int, problem: str) -> Comparison:
    m = len(METRICS)
    return Comparison(
        cohort, n_treated, 0, np.zeros((m, 0)), np.zeros((m, 0, 0)), np.zeros((m, 0)),
        (), (), tuple(cohort.notes for _ in METRICS), problem,
    )  # fmt: skip


_Candidates = tuple[tuple[str, ...], tuple[str, ...], Floats, Floats, NDArray[np.int64]]


def _candidates(category: str, market: Market, times: _Times) -> _Candidates:
    """Return a category's untreated products in event time.

    Returns:
        Names and categories [C], series [metrics, T, C], missing shares [metrics, C], and how many
        figures were outliers [metrics].
    """
    panel = market.panel(category)
    if panel is None:
        raise KeyError(category)
    offset = (times.first_day - panel.first_day).days
    first = int(times.rows[0]) - times.before + offset
    last = int(times.rows[-1]) + times.after + offset
    columns = panel.columns(market.untreated(category))
    values = _window(panel.values[:, :, columns], first, last)
    volume = np.nansum(values[0, : times.before], axis=0)
    busiest = np.sort(np.argsort(-volume, kind="stable")[:MAX_CANDIDATES])
    columns, values = columns[busiest], values[:, :, busiest]
    removed = np.zeros(len(METRICS), dtype=np.int64)
    for metric, figures in enumerate(values):
        strange = outliers(figures, _movement(figures))
        removed[metric] = strange.sum()
        figures[strange] = np.nan
    filled, missing = fill_missing(values, times.before)
    rows = times.rows + offset - first
    series = np.stack(
        [shifted_controls(f, rows, times.weights, times.before, times.after) for f in filled]
    )
    names = tuple(panel.products[column] for column in columns)
    return names, (category,) * len(names), series, missing, removed


def _window(values: Floats, first: int, last: int) -> Floats:
    """Return days first … last - 1 of [metrics, days, products], NaN outside the data."""
    days = values.shape[1]
    inside = values[:, max(first, 0) : max(min(last, days), 0)]
    ahead, behind = max(-first, 0), max(last - max(days, first), 0)
    return np.pad(inside, ((0, 0), (ahead, behind), (0, 0)), constant_values=np.nan)


def _movement(figures: Floats) -> Floats:
    """Return how all products together moved, [days], of [days, products]; NaN if unknown."""
    known = np.isfinite(figures)
    values = np.where(known, figures, 0.0)
    usual = values.sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    weight = known @ usual
    return np.divide(
        values.sum(axis=1), weight, out=np.full(weight.shape, np.nan), where=weight > 0
    )


def _treated(
    panel: Panel, products: list[str], rows: NDArray[np.int64], times: _Times, series: Floats
) -> tuple[Floats, list[list[str]]]:
    """Return the treated products' totals [metrics, T], and notes on each."""
    columns = panel.columns(products)
    totals, notes = [], []
    for metric in range(len(METRICS)):
        own = shifted(panel.values[metric][:, columns], rows, times.before, times.after)
        others = _movement(series[metric]) if series.shape[2] else np.full(len(own), np.nan)
        strange = outliers(own, others)
        own[strange] = np.nan
        total = scaled_total(own, times.before)
        unlike = np.flatnonzero(outliers(total, others))
        found = []
        if strange.any():
            found.append(f"outliers among figures of treated products, made good: {strange.sum()}")
        if len(unlike):
            days = ", ".join(f"{times.name(int(r))}: {total[r]:,.0f}" for r in unlike[:3])
            more = f" and {len(unlike) - 3} more" if len(unlike) > 3 else ""
            found.append(f"days left out as outliers: {len(unlike)} ({days}{more})")
        total[unlike] = np.nan
        unknown = int(np.isnan(total).sum()) - len(unlike)
        if unknown:
            found.append(f"days without data of enough treated products: {unknown}")
        totals.append(total)
        notes.append(found)
    return np.stack(totals), notes


def _related(y: Floats, series: Floats, missing: Floats, n_pre: int) -> int:
    """Return how many controls the metric with the fewest has, of those with any data."""
    alive = [m for m in range(len(y)) if np.nansum(y[m, :n_pre]) > 0]
    if not alive or not series.shape[2]:
        return 0
    fate = match_candidates(y[alive], series[alive], missing[alive], n_pre).fate
    return int((fate == Fate.KEPT).sum(axis=1).min())


def _similar(category: str, market: Market, times: _Times, y: Floats) -> Iterator[str]:
    """Yield other categories, the one whose untreated products moved most like the treated first.

    Movements are compared by clicks before the intervention, about a straight line; a category
    whose correlation is below :data:`TELLING_CORRELATION` is not similar.
    """
    treated = y[METRICS.index("clicks")][None]
    first, last = int(times.rows[0]) - times.before, int(times.rows[-1]) + times.after
    scores = []
    for other, clicks in market.clicks.items():
        if other == category or clicks.is_empty():
            continue
        day = (clicks["day"] - times.first_day).dt.total_days().to_numpy() - first
        inside = (day >= 0) & (day < last - first)
        total = np.full((1, last - first, 1), np.nan)
        total[0, day[inside], 0] = clicks["clicks"].to_numpy()[inside]
        filled, missing = fill_missing(total, times.before)
        moved = shifted_controls(
            filled[0], times.rows - first, times.weights, times.before, times.after
        )
        found = match_candidates(treated, moved[None], missing, times.before)
        if found.fate[0, 0] == Fate.KEPT and found.correlation[0, 0] >= TELLING_CORRELATION:
            scores.append((-float(found.correlation[0, 0]), other))
    yield from (other for _, other in sorted(scores))
