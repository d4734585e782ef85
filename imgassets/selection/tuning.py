"""Where "the same" ends: limits of distances, from pairs that people (or a generator) labelled.

A limit is inclusive: pairs up to it are the same. Among the numbers that part the labelled pairs
alike, the one with the fewest decimals is taken, within the lower half of the gap.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np


class Scores(NamedTuple):
    """How well pairs were told apart; "the same" is the positive class.

    Attributes:
        precision: share of pairs called the same that are; 1 where none was.
        recall: share of the same pairs that were found; 1 where there are none.
        f1: harmonic mean of both.
        n_called: pairs called the same.
        n_right: those of them that are.
    """

    precision: float
    recall: float
    f1: float
    n_called: int
    n_right: int


class TooFewPairs(ValueError):
    """These pairs prove no limit precise enough; the message says how many it takes."""


def score(said: np.ndarray, same: np.ndarray) -> Scores:
    """Score decisions.

    Args:
        said: bool, pairs that were called the same.
        same: bool, pairs that are.
    """
    right, called, total = (int(np.count_nonzero(x)) for x in (said & same, said, same))
    return Scores(
        right / called if called else 1.0,
        right / total if total else 1.0,
        2 * right / (called + total) if called + total else 1.0,
        called,
        right,
    )


def precision_bound(
    n_right: int | np.ndarray, n_called: int | np.ndarray, confidence: float
) -> np.ndarray:
    """Return the precision that decisions have at least, with this confidence: float64.

    The lower end of the one-sided interval of Clopper and Pearson (1934), which is exact: four
    right out of four prove a precision of 0.67 with a confidence of 0.8, not of 1.
    """
    from scipy.stats import beta  # type: ignore[import-untyped]

    right, called = np.asarray(n_right), np.asarray(n_called)
    bound = beta.ppf(1 - confidence, np.maximum(right, 1), called - right + 1)
    return np.where(right > 0, bound, 0.0)


def pairs_needed(min_precision: float, confidence: float) -> int:
    """Return how many decisions without an error prove a precision with a confidence."""
    return math.ceil(math.log(1 - confidence) / math.log(min_precision))


def require_both_labels(same: np.ndarray) -> None:
    """Refuse labels that nothing can be tuned on.

    Raises:
        ValueError: there is no pair of the same or none of different pictures.
    """
    if not same.any():
        raise ValueError("no pair to tune on is labelled as the same: there is nothing to find")
    if same.all():
        raise ValueError("no pair to tune on is labelled as different: any limit would do")


def best_limit(distances: np.ndarray, same: np.ndarray) -> float:
    """Return the largest limit with the best F1.

    Args:
        distances: one per pair; finite.
        same: bool, one per pair.

    Raises:
        ValueError: there is no pair of the same or none of different pictures, or a distance is
            not finite.
    """
    values, called, right = _steps(distances, same)
    f1 = 2 * right / (called + np.count_nonzero(same))
    return _between(values, int(np.flatnonzero(f1 == f1.max())[-1]))


def safe_limit(
    distances: np.ndarray, same: np.ndarray, min_precision: float, confidence: float
) -> float:
    """Return a limit whose precision is proven and whose recall is as good as any such limit's.

    Precise on the pairs it was tuned on is not enough: the best of many limits is lucky there. So
    :func:`precision_bound`, not the precision itself, must reach the aim. And of all such limits it
    is the smallest whose recall these pairs cannot tell from the best (the rule of one standard
    error, Breiman et al. 1984, with the same bound): the last duplicate, far beyond all others, is
    no reason to call pairs the same at its distance.

    Args:
        distances: one per pair; finite.
        same: bool, one per pair.
        min_precision: the aim, under 1.
        confidence: how sure to be of it, 0 … 1.

    Raises:
        TooFewPairs: no limit's precision is proven.
        ValueError: as in :func:`best_limit`.
    """
    values, called, right = _steps(distances, same)
    proven = precision_bound(right, called, confidence) >= min_precision
    if proven.any():
        n_same = int(np.count_nonzero(same))
        least = n_same * precision_bound(int(right[proven].max()), n_same, confidence)
        return _between(values, int(np.flatnonzero(proven & (right >= least))[0]))
    errorless = int(right[called == right].max(initial=0))
    raise TooFewPairs(
        f"no limit has a precision of {min_precision:g} for sure (confidence {confidence:g}): that "
        f"takes {pairs_needed(min_precision, confidence)} pairs found the same without an error, "
        f"and here are {errorless}"
    )


def best_limits(distances: np.ndarray, same: np.ndarray) -> tuple[float, ...]:
    """Return the three limits that together have the best F1: all three must be kept.

    Every combination is tried; of equally good ones, that with the smallest first, then second,
    then third limit.

    Args:
        distances: pairs × 3; finite. The first two have few values (differing bits).
        same: bool, one per pair.

    Raises:
        ValueError: as in :func:`best_limit`.
    """
    for column in distances.T:
        _steps(column, same)
    order = np.argsort(distances[:, 2], kind="stable")
    first, second, third = distances[order].T
    same = same[order]
    # The last pair of each value of the third distance: a limit cannot part equal ones.
    last = np.append(third[1:] > third[:-1], True)
    firsts, seconds, thirds = (np.unique(column) for column in (first, second, third))
    best, found = -1.0, (0, 0, 0)
    for i, limit in enumerate(firsts):
        for j, other in enumerate(seconds):
            kept = (first <= limit) & (second <= other)
            called, right = np.cumsum(kept)[last], np.cumsum(kept & same)[last]
            f1 = 2 * right / (called + np.count_nonzero(same))
            k = int(f1.argmax())
            if f1[k] > best:
                best, found = float(f1[k]), (i, j, k)
    return tuple(_between(v, at) for v, at in zip((firsts, seconds, thirds), found, strict=True))


def covering_limit(distances: np.ndarray, same: np.ndarray, slack: float = 0.0) -> float:
    """Return the least limit that no pair of the same pictures exceeds.

    Args:
        distances: one per pair; finite.
        same: bool, one per pair.
        slack: what is added, as a share: the next pair may be further apart than all so far.

    Raises:
        ValueError: as in :func:`best_limit`.
    """
    values, _, right = _steps(distances, same)
    most = float(values[int(right.argmax())]) * (1 + slack)
    return _between(np.array([most]), 0)


def _steps(distances: np.ndarray, same: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the distinct distances, and how many pairs, and same pairs, are within each."""
    if not np.isfinite(distances).all():
        raise ValueError("a distance is not finite")
    require_both_labels(same)
    values, at = np.unique(distances, return_inverse=True)
    called = np.cumsum(np.bincount(at, minlength=len(values)))
    right = np.cumsum(np.bincount(at, weights=same, minlength=len(values)))
    return values, called, right.astype(np.int64)


def _between(values: np.ndarray, step: int) -> float:
    """Return the number with the fewest decimals from one value on, before the middle to the next.

    Bits that differ stay whole numbers; others get no more digits than the pairs tell.
    """
    low = float(values[step])
    high = (low + float(values[step + 1])) / 2 if step + 1 < len(values) else 1.01 * low
    for decimals in range(16):
        rounded = round(math.ceil(low * 10**decimals) / 10**decimals, decimals)
        if low <= rounded < high:
            return rounded
    return low
