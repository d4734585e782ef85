"""How much an approximate index finds of what is nearest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imgassets.search.index import SearchIndex
from imgassets.search.vectors import nearest

_ROUNDING = 1e-6
"""An image that scores as well as the last of the right ones is as right."""


def measure_recall(index: SearchIndex, queries: NDArray[np.float32], k: int = 10) -> float | None:
    """Return the share of the ``k`` nearest images that the index finds, over queries.

    Args:
        index: the index.
        queries: queries × dimension: such as it will be asked, since texts lie elsewhere in the
            space than images do and are harder to answer.
        k: neighbours.

    Returns:
        0 … 1; None where there are no queries, or no images.
    """
    exact = nearest(queries, index.vectors, k)
    if not exact.scores.size:
        return None
    right = 0
    for query, scores in zip(queries, exact.scores, strict=True):
        found = index.nearest(query, k).scores[0]
        right += int(np.count_nonzero(found >= scores[-1] - _ROUNDING))
    return right / exact.scores.size
