"""How well scores agree with a truth: correlations, pairs in order, and intervals of both.

Photos of one product or style are alike, so intervals come from resampling these groups whole (the
cluster bootstrap: Davison & Hinkley, *Bootstrap Methods and their Application*, 1997, section 3.8).
A resample is a row of multiplicities, how often each row of the data is drawn. A statistic of all
resamples is then a few products of matrices, not a loop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np

Statistic: TypeAlias = Callable[[np.ndarray], np.ndarray]
"""Takes multiplicities, float64 [resamples, n]; returns float64 [resamples], NaN: not defined."""

RESAMPLES = 2000
COVERAGE = 0.95
MIN_GROUPS = 3
"""Groups under which there is no interval: resamples of two groups are hardly different."""

_CELLS = 4_000_000
"""Multiplicities that are held at the same time."""

_ROUNDING = 1e-12
"""Standard deviation, in units of the range, under which a variable is a constant."""


class Estimate(NamedTuple):
    """A statistic with its interval.

    Attributes:
        value: of all rows; None: not defined, e.g. the correlation of a constant.
        lower: 2.5th percentile over resamples; None: too few groups, or no value.
        upper: 97.5th percentile, likewise.
    """

    value: float | None
    lower: float | None
    upper: float | None


def pearson_of(x: np.ndarray, y: np.ndarray) -> Statistic:
    """Return Pearson's correlation of two variables, each [n], as a statistic."""
    x, y = _finite(x, y)

    def statistic(times: np.ndarray) -> np.ndarray:
        return _weighted_pearson(times, x, y)

    return statistic


def spearman_of(x: np.ndarray, y: np.ndarray) -> Statistic:
    """Return Spearman's correlation, of ranks within each resample; ties share their mean rank."""
    x, y = _finite(x, y)
    ranks = [_RanksOfResamples(values) for values in (x, y)]

    def statistic(times: np.ndarray) -> np.ndarray:
        return _weighted_pearson(times, ranks[0](times), ranks[1](times))

    return statistic


def ratio_of(numerators: np.ndarray, denominators: np.ndarray) -> Statistic:
    """Return the ratio of two sums, each over [n], as a statistic.

    With ones below it is a mean; with pairs in order over pairs, both per group, it is the
    accuracy of pairs (:func:`pair_counts`).
    """
    above, below = _finite(numerators, denominators)

    def statistic(times: np.ndarray) -> np.ndarray:
        total = times @ below
        ratios: np.ndarray = np.divide(
            times @ above, total, out=np.full(len(times), np.nan), where=total > 0
        )
        return ratios

    return statistic


def cluster_bootstrap(
    statistic: Statistic, groups: np.ndarray, *, seed: int, resamples: int = RESAMPLES
) -> Estimate:
    """Return a statistic with the interval of percentiles over resampled groups.

    Args:
        statistic: of :func:`pearson_of`, :func:`spearman_of` or :func:`ratio_of`.
        groups: [n] labels (any type that numpy sorts); rows of a group are drawn together.
        seed: of the resampling; the same for two statistics: the same resamples.
        resamples: how many.
    """
    groups = np.asarray(groups)
    if not groups.size:
        return Estimate(None, None, None)
    value = float(statistic(np.ones((1, len(groups))))[0])
    if not np.isfinite(value):
        return Estimate(None, None, None)
    names, number = np.unique(groups, return_inverse=True)
    if len(names) < MIN_GROUPS:
        return Estimate(value, None, None)
    rng = np.random.default_rng([seed, len(names), resamples])
    block = max(1, _CELLS // len(groups))
    found = []
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=size)
        found.append(statistic(drawn.astype(np.float64)[:, number]))
    values = np.concatenate(found)
    # A resample in which a variable is constant has no correlation and says nothing of it.
    values = values[np.isfinite(values)]
    if not values.size:
        return Estimate(value, None, None)
    tail = (1 - COVERAGE) / 2
    lower, upper = np.quantile(values, [tail, 1 - tail])
    return Estimate(value, float(lower), float(upper))


def pearson(x: np.ndarray, y: np.ndarray) -> float:
    """Return Pearson's correlation, -1 … 1; NaN: fewer than two rows, or a constant."""
    return _once(pearson_of(x, y), len(x))


def spearman(x: np.ndarray, y: np.ndarray) -> float:
    """Return Spearman's rank correlation, -1 … 1; NaN likewise."""
    return _once(spearman_of(x, y), len(x))


