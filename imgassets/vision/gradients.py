"""The embedded backbone's fixed layer: histograms of oriented gradients (Dalal, Triggs 2005)."""

from __future__ import annotations

import cv2
import numpy as np

_CELLS, _ORIENTATIONS = 12, 9

LENGTH = _CELLS * _CELLS * _ORIENTATIONS
"""Numbers that describe one picture."""


def layout_of(square: np.ndarray) -> np.ndarray:
    """Return the mean of a picture's oriented gradients and its mirror image's, float32 [LENGTH].

    A mirrored copy shows the same view of the same thing.
    """
    mirrored = np.ascontiguousarray(square[:, ::-1])
    return (oriented_gradients(square) + oriented_gradients(mirrored)) * np.float32(0.5)


def oriented_gradients(square: np.ndarray) -> np.ndarray:
    """Return where in a picture edges of which orientation are.

    Args:
        square: RGB, uint8, side × side × 3; the side is a multiple of 12.

    Returns:
        float32 [LENGTH]: per cell of a 12 × 12 grid the share of each of 9 orientations, evened out
        by the cell's 3 × 3 neighbourhood.
    """
    gray = cv2.cvtColor(square, cv2.COLOR_RGB2GRAY)
    slope_x = cv2.Sobel(gray, cv2.CV_32F, 1, 0, ksize=1)
    slope_y = cv2.Sobel(gray, cv2.CV_32F, 0, 1, ksize=1)
    strength = np.sqrt(np.sqrt(slope_x * slope_x + slope_y * slope_y))
    place = np.arctan2(slope_y, slope_x) % np.pi * (_ORIENTATIONS / np.pi)
    lower = np.floor(place)
    upper_share = place - lower
    first = lower.astype(np.intp) % _ORIENTATIONS
    cell = np.arange(len(square)) * _CELLS // len(square)
    base = (cell[:, None] * _CELLS + cell[None, :]) * _ORIENTATIONS
    counts = np.bincount(
        (base + first).ravel(), (strength * (1 - upper_share)).ravel(), minlength=LENGTH
    ) + np.bincount(
        (base + (first + 1) % _ORIENTATIONS).ravel(),
        (strength * upper_share).ravel(),
        minlength=LENGTH,
    )
    grid = counts.reshape(_CELLS, _CELLS, _ORIENTATIONS)
    energy = cv2.blur(np.square(grid).sum(axis=2), (3, 3))
    return (grid / np.sqrt(energy + 1e2)[..., None]).ravel().astype(np.float32)
