"""Rows of ``causal_impact``, and all tables of an estimate together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import polars.selectors as cs
from numpy.typing import NDArray

from imgassets.impact.cells import CellEstimates
from imgassets.impact.controls import FATES, Fate
from imgassets.impact.detail_rows import control_rows, placebo_rows, series_rows
from imgassets.impact.groups import Details, Group
from imgassets.impact.options import RULES_VERSION, ImpactOptions
from imgassets.impact.screening import MIN_POST_SHARE
from imgassets.impact.verdicts import ESTIMATED, NOT_YET, REFUSED, Judged, verdict
from imgassets.warehouse.contract import Contract
from imgassets.warehouse.impact_contracts import (
    METRICS,
    CausalImpact,
    ImpactControls,
    ImpactPlacebos,
    ImpactSeries,
)

Floats = NDArray[np.float64]
Row = dict[str, Any]


@dataclass(frozen=True)
class ImpactFrames:
    """Rows of the four tables, each in its contract and sorted by key."""

    causal_impact: pl.DataFrame
    impact_controls: pl.DataFrame
    impact_series: pl.DataFrame
    impact_placebos: pl.DataFrame


@dataclass(frozen=True)
class Corrected:
    """P values of one cohort after the correction for many cells.

    Attributes:
        q: by Benjamini and Hochberg, [metrics, H]; NaN where there is no estimate.
        cells: how many the correction was over, [metrics, H].
        placebo: q of impressions, [H].
    """

    q: Floats
    cells: NDArray[np.int64]
    placebo: Floats


@dataclass(frozen=True)
class GroupResult:
    """One cohort's cells with their estimates; none where all are refused or not over yet."""

    group: Group
    estimates: CellEstimates | None
    corrected: Corrected


def frames_of(results: Sequence[GroupResult], as_of: date, options: ImpactOptions) -> ImpactFrames:
    """Return the rows of all tables.

    Args:
        results: cohorts to tell of.
        as_of: the rows' day.
        options: that the estimates were made with.
    """
    cells: list[Row] = []
    others: tuple[list[Row], list[Row], list[Row]] = ([], [], [])
    for result in results:
        group, estimates = result.group, result.estimates
        cells.extend(_cell_rows(result, as_of, options))
        if estimates is None or group.details is None:
            continue
        for place, metric in enumerate(group.metrics):
            key = _key(group, int(metric), as_of)
            found = (
                control_rows(group, group.details, place),
                series_rows(group, group.details, estimates, place, options),
                placebo_rows(group, group.details, estimates, place, options),
            )
            for rows, more in zip(others, found, strict=True):
                rows.extend(key | row for row in more)
    return ImpactFrames(
        _frame(CausalImpact, cells),
        _frame(ImpactControls, others[0]),
        _frame(ImpactSeries, others[1]),
        _frame(ImpactPlacebos, others[2]),
    )


def model_version(options: ImpactOptions) -> str:
    """Name the model and its options, as rows tell of it."""
    model = options.model
    parts = [
        f"niter {model.niter}",
        f"prior_level_sd {model.prior_level_sd:g}",
        f"nseasons {model.nseasons}",
        f"expected_model_size {model.expected_model_size:g}",
        f"seed {model.seed}",
    ]
    kind = "local linear trend" if model.trend else "local level"
    return f"{kind}, spike and slab; {', '.join(parts)}"


def _frame(contract: type[Contract], rows: list[Row]) -> pl.DataFrame:
    schema = contract.create_empty().schema
    frame = pl.DataFrame(rows, schema=schema, orient="row").with_columns(cs.float().fill_nan(None))
    return contract.conform(frame).sort(contract.primary_key())


def _key(group: Group, metric: int, as_of: date) -> Row:
    cohort = group.data.cohort
    return {
        "day": as_of,
        "category": cohort.category,
        "cohort": cohort.start,
        "metric": METRICS[metric],
    }


