"""The nearest of many vectors, exactly: every one is compared, in memory that does not grow."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_ROWS = 16_384
"""Vectors that are compared at a time."""

_QUERIES = 128
"""Queries that are compared at a time."""


class Nearest(NamedTuple):
    """The nearest vectors of each query, best first; of equal scores the earlier one.

    Attributes:
        places: int64, queries × k: rows of the vectors that were searched.
        scores: float32, queries × k: inner products.
    """

    places: NDArray[np.int64]
    scores: NDArray[np.float32]


def nearest(
    queries: NDArray[np.float32],
    vectors: NDArray[np.float32],
    k: int,
    among: NDArray[np.int64] | None = None,
) -> Nearest:
    """Return the vectors with the largest inner products with each query.

    Args:
        queries: queries × dimension, finite.
        vectors: vectors × dimension, perhaps memory-mapped; read once per 128 queries.
        k: how many; all are returned where there are fewer.
        among: rows that may be found, ascending and distinct; None: all.

    Raises:
        ValueError: k is below 1, the dimensions differ, or a query holds what is no number.
    """
    if k < 1:
        raise ValueError(f"k is how many vectors to return, at least 1 (got {k})")
    if queries.ndim != 2 or queries.shape[1] != vectors.shape[1]:
        raise ValueError(
            f"queries of shape {queries.shape} do not fit vectors of length {vectors.shape[1]}"
        )
    if not np.isfinite(queries).all():
        raise ValueError("a query's vector holds what is no number")
    size = len(vectors) if among is None else len(among)
    k = min(k, size)
    places = np.zeros((len(queries), k), np.int64)
    scores = np.zeros((len(queries), k), np.float32)
    if not k:
        return Nearest(places, scores)
    for first in range(0, len(queries), _QUERIES):
        part = slice(first, first + _QUERIES)
        found = [_Best(k) for _ in queries[part]]
        for start in range(0, size, _ROWS):
            stop = min(start + _ROWS, size)
            if among is None:
                block, rows = vectors[start:stop], np.arange(start, stop)
            else:
                rows = among[start:stop]
                block = vectors[rows]
            for best, row in zip(found, queries[part] @ block.T, strict=True):
                best.add(rows, row)
        for row, best in enumerate(found, first):
            places[row], scores[row] = best.places, best.scores
    return Nearest(places, scores)


class _Best:
    """The best of what one query was compared with so far, in order."""

    def __init__(self, k: int) -> None:
        self._k = k
        self.places = np.zeros(0, np.int64)
        self.scores = np.zeros(0, np.float32)

    def add(self, rows: NDArray[np.int64], scores: NDArray[np.float32]) -> None:
        """Take in later rows: one that only equals the last of the best is not better."""
        if len(self.scores) == self._k:
            better = np.flatnonzero(scores > self.scores[-1])
        else:
            better = np.arange(len(scores))
        if len(better) > self._k:
            limit = np.partition(scores[better], -self._k)[-self._k]
            better = better[scores[better] >= limit]
        if not len(better):
            return
        places = np.concatenate([self.places, rows[better]])
        found = np.concatenate([self.scores, scores[better]])
        order = np.argsort(-found, kind="stable")[: self._k]
        self.places, self.scores = places[order], found[order]
