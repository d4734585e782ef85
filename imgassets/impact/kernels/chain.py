"""The chain over what cannot be integrated out: which controls matter, and variance ratios.

Level, season and slope, the coefficients and the noise's variance are integrated out exactly (a
collapsed Gibbs sampler, Liu 1994). What is left is discrete: the set of included controls, changed
by flips and swaps (George and McCulloch 1997), and the ratios of the states' variances to the
noise's on a lattice of logarithms. Of each lattice point visited, the filter's inner products are
kept, so a step costs no pass over the rows.

With a = (n + df) / 2 and b = (prior sum of squares + S + sum_r df_r s_r^2 / q_r) / 2, where S is
what the regression leaves of y' V_q^-1 y, the noise's variance is inverse gamma(a, b) and

    log p(set, q | y) = log p(set) + (log |Omega| - log |X' V_q^-1 X + Omega|) / 2
                        - log |V_q| / 2 - a log b - sum_r df_r / 2 log q_r + constant.

The first states' variance does not scale with the noise's. It is put into V_q in units of the
noise's as the chain first finds it; what they then wrongly tell of the noise is taken out of a and
b again, to first order in the noise's logarithm.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from imgassets.impact.kernels.lattice import Lattice, Series, fill, load, regress
from imgassets.impact.kernels.sweeping import sweep

_SETTLED = 10
"""Iterations after which the noise is known well enough to weigh the first states by it. Until then
ratios stay at their prior guess: filters would be run only to be forgotten."""

_NUDGE = 1e-3
"""Share by which the first states' variance is moved to find a slope."""

_FARTHEST_STEPS = (2, 6, 6)
"""Lattice points that the ratios of level, slope and season move at once, at most: the level's
prior is informative and leaves few points, the others' is vague and leaves many."""


class FirstStates(NamedTuple):
    """The states before row 0.

    Attributes:
        variance: of each, over the noise's.
        squares: their sum of squares over that ratio, a part of S.
        df: degrees of freedom that they cost: their number less those whose variance the
            coefficients swell in units of the noise's, as that of the column of ones does.
    """

    variance: float
    squares: float
    df: float


class Draws(NamedTuple):
    """The kept states of a chain, and what each of them predicts.

    The predictive distribution of a kept state is Student's t with over 50 degrees of freedom;
    ``means`` and ``variances`` are its moments, coefficients and noise integrated out.

    Attributes:
        included: [kept, 1 + k]; the first is the column of ones.
        place: lattice point, [kept, 3].
        means: of each window's sum, [kept, windows].
        variances: of each window's sum, [kept, windows].
        noise: posterior mean of the noise's variance, [kept].
        inclusion: probability of each control given the rest of the state, averaged, [1 + k].
        coefficients: posterior mean of each coefficient, [1 + k].
        day_means: of each row after training, [kept, days]; not computed where it has no columns.
        day_variances: likewise.
    """

    included: NDArray[np.bool_]
    place: NDArray[np.int64]
    means: NDArray[np.float64]
    variances: NDArray[np.float64]
    noise: NDArray[np.float64]
    inclusion: NDArray[np.float64]
    coefficients: NDArray[np.float64]
    day_means: NDArray[np.float64]
    day_variances: NDArray[np.float64]


@njit(cache=True)
def new_draws(kept: int, controls: int, windows: int, days: int) -> Draws:
    """Return room for the draws of a chain; ``controls`` counts the column of ones."""
    return Draws(
        np.zeros((kept, controls), dtype=np.bool_),
        np.zeros((kept, 3), dtype=np.int64),
        np.zeros((kept, windows)),
        np.zeros((kept, windows)),
        np.zeros(kept),
        np.zeros(controls),
        np.zeros(controls),
        np.zeros((kept, days)),
        np.zeros((kept, days)),
    )


