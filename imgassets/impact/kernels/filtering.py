"""The Kalman filter with all variances in units of the noise's, for many columns at once.

States: level, then slope (with a trend), then the last nseasons - 1 season effects, a ring in which
a new one takes the oldest one's place. Harvey (1989), "Forecasting, structural time series models
and the Kalman filter", chapter 3.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True)
def state_size(trend: bool, nseasons: int) -> int:
    """Return the number of states."""
    return 1 + int(trend) + max(nseasons - 1, 0)


@njit(cache=True)
def next_season(
    row: int, newest: int, first_season: int, states: int, season_duration: int
) -> tuple[int, int]:
    """Return the newest season effect's index in the next row, and the same if it is a new one.

    Args:
        row: this row.
        newest: index of the newest effect in it.
        first_season: index of the ring's first effect; the number of states without seasons.
        states: the number of states.
        season_duration: rows that an effect lasts.

    Returns:
        The index; and it again where the effect is new and takes the oldest one's place, else -1.
    """
    if first_season == states or (row + 1) % season_duration:
        return newest, -1
    newest = newest + 1 if newest + 1 < states else first_season
    return newest, newest


@njit(cache=True)
def advance_means(means: NDArray[np.float64], trend: bool, first_season: int, oldest: int) -> None:
    """Carry state means one row on, in place.

    Args:
        means: [states, columns].
        trend: whether state 1 is a slope.
        first_season: index of the ring's first season effect; the number of states without.
        oldest: index of the season effect to replace; -1 if none is.
    """
    states, width = means.shape
    if trend:
        for column in range(width):
            means[0, column] += means[1, column]
    if oldest >= 0:
        for column in range(width):
            means[oldest, column] = -means[oldest, column]
        for state in range(first_season, states):
            if state != oldest:
                for column in range(width):
                    means[oldest, column] -= means[state, column]


@njit(cache=True)
def advance_covariance(
    covariance: NDArray[np.float64],
    ratios: NDArray[np.float64],
    trend: bool,
    first_season: int,
    oldest: int,
) -> None:
    """Carry a state covariance one row on, in place: T P T' + Q.

    Args:
        covariance: [states, states], symmetric.
        ratios: variances of the level's, slope's and season's innovations over the noise's, [3].
        trend: see :func:`advance_means`.
        first_season: likewise.
        oldest: likewise.
    """
    states = covariance.shape[0]
    if trend:
        for state in range(states):
            covariance[0, state] += covariance[1, state]
        for state in range(states):
            covariance[state, 0] += covariance[state, 1]
        covariance[1, 1] += ratios[1]
    covariance[0, 0] += ratios[0]
    if oldest >= 0:
        line = covariance[oldest]
        for state in range(states):
            line[state] = -line[state]
        for season in range(first_season, states):
            if season != oldest:
                for state in range(states):
                    line[state] -= covariance[season, state]
        own = 0.0
        for season in range(first_season, states):
            own -= line[season]
        line[oldest] = own + ratios[2]
        for state in range(states):
            covariance[state, oldest] = line[state]


@njit(cache=True)
def filter_columns(
    columns: NDArray[np.float64],
    observed: NDArray[np.bool_],
    n_train: int,
    ratios: NDArray[np.float64],
    start_variance: float,
    trend: bool,
    nseasons: int,
    season_duration: int,
    gram: NDArray[np.float64],
    forecast: NDArray[np.float64],
    day_variance: NDArray[np.float64],
    sum_variance: NDArray[np.float64],
) -> float:
    """Whiten columns by the states' covariance and forecast each of them past the training rows.

    With the states integrated out, training rows of y - X beta are N(0, sigma^2 V); the filter
    gives the inner products u' V^-1 v of all columns and log |V| in one pass, missing rows left
    out.

    Args:
        columns: y and the controls, [rows, columns].
        observed: rows of which y is known, [rows].
        n_train: training rows, from row 0.
        ratios: see :func:`advance_covariance`.
        start_variance: variance of each state before row 0, over the noise's.
        trend: a slope is among the states.
        nseasons: seasons of a cycle, 1 for none.
        season_duration: rows that a season lasts.
        gram: filled with u' V^-1 v, [columns, columns].
        forecast: filled with what the filter expects of each column, [rows - n_train, columns].
        day_variance: filled with the forecast variance of each row, noise included,
            [rows - n_train].
        sum_variance: filled with that of the sum of observed rows from n_train on, same shape.

    Returns:
        log |V|.
    """
    width = columns.shape[1]
    states = state_size(trend, nseasons)
    first_season = 1 + int(trend)
    covariance = np.zeros((states, states))
    for state in range(states):
        covariance[state, state] = start_variance
    means = np.zeros((states, width))
    gain = np.zeros(states)
    error = np.zeros(width)
    gram.fill(0.0)
    log_determinant = 0.0
    seasonal = first_season < states
    newest = first_season
    for row in range(n_train):
        if observed[row]:
            for state in range(states):
                gain[state] = covariance[0, state]
            variance = 1.0 + gain[0]
            if seasonal:
                for state in range(states):
                    gain[state] += covariance[newest, state]
                variance = 1.0 + gain[0] + gain[newest]
            log_determinant += np.log(variance)
            inverse = 1.0 / variance
            for column in range(width):
                error[column] = columns[row, column] - means[0, column]
            if seasonal:
                for column in range(width):
                    error[column] -= means[newest, column]
            for column in range(width):
                scaled = error[column] * inverse
                for other in range(width):
                    gram[column, other] += scaled * error[other]
            for state in range(states):
                share = gain[state] * inverse
                for column in range(width):
                    means[state, column] += share * error[column]
                for other in range(states):
                    covariance[state, other] -= share * gain[other]
        newest, oldest = next_season(row, newest, first_season, states, season_duration)
        advance_means(means, trend, first_season, oldest)
        advance_covariance(covariance, ratios, trend, first_season, oldest)
    _forecast(
        means, covariance, observed, n_train, ratios, trend, first_season, newest,
        season_duration, forecast, day_variance, sum_variance,
    )  # fmt: skip
    return log_determinant


@njit(cache=True)
def _forecast(
    means: NDArray[np.float64],
    covariance: NDArray[np.float64],
    observed: NDArray[np.bool_],
    n_train: int,
    ratios: NDArray[np.float64],
    trend: bool,
    first_season: int,
    newest: int,
    season_duration: int,
    forecast: NDArray[np.float64],
    day_variance: NDArray[np.float64],
    sum_variance: NDArray[np.float64],
) -> None:
    """Fill the forecasts; ``shared`` carries the covariance of the sum so far with the states."""
    states, width = means.shape
    seasonal = first_season < states
    shared = np.zeros((states, 1))
    total = 0.0
    for day in range(forecast.shape[0]):
        seen, with_sum = covariance[0, 0], shared[0, 0]
        for column in range(width):
            forecast[day, column] = means[0, column]
        if seasonal:
            seen += 2.0 * covariance[0, newest] + covariance[newest, newest]
            with_sum += shared[newest, 0]
            for column in range(width):
                forecast[day, column] += means[newest, column]
        day_variance[day] = seen + 1.0
        if observed[n_train + day]:
            total += seen + 1.0 + 2.0 * with_sum
            for state in range(states):
                shared[state, 0] += covariance[state, 0]
                if seasonal:
                    shared[state, 0] += covariance[state, newest]
        sum_variance[day] = total
        newest, oldest = next_season(n_train + day, newest, first_season, states, season_duration)
        advance_means(means, trend, first_season, oldest)
        advance_means(shared, trend, first_season, oldest)
        advance_covariance(covariance, ratios, trend, first_season, oldest)


@njit(cache=True)
def one_step_ahead(
    series: NDArray[np.float64],
    observed: NDArray[np.bool_],
    n_train: int,
    ratios: NDArray[np.float64],
    start_variance: float,
    trend: bool,
    nseasons: int,
    season_duration: int,
    expected: NDArray[np.float64],
    variance: NDArray[np.float64],
) -> None:
    """Predict each training row from the rows before it.

    Args:
        series: y less its regression, [rows].
        observed: rows of which y is known, [rows].
        n_train: training rows.
        ratios: variances of the states' innovations over the noise's, [3].
        start_variance: of each state before row 0, over the noise's.
        trend: a slope is among the states.
        nseasons: seasons of a cycle, 1 for none.
        season_duration: rows that a season lasts.
        expected: filled with the prediction of each training row, [>= n_train].
        variance: filled with its variance over the noise's, same shape.
    """
    states = state_size(trend, nseasons)
    first_season = 1 + int(trend)
    covariance = np.zeros((states, states))
    for state in range(states):
        covariance[state, state] = start_variance
    means = np.zeros((states, 1))
    gain = np.zeros(states)
    seasonal = first_season < states
    newest = first_season
    for row in range(n_train):
        expected[row] = means[0, 0] + (means[newest, 0] if seasonal else 0.0)
        for state in range(states):
            gain[state] = covariance[state, 0] + (covariance[state, newest] if seasonal else 0.0)
        variance[row] = 1.0 + gain[0] + (gain[newest] if seasonal else 0.0)
        if observed[row]:
            error = series[row] - expected[row]
            for state in range(states):
                share = gain[state] / variance[row]
                means[state, 0] += share * error
                for other in range(states):
                    covariance[state, other] -= share * gain[other]
        newest, oldest = next_season(row, newest, first_season, states, season_duration)
        advance_means(means, trend, first_season, oldest)
        advance_covariance(covariance, ratios, trend, first_season, oldest)
