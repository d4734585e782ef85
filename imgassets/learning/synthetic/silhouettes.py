"""Outlines of goods as points in a unit square, y down."""

from __future__ import annotations

import numpy as np

from imgassets.learning.synthetic.art import curve


def _mirrored(half: list[tuple[float, float]]) -> np.ndarray:
    """Complete an outline from its right half, from top to bottom."""
    right = np.asarray(half, float)
    left = np.stack([1 - right[::-1, 0], right[::-1, 1]], axis=1)
    return np.concatenate([right, left])


SHIRT = _mirrored(
    [(0.58, 0.07), (0.68, 0.1), (0.82, 0.16), (0.97, 0.38), (0.82, 0.47), (0.75, 0.36),
     (0.75, 0.95)]
)  # fmt: skip
DRESS = _mirrored(
    [(0.57, 0.08), (0.62, 0.05), (0.66, 0.2), (0.63, 0.4), (0.84, 0.95)]
)  # fmt: skip
TROUSERS = _mirrored(
    [(0.72, 0.04), (0.75, 0.3), (0.78, 0.97), (0.6, 0.97), (0.5, 0.34)]
)  # fmt: skip
BOTTLE = _mirrored(
    [(0.55, 0.03), (0.55, 0.14), (0.56, 0.24), (0.64, 0.34), (0.66, 0.42), (0.66, 0.93),
     (0.63, 0.97)]
)  # fmt: skip
CAN = _mirrored([(0.68, 0.08), (0.7, 0.12), (0.7, 0.9), (0.68, 0.94)])
SHOE = np.array(
    [(0.06, 0.34), (0.1, 0.3), (0.28, 0.36), (0.36, 0.3), (0.62, 0.5), (0.86, 0.56), (0.96, 0.66),
     (0.96, 0.76), (0.06, 0.76)]
)  # fmt: skip
CAP = np.array(
    [(0.1, 0.62), (0.12, 0.44), (0.24, 0.28), (0.42, 0.22), (0.6, 0.28), (0.7, 0.44), (0.72, 0.56),
     (0.95, 0.64), (0.94, 0.7), (0.7, 0.66), (0.1, 0.68)]
)  # fmt: skip
VASE = curve(
    _mirrored([(0.6, 0.05), (0.57, 0.18), (0.74, 0.45), (0.72, 0.7), (0.6, 0.95)])
)  # fmt: skip
BAG = _mirrored([(0.78, 0.3), (0.86, 0.92)])
LAMP = _mirrored(
    [(0.66, 0.06), (0.82, 0.42), (0.53, 0.42), (0.53, 0.86), (0.68, 0.9), (0.68, 0.95)]
)  # fmt: skip
CHAIR = np.array(
    [(0.26, 0.06), (0.34, 0.06), (0.36, 0.48), (0.76, 0.48), (0.78, 0.56), (0.76, 0.95),
     (0.71, 0.95), (0.7, 0.6), (0.36, 0.6), (0.34, 0.95), (0.28, 0.95)]
)  # fmt: skip
PHONE = _mirrored([(0.69, 0.06), (0.7, 0.08), (0.7, 0.92), (0.69, 0.94)])
SOFA = _mirrored(
    [(0.8, 0.28), (0.84, 0.44), (0.97, 0.46), (0.97, 0.8), (0.9, 0.8), (0.9, 0.86), (0.86, 0.86),
     (0.86, 0.8)]
)  # fmt: skip
BOX = np.array(
    [(0.5, 0.1), (0.9, 0.28), (0.9, 0.7), (0.5, 0.92), (0.1, 0.7), (0.1, 0.28)]
)  # fmt: skip

ALL = (
    SHIRT, DRESS, TROUSERS, BOTTLE, CAN, SHOE, CAP, VASE, BAG, LAMP, CHAIR, PHONE, SOFA, BOX,
)  # fmt: skip
