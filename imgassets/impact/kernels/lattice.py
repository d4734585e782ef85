"""One series with its priors, and what its likelihood is on a lattice of variance ratios."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from imgassets.impact.kernels.filtering import filter_columns
from imgassets.impact.kernels.sweeping import sweep_set

LOWEST_LOG_RATIO = -18.0
"""Of a state's variance to the noise's, natural logarithm."""

HIGHEST_LOG_RATIO = 4.0


class Series(NamedTuple):
    """One standardised series and its priors.

    Attributes:
        columns: y less the first level's prior mean, a column of ones, the controls,
            [rows, 2 + k].
        observed: rows of which y is known, [rows].
        n_train: training rows, from row 0.
        ends: last row + 1 of each window; it begins at row n_train, [windows].
        precision: the slab's precision Omega over the noise's, [2 + k, 2 + k]; row 0 is empty.
        log_odds: prior log odds of including the ones and each control, [1 + k]; infinite: always.
        noise_df: prior degrees of freedom of the noise's standard deviation.
        noise_ss: prior sum of squares of it.
        state_df: prior degrees of freedom of level, slope and season, [3]; 0 where absent.
        state_ss: prior sums of squares of them, [3].
        log_ratios: lattice of each state's log ratio, [3, longest].
        shape: a of the noise variance's inverse gamma.
        trend: a slope is among the states.
        nseasons: seasons of a cycle, 1 for none.
        season_duration: rows that a season lasts.
    """

    columns: NDArray[np.float64]
    observed: NDArray[np.bool_]
    n_train: int
    ends: NDArray[np.int64]
    precision: NDArray[np.float64]
    log_odds: NDArray[np.float64]
    noise_df: float
    noise_ss: float
    state_df: NDArray[np.float64]
    state_ss: NDArray[np.float64]
    log_ratios: NDArray[np.float64]
    shape: float
    trend: bool
    nseasons: int
    season_duration: int


class Lattice(NamedTuple):
    """What is known of the lattice points visited.

    Attributes:
        slot_of: slot of each lattice point, -1 if it was not visited, [levels, slopes, seasons].
        filled: number of slots in use, [1].
        gram: inner products, [slots, columns, columns].
        log_density: what the log density owes to the point alone, [slots].
        penalty: sum of df_r s_r^2 / q_r, [slots].
        expected: forecast sums: of y, and of the controls how far they exceed theirs,
            [slots, windows, columns].
        variance: forecast variance of each window's sum, over the noise's, [slots, windows].
        daily: as ``expected``, of each row after training, [slots, days, columns].
        daily_variance: as ``variance``, of each row, [slots, days].
    """

    slot_of: NDArray[np.int32]
    filled: NDArray[np.int64]
    gram: NDArray[np.float64]
    log_density: NDArray[np.float64]
    penalty: NDArray[np.float64]
    expected: NDArray[np.float64]
    variance: NDArray[np.float64]
    daily: NDArray[np.float64]
    daily_variance: NDArray[np.float64]


@njit(cache=True)
def lattice_points(step: float) -> int:
    """Return the number of lattice points of a log ratio."""
    return int((HIGHEST_LOG_RATIO - LOWEST_LOG_RATIO) / step) + 1


@njit(cache=True)
def fill(series: Series, lattice: Lattice, place: NDArray[np.int64], start: float) -> int:
    """Run the filter for a lattice point that was not visited and keep what the chain needs of it.

    Args:
        series: the series.
        lattice: its lattice.
        place: the point, [3].
        start: variance of the first states over the noise's.

    Returns:
        The slot, -1 if there is no room.
    """
    if lattice.filled[0] == lattice.gram.shape[0]:
        return -1
    slot = lattice.filled[0]
    lattice.filled[0] += 1
    lattice.slot_of[place[0], place[1], place[2]] = slot
    ratios = ratios_at(series, place)
    rows, width = series.columns.shape
    first = series.n_train
    forecast = lattice.daily[slot, : rows - first]
    sums = np.empty(rows - first)
    log_determinant = filter_columns(
        series.columns, series.observed, first, ratios, start, series.trend, series.nseasons,
        series.season_duration, lattice.gram[slot], forecast,
        lattice.daily_variance[slot, : rows - first], sums,
    )  # fmt: skip
    for day in range(rows - first):
        for column in range(1, width):
            forecast[day, column] = series.columns[first + day, column] - forecast[day, column]
    for window in range(series.ends.size):
        total = lattice.expected[slot, window]
        total.fill(0.0)
        days = series.ends[window] - first
        for day in range(days):
            if series.observed[first + day]:
                for column in range(width):
                    total[column] += forecast[day, column]
        lattice.variance[slot, window] = sums[days - 1] if days > 0 else 0.0
    penalty = 0.0
    log_density = -0.5 * log_determinant
    for state in range(3):
        if series.state_df[state] > 0.0:
            penalty += series.state_ss[state] / ratios[state]
            log_density -= 0.5 * series.state_df[state] * np.log(ratios[state])
    lattice.penalty[slot] = penalty
    lattice.log_density[slot] = log_density
    return slot


@njit(cache=True)
def ratios_at(series: Series, place: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the variance ratios of a lattice point, [3]; 0 for absent states."""
    ratios = np.zeros(3)
    for state in range(3):
        if series.state_df[state] > 0.0:
            ratios[state] = np.exp(series.log_ratios[state, place[state]])
    return ratios


@njit(cache=True)
def load(
    gram: NDArray[np.float64],
    precision: NDArray[np.float64],
    included: NDArray[np.bool_],
    matrix: NDArray[np.float64],
) -> float:
    """Fill ``matrix`` with a regression on the included controls; return log |A|.

    Args:
        gram: inner products of a lattice point, [2 + k, 2 + k].
        precision: of the slab, [2 + k, 2 + k].
        included: the controls, [1 + k].
        matrix: filled with gram + precision, swept, [2 + k, 2 + k].
    """
    for row in range(matrix.shape[0]):
        for column in range(matrix.shape[0]):
            matrix[row, column] = gram[row, column] + precision[row, column]
    return sweep_set(matrix, included)


@njit(cache=True)
def regress(
    gram: NDArray[np.float64],
    precision: NDArray[np.float64],
    inside: NDArray[np.int64],
    work: NDArray[np.float64],
) -> tuple[float, float]:
    """Return log |A| and what the included controls leave of y, by Cholesky's decomposition.

    Args:
        gram: inner products of a lattice point, [2 + k, 2 + k].
        precision: of the slab, [2 + k, 2 + k].
        inside: columns of the included controls.
        work: room for a factor, [2 + k, 2 + k].
    """
    log_determinant, left = 0.0, gram[0, 0]
    for row in range(inside.size):
        here = inside[row]
        dot_y = gram[0, here]
        for column in range(row):
            other = inside[column]
            value = gram[here, other] + precision[here, other]
            for before in range(column):
                value -= work[row, before] * work[column, before]
            work[row, column] = value / work[column, column]
            dot_y -= work[row, column] * work[column, -1]
        value = gram[here, here] + precision[here, here]
        for before in range(row):
            value -= work[row, before] * work[row, before]
        log_determinant += np.log(value)
        work[row, row] = np.sqrt(value)
        # the last column holds the factor's inverse times X'y: its square is what row explains
        work[row, -1] = dot_y / work[row, row]
        left -= work[row, -1] * work[row, -1]
    return log_determinant, left
