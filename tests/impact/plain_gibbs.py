"""A plain Gibbs sampler of the structural model: slow, with nothing clever, to check the fast one.

The state of every day is a linear function of independent normal shocks (the first level, each
day's step, …), so all of them are drawn at once from a dense normal distribution: no Kalman filter
and no smoother that could share a fault with what is checked. Regression as in BOOM's sampler for
spike-and-slab priors (George & McCulloch 1997), its exponent of the inclusion step among it.
Everything is on the scale it is given in: nothing is standardised and no prior is taken from data.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SdPrior:
    """1/sd² ~ Gamma(df/2, df guess²/2), cut off at `upper`."""

    guess: float
    df: float
    upper: float

    def draw(self, rng: np.random.Generator, sum_of_squares: float = 0.0, n: int = 0) -> float:
        """Draw an sd, given `n` normal values of mean 0 with this sum of squares."""
        shape = (self.df + n) / 2
        rate = (self.df * self.guess**2 + sum_of_squares) / 2
        for _ in range(1000):
            sd = float(np.sqrt(rate / rng.gamma(shape)))
            if sd < self.upper:
                return sd
        raise RuntimeError(f"no sd under {self.upper} in 1,000 draws")


@dataclass(frozen=True)
class Prior:
    """What is known before the data. The defaults are R's for a standardised series from 0 on.

    `slab` is the precision of the coefficients in units of the noise's, [1 + k, 1 + k], the
    constant's first; None where there are no controls.
    """

    first_level: float = 0.0
    first_sd: float = 1.0
    level: SdPrior = field(default_factory=lambda: SdPrior(0.01, 32, 1.0))
    noise: SdPrior = field(default_factory=lambda: SdPrior(np.sqrt(0.2), 50, 1.2))
    season: SdPrior = field(default_factory=lambda: SdPrior(0.01, 0.01, 1.0))
    slope: SdPrior = field(default_factory=lambda: SdPrior(0.01, 0.01, 1.0))
    first_slope: float = 0.0
    model_size: float = 3.0
    slab: Floats | None = None


class Draws(NamedTuple):
    """One row per kept draw."""

    post_mean: Floats  # expected sum over the days after n_pre, [draws]
    post_sum: Floats  # the sum with each day's noise, [draws]
    noise_sd: Floats
    level_sd: Floats
    included: NDArray[np.bool_]  # [draws, k]


def slab_precision(controls: Floats, weight: float = 0.01, shrinkage: float = 0.5) -> Floats:
    """Return Zellner's g-prior as BOOM takes it, from all rows of the controls [days, k]."""
    x = np.column_stack([np.ones(len(controls)), controls])
    gram = x.T @ x / len(x)
    return weight * ((1 - shrinkage) * gram + shrinkage * np.diag(np.diag(gram)))


class _Shocks(NamedTuple):
    """How states follow from shocks: `effect` [days, shocks]; which shocks each sd governs."""

    effect: Floats
    mean: Floats
    fixed: dict[str, NDArray[np.intp]]
    steps: dict[str, NDArray[np.intp]]
    first_row: NDArray[np.intp]


def _shocks(days: int, prior: Prior, nseasons: int, trend: bool) -> _Shocks:
    """Write the state of every day as a sum of shocks: the first states' and each later day's."""
    effects, means, rows = [], [], []
    fixed: dict[str, list[int]] = {}
    steps: dict[str, list[int]] = {}

    def add(name: str, groups: dict[str, list[int]], effect: Floats, mean: float, row: int) -> None:
        groups.setdefault(name, []).append(len(effects))
        effects.append(effect)
        means.append(mean)
        rows.append(row)

    t = np.arange(days)
    add("level", fixed, np.ones(days), prior.first_level, 0)
    for day in range(1, days):
        add("level", steps, (t >= day).astype(float), 0.0, day)
    if trend:
        add("slope", fixed, t.astype(float), prior.first_slope, 0)
        for day in range(1, days):
            add("slope", steps, np.maximum(t - day, 0).astype(float), 0.0, day)
    if nseasons > 1:
        for lag in range(nseasons - 1):
            first = np.zeros(nseasons - 1)
            first[lag] = 1.0
            add("season", fixed, _season(first, {}, days), 0.0, 0)
        for day in range(1, days):
            effect = _season(np.zeros(nseasons - 1), {day: 1.0}, days)
            add("season", steps, effect, 0.0, day)
    index = {name: np.array(which) for name, which in fixed.items()}
    step_index = {name: np.array(which) for name, which in steps.items()}
    return _Shocks(np.stack(effects, axis=1), np.array(means), index, step_index, np.array(rows))


def _season(first: Floats, steps: dict[int, float], days: int) -> Floats:
    """Follow one season: each day is minus the sum of the days before it in the cycle, and a step.

    `first` holds the first day's effect and, before it, those of the days that precede the series.
    """
    state = list(first)
    effects = []
    for day in range(days):
        if day:
            state = [-sum(state) + steps.get(day, 0.0), *state[:-1]]
        effects.append(state[0])
    return np.array(effects)