@njit(cache=True)
def run_chain(
    series: Series, lattice: Lattice, niter: int, burn: int, thin: int, seed: int, draws: Draws
) -> FirstStates:
    """Run a chain and fill ``draws``.

    Args:
        series: the standardised series.
        lattice: room for lattice points; what it held is forgotten.
        niter: iterations, burn-in included.
        burn: iterations thrown away.
        thin: every how many iterations one is kept.
        seed: of the random numbers.
        draws: room for (niter - burn) / thin draws, rounded up.

    Returns:
        What the chain took the first states for.
    """
    np.random.seed(seed)
    width = series.columns.shape[1]
    controls = width - 1
    included = np.zeros(controls, dtype=np.bool_)
    free = np.empty(controls, dtype=np.int64)
    n_free = 0
    for control in range(controls):
        if series.log_odds[control] == np.inf:
            included[control] = True
        elif series.log_odds[control] > -np.inf:
            free[n_free] = control
            n_free += 1
    free = free[:n_free]
    start = series.noise_df / series.noise_ss
    place = _first_place(series)
    proposal = place.copy()
    matrix, work = np.empty((width, width)), np.empty((width, width))
    slab, nothing = np.empty((width, width)), np.zeros((width, width))
    draws.inclusion.fill(0.0)
    draws.coefficients.fill(0.0)
    shape = series.shape
    first = FirstStates(start, 0.0, 0.0)
    inside = np.empty(controls, dtype=np.int64)
    count = 0
    slot, row, log_a, prior_ss = 0, 0, 0.0, 0.0
    for iteration in range(niter):
        if iteration == 0 or iteration == _SETTLED:
            if iteration:
                start = (shape - 1.0) / (0.5 * (prior_ss + matrix[0, 0]))
                first = _first_states(series, lattice, place, start, inside[:count], work)
                shape = series.shape - 0.5 * first.df
            lattice.slot_of.fill(-1)
            lattice.filled[0] = 0
            slot = fill(series, lattice, place, start)
            prior_ss = series.noise_ss + lattice.penalty[slot] - first.squares
            log_a = load(lattice.gram[slot], series.precision, included, matrix)
            load(nothing, series.precision, included, slab)
        keep = iteration >= burn and (iteration - burn) % thin == 0
        for control in free:
            rate = 0.5 * (prior_ss + matrix[0, 0])
            column = control + 1
            odds = series.log_odds[control]
            gain = _gain(
                matrix[column, column], slab[column, column], matrix[0, column],
                -odds if included[control] else odds, shape, rate,
            )  # fmt: skip
            if keep:
                toward = -gain if included[control] else gain
                draws.inclusion[control] += 1.0 / (1.0 + np.exp(-toward))
            if gain >= 0.0 or np.random.random() < np.exp(gain):
                log_a += _flip(matrix, slab, included, control)
        if n_free > 1:
            log_a += _swap(included, free, series.log_odds, shape, prior_ss, matrix, slab)
        count = 0
        for control in range(controls):
            if included[control]:
                inside[count] = control + 1
                count += 1
        for state in range(3):
            points = lattice.slot_of.shape[state]
            if points == 1 or iteration < _SETTLED:
                continue
            step = np.random.randint(1, _FARTHEST_STEPS[state] + 1)
            proposal[state] = place[state] + (step if np.random.random() < 0.5 else -step)
            new = -1
            if 0 <= proposal[state] < points:
                new = lattice.slot_of[proposal[0], proposal[1], proposal[2]]
                if new < 0:
                    new = fill(series, lattice, proposal, start)
            if new >= 0:
                new_log_a, left = regress(lattice.gram[new], series.precision, inside[:count], work)
                new_prior_ss = series.noise_ss + lattice.penalty[new] - first.squares
                gain = lattice.log_density[new] - lattice.log_density[slot]
                gain -= 0.5 * (new_log_a - log_a)
                gain -= shape * np.log((new_prior_ss + left) / (prior_ss + matrix[0, 0]))
                if gain >= 0.0 or np.random.random() < np.exp(gain):
                    place[state] = proposal[state]
                    slot, prior_ss = new, new_prior_ss
                    log_a = load(lattice.gram[slot], series.precision, included, matrix)
            proposal[state] = place[state]
        if keep:
            for control in range(controls):
                draws.included[row, control] = included[control]
            for state in range(3):
                draws.place[row, state] = place[state]
            draws.noise[row] = 0.5 * (prior_ss + matrix[0, 0]) / (shape - 1.0)
            for column in inside[:count]:
                draws.coefficients[column - 1] += matrix[0, column]
            _predict(
                lattice.expected[slot], lattice.variance[slot], matrix, inside[:count],
                draws.noise[row], draws.means[row], draws.variances[row],
            )  # fmt: skip
            _predict(
                lattice.daily[slot], lattice.daily_variance[slot], matrix, inside[:count],
                draws.noise[row], draws.day_means[row], draws.day_variances[row],
            )  # fmt: skip
            row += 1
    for control in range(controls):
        draws.coefficients[control] /= row
        if series.log_odds[control] == np.inf:
            draws.inclusion[control] = 1.0
        else:
            draws.inclusion[control] /= row
    return first


@njit(cache=True)
def _first_states(
    series: Series,
    lattice: Lattice,
    place: NDArray[np.int64],
    start: float,
    inside: NDArray[np.int64],
    work: NDArray[np.float64],
) -> FirstStates:
    """Tell how the likelihood depends on the first states' variance.

    By 1 / ratio, S changes by the states' sum of squares, and log |V_q| + log |A| by the trace of
    their posterior covariance less their number times the ratio. Two filters tell both slopes.
    """
    costs, logs = np.empty(2), np.empty(2)
    for index in range(2):
        lattice.slot_of.fill(-1)
        lattice.filled[0] = 0
        slot = fill(series, lattice, place, start * (1.0 + _NUDGE * index))
        log_a, costs[index] = regress(lattice.gram[slot], series.precision, inside, work)
        logs[index] = log_a - 2.0 * lattice.log_density[slot]
    nudge = 1.0 - 1.0 / (1.0 + _NUDGE)
    return FirstStates(start, (costs[0] - costs[1]) / nudge, (logs[1] - logs[0]) / nudge)


