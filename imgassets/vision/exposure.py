"""How a picture is lit, and what bad light and hard compression leave in it.

Measured at working size: photographs of any size are held against the same limits, and what
shrinking hides, nobody sees on a page.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from imgassets.vision.framing import border_whiteness

CLIPPED = 254
"""Least value (of 255) of a channel that may have been brighter in the scene."""

_WHITE = 250
"""Least red, green and blue of a pixel of a white background."""

_STUDIO = 0.8
"""Share of the border that is near white on a photograph with a white background."""

_LEAST_SHOWN = 0.05
"""Share of the frame below which what is not white background is too little to judge by."""

_GRID = 8
"""Pixels: side of the blocks that JPEG and its like compress apart, and that noise is sought in."""

_QUIET = 2
"""Percentile of blocks, by their noise, that is asked: somewhere even a carpet is plain."""


class Exposure(NamedTuple):
    """How bright a picture is.

    Attributes:
        bright: 95th percentile of the pixels' brightest channel, 0 … 255: what a fully lit picture
            has near the top. Luma would call a well-lit blue shirt dark.
        clipped: share of the pixels, a white background left out, with a channel at the top of its
            range, where detail and colour are lost: 0 … 1.
    """

    bright: float
    clipped: float


def exposure(picture: np.ndarray) -> Exposure:
    """Measure the exposure of a picture (RGB, uint8, height × width × 3)."""
    brightest = picture.max(axis=2)
    is_clipped = brightest >= CLIPPED
    near_white, _ = border_whiteness(picture)
    if near_white >= _STUDIO:
        shown = picture.min(axis=2) < _WHITE
        clipped = np.count_nonzero(is_clipped & shown) / max(
            np.count_nonzero(shown), _LEAST_SHOWN * shown.size
        )
    else:
        clipped = np.count_nonzero(is_clipped) / is_clipped.size
    return Exposure(float(np.percentile(brightest, 95)), float(clipped))


def noise(luma: np.ndarray) -> float:
    """Estimate the noise of a picture: Immerkær (1996), asked of its quietest blocks.

    The estimate is the mean answer of the difference of two Laplacians, which smooth shading leaves
    at 0, but not texture: so the value is the 2nd percentile over blocks of 8 × 8 pixels. Noise is
    everywhere, texture hardly ever.

    Args:
        luma: uint8, height × width.

    Returns:
        Standard deviation in gray levels; 0 for a picture of less than one block.
    """
    answer = np.abs(cv2.filter2D(luma.astype(np.float32), -1, _LAPLACIANS))[1:-1, 1:-1]
    down, across = answer.shape[0] // _GRID, answer.shape[1] // _GRID
    if not down or not across:
        return 0.0
    whole = answer[: down * _GRID, : across * _GRID]
    blocks = whole.reshape(down, _GRID, across, _GRID).mean(axis=(1, 3))
    return float(np.percentile(blocks, _QUIET)) * _TO_DEVIATION


_LAPLACIANS = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
_TO_DEVIATION = float(np.sqrt(np.pi / 2)) / 6


def blockiness(luma: np.ndarray) -> float:
    """How much higher steps are at every eighth pixel than beside it: compression's blocks.

    Compression shows in both directions, so the weaker one counts: stripes have but one. The grid
    may begin anywhere (a cropped or turned copy). A picture that was halved once or twice
    after it was compressed still shows it; one that was scaled by any other factor does not.

    Args:
        luma: uint8, height × width.

    Returns:
        Gray levels; 0 for a picture of less than two blocks.
    """
    height, width = luma.shape
    if min(height, width) <= 2 * _GRID:
        return 0.0
    return min(_grid_step(luma), _grid_step(luma.T))


def _grid_step(lines: np.ndarray) -> float:
    steps = np.abs(np.diff(lines.astype(np.int16), axis=1)).mean(axis=0)
    by_place = np.array([steps[place::_GRID].mean() for place in range(_GRID)])
    beside = (np.roll(by_place, 1) + np.roll(by_place, -1)) / 2
    return float((by_place - beside).max())
