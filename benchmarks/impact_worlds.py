"""Eight simulated worlds in which a new image set changes nothing.

Used by the other `impact_*` benchmarks. Each world is a set of like cells: daily series that share
nothing but the law they are drawn from. A cell has a treated series and 30 candidate controls, 150
days of which the last 30 come after a set went live that had no effect. `lift` multiplies those
days, to measure power.

The numbers below were fixed before any result was seen. Three factors move a cell's category: a
slow one (autoregressive, 0.95 a day), a fast one (0.7) and a week that repeats. Together they move
the treated series by 15 % of its level, a busy category's swing over a season; its own noise is
10 % of its level, what overdispersed counts of some hundred a day show. Twenty candidates follow
the same factors with weights of their own, ten follow something else: who chooses must tell them
apart.

| world | what differs from the model that is fitted |
|---|---|
| well specified | nothing: the level moves by 1 % of the series' swing a day, white noise |
| random-walk level | the level moves by 7 % of the noise a day: four times what is expected |
| autoregressive errors | noise with a memory of 0.6 a day, of the same variance |
| own weekly season | a week of its own (sd 6 % of the level) which no candidate has |
| Poisson counts | counts of 20 to 50 a day; its noise grows with its level |
| heavy tails | noise from a t distribution of 3 degrees of freedom, of the same variance |
| noisy factors | each candidate's own noise is 20 % instead of 2 % of its level |
| trend | an own straight trend, drawn with sd 0.1 % of the level a day; it goes on after the set |
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

PRE_DAYS, POST_DAYS = 120, 30
DAYS = PRE_DAYS + POST_DAYS
CANDIDATES, FOLLOWERS = 30, 20
LEVEL, SWING, NOISE = 100.0, 0.15, 0.10
SLOW, FAST = 0.95, 0.7
FACTOR_SHARES = (0.6, 0.2, 0.2)
WARM_UP = 200

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Law:
    """How a world differs from the well specified one; shares are of the series' level."""

    level_sd: float = 0.01 * SWING
    error_memory: float = 0.0
    week_sd: float = 0.0
    counts: bool = False
    degrees: int = 0
    candidate_noise: float = 0.02
    slope_sd: float = 0.0


WORLDS = {
    "well specified": Law(),
    "random-walk level": Law(level_sd=0.07 * NOISE),
    "autoregressive errors": Law(error_memory=0.6),
    "own weekly season": Law(week_sd=0.06),
    "Poisson counts": Law(counts=True),
    "heavy tails": Law(degrees=3),
    "noisy factors": Law(candidate_noise=0.20),
    "trend": Law(slope_sd=0.001),
}


class Cells(NamedTuple):
    """Series of one world: `y` [cells, days], `candidates` [cells, days, candidates]."""

    y: Floats
    candidates: Floats

    def lifted(self, lift: float) -> Floats:
        """Return `y` with the days after the set multiplied by 1 + `lift`."""
        y = self.y.copy()
        y[:, PRE_DAYS:] *= 1.0 + lift
        return y


def simulate(world: str, cells: int, seed: int = 0) -> Cells:
    """Draw the cells of a world; the first n are the same whatever their number.

    Args:
        world: A name in `WORLDS`.
        cells: How many to draw.
        seed: Another seed draws other cells.
    """
    number = list(WORLDS).index(world)
    drawn = [
        _cell(WORLDS[world], np.random.default_rng((seed, number, cell))) for cell in range(cells)
    ]
    return Cells(np.stack([y for y, _ in drawn]), np.stack([x for _, x in drawn]))


def _cell(law: Law, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Draw one cell: the treated series [days] and its candidates [days, candidates]."""
    factors = _factors(rng)
    treated = 1.0 + factors @ _weights(rng) * SWING + _own_movement(law, rng)
    weights = np.stack([_weights(rng) for _ in range(FOLLOWERS)], axis=1)
    strangers = [_factors(rng) @ _weights(rng) for _ in range(CANDIDATES - FOLLOWERS)]
    movement = np.concatenate([factors @ weights, np.stack(strangers, axis=1)], axis=1)
    candidates = 1.0 + movement * SWING
    candidates += law.candidate_noise * rng.standard_normal(candidates.shape)
    levels = LEVEL * rng.lognormal(0.0, 0.5, CANDIDATES)
    order = rng.permutation(CANDIDATES)
    y = _observed(treated, law, rng)
    return y, (np.maximum(candidates, 0.01) * levels)[:, order]


def _observed(treated: Floats, law: Law, rng: np.random.Generator) -> Floats:
    """Return what is counted of a treated series whose level is 1: with noise, never below zero."""
    if law.counts:
        return rng.poisson(rng.uniform(20, 50) * np.maximum(treated, 0.05)).astype(np.float64)
    if law.degrees:
        noise = rng.standard_t(law.degrees, DAYS) / np.sqrt(law.degrees / (law.degrees - 2))
    else:
        noise = _autoregressive(law.error_memory, rng)
    return LEVEL * np.maximum(treated + NOISE * noise, 0.0)


def _own_movement(law: Law, rng: np.random.Generator) -> Floats:
    """Return what moves the treated series alone, as a share of its level, [days]."""
    level = np.cumsum(law.level_sd * rng.standard_normal(DAYS))
    week = rng.standard_normal(7)
    week = law.week_sd * (week - week.mean())[np.arange(DAYS) % 7]
    slope = law.slope_sd * rng.standard_normal()
    return level + week + slope * (np.arange(DAYS) - PRE_DAYS / 2)


def _factors(rng: np.random.Generator) -> Floats:
    """Return the movements of a category, each of variance 1 in the long run, [days, 3]."""
    week = rng.standard_normal(7)
    week = (week - week.mean()) / week.std()
    return np.stack(
        [_autoregressive(SLOW, rng), _autoregressive(FAST, rng), week[np.arange(DAYS) % 7]], axis=1
    )


def _weights(rng: np.random.Generator) -> Floats:
    """Return how strongly a series follows each factor; the expected sum of squares is 1."""
    return np.sqrt(FACTOR_SHARES) * rng.uniform(0.4, 1.6, 3) / np.sqrt(1.12)


def _autoregressive(memory: float, rng: np.random.Generator) -> Floats:
    """Return a first-order autoregression of variance 1, [days]."""
    shocks = rng.standard_normal(DAYS + WARM_UP) * np.sqrt(1.0 - memory**2)
    values = np.empty(DAYS + WARM_UP)
    value = 0.0
    for day, shock in enumerate(shocks):
        value = memory * value + shock
        values[day] = value
    return values[WARM_UP:]
