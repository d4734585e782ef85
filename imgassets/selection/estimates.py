"""What a sample of products tells about a whole category, with confidence intervals."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

CONFIDENCE = 0.95
_RESAMPLES = 2000


class Estimate(NamedTuple):
    """A value and its interval at :data:`CONFIDENCE`."""

    value: float
    lower: float
    upper: float

    def times(self, factor: float) -> Estimate:
        """Return the estimate of a multiple."""
        return Estimate(*(part * factor for part in self))


def share(count: int, total: int) -> Estimate:
    """Estimate a proportion: Wilson's score interval, which holds for few items and rare events.

    Args:
        count: items that have the property.
        total: items looked at, at least 1.

    Raises:
        ValueError: there are no items.
    """
    from scipy.stats import binomtest  # type: ignore[import-untyped]

    if total < 1:
        raise ValueError("a share of no items cannot be estimated")
    interval = binomtest(count, total).proportion_ci(CONFIDENCE, method="wilson")
    return Estimate(count / total, float(interval.low), float(interval.high))


def per_item(amounts: ArrayLike, items: ArrayLike, seed: int) -> Estimate:
    """Estimate an amount per item: a ratio of sums, bootstrapped (percentile interval).

    What was measured together is drawn again together: a group of products has one time, and a
    product's images are left out for like reasons (cluster bootstrap).

    Args:
        amounts: of each group of items, such as its seconds.
        items: of each group; at least 1 in all.
        seed: of the resampling.

    Raises:
        ValueError: there are no items.
    """
    of_groups, counts = np.asarray(amounts, float), np.asarray(items, float)
    if not counts.sum() > 0:
        raise ValueError("an amount per item needs items")
    drawn = np.random.default_rng(seed).integers(0, len(counts), (_RESAMPLES, len(counts)))
    ratios = of_groups[drawn].sum(1) / np.maximum(counts[drawn].sum(1), 1)
    tail = (1 - CONFIDENCE) / 2
    lower, upper = np.quantile(ratios, [tail, 1 - tail])
    return Estimate(float(of_groups.sum() / counts.sum()), float(lower), float(upper))