def _cell_rows(result: GroupResult, as_of: date, options: ImpactOptions) -> Iterator[Row]:
    """Yield the rows of one cohort: every metric and horizon, whatever became of it."""
    group = result.group
    cohort = group.data.cohort
    usable = group.usable(options)
    place_of = {int(metric): place for place, metric in enumerate(group.metrics)}
    for metric in range(len(METRICS)):
        place = place_of.get(metric)
        screened = group.screened[metric]
        for horizon, weeks in enumerate(options.horizons):
            row = _key(group, metric, as_of) | {
                "horizon_weeks": weeks,
                "first_day": cohort.first_day,
                "last_day": cohort.last_day + timedelta(days=7 * weeks - 1),
                "n_treated": screened.n_treated,
                "n_control": screened.n_controls,
                "n_control_series": 0,
                "pre_days": screened.pre_days,
                "post_days": 0,
                "n_placebos": 0,
                "notes": list(_notes(group, place, metric)),
                "model_version": model_version(options),
                "rules_version": RULES_VERSION,
            }
            estimates, details = result.estimates, group.details
            if estimates is None or details is None or place is None or not usable[place, horizon]:
                status, reason = _why_not(group, metric, place, horizon, options)
                words, _ = verdict(Judged(status), options.alpha)
                yield row | {"status": status, "verdict": words, "reason": reason}
                continue
            yield row | _estimate(
                estimates, details, result.corrected, place, metric, horizon, options
            )


def _why_not(
    group: Group, metric: int, place: int | None, horizon: int, options: ImpactOptions
) -> tuple[str, str]:
    """Return the status of a horizon that has no estimate, and the reason."""
    if group.reasons[metric]:
        return REFUSED, group.reasons[metric]
    days = 7 * options.horizons[horizon]
    if group.data.post_rows < days:
        return NOT_YET, f"days known so far: {group.data.post_rows}; {days} are needed"
    known = int(group.cells.fits.days[place, horizon]) if group.cells and place is not None else 0
    least = MIN_POST_SHARE * days
    if known < least:
        return REFUSED, f"{known} of {days} days have data; at least {least:.0f} are needed"
    return REFUSED, "the figures before the intervention do not vary"


def _notes(group: Group, place: int | None, metric: int) -> Iterator[str]:
    """Yield what was left out or made good."""
    yield from group.data.notes[metric]
    if group.details is None or place is None:
        return
    if group.details.line[place]:
        yield (
            "a straight line is among the controls, and all of them are expected to matter: "
            "placebos are predicted better so"
        )
    fate = group.details.chosen.match.fate[place]
    for reason in Fate:
        number = int((fate == reason).sum())
        if number and reason != Fate.KEPT:
            yield f"controls left out, {FATES[reason]}: {number}"


def _estimate(
    estimates: CellEstimates,
    details: Details,
    corrected: Corrected,
    place: int,
    metric: int,
    horizon: int,
    options: ImpactOptions,
) -> Row:
    """Return the figures of one horizon of a fitted cell, and what follows from them."""
    at = (place, horizon)
    fits = estimates.fits
    actual, predicted = float(fits.actual[at]), float(fits.predicted[at])
    days = int(fits.days[at])
    p = float(estimates.p[at])
    judged = Judged(
        status=ESTIMATED,
        effect=actual - predicted,
        p_value=p,
        q_value=float(corrected.q[metric, horizon]),
        cells=int(corrected.cells[metric, horizon]),
        placebo_q=float(corrected.placebo[horizon]),
        scale=float(estimates.scale[at]),
        r2=float(details.pre.r2[place]),
    )
    words, reason = verdict(judged, options.alpha)
    figures: dict[str, Floats] = {
        "lower": estimates.relative_lower,
        "upper": estimates.relative_upper,
        "raw_lower": fits.relative_lower,
        "raw_upper": fits.relative_upper,
        "relative_effect": fits.relative,
        "effect_lower": estimates.effect_lower,
        "effect_upper": estimates.effect_upper,
        "raw_effect_lower": fits.actual - fits.predicted_upper,
        "raw_effect_upper": fits.actual - fits.predicted_lower,
        "placebo_scale": estimates.scale,
        "tail_probability": fits.tail_probability,
        "raw_probability": 1.0 - fits.tail_probability,
        "sensitivity_low": details.low,
        "sensitivity_high": details.high,
    }
    return {
        **{name: float(values[at]) for name, values in figures.items()},
        "status": ESTIMATED,
        "verdict": words,
        "reason": reason,
        "n_control_series": int(details.chosen.members[place].any(axis=0).sum()),
        "post_days": days,
        "actual": actual,
        "predicted": predicted,
        "effect": actual - predicted,
        "effect_average": (actual - predicted) / days,
        "n_placebos": int(estimates.n_placebos[at]),
        "p_value": p,
        "q_value": judged.q_value,
        "probability": 1.0 - p / 2.0,
        "pre_fit_mape": float(details.pre.mape[place]),
        "pre_fit_r2": float(details.pre.r2[place]),
        "residual_autocorrelation": float(details.pre.autocorrelation[place]),
    }
