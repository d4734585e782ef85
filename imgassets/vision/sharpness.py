"""How steep the object's edges are, on lines that cross it."""

from __future__ import annotations

import cv2
import numpy as np

from imgassets.vision.kernels import cross_lines, steepness

STEPPED = 0.5
"""Sharpness of an ideal step: also the answer where there is no edge to judge."""

_LINES = 32
"""Lines across the object in either direction, at most, evenly spaced."""

_WINDOWS = ((7, 16), (31, 48))
"""Lengths (pixels) of the window whose contrast an edge's steepness is compared with, and the least
contrast (gray levels) of an edge in it: below that noise and compression decide, or mere shading.
The second is for pictures too blurred to have contrast within the first."""

_MIN_EDGE_PIXELS = 12
"""Fewer edge pixels say nothing about sharpness."""


def lines_across(crop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Luma along lines across the object, evenly spaced.

    Args:
        crop: the object, RGB, uint8, height × width × 3, at working size.

    Returns:
        Rows and columns, uint8, lines × pixels.
    """
    return cross_lines(crop, _LINES)


def sharpness(lines: tuple[np.ndarray, np.ndarray]) -> float:
    """Steepness of the object's strongest edges: how much of an edge's contrast one pixel takes.

    The object is looked at along rows and along columns. The steepest slope of each strong edge
    (gray levels per pixel) is divided by the contrast around it: the reciprocal of the edge's
    width, which neither contrast nor the amount of texture changes, so a plain garment is as sharp
    as a patterned one. A Gaussian blur of standard deviation σ pixels leaves about 0.4 / σ. The
    softer direction counts: motion blur leaves the edges along its path sharp.

    Args:
        lines: what :func:`lines_across` returns.

    Returns:
        0 … 0.5; 0.5 is a step from one pixel to the next, or a picture without edges.
    """
    both = [one for one in lines if one.shape[1] >= 3]
    for window, min_contrast in _WINDOWS:
        scores = [_steepness(one, window, min_contrast) for one in both]
        judged = [STEPPED * score for score in scores if score >= 0]
        if judged:
            return min(judged)
    return STEPPED


def _steepness(lines: np.ndarray, window: int, min_contrast: int) -> float:
    """Steepness of the edges on lines (lines × pixels, uint8); see the kernel."""
    around = np.ones((1, window), np.uint8)
    contrast = cv2.subtract(cv2.dilate(lines, around), cv2.erode(lines, around))
    slope = cv2.absdiff(lines[:, 2:], lines[:, :-2])
    return steepness(slope, contrast, min_contrast, _MIN_EDGE_PIXELS)
