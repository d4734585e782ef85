"""Draws of whole paths: coefficients, noise and states given a kept state of the chain.

The simulation smoother is that of Durbin and Koopman (2002), Biometrika 89: a path drawn without
data, corrected by what the data say of its difference from them.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from imgassets.impact.kernels.chain import Draws, FirstStates
from imgassets.impact.kernels.filtering import (
    advance_covariance,
    advance_means,
    next_season,
    state_size,
)
from imgassets.impact.kernels.lattice import Lattice, Series, ratios_at, regress


@njit(cache=True)
def draw_paths(
    series: Series,
    lattice: Lattice,
    draws: Draws,
    first: FirstStates,
    seed: int,
    fitted: NDArray[np.float64],
    samples: NDArray[np.float64],
    sigma: NDArray[np.float64],
) -> None:
    """Draw a path of the series without effect for each kept state.

    Args:
        series: the standardised series.
        lattice: of the chain.
        draws: of the chain.
        first: what the chain took the first states for.
        seed: of the random numbers.
        fitted: filled with level, season and regression, [kept, rows].
        samples: filled with the same plus noise, [kept, rows].
        sigma: filled with the noise's standard deviation, [kept].
    """
    np.random.seed(seed)
    rows, width = series.columns.shape
    work = np.empty((width, width))
    left_out = np.empty(rows)
    signal = np.empty(rows)
    for draw in range(draws.noise.size):
        place = draws.place[draw]
        slot = lattice.slot_of[place[0], place[1], place[2]]
        inside = np.flatnonzero(draws.included[draw]) + 1
        _, left = regress(lattice.gram[slot], series.precision, inside, work)
        rate = 0.5 * (series.noise_ss + lattice.penalty[slot] - first.squares + left)
        deviation = np.sqrt(rate / np.random.gamma(series.shape - 0.5 * first.df, 1.0))
        coefficients = _draw_coefficients(work, inside.size, deviation)
        for row in range(rows):
            fitted[draw, row] = 0.0
            for index in range(inside.size):
                fitted[draw, row] += coefficients[index] * series.columns[row, inside[index]]
            left_out[row] = series.columns[row, 0] - fitted[draw, row]
        _draw_signal(series, ratios_at(series, place), first.variance, deviation, left_out, signal)
        sigma[draw] = deviation
        for row in range(rows):
            fitted[draw, row] += signal[row]
            samples[draw, row] = fitted[draw, row] + deviation * np.random.normal()


@njit(cache=True)
def _draw_coefficients(
    factor: NDArray[np.float64], count: int, deviation: float
) -> NDArray[np.float64]:
    """Draw from N(A^-1 X'y, deviation^2 A^-1).

    Args:
        factor: Cholesky factor L of A, and L^-1 X'y in the last column, as left by ``regress``.
        count: number of coefficients.
        deviation: of the noise.
    """
    values = np.empty(count)
    for row in range(count - 1, -1, -1):
        value = factor[row, -1] + deviation * np.random.normal()
        for later in range(row + 1, count):
            value -= factor[later, row] * values[later]
        values[row] = value / factor[row, row]
    return values


@njit(cache=True)
def _draw_signal(
    series: Series,
    ratios: NDArray[np.float64],
    start: float,
    deviation: float,
    left_out: NDArray[np.float64],
    signal: NDArray[np.float64],
) -> None:
    """Draw level plus season given the series less its regression."""
    rows = left_out.size
    states = state_size(series.trend, series.nseasons)
    first_season = 1 + int(series.trend)
    seasonal = first_season < states
    drawn = np.empty((states, 1))
    for state in range(states):
        drawn[state, 0] = deviation * np.sqrt(start) * np.random.normal()
    covariance = np.zeros((states, states))
    for state in range(states):
        covariance[state, state] = start
    means = np.zeros((states, 1))
    gains = np.zeros((rows, states))
    errors, variances = np.zeros(rows), np.ones(rows)
    expected = np.empty(rows)
    spreads = np.empty((rows, states))
    newest = first_season
    for row in range(rows):
        signal[row] = drawn[0, 0] + (drawn[newest, 0] if seasonal else 0.0)
        expected[row] = means[0, 0] + (means[newest, 0] if seasonal else 0.0)
        for state in range(states):
            spreads[row, state] = covariance[state, 0]
            if seasonal:
                spreads[row, state] += covariance[state, newest]
        if row < series.n_train and series.observed[row]:
            for state in range(states):
                gains[row, state] = spreads[row, state]
            variances[row] = 1.0 + gains[row, 0] + (gains[row, newest] if seasonal else 0.0)
            difference = left_out[row] - signal[row] - deviation * np.random.normal()
            errors[row] = difference - expected[row]
            for state in range(states):
                share = gains[row, state] / variances[row]
                means[state, 0] += share * errors[row]
                for other in range(states):
                    covariance[state, other] -= share * gains[row, other]
        newest, oldest = next_season(row, newest, first_season, states, series.season_duration)
        advance_means(means, series.trend, first_season, oldest)
        advance_covariance(covariance, ratios, series.trend, first_season, oldest)
        advance_means(drawn, series.trend, first_season, oldest)
        drawn[0, 0] += deviation * np.sqrt(ratios[0]) * np.random.normal()
        if series.trend:
            drawn[1, 0] += deviation * np.sqrt(ratios[1]) * np.random.normal()
        if oldest >= 0:
            drawn[oldest, 0] += deviation * np.sqrt(ratios[2]) * np.random.normal()
    _correct(series, newest, expected, spreads, gains, errors, variances, signal)


@njit(cache=True)
def _correct(
    series: Series,
    newest: int,
    expected: NDArray[np.float64],
    spreads: NDArray[np.float64],
    gains: NDArray[np.float64],
    errors: NDArray[np.float64],
    variances: NDArray[np.float64],
    signal: NDArray[np.float64],
) -> None:
    """Add the smoothed difference from the data to a drawn path, last row first.

    Args:
        series: the series.
        newest: index of the newest season effect after the last row.
        expected: filtered difference before each row, [rows].
        spreads: covariance of the states with the signal before each row, [rows, states].
        gains: the same where the row was observed, else 0, [rows, states].
        errors: innovations, 0 where unobserved, [rows].
        variances: of the innovations, [rows].
        signal: the path, corrected in place.
    """
    rows, states = gains.shape
    first_season = 1 + int(series.trend)
    seasonal = first_season < states
    carried = np.zeros(states)
    for row in range(rows - 1, -1, -1):
        if series.trend:
            carried[1] += carried[0]
        if seasonal and (row + 1) % series.season_duration == 0:
            last = carried[newest]
            for state in range(first_season, states):
                carried[state] -= last
            carried[newest] = -last
            newest = newest - 1 if newest > first_season else states - 1
        scaled = errors[row]
        for state in range(states):
            scaled -= gains[row, state] * carried[state]
        scaled /= variances[row]
        if row < series.n_train and series.observed[row]:
            carried[0] += scaled
            if seasonal:
                carried[newest] += scaled
        signal[row] += expected[row]
        for state in range(states):
            signal[row] += spreads[row, state] * carried[state]
