"""The sweep operator: linear regressions on a changing set of controls, one pivot at a time.

Goodnight (1979), "A tutorial on the SWEEP operator", The American Statistician 33.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True)
def sweep(matrix: NDArray[np.float64], pivot: int, sign: float) -> None:
    """Take a column into the regression (sign 1) or out of it again (sign -1), in place.

    Args:
        matrix: symmetric [columns, columns]. Once the set S is swept, the block of S is minus the
            inverse of what it was, element (i, k) for k in S is column i's coefficient on k, and
            the rest is what regression on S leaves of it.
        pivot: the column.
        sign: 1.0 or -1.0.
    """
    width = matrix.shape[0]
    inverse = 1.0 / matrix[pivot, pivot]
    line = matrix[pivot]
    scale = sign * inverse
    for row in range(width):
        if row != pivot:
            here = matrix[row]
            share = here[pivot] * inverse
            for column in range(width):
                here[column] -= share * line[column]
            here[pivot] = sign * share
    for column in range(width):
        line[column] *= scale
    line[pivot] = -inverse


@njit(cache=True)
def sweep_set(matrix: NDArray[np.float64], included: NDArray[np.bool_]) -> float:
    """Sweep all included controls (control k is column k + 1); return the log determinant."""
    log_determinant = 0.0
    for control in range(included.size):
        if included[control]:
            log_determinant += np.log(matrix[control + 1, control + 1])
            sweep(matrix, control + 1, 1.0)
    return log_determinant
