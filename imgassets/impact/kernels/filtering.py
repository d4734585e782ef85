"""The Kalman filter with all variances in units of the noise's, for many columns at once.

State: level, then slope (with a trend), then the nseasons - 1 last season effects, newest first.
Harvey (1989), "Forecasting, structural time series models and the Kalman filter", chapter 3.
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
def advance_rows(matrix: NDArray[np.float64], trend: bool, first_season: int) -> None:
    """Multiply by the transition matrix from the left, in place.

    Args:
        matrix: [states, columns].
        trend: whether row 1 is a slope.
        first_season: index of the newest season effect; the number of states without seasons.
    """
    states, columns = matrix.shape
    if trend:
        for column in range(columns):
            matrix[0, column] += matrix[1, column]
    if first_season < states:
        for column in range(columns):
            newest = 0.0
            for row in range(states - 1, first_season, -1):
                newest -= matrix[row, column]
                matrix[row, column] = matrix[row - 1, column]
            matrix[first_season, column] = newest - matrix[first_season, column]


@njit(cache=True)
def advance_covariance(
    covariance: NDArray[np.float64], ratios: NDArray[np.float64], trend: bool, first_season: int
) -> None:
    """Carry a state covariance one row on, in place: T P T' + Q.

    Args:
        covariance: [states, states].
        ratios: variances of the level's, slope's and season's innovations over the noise's, [3].
        trend: whether state 1 is a slope.
        first_season: see :func:`advance_rows`.
    """
    states = covariance.shape[0]
    if states > 1:
        advance_rows(covariance, trend, first_season)
        advance_rows(covariance.T, trend, first_season)
    covariance[0, 0] += ratios[0]
    if trend:
        covariance[1, 1] += ratios[1]
    if first_season < states:
        covariance[first_season, first_season] += ratios[2]


@njit(cache=True)
def filter_columns(
    columns: NDArray[np.float64],
    observed: NDArray[np.bool_],
    n_train: int,
    ratios: NDArray[np.float64],
    start_variance: float,
    trend: bool,
    nseasons: int,
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
        nseasons: rows of a season cycle, 1 for none.
        gram: filled with u' V^-1 v, [columns, columns].
        forecast: filled with what the filter expects of each column, [rows - n_train, columns].
        day_variance: filled with the forecast variance of each row, noise included,
            [rows - n_train].
        sum_variance: filled with that of the sum of observed rows from n_train on, same shape.

    Returns:
        log |V|.
    """
    rows, width = columns.shape
    states = state_size(trend, nseasons)
    first_season = 1 + int(trend)
    covariance = np.zeros((states, states))
    for state in range(states):
        covariance[state, state] = start_variance
    means = np.zeros((states, width))
    gain = np.zeros(states)
    error = np.zeros(width)
    gram[:] = 0.0
    log_determinant = 0.0
    for row in range(n_train):
        if observed[row]:
            variance = 1.0
            for state in range(states):
                gain[state] = covariance[state, 0]
                if first_season < states:
                    gain[state] += covariance[state, first_season]
            variance += gain[0]
            if first_season < states:
                variance += gain[first_season]
            log_determinant += np.log(variance)
            inverse = 1.0 / variance
            for column in range(width):
                expected = means[0, column]
                if first_season < states:
                    expected += means[first_season, column]
                error[column] = columns[row, column] - expected
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
        if states > 1:
            advance_rows(means, trend, first_season)
        advance_covariance(covariance, ratios, trend, first_season)
    _forecast(
        means, covariance, observed, n_train, ratios, trend, first_season,
        forecast, day_variance, sum_variance,
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
    forecast: NDArray[np.float64],
    day_variance: NDArray[np.float64],
    sum_variance: NDArray[np.float64],
) -> None:
    """Fill the forecasts; ``shared`` carries the covariance of the sum so far with the states."""
    states, width = means.shape
    shared = np.zeros((states, 1))
    total = 0.0
    for day in range(forecast.shape[0]):
        seen = covariance[0, 0]
        with_sum = shared[0, 0]
        if first_season < states:
            seen += 2.0 * covariance[0, first_season] + covariance[first_season, first_season]
            with_sum += shared[first_season, 0]
        for column in range(width):
            forecast[day, column] = means[0, column]
            if first_season < states:
                forecast[day, column] += means[first_season, column]
        day_variance[day] = seen + 1.0
        if observed[n_train + day]:
            total += seen + 1.0 + 2.0 * with_sum
            for state in range(states):
                shared[state, 0] += covariance[state, 0]
                if first_season < states:
                    shared[state, 0] += covariance[state, first_season]
        sum_variance[day] = total
        if states > 1:
            advance_rows(means, trend, first_season)
            advance_rows(shared, trend, first_season)
        advance_covariance(covariance, ratios, trend, first_season)


@njit(cache=True)
def one_step_ahead(
    series: NDArray[np.float64],
    observed: NDArray[np.bool_],
    n_train: int,
    ratios: NDArray[np.float64],
    start_variance: float,
    trend: bool,
    nseasons: int,
    expected: NDArray[np.float64],
    variance: NDArray[np.float64],
) -> None:
    """Predict each training row from the rows before it.

    Args:
        series: y less its regression, [rows].
        observed, n_train, ratios, start_variance, trend, nseasons: see :func:`filter_columns`.
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
    for row in range(n_train):
        expected[row] = means[0, 0]
        for state in range(states):
            gain[state] = covariance[state, 0]
            if first_season < states:
                gain[state] += covariance[state, first_season]
        variance[row] = 1.0 + gain[0]
        if first_season < states:
            expected[row] += means[first_season, 0]
            variance[row] += gain[first_season]
        if observed[row]:
            error = series[row] - expected[row]
            for state in range(states):
                share = gain[state] / variance[row]
                means[state, 0] += share * error
                for other in range(states):
                    covariance[state, other] -= share * gain[other]
        if states > 1:
            advance_rows(means, trend, first_season)
        advance_covariance(covariance, ratios, trend, first_season)