def pairwise_accuracy(
    score: np.ndarray, truth: np.ndarray, groups: np.ndarray | None = None
) -> float:
    """Return the share of pairs that a score orders as the truth does, 0 … 1; NaN: no pair.

    Pairs of equal truth are left out; a pair of equal scores counts one half.

    Args:
        score: [n], higher is better.
        truth: [n], likewise.
        groups: [n] labels; only pairs within a group count. None: all pairs.
    """
    _, right, pairs = pair_counts(score, truth, groups)
    return float(right.sum() / pairs.sum()) if pairs.sum() else float("nan")


def pair_counts(
    score: np.ndarray, truth: np.ndarray, groups: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count pairs in order, group by group; see :func:`pairwise_accuracy`.

    Returns:
        The groups' labels, sorted; pairs in order and pairs in all, float64 [groups] each.
    """
    score, truth = _finite(score, truth)
    groups = np.zeros(len(score), np.int8) if groups is None else np.asarray(groups)
    names, number = np.unique(groups, return_inverse=True)
    order = np.argsort(number, kind="stable")
    ends = np.cumsum(np.bincount(number, minlength=len(names)))
    right, pairs = np.zeros(len(names)), np.zeros(len(names))
    for group, rows in enumerate(np.split(order, ends[:-1]) if len(names) else []):
        right[group], pairs[group] = _count_pairs(score[rows], truth[rows])
    return names, right, pairs


def _count_pairs(score: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Return pairs in order and pairs in all; each pair is met once, from its better photo."""
    right = pairs = 0.0
    block = max(1, _CELLS // max(1, len(score)))
    for start in range(0, len(score), block):
        rows = slice(start, start + block)
        better = truth[rows, None] > truth[None, :]
        pairs += float(better.sum())
        right += float((better & (score[rows, None] > score[None, :])).sum())
        right += float((better & (score[rows, None] == score[None, :])).sum()) / 2
    return right, pairs


def _once(statistic: Statistic, n: int) -> float:
    return float(statistic(np.ones((1, n)))[0]) if n else float("nan")


def _finite(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return two variables as float64.

    Raises:
        ValueError: they differ in length, or a value is no number.
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(f"two variables of the same length are compared, not {x.shape}, {y.shape}")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("a value is no finite number: leave its row out, and say how many were")
    return x, y


def _weighted_pearson(times: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the correlation of each resample; x and y are [n], or [resamples, n]."""
    n = np.maximum(times.sum(axis=1), 1)
    x, y = _centred(times, n, x), _centred(times, n, y)
    together = (times * x * y).sum(axis=1)
    spread_x, spread_y = (times * x * x).sum(axis=1), (times * y * y).sum(axis=1)
    # What rounding leaves of a constant is not a spread.
    known = np.minimum(spread_x, spread_y) > n * _ROUNDING**2
    scale = np.sqrt(spread_x * spread_y)
    found: np.ndarray = np.divide(together, scale, out=np.full(len(times), np.nan), where=known)
    return np.clip(found, -1, 1)


def _centred(times: np.ndarray, n: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return a variable, in units of its range, less its mean over each resample's n rows."""
    moved = x - x.flat[0] if x.size else x
    moved = moved / (np.abs(moved).max(initial=0.0) or 1.0)
    centred: np.ndarray = moved - ((times * moved).sum(axis=1) / n)[:, None]
    return centred


class _RanksOfResamples:
    """Mean ranks of a variable among the rows that a resample draws."""

    def __init__(self, values: np.ndarray) -> None:
        self._order = np.argsort(values, kind="stable")
        ordered = values[self._order]
        self._starts = np.flatnonzero(np.r_[len(values) > 0, ordered[1:] != ordered[:-1]])
        self._tie = np.empty(len(values), np.int64)
        tied = np.diff(np.r_[self._starts, len(values)])
        self._tie[self._order] = np.repeat(np.arange(len(self._starts)), tied)

    def __call__(self, times: np.ndarray) -> np.ndarray:
        """Return ranks, float64 [resamples, n], of multiplicities of the same shape."""
        if not self._starts.size:
            return np.empty_like(times)
        drawn = np.add.reduceat(times[:, self._order], self._starts, axis=1)
        ranks: np.ndarray = np.cumsum(drawn, axis=1) - drawn / 2 + 0.5
        return ranks[:, self._tie]
