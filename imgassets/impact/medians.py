"""Medians of what is known, without a call per series."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def masked_median(values: Floats, chosen: NDArray[np.bool_]) -> Floats:
    """Return each row's median of the chosen values, [n]; NaN of a row without any.

    Args:
        values: [n, m].
        chosen: [n, m].
    """
    if not values.shape[1]:
        return np.full(len(values), np.nan)
    ordered = np.sort(np.where(chosen, values, np.inf), axis=1)
    number = chosen.sum(axis=1)
    middle = np.stack([np.maximum(number - 1, 0) // 2, number // 2], axis=1)
    middle = np.minimum(middle, values.shape[1] - 1)
    medians: Floats = np.take_along_axis(ordered, middle, axis=1).mean(axis=1)
    return np.where(number > 0, medians, np.nan)
