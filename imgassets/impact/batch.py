"""Fits of many series at once, each with controls of its own: the engine of causal impact."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgassets.impact import structural
from imgassets.impact.kernels.fitting import Model, Results, fit_all
from imgassets.impact.structural import ModelOptions

_DEFAULT = ModelOptions()
BURN_SHARE = 5
"""One in so many iterations is thrown away, the first ones."""

_THIN = 2
"""Every second iteration is kept: the next one is much like it, and costs as much to evaluate."""


@dataclass(frozen=True)
class Fits:
    """What fits of n series say; H horizons, T rows, k controls. NaN where nothing can be said.

    Sums run over the days after the training rows whose y is known.

    Attributes:
        actual: sum of y, [n, H].
        predicted: posterior mean of the sum without effect, [n, H].
        predicted_sd: its posterior standard deviation, [n, H].
        predicted_lower, predicted_upper: its interval of 1 - alpha, [n, H].
        days: known days, [n, H].
        tail_probability: the smaller tail of the probability that a sum without effect reaches the
            actual one (R's p), [n, H].
        relative: posterior mean of actual / sum without effect - 1, [n, H]; NaN where the interval
            of the prediction touches zero.
        relative_lower, relative_upper: its interval, [n, H].
        relative_sd: its posterior standard deviation, [n, H].
        inclusion: posterior inclusion probability of each control, [n, k]; NaN of one left out.
        sigma: standard deviation of the noise, the root of its posterior mean variance, in
            standard deviations of y, [n].
        level_sd: that of the level's innovations, [n].
        expected: before ``n_pre`` what the rows before let expect of a row, after it the
            counterfactual, [n, T]; [n, 0] unless ``pointwise``.
        expected_sd: its standard deviation, noise included, like ``expected``.
        cumulative_sd: that of the counterfactual's sum over known days so far, like ``expected``;
            NaN before ``n_pre``.
    """

    actual: NDArray[np.float64]
    predicted: NDArray[np.float64]
    predicted_sd: NDArray[np.float64]
    predicted_lower: NDArray[np.float64]
    predicted_upper: NDArray[np.float64]
    days: NDArray[np.int64]
    tail_probability: NDArray[np.float64]
    relative: NDArray[np.float64]
    relative_lower: NDArray[np.float64]
    relative_upper: NDArray[np.float64]
    relative_sd: NDArray[np.float64]
    inclusion: NDArray[np.float64]
    sigma: NDArray[np.float64]
    level_sd: NDArray[np.float64]
    expected: NDArray[np.float64]
    expected_sd: NDArray[np.float64]
    cumulative_sd: NDArray[np.float64]


def fit_many(
    y: NDArray[np.float64],
    controls: NDArray[np.float64],
    n_pre: NDArray[np.int64],
    ends: NDArray[np.int64],
    options: ModelOptions = _DEFAULT,
    *,
    pointwise: bool = False,
    alpha: float = 0.05,
    seeds: NDArray[np.uint64] | None = None,
) -> Fits:
    """Fit many series; the same input gives the same bits, alone or among others.

    Args:
        y: the series, [n, T]; NaN where unknown. Rows before ``n_pre`` train, later ones are only
            compared with what is predicted.
        controls: their controls, [n, T, k], finite. One that is constant in the training rows is
            left out.
        n_pre: training rows of each, [n].
        ends: horizon h covers rows n_pre to ends[:, h] - 1, [n, H]; 0 where there is none.
        options: the model.
        pointwise: also say what is expected of each row.
        alpha: intervals hold 1 - alpha; 0 leaves out intervals, tails and relative effects, which
            takes less time.
        seeds: of each series' chain, [n]; the option's seed for each by default.

    Raises:
        ValueError: shapes do not fit, a control is not finite, or n_pre lies outside.
    """
    y = np.ascontiguousarray(y, dtype=np.float64)
    controls = np.ascontiguousarray(controls, dtype=np.float64)
    n_pre = np.asarray(n_pre, dtype=np.int64)
    ends = np.ascontiguousarray(ends, dtype=np.int64)
    n, rows = y.shape
    if controls.shape[:2] != (n, rows):
        raise ValueError(f"controls of shape {controls.shape} do not go with y of {y.shape}")
    if n_pre.shape != (n,) or ends.ndim != 2 or ends.shape[0] != n:
        raise ValueError(f"n_pre of {n_pre.shape} and ends of {ends.shape} for {n} series")
    if n and not (n_pre.min() >= 1 and n_pre.max() <= rows):
        raise ValueError(f"n_pre from {n_pre.min()} to {n_pre.max()}; there are {rows} rows")
    if not np.isfinite(controls).all():
        raise ValueError("a control has a value that is missing or infinite")
    results = _empty(n, rows, controls.shape[2], ends.shape[1], pointwise)
    chosen = np.full(n, options.seed) if seeds is None else np.asarray(seeds)
    if n:
        fit_all(
            y, controls, n_pre, ends, (chosen % 2**32).astype(np.int64), kernel_model(options),
            alpha, results,
        )  # fmt: skip
    with np.errstate(divide="ignore", invalid="ignore"):
        sides = np.stack(
            [
                results.actual / results.predicted_lower - 1.0,
                results.actual / results.predicted_upper - 1.0,
            ]
        )
    sides[:, np.isnan(results.relative)] = np.nan
    return Fits(
        **results._asdict(), relative_lower=sides.min(axis=0), relative_upper=sides.max(axis=0)
    )


def kernel_model(options: ModelOptions) -> Model:
    """Return the options and priors as the kernels take them."""
    return Model(
        niter=options.niter,
        burn=options.niter // BURN_SHARE,
        thin=_THIN,
        trend=options.trend,
        nseasons=options.nseasons,
        season_duration=options.season_duration,
        expected_size=options.expected_model_size,
        level_df=structural.LEVEL_DF,
        level_sd=options.prior_level_sd,
        weak_df=structural.WEAK_DF,
        weak_sd=structural.WEAK_SD,
        noise_df=structural.NOISE_DF,
        expected_r2=structural.EXPECTED_R2,
        information=structural.INFORMATION_WEIGHT,
        shrinkage=structural.DIAGONAL_SHRINKAGE,
    )


def _empty(n: int, rows: int, k: int, horizons: int, pointwise: bool) -> Results:
    per_horizon = {
        name: np.full((n, horizons), np.nan)
        for name in Results._fields
        if name.startswith(("actual", "predicted", "tail", "relative"))
    }
    per_row = {
        name: np.full((n, rows if pointwise else 0), np.nan)
        for name in ("expected", "expected_sd", "cumulative_sd")
    }
    return Results(
        **per_horizon,
        **per_row,
        days=np.zeros((n, horizons), dtype=np.int64),
        inclusion=np.full((n, k), np.nan),
        sigma=np.full(n, np.nan),
        level_sd=np.full(n, np.nan),
    )
