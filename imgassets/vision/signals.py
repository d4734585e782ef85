"""Everything measured on one decoded picture: pure functions over arrays.

``paper A`` is the smart image selection system that this project follows. Sharpness and detail are
measured on lines across the object at working size, whiteness on the border; everything else on a
map of the picture, about 128 pixels long, and on the object's part of that map, squeezed to
64 × 64: colours and the lowest frequencies survive that.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from imgassets.vision.framing import border_whiteness, frame_object, reduce_to_map
from imgassets.vision.hashes import SIDE, dhash, phash
from imgassets.vision.kernels import colour_histogram, entropy, opponent_sums
from imgassets.vision.record import Signals
from imgassets.vision.sharpness import lines_across, sharpness

HSV_BINS = (8, 4, 4)
"""Bins of hue, saturation and value in :func:`hsv_histogram`."""


def measure(picture: np.ndarray) -> Signals:
    """Measure every signal of one picture (RGB, uint8), each intermediate once."""
    small = reduce_to_map(picture)
    framing = frame_object(small)
    crop = _squeeze(framing.box.crop(small))
    luma = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    whole = _squeeze(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY))
    near_white, pure_white = border_whiteness(picture)
    box = framing.box.scaled(small.shape[:2], picture.shape[:2])
    lines = lines_across(box.crop(picture))
    return Signals(
        phash=phash(whole),
        dhash=dhash(whole),
        object_phash=phash(luma),
        edge_dhash=edge_dhash(luma),
        hsv_histogram=hsv_histogram(crop).tolist(),
        sharpness=sharpness(lines),
        foreground_fraction=framing.foreground_fraction,
        background_whiteness=near_white,
        background_pure_white=pure_white,
        object_extent=framing.object_extent,
        detail=detail(lines),
        colourfulness=colourfulness(crop),
    )


def warm_up() -> None:
    """Load or compile the kernels: seconds the first time on a machine, then about half a second.

    For processes that are to answer their first picture in time, or whose memory is limited
    afterwards.
    """
    measure(np.zeros((8, 8, 3), np.uint8))


def _squeeze(picture: np.ndarray) -> np.ndarray:
    """Squeeze a picture, at most about 128 pixels long, into a square of 64."""
    return cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)


def edge_dhash(luma: np.ndarray) -> str:
    """Difference hash of the edge-enhanced object (paper A, II-D: it accentuates small parts).

    Edges are enhanced by pillow's ``EDGE_ENHANCE_MORE`` kernel at a fixed scale, so that a copy's
    resolution does not matter.

    Args:
        luma: the object, gray, uint8, 64 × 64.

    Returns:
        64 bits as 16 hex digits.
    """
    return dhash(cv2.filter2D(luma, -1, _EDGE_ENHANCE_MORE, borderType=cv2.BORDER_REPLICATE))


_EDGE_ENHANCE_MORE = np.array([[-1, -1, -1], [-1, 9, -1], [-1, -1, -1]], np.float32)


def hsv_histogram(crop: np.ndarray) -> np.ndarray:
    """Histogram over hue, saturation and value that small changes of tone hardly move.

    Hard bins would make a warmer white balance look like another colour. So the crop is smoothed
    first (noise and compression have colours of their own), a pixel's hue counts only as far as it
    has one (chroma from 15 to 60 of 255; the rest of its mass is spread over all hues alike), and
    counts in bins of half the size are spread over their neighbours by binomial kernels before they
    are merged.

    Args:
        crop: the object, RGB, uint8, 64 × 64.

    Returns:
        float32 vector of 8 · 4 · 4 = 128 shares, hue slowest; they sum to 1.
    """
    smooth = cv2.GaussianBlur(crop, (5, 5), 0)
    hsv = cv2.cvtColor(smooth, cv2.COLOR_RGB2HSV)
    shares = colour_histogram(hsv, *_CHROMA, _FINE_HUE, _SPREAD_HUE, _SPREAD_TONE)
    return shares.ravel().astype(np.float32)


def _spread(bins: int, kernel: list[float], circular: bool) -> np.ndarray:
    """Matrix (fine bins × bins) that smooths with a kernel and merges neighbours in pairs."""
    matrix = np.zeros((2 * bins, bins))
    half = len(kernel) // 2
    for start in range(2 * bins):
        for step, weight in enumerate(kernel, -half):
            end = (start + step) % (2 * bins) if circular else start + step
            if 0 <= end < 2 * bins:
                matrix[start, end // 2] += weight
    return matrix


_CHROMA = (15 * 255, 60 * 255)
_NARROW = [k / 16 for k in (1, 4, 6, 4, 1)]
_WIDE = [k / 256 for k in (1, 8, 28, 56, 70, 56, 28, 8, 1)]
_FINE_HUE = np.arange(256) * (2 * HSV_BINS[0]) // 180
_SPREAD_HUE = _spread(HSV_BINS[0], _NARROW, True)
_SPREAD_TONE = np.kron(_spread(HSV_BINS[1], _WIDE, False), _spread(HSV_BINS[2], _WIDE, False))


def detail(lines: tuple[np.ndarray, np.ndarray]) -> float:
    """Variety of tones in the object: the entropy of its 64-level histogram, over 6 bits.

    Levels are even in the square root of luma, about as the eye spaces them, so that the shading of
    black cloth counts. A photo spreads over many levels; flat artwork ("no image available") has
    two or three.

    Args:
        lines: what :func:`lines_across` returns.

    Returns:
        0 (one tone) … 1 (all 64 levels alike).
    """
    rows, columns = lines
    return entropy(rows[::2], columns[::2], _TONES) / 6.0


_TONES = (np.sqrt(np.arange(256) / 255.0) * 63.99).astype(np.uint8)


def colourfulness(crop: np.ndarray) -> float:
    """Colourfulness of Hasler and Suesstrunk (2003): 0 is gray, 15 slight, over 80 vivid."""
    count = crop.shape[0] * crop.shape[1]
    first, second, first_squares, second_squares = opponent_sums(crop).tolist()
    mean_1, mean_2 = first / count, second / count
    variance = first_squares / count - mean_1**2 + (second_squares / count - mean_2**2) / 4
    return math.sqrt(max(0.0, variance)) + 0.3 * math.hypot(mean_1, mean_2 / 2)
