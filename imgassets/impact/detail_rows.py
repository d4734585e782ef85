"""Rows that a cell can be looked into by: its controls, its days, and its placebos."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats  # type: ignore[import-untyped]

from imgassets.impact.cells import CellEstimates
from imgassets.impact.controls import FATES, Fate, match_candidates
from imgassets.impact.groups import Details, Group
from imgassets.impact.options import ImpactOptions
from imgassets.warehouse.impact_contracts import PLACEBO_KINDS

Floats = NDArray[np.float64]
Row = dict[str, Any]

_IN_TIME, _UNTREATED = PLACEBO_KINDS


def control_rows(group: Group, details: Details, place: int) -> Iterator[Row]:
    """Yield one row per control series, and one per reason for which products were left out.

    Args:
        group: the cohort's cells.
        details: of the fitted ones.
        place: which of the fitted ones.
    """
    data, chosen = group.data, details.chosen
    members = chosen.members[place]
    y = data.y[group.metrics[place]][None]
    used = np.flatnonzero(members.any(axis=0))
    series = chosen.series[place : place + 1][:, :, used]
    match = match_candidates(y, series, np.zeros((1, len(used))), data.n_pre)
    level = float(np.nanmean(y[0, : data.n_pre]))
    inclusion = details.fits.inclusion[place]
    for number, column in enumerate(used):
        products = np.flatnonzero(members[:, column])
        yield _products(group, products) | {
            "control": f"c{column + 1}",
            "correlation": float(match.correlation[0, number]),
            "level_ratio": float(chosen.match.level[place, products].sum()) / level,
            "trend_difference": float(match.trend_difference[0, number]),
            "weekday_distance": float(match.weekday_distance[0, number]),
            "inclusion": float(inclusion[column]),
            "reason": "kept: all that match" if column == 0 else "kept: some of them",
        }
    if details.line[place]:
        yield _products(group, used[:0]) | {
            "control": "straight line",
            "inclusion": float(inclusion[-1]),
            "reason": "kept: placebos are predicted better with it",
        }
    for fate in Fate:
        products = np.flatnonzero(chosen.match.fate[place] == fate)
        if fate != Fate.KEPT and len(products):
            yield _products(group, products) | {
                "control": f"left out: {fate.name.lower()}",
                "reason": f"dropped: {FATES[fate]}",
            }


def _products(group: Group, products: NDArray[np.int64]) -> Row:
    return {
        "products": [group.data.names[p] for p in products],
        "n_products": len(products),
        "from_categories": sorted({group.data.categories[p] for p in products}),
    }


def series_rows(
    group: Group, details: Details, estimates: CellEstimates, place: int, options: ImpactOptions
) -> Iterator[Row]:
    """Yield one row per day.

    The interval of a single day is widened by the shortest horizon's scale, that of the sum so far
    by the scale between the horizons around it.

    Args:
        group: the cohort's cells.
        details: of the fitted ones.
        estimates: of the fitted ones.
        place: which of the fitted ones.
        options: horizons and alpha.
    """
    n_pre, cohort = group.data.n_pre, group.data.cohort
    y = group.data.y[group.metrics[place]]
    fits = details.fits
    expected, sd = fits.expected[place], fits.expected_sd[place]
    tau = np.arange(len(y)) - n_pre
    normal = float(stats.norm.ppf(1 - options.alpha / 2))
    known = np.isfinite(estimates.scale[place])
    days = 7 * np.array(options.horizons)[known]
    scales = estimates.scale[place][known]
    so_far = np.interp(tau + 1, days, scales)
    width = normal * sd * np.where(tau >= 0, scales[0], 1.0)
    error = np.where(np.isfinite(y) & (tau >= 0), y - expected, 0.0)
    total = np.where(tau >= 0, np.cumsum(error), np.nan)
    spread = normal * so_far * fits.cumulative_sd[place]
    one_date = cohort.first_day == cohort.last_day
    columns: dict[str, Floats] = {
        "actual": y,
        "expected": expected,
        "expected_lower": expected - width,
        "expected_upper": expected + width,
        "cumulative_effect": total,
        "cumulative_lower": total - spread,
        "cumulative_upper": total + spread,
    }
    for row, since in enumerate(tau):
        yield {name: float(values[row]) for name, values in columns.items()} | {
            "tau": int(since),
            "date": _day(cohort.first_day, int(since)) if one_date else None,
        }


def _day(first: date, tau: int) -> date:
    return first + timedelta(days=tau)


def placebo_rows(
    group: Group, details: Details, estimates: CellEstimates, place: int, options: ImpactOptions
) -> Iterator[Row]:
    """Yield one row per placebo and horizon.

    Args:
        group: the cohort's cells.
        details: of the fitted ones.
        estimates: of the fitted ones.
        place: which of the fitted ones.
        options: horizons and alpha.
    """
    n_pre, found = group.data.n_pre, estimates.placebos
    runs = [
        (_IN_TIME, window, int(found.train_rows[place, window]), found.actual[place, window],
         found.predicted[place, window], found.predicted_sd[place, window])
        for window in range(found.train_rows.shape[1])
    ] + [
        (_UNTREATED, number, n_pre, run.actual[place], run.predicted[place],
         run.predicted_sd[place])
        for number, run in enumerate(details.untreated)
    ]  # fmt: skip
    normal = float(stats.norm.ppf(1 - options.alpha / 2))
    for kind, number, trained, actual, predicted, sd in runs:
        for horizon, weeks in enumerate(options.horizons):
            if not np.isfinite(predicted[horizon]):
                continue
            error = float(actual[horizon] - predicted[horizon])
            z = error / float(sd[horizon])
            relative = error / float(predicted[horizon]) if predicted[horizon] > 0 else None
            yield {
                "horizon_weeks": weeks,
                "kind": kind,
                "placebo": number,
                "train_from": -n_pre,
                "train_to": trained - n_pre - 1,
                "predicted": float(predicted[horizon]),
                "actual": float(actual[horizon]),
                "error_relative": relative,
                "raw_sd": float(sd[horizon]),
                "z": z,
                "covered_raw": bool(abs(z) <= normal),
                "covered_calibrated": bool(abs(z) <= normal * estimates.scale[place, horizon]),
            }
