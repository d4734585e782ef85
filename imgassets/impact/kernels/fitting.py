"""From series as they are to priors, chains and predictions: many series in one call."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from imgassets.impact.kernels.chain import Draws, FirstStates, new_draws, run_chain
from imgassets.impact.kernels.filtering import one_step_ahead
from imgassets.impact.kernels.lattice import (
    LOWEST_LOG_RATIO,
    Lattice,
    Series,
    lattice_points,
)
from imgassets.impact.kernels.mixture import (
    mixture_cdf,
    mixture_moments,
    mixture_quantile,
)

LEAST_ROWS = 3
"""Observed training rows below which nothing is estimated (R: ObservationsAreIllConditioned)."""

_FLAT = 1e-10
"""A series whose standard deviation is this share of its size, or less, is constant."""

_STRONG_STEP = 0.5
"""Lattice spacing of a log ratio with an informative prior, whose posterior is narrow."""

_WEAK_STEP = 1.0
"""Lattice spacing of a log ratio with a vague prior."""

_SLOTS = (96, 768, 4096)
"""Lattice points kept with one, two and three kinds of states."""


class Model(NamedTuple):
    """Options and priors as numbers; see :mod:`imgassets.impact.structural`."""

    niter: int
    burn: int
    thin: int
    trend: bool
    nseasons: int
    season_duration: int
    expected_size: float
    level_df: float
    level_sd: float
    weak_df: float
    weak_sd: float
    noise_df: float
    expected_r2: float
    information: float
    shrinkage: float


class Results(NamedTuple):
    """Arrays to fill; see :class:`imgassets.impact.batch.Fits`."""

    actual: NDArray[np.float64]
    predicted: NDArray[np.float64]
    predicted_sd: NDArray[np.float64]
    predicted_lower: NDArray[np.float64]
    predicted_upper: NDArray[np.float64]
    days: NDArray[np.int64]
    tail_probability: NDArray[np.float64]
    relative: NDArray[np.float64]
    relative_sd: NDArray[np.float64]
    inclusion: NDArray[np.float64]
    sigma: NDArray[np.float64]
    level_sd: NDArray[np.float64]
    expected: NDArray[np.float64]
    expected_sd: NDArray[np.float64]
    cumulative_sd: NDArray[np.float64]


@njit(cache=True)
def training_scale(y: NDArray[np.float64], n_train: int) -> tuple[int, float, float, float]:
    """Return number, mean, standard deviation (ddof 1) and first of the known training rows.

    The deviation of a series without variance, or with too few rows, is 0.
    """
    known, total, largest = 0, 0.0, 0.0
    first = np.nan
    for row in range(n_train):
        if np.isfinite(y[row]):
            if known == 0:
                first = y[row]
            known += 1
            total += y[row]
            largest = max(largest, abs(y[row]))
    if known < 2:
        return known, total, 0.0, first
    mean = total / known
    squares = 0.0
    for row in range(n_train):
        if np.isfinite(y[row]):
            squares += (y[row] - mean) ** 2
    deviation = np.sqrt(squares / (known - 1))
    if deviation <= _FLAT * largest:
        deviation = 0.0
    return known, mean, deviation, first


@njit(cache=True)
def new_lattice(model: Model, width: int, windows: int, days: int) -> Lattice:
    """Return room for the lattice points of one series; the next one may use it again."""
    slots = _SLOTS[int(model.trend) + int(model.nseasons > 1)]
    weak = lattice_points(_WEAK_STEP)
    points = (
        lattice_points(_STRONG_STEP),
        weak if model.trend else 1,
        weak if model.nseasons > 1 else 1,
    )
    return Lattice(
        np.empty(points, dtype=np.int32),
        np.zeros(1, dtype=np.int64),
        np.empty((slots, width, width)),
        np.empty(slots),
        np.empty(slots),
        np.empty((slots, windows, width)),
        np.empty((slots, windows)),
        np.empty((slots, days, width)),
        np.empty((slots, days)),
    )


@njit(cache=True)
def standardised(
    y: NDArray[np.float64],
    controls: NDArray[np.float64],
    n_train: int,
    ends: NDArray[np.int64],
    model: Model,
) -> Series:
    """Standardise a series and its controls by the training rows, and set the priors.

    Args:
        y: [rows], NaN where unknown; not constant in the training rows.
        controls: [rows, k], finite; those constant in the training rows are left out.
        n_train: training rows.
        ends: of the windows.
        model: the options.
    """
    rows, k = controls.shape
    known, _, deviation, first = training_scale(y, n_train)
    columns = np.zeros((rows, k + 2))
    observed = np.isfinite(y)
    for row in range(rows):
        columns[row, 0] = (y[row] - first) / deviation if observed[row] else 0.0
        columns[row, 1] = 1.0
    usable = 0
    log_odds = np.full(k + 1, -np.inf)
    for control in range(k):
        _, center, spread, _ = training_scale(controls[:, control], n_train)
        if spread > 0.0:
            usable += 1
            log_odds[control + 1] = 0.0
            for row in range(rows):
                columns[row, control + 2] = (controls[row, control] - center) / spread
    precision = np.zeros((k + 2, k + 2))
    noise_df, noise_ss = model.weak_df, model.weak_df
    if usable:
        log_odds[0] = 0.0
        share = model.expected_size / (usable + 1)
        odds = np.log(share / (1.0 - share)) if share < 1.0 else np.inf
        for control in range(k + 1):
            if log_odds[control] == 0.0:
                log_odds[control] = odds
        for row in range(rows):
            for left in range(1, k + 2):
                share = model.information / rows * columns[row, left]
                for right in range(1, k + 2):
                    precision[left, right] += share * columns[row, right]
        for left in range(1, k + 2):
            for right in range(1, k + 2):
                if left != right:
                    precision[left, right] *= 1.0 - model.shrinkage
        noise_df = model.noise_df
        noise_ss = model.noise_df * (1.0 - model.expected_r2)
    state_df = np.zeros(3)
    state_ss = np.zeros(3)
    log_ratios = np.zeros((3, lattice_points(_STRONG_STEP)))
    for state in range(3):
        step = _STRONG_STEP if state == 0 else _WEAK_STEP
        for place in range(log_ratios.shape[1]):
            log_ratios[state, place] = LOWEST_LOG_RATIO + step * place
    state_df[0] = model.level_df
    state_ss[0] = model.level_df * model.level_sd**2
    if model.trend:
        state_df[1] = model.weak_df
        state_ss[1] = model.weak_df * model.weak_sd**2
    if model.nseasons > 1:
        state_df[2] = model.weak_df
        state_ss[2] = model.weak_df * model.weak_sd**2
    shape = 0.5 * (known + noise_df + state_df.sum())
    return Series(
        columns, observed, n_train, ends, precision, log_odds, noise_df, noise_ss,
        state_df, state_ss, log_ratios, shape, model.trend, model.nseasons,
        model.season_duration,
    )  # fmt: skip


@njit(cache=True, nogil=True)
def fit_all(
    y: NDArray[np.float64],
    controls: NDArray[np.float64],
    n_train: NDArray[np.int64],
    ends: NDArray[np.int64],
    seeds: NDArray[np.int64],
    model: Model,
    alpha: float,
    results: Results,
) -> None:
    """Fit each series; see :func:`imgassets.impact.batch.fit_many`."""
    rows = y.shape[1]
    horizons = ends.shape[1]
    pointwise = results.expected.shape[1] > 0
    longest = rows - n_train.min()
    windows = horizons + (longest if pointwise else 0)
    lattice = new_lattice(model, controls.shape[2] + 2, windows, longest)
    kept = (model.niter - model.burn + model.thin - 1) // model.thin
    for index in range(y.shape[0]):
        known, _, deviation, _ = training_scale(y[index], n_train[index])
        if known < LEAST_ROWS or deviation == 0.0:
            continue
        days = rows - n_train[index]
        spans = np.zeros(horizons + (days if pointwise else 0), dtype=np.int64)
        for horizon in range(horizons):
            spans[horizon] = min(max(ends[index, horizon], n_train[index]), rows)
        for day in range(spans.size - horizons):
            spans[horizons + day] = n_train[index] + day + 1
        series = standardised(y[index], controls[index], n_train[index], spans, model)
        draws = new_draws(kept, controls.shape[2] + 1, spans.size, days if pointwise else 0)
        first = run_chain(series, lattice, model.niter, model.burn, model.thin, seeds[index], draws)
        results.sigma[index] = 0.0
        results.level_sd[index] = 0.0
        for draw in range(kept):
            log_ratio = series.log_ratios[0, draws.place[draw, 0]]
            results.sigma[index] += np.sqrt(draws.noise[draw]) / kept
            results.level_sd[index] += np.sqrt(draws.noise[draw] * np.exp(log_ratio)) / kept
        for control in range(controls.shape[2]):
            if series.log_odds[control + 1] > -np.inf:
                results.inclusion[index, control] = draws.inclusion[control + 1]
        df = 2.0 * series.shape - first.df
        _summarise(y[index], series, spans[:horizons], draws, df, alpha, index, results)
        if pointwise:
            _describe_rows(y[index], series, draws, first, horizons, index, results)


@njit(cache=True)
def _summarise(
    y: NDArray[np.float64],
    series: Series,
    ends: NDArray[np.int64],
    draws: Draws,
    df: float,
    alpha: float,
    index: int,
    results: Results,
) -> None:
    """Fill the figures of each horizon, in units of y."""
    _, _, deviation, first = training_scale(y, series.n_train)
    kept = draws.noise.size
    center, spread = np.empty(kept), np.empty(kept)
    below_mean, above_mean = 1.96, 1.96
    for horizon in range(ends.size):
        days, actual = 0, 0.0
        for row in range(series.n_train, ends[horizon]):
            if series.observed[row]:
                days += 1
                actual += y[row]
        if days == 0:
            continue
        for draw in range(kept):
            center[draw] = first * days + deviation * draws.means[draw, horizon]
            spread[draw] = deviation * np.sqrt(draws.variances[draw, horizon])
        mean, sd = mixture_moments(center, spread * spread)
        results.days[index, horizon] = days
        results.actual[index, horizon] = actual
        results.predicted[index, horizon] = mean
        results.predicted_sd[index, horizon] = sd
        if alpha > 0.0:
            lower = mixture_quantile(0.5 * alpha, mean - below_mean * sd, center, spread)
            upper = mixture_quantile(1.0 - 0.5 * alpha, mean + above_mean * sd, center, spread)
            # mixtures of one chain are alike in shape: the next search begins where this one ended
            below_mean, above_mean = (mean - lower) / sd, (upper - mean) / sd
            results.predicted_lower[index, horizon] = lower
            results.predicted_upper[index, horizon] = upper
            below = mixture_cdf(actual, df, center, spread)
            results.tail_probability[index, horizon] = min(below, 1.0 - below)
            if lower > 0.0 or upper < 0.0:
                ratio, square = _ratio_moments(actual, center, spread)
                results.relative[index, horizon] = ratio - 1.0
                results.relative_sd[index, horizon] = np.sqrt(max(square - ratio * ratio, 0.0))


@njit(cache=True)
def _ratio_moments(
    actual: float, center: NDArray[np.float64], spread: NDArray[np.float64]
) -> tuple[float, float]:
    """Return mean and mean square of actual over prediction, by series in (spread / center)^2."""
    first, second = 0.0, 0.0
    for draw in range(center.size):
        share = (spread[draw] / center[draw]) ** 2
        ratio = actual / center[draw]
        first += ratio * (1.0 + share + 3.0 * share * share)
        second += ratio * ratio * (1.0 + 3.0 * share + 15.0 * share * share)
    return first / center.size, second / center.size


@njit(cache=True)
def _describe_rows(
    y: NDArray[np.float64],
    series: Series,
    draws: Draws,
    first_states: FirstStates,
    horizons: int,
    index: int,
    results: Results,
) -> None:
    """Fill what is expected of each row, in units of y; windows after the horizons' are days."""
    _, _, deviation, first = training_scale(y, series.n_train)
    rows, width = series.columns.shape
    kept = draws.noise.size
    fitted = np.zeros(rows)
    for row in range(rows):
        for column in range(1, width):
            fitted[row] += draws.coefficients[column - 1] * series.columns[row, column]
    ratios = np.zeros(3)
    for state in range(3):
        if series.state_df[state] > 0.0:
            for draw in range(kept):
                ratios[state] += series.log_ratios[state, draws.place[draw, state]] / kept
            ratios[state] = np.exp(ratios[state])
    ahead, variance = np.empty(rows), np.empty(rows)
    one_step_ahead(
        series.columns[:, 0] - fitted, series.observed, series.n_train, ratios,
        first_states.variance, series.trend, series.nseasons, series.season_duration,
        ahead, variance,
    )  # fmt: skip
    for row in range(rows):
        if row < series.n_train:
            results.expected[index, row] = first + deviation * (fitted[row] + ahead[row])
            results.expected_sd[index, row] = (
                deviation * results.sigma[index] * np.sqrt(variance[row])
            )
        else:
            day = row - series.n_train
            mean, spread = mixture_moments(draws.day_means[:, day], draws.day_variances[:, day])
            results.expected[index, row] = first + deviation * mean
            results.expected_sd[index, row] = deviation * spread
            window = horizons + day
            _, spread = mixture_moments(draws.means[:, window], draws.variances[:, window])
            results.cumulative_sd[index, row] = deviation * spread
