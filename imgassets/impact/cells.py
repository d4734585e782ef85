"""Cells as arrays: controls chosen, models fitted, placebos run, intervals calibrated.

A cell is one treated series with its candidate controls. :func:`fit_cells` takes those of one
length; :func:`calibrate` pools the placebos of all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgassets.impact.batch import Fits
from imgassets.impact.calibration import (
    calibrated_interval,
    line_helps,
    placebo_scale,
    two_sided_p,
)
from imgassets.impact.controls import ControlSeries, choose_controls, fill_missing
from imgassets.impact.fitting import fit_series
from imgassets.impact.options import ImpactOptions
from imgassets.impact.placebos import Placebos, enough_windows, placebo_windows, run_placebos

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

CHUNK = 256
"""Cells whose candidates are worked on at once: some tens of megabytes."""

TRIAL_CELLS = 200
"""Cells of a pool whose placebos tell whether a straight line helps it."""


@dataclass(frozen=True)
class CellFits:
    """What is known of n cells before their placebos are pooled.

    Attributes:
        fits: of the true intervention.
        placebos: of fake ones.
    """

    fits: Fits
    placebos: Placebos

    def without_rows(self) -> CellFits:
        """Return the same without what is expected of each row, which differs in length."""
        nothing = np.zeros((len(self.fits.predicted), 0))
        fits = replace(self.fits, expected=nothing, expected_sd=nothing, cumulative_sd=nothing)
        return CellFits(fits, self.placebos)


@dataclass(frozen=True)
class CellEstimates:
    """Estimates of n cells at H horizons, sums over the horizon's known days; NaN where none.

    Attributes:
        fits: of the true intervention, with the interval of the model itself.
        placebos: of fake ones.
        scale: factor from the model's interval to the calibrated one, [n, H].
        n_placebos: errors that made the scale, [n, H].
        predicted_lower, predicted_upper: calibrated interval of the prediction, [n, H].
        effect_lower, effect_upper: calibrated interval of actual less predicted, [n, H].
        relative_lower, relative_upper: calibrated interval of the effect as a fraction of the
            prediction, [n, H]; NaN where the prediction's interval touches zero.
        p: two-sided p value by the calibrated interval, [n, H].
    """

    fits: Fits
    placebos: Placebos
    scale: Floats
    n_placebos: Counts
    predicted_lower: Floats
    predicted_upper: Floats
    effect_lower: Floats
    effect_upper: Floats
    relative_lower: Floats
    relative_upper: Floats
    p: Floats

    def part(self, cells: slice) -> CellEstimates:
        """Return the estimates of some of the cells."""
        values = {
            field.name: getattr(self, field.name)[cells]
            for field in fields(self)
            if field.name not in ("fits", "placebos")
        }
        return CellEstimates(
            fits=Fits(**{f.name: getattr(self.fits, f.name)[cells] for f in fields(Fits)}),
            placebos=self.placebos.part(cells),
            **values,
        )


def estimate_cells(
    y: Floats,
    candidates: Floats,
    n_pre: int,
    ends: Counts,
    options: ImpactOptions,
    pool: Counts | None = None,
) -> CellEstimates:
    """Estimate cells of one length and calibrate them by their own placebos.

    Args:
        y: [n, T] treated series, NaN where there is no figure.
        candidates: [n, T, C] untreated series, likewise.
        n_pre: rows before the intervention.
        ends: [n, H], horizon h covers rows n_pre to ends[:, h] - 1; 0 where there is none.
        options: control series, placebos, model and alpha.
        pool: [n], cells with the same number are like each other; all are by default.
    """
    pools = np.zeros(len(y), dtype=np.int64) if pool is None else pool
    smallest = np.unique(pools, return_counts=True)[1].min(initial=len(y))
    options = replace(
        options, placebo_windows=enough_windows(int(smallest), options.placebo_windows)
    )
    line = np.zeros(len(y), dtype=bool)
    for group in np.unique(pools):
        trial = np.flatnonzero(pools == group)[:TRIAL_CELLS]
        filled, missing = fill_missing(candidates[trial], n_pre)
        found = try_line(y[trial], filled, missing, n_pre, ends[trial], options)
        line[pools == group] = line_helps(*found, options.alpha)
    parts = []
    for start in range(0, max(len(y), 1), CHUNK):
        part = slice(start, start + CHUNK)
        filled, missing = fill_missing(candidates[part], n_pre)
        _, fits = fit_cells(y[part], filled, missing, n_pre, ends[part], line[part], options)
        parts.append(fits)
    return calibrate(join(parts), pools, options.alpha)


def fit_cells(
    y: Floats,
    candidates: Floats,
    missing: Floats,
    n_pre: int,
    ends: Counts,
    line: NDArray[np.bool_],
    options: ImpactOptions,
    *,
    pointwise: bool = False,
) -> tuple[ControlSeries, CellFits]:
    """Choose controls of some cells, fit them, and run their placebos.

    Args:
        y: [n, T] treated series, NaN where there is no figure.
        candidates: [n, T, C] untreated series without gaps.
        missing: [n, C] share of days that were filled.
        n_pre: rows before the intervention.
        ends: [n, H], horizon h covers rows n_pre to ends[:, h] - 1; 0 where there is none.
        line: [n], whose controls include a straight line.
        options: control series, placebos, model and alpha.
        pointwise: also say what is expected of each row.

    Returns:
        The controls of the true intervention, and the fits.
    """
    chosen = choose_controls(y, candidates, missing, n_pre, options.n_control_series, line)
    fits = fit_series(
        y, chosen.series, n_pre, ends, line, options, alpha=options.alpha, pointwise=pointwise
    )
    return chosen, CellFits(fits, _placebos(y, candidates, missing, n_pre, ends, line, options))


def try_line(
    y: Floats, candidates: Floats, missing: Floats, n_pre: int, ends: Counts, options: ImpactOptions
) -> tuple[Placebos, Placebos]:
    """Run the placebos of some cells without a straight line among their controls, and with one.

    Args:
        y: [n, T] treated series, NaN where there is no figure.
        candidates: [n, T, C] untreated series without gaps.
        missing: [n, C] share of days that were filled.
        n_pre: rows before the intervention.
        ends: [n, H], horizon h covers rows n_pre to ends[:, h] - 1; 0 where there is none.
        options: control series, placebos and model.
    """
    without, with_line = (
        _placebos(y, candidates, missing, n_pre, ends, np.full(len(y), line), options)
        for line in (False, True)
    )
    return without, with_line


def _placebos(
    y: Floats,
    candidates: Floats,
    missing: Floats,
    n_pre: int,
    ends: Counts,
    line: NDArray[np.bool_],
    options: ImpactOptions,
) -> Placebos:
    days = np.where(ends > 0, ends - n_pre, 0)
    windows = placebo_windows(
        n_pre, int(days.max(initial=1)), options.placebo_windows, options.min_pre_days
    )
    return run_placebos(y[:, :n_pre], candidates[:, :n_pre], missing, days, windows, line, options)


def join(parts: Sequence[CellFits]) -> CellFits:
    """Put fits of several groups of cells together; series by row must be of one length."""
    return CellFits(
        Fits(**_joined([part.fits for part in parts])),
        join_placebos([part.placebos for part in parts]),
    )


def join_placebos(parts: Sequence[Placebos]) -> Placebos:
    """Put placebos of several groups of cells together."""
    return Placebos(**_joined(parts))


def _joined(parts: Sequence[Fits] | Sequence[Placebos]) -> dict[str, Any]:
    return {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])
        for field in fields(parts[0])
    }


def calibrate(cells: CellFits, pool: Counts, alpha: float) -> CellEstimates:
    """Widen the intervals of cells by the placebos of their pool.

    Args:
        cells: fits and placebos.
        pool: [n], cells with the same number are like each other.
        alpha: intervals hold 1 - alpha.
    """
    fits, z = cells.fits, cells.placebos.z
    shape = fits.predicted.shape
    scale, df = np.full(shape, np.nan), np.ones(shape)
    placebos = np.zeros(shape, dtype=np.int64)
    for group in np.unique(pool):
        members = pool == group
        for horizon in range(shape[1]):
            found = placebo_scale(z[members, :, horizon], alpha)
            scale[members, horizon] = found.value
            placebos[members, horizon] = found.placebos
            df[members, horizon] = found.df
    lower, upper = calibrated_interval(
        fits.predicted, fits.predicted_lower, fits.predicted_upper, scale
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        away = np.where((lower > 0) & np.isfinite(fits.relative), 1.0, np.nan)
        relative_lower = away * (fits.actual / upper - 1.0)
        relative_upper = away * (fits.actual / lower - 1.0)
    return CellEstimates(
        fits=fits,
        placebos=cells.placebos,
        scale=scale,
        n_placebos=placebos,
        predicted_lower=lower,
        predicted_upper=upper,
        effect_lower=fits.actual - upper,
        effect_upper=fits.actual - lower,
        relative_lower=relative_lower,
        relative_upper=relative_upper,
        p=two_sided_p(fits.actual, fits.predicted, lower, upper, df, alpha),
    )
