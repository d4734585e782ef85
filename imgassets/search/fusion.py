"""Several rankings as one: reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009)."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TypeVar

K = TypeVar("K", bound=Hashable)

DAMPING = 60
"""The constant of the paper: the larger, the less a first place is worth against a tenth."""


def fuse(rankings: Sequence[Sequence[K]]) -> list[tuple[K, float]]:
    """Return what any ranking has, best first, with scores; scales of the rankings play no part.

    Args:
        rankings: each the best first, without repetitions.

    Returns:
        Thing and score, the sum of 1 / (60 + rank) over the rankings that have it. Of equal ones
        that first which an earlier ranking named first.
    """
    scores: dict[K, float] = {}
    for ranking in rankings:
        for rank, thing in enumerate(ranking, 1):
            scores[thing] = scores.get(thing, 0.0) + 1 / (DAMPING + rank)
    return sorted(scores.items(), key=lambda pair: -pair[1])
