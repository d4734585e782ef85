"""Perceptual hashes from one small gray picture, by a few products of small matrices.

The reference is imagehash (with pillow's resampling): the bits agree with it but for values that
lie on the threshold. All hashes are 64 bits, written as 16 hex digits, row by row.
"""

from __future__ import annotations

import cv2
import numpy as np

from imgassets.vision.kernels import bits_of_rises, bits_over_median, separate

SIDE = 64
"""Side (pixels) of the gray picture that hashes are computed from."""


def _lanczos(size: int, target: int) -> np.ndarray:
    """Weights (target × size) of pillow's Lanczos reduction of one axis."""
    scale = size / target
    centre = (np.arange(target)[:, None] + 0.5) * scale
    at = (np.arange(size)[None, :] + 0.5 - centre) / scale
    weights = np.where(np.abs(at) < 3, np.sinc(at) * np.sinc(at / 3), 0.0)
    return weights / weights.sum(axis=1, keepdims=True)


def _cosines(size: int, count: int) -> np.ndarray:
    """The lowest frequencies (count × size) of the discrete cosine transform (type II)."""
    return np.cos(np.pi / size * np.outer(np.arange(count), np.arange(size) + 0.5))


_ROWS = np.ascontiguousarray(_lanczos(SIDE, 8).T)
_COLUMNS = _lanczos(SIDE, 9)
_COSINES = _cosines(SIDE // 2, 8)
_COSINES_T = np.ascontiguousarray(_COSINES.T)


def phash(square: np.ndarray) -> str:
    """Perceptual hash: the 8 × 8 lowest DCT frequencies of 32 × 32 pixels.

    A bit says whether a frequency is over the median of all. Source: ``imagehash.phash`` with its
    defaults.

    Args:
        square: gray, uint8, 64 × 64.
    """
    half = cv2.resize(square, (SIDE // 2, SIDE // 2), interpolation=cv2.INTER_AREA)
    # Rounded, so that a frequency that is not there is exactly zero.
    low = np.rint(separate(half, _COSINES, _COSINES_T) * 64)
    return f"{bits_over_median(low):016x}"


def dhash(square: np.ndarray) -> str:
    """Difference hash: whether each of 9 × 8 cells is darker than its right neighbour.

    Source: ``imagehash.dhash`` with its defaults.

    Args:
        square: gray, uint8, 64 × 64.
    """
    return f"{bits_of_rises(cv2.transpose(square), _COLUMNS, _ROWS):016x}"