def sample(
    y: Floats,
    controls: Floats,
    n_pre: int,
    prior: Prior,
    *,
    draws: int,
    burn: int,
    seed: int,
    nseasons: int = 1,
    trend: bool = False,
) -> Draws:
    """Draw from the posterior of the model and of what the days after `n_pre` would have been.

    Args:
        y: [days], NaN where missing; days from `n_pre` on are not looked at.
        controls: [days, k]; k may be 0, then there is no constant either.
        n_pre: How many days train the model.
        prior: Its priors.
        draws: How many draws are kept.
        burn: How many are made before.
        seed: Of the random numbers.
        nseasons: Days of a season; 1 for none.
        trend: A local linear trend instead of a local level.
    """
    rng = np.random.default_rng(seed)
    days, k = controls.shape
    shocks = _shocks(days, prior, nseasons, trend)
    seen = np.flatnonzero(np.isfinite(y[:n_pre]))
    x = np.column_stack([np.ones(days), controls]) if k else np.zeros((days, 0))
    inside = shocks.first_row < n_pre
    sd_priors = {"level": prior.level, "slope": prior.slope, "season": prior.season}
    sds = {name: sd_priors[name].guess for name in shocks.steps}
    noise, beta = prior.noise.guess, np.zeros(x.shape[1])
    included = np.zeros(x.shape[1], dtype=bool)
    kept: list[tuple[float, float, float, float, NDArray[np.bool_]]] = []
    for draw in range(burn + draws):
        scale = np.full(len(shocks.mean), prior.first_sd)
        for name, which in shocks.steps.items():
            scale[which] = sds[name]
        u = shocks.mean + scale * rng.standard_normal(len(scale))
        residual = y[seen] - x[seen] @ beta
        effect = shocks.effect[np.ix_(seen, np.flatnonzero(inside))]
        u[inside] = _normal(effect, residual, noise, shocks.mean[inside], scale[inside], rng)
        for name, which in shocks.steps.items():
            past = which[inside[which]]
            sds[name] = sd_priors[name].draw(rng, float(u[past] @ u[past]), len(past))
        state = shocks.effect @ u
        if k:
            assert prior.slab is not None
            included, beta, noise = _regression(
                y[seen] - state[seen], x[seen], included, prior, rng
            )
        else:
            error = y[seen] - state[seen]
            noise = prior.noise.draw(rng, float(error @ error), len(error))
        if draw >= burn:
            expected = float((state + x @ beta)[n_pre:].sum())
            post = expected + noise * np.sqrt(days - n_pre) * rng.standard_normal()
            kept.append((expected, post, noise, sds["level"], included[1:].copy()))
    columns = list(zip(*kept, strict=True))
    numbers = [np.array(column) for column in columns[:4]]
    return Draws(*numbers, np.array(columns[4]))


def _normal(
    effect: Floats,
    residual: Floats,
    noise: float,
    mean: Floats,
    scale: Floats,
    rng: np.random.Generator,
) -> Floats:
    """Draw shocks given residual = effect @ shocks + noise, with shocks ~ N(mean, scale²).

    By Matheron's rule: a draw from the prior, moved by what its own fake residuals got wrong.
    """
    u = mean + scale * rng.standard_normal(len(mean))
    fake = effect @ u + noise * rng.standard_normal(len(residual))
    spread = effect * scale**2
    covariance = spread @ effect.T + noise**2 * np.eye(len(residual))
    return u + spread.T @ np.linalg.solve(covariance, residual - fake)


def _regression(
    y: Floats, x: Floats, included: NDArray[np.bool_], prior: Prior, rng: np.random.Generator
) -> tuple[NDArray[np.bool_], Floats, float]:
    """Draw which columns are included, the coefficients and the noise, by BOOM's conditionals."""
    included = included.copy()
    share = min(1.0, prior.model_size / x.shape[1])
    df = len(y) + prior.noise.df

    def fit(which: NDArray[np.bool_]) -> tuple[float, float, Floats, Floats]:
        """Return log probability, sum of squares, posterior mean and precision."""
        slab = prior.slab[np.ix_(which, which)]  # type: ignore[index]
        gram = slab + x[:, which].T @ x[:, which]
        mean = np.linalg.solve(gram, x[:, which].T @ y)
        sum_of_squares = prior.noise.df * prior.noise.guess**2 + y @ y - mean @ gram @ mean
        log_determinants = np.linalg.slogdet(slab)[1] - np.linalg.slogdet(gram)[1]
        probability = log_determinants / 2 - (df / 2 - 1) * np.log(sum_of_squares)
        probability += which.sum() * np.log(share)
        if share < 1:
            probability += (~which).sum() * np.log(1 - share)
        return float(probability), float(sum_of_squares), mean, gram

    if share == 1.0:
        included[:] = True
    else:
        now = fit(included)[0]
        for column in rng.permutation(len(included)):
            flipped = included.copy()
            flipped[column] = ~flipped[column]
            then = fit(flipped)[0]
            if np.log(rng.uniform()) < then - now:
                included, now = flipped, then
    _, sum_of_squares, mean, gram = fit(included)
    own = sum_of_squares - prior.noise.df * prior.noise.guess**2
    noise = prior.noise.draw(rng, own, len(y))
    beta = np.zeros(len(included))
    if included.any():
        root = np.linalg.cholesky(gram / noise**2)
        beta[included] = mean + np.linalg.solve(root.T, rng.standard_normal(len(mean)))
    return included, beta, noise