@njit(cache=True)
def _first_place(series: Series) -> NDArray[np.int64]:
    """Return the lattice point just above the prior guesses, [3]."""
    place = np.zeros(3, dtype=np.int64)
    for state in range(3):
        if series.state_df[state] > 0.0:
            guess = series.state_ss[state] / series.state_df[state]
            guess *= series.noise_df / series.noise_ss
            while place[state] + 1 < series.log_ratios.shape[1] and series.log_ratios[
                state, place[state]
            ] < np.log(guess):
                place[state] += 1
    return place


@njit(cache=True)
def _gain(
    pivot: float, prior: float, share: float, log_odds: float, shape: float, rate: float
) -> float:
    """Return the change of the log density if a control is flipped.

    Args:
        pivot: its diagonal element in the swept regression: what it adds to |A|, or minus the
            inverse of that if it is included.
        prior: likewise in the swept slab.
        share: its element in the row of y.
        log_odds: prior log odds of the flip.
        shape: a of the noise's inverse gamma.
        rate: b of it before the flip.
    """
    remains = 1.0 - 0.5 * share * share / (pivot * rate)
    return 0.5 * np.log(prior / pivot) + log_odds - shape * np.log(remains)


@njit(cache=True)
def _flip(
    matrix: NDArray[np.float64],
    slab: NDArray[np.float64],
    included: NDArray[np.bool_],
    control: int,
) -> float:
    """Flip a control; return the change of log |A|."""
    change = np.log(np.abs(matrix[control + 1, control + 1]))
    sign = -1.0 if included[control] else 1.0
    sweep(matrix, control + 1, sign)
    sweep(slab, control + 1, sign)
    included[control] = not included[control]
    return change


@njit(cache=True)
def _swap(
    included: NDArray[np.bool_],
    free: NDArray[np.int64],
    log_odds: NDArray[np.float64],
    shape: float,
    prior_ss: float,
    matrix: NDArray[np.float64],
    slab: NDArray[np.float64],
) -> float:
    """Try to put one control in another's place, as flips hardly can if both say the same.

    Returns:
        The change of log |A|.
    """
    inside = 0
    for control in free:
        inside += included[control]
    if inside == 0 or inside == free.size:
        return 0.0
    leaving = _nth(included, free, True, np.random.randint(0, inside))
    coming = _nth(included, free, False, np.random.randint(0, free.size - inside))
    out, into = leaving + 1, coming + 1
    gain = _gain(
        matrix[out, out], slab[out, out], matrix[0, out],
        -log_odds[leaving], shape, 0.5 * (prior_ss + matrix[0, 0]),
    )  # fmt: skip
    # what the coming control's elements are once the leaving one is swept out
    ratio = matrix[into, out] / matrix[out, out]
    left = matrix[0, 0] - matrix[0, out] * matrix[0, out] / matrix[out, out]
    gain += _gain(
        matrix[into, into] - ratio * matrix[into, out],
        slab[into, into] - slab[into, out] * slab[into, out] / slab[out, out],
        matrix[0, into] - ratio * matrix[0, out],
        log_odds[coming], shape, 0.5 * (prior_ss + left),
    )  # fmt: skip
    if gain < 0.0 and np.random.random() >= np.exp(gain):
        return 0.0
    change = _flip(matrix, slab, included, leaving)
    return change + _flip(matrix, slab, included, coming)


@njit(cache=True)
def _nth(included: NDArray[np.bool_], free: NDArray[np.int64], wanted: bool, place: int) -> int:
    """Return the free control at a place among those that are in, or out."""
    for control in free:
        if included[control] == wanted:
            if place == 0:
                return int(control)
            place -= 1
    return -1


@njit(cache=True)
def _predict(
    expected: NDArray[np.float64],
    variance: NDArray[np.float64],
    matrix: NDArray[np.float64],
    inside: NDArray[np.int64],
    noise: float,
    means: NDArray[np.float64],
    variances: NDArray[np.float64],
) -> None:
    """Fill mean and variance of sums or days, given the included controls.

    Args:
        expected: forecast of y, and how far each control exceeds its own, [sums, 2 + k].
        variance: forecast variance over the noise's, [sums or more].
        matrix: the swept regression.
        inside: columns of the included controls.
        noise: the noise's variance.
        means: to fill, [sums].
        variances: to fill, [sums].
    """
    for index in range(means.size):
        mean, spread = expected[index, 0], variance[index]
        for column in inside:
            mean += matrix[0, column] * expected[index, column]
            for other in inside:
                spread -= matrix[column, other] * expected[index, column] * expected[index, other]
        means[index] = mean
        variances[index] = noise * spread
