"""Everything measured on one decoded picture: pure functions over an RGB array.

Every function takes the picture (RGB, uint8, height × width × 3) or the object's crop of it, in the
same form. ``paper A`` is the smart image selection system that this project follows.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import imagehash
import numpy as np
from PIL import Image, ImageFilter

from imgassets.vision.framing import frame_object

SIGNALS_VERSION = "signals-1"
"""Name of the algorithms in this package: changed whenever any signal of any picture changes."""

HSV_BINS = (8, 4, 4)
"""Bins of hue, saturation and value in :func:`hsv_histogram`."""

_CROP_SIDE = 128
"""Side (pixels) of the square that colour and tone are measured on."""

_EDGE_WINDOW = 7
"""Side (pixels) of the window whose contrast an edge's steepness is compared with."""

_WIDE_WINDOW = 31
"""The same for pictures too blurred to have contrast within the small window."""

_MIN_CONTRAST = 16.0
"""Least contrast (gray levels) of an edge: below it, noise and compression decide."""

_MIN_EDGE_PIXELS = 30
"""Fewer edge pixels say nothing about sharpness."""

STEPPED = 0.5
"""Sharpness of an ideal step: also the answer where there is no edge to judge."""


class Signals(NamedTuple):
    """Signals of one picture; the columns of the same names in the warehouse say what they are."""

    phash: str
    dhash: str
    object_phash: str
    edge_dhash: str
    hsv_histogram: list[float]
    sharpness: float
    foreground_fraction: float
    background_whiteness: float
    detail: float
    colourfulness: float


def measure(picture: np.ndarray) -> Signals:
    """Measure every signal of one picture, each intermediate once."""
    framing = frame_object(picture)
    crop = framing.box.crop(picture)
    gray = gray_of(picture)
    gray_crop = gray_of(crop)
    small = cv2.resize(crop, (_CROP_SIDE, _CROP_SIDE), interpolation=cv2.INTER_AREA)
    return Signals(
        phash=phash(gray),
        dhash=dhash(gray),
        object_phash=phash(gray_crop),
        edge_dhash=edge_dhash(small),
        hsv_histogram=hsv_histogram(small).tolist(),
        sharpness=sharpness(np.asarray(gray_crop)),
        foreground_fraction=framing.foreground_fraction,
        background_whiteness=framing.background_whiteness,
        detail=detail(small),
        colourfulness=colourfulness(small),
    )


def gray_of(picture: np.ndarray) -> Image.Image:
    """Return the picture's luma (ITU-R 601) as pillow computes it, which imagehash also uses."""
    return Image.fromarray(np.ascontiguousarray(picture)).convert("L")


def phash(gray: Image.Image) -> str:
    """Perceptual hash: the signs of the 8 × 8 lowest DCT frequencies of the 32 × 32 picture.

    Source: ``imagehash.phash`` with its defaults. Returns 64 bits as 16 hex digits.
    """
    return str(imagehash.phash(gray))


def dhash(gray: Image.Image) -> str:
    """Difference hash: whether each of 9 × 8 cells is darker than its right neighbour.

    Source: ``imagehash.dhash`` with its defaults. Returns 64 bits as 16 hex digits.
    """
    return str(imagehash.dhash(gray))


def edge_dhash(crop: np.ndarray) -> str:
    """Difference hash of the edge-enhanced object (paper A, II-D: it accentuates small parts).

    Edges are enhanced by pillow's ``EDGE_ENHANCE_MORE`` kernel at a fixed scale, so that a copy's
    resolution does not matter.

    Args:
        crop: the object, reduced to about 128 × 128 pixels.

    Returns:
        64 bits as 16 hex digits.
    """
    return str(imagehash.dhash(gray_of(crop).filter(ImageFilter.EDGE_ENHANCE_MORE)))


def hsv_histogram(crop: np.ndarray) -> np.ndarray:
    """Histogram over hue, saturation and value that small changes of tone hardly move.

    Hard bins would make a warmer white balance look like another colour. So the crop is smoothed
    first (noise and compression have colours of their own), a pixel's hue counts only as far as it
    has one (chroma from 15 to 60 of 255; the rest of its mass is spread over all hues alike), and
    counts in bins of half the size are spread over their neighbours by binomial kernels before they
    are merged.

    Args:
        crop: the object, reduced to about 128 × 128 pixels.

    Returns:
        float32 vector of 8 · 4 · 4 = 128 shares, hue slowest; they sum to 1.
    """
    hsv = cv2.cvtColor(cv2.GaussianBlur(crop, (0, 0), 2.0), cv2.COLOR_RGB2HSV)
    hue, saturation, value = (hsv[..., k].ravel().astype(np.intp) for k in range(3))
    low, high = _CHROMA
    coloured = np.clip((saturation * value / 255.0 - low) / (high - low), 0.0, 1.0)
    fine = (2 * HSV_BINS[0], 2 * HSV_BINS[1], 2 * HSV_BINS[2])
    tone = (saturation >> 5) * fine[2] + (value >> 5)
    place = (hue * fine[0] // 180) * (fine[1] * fine[2]) + tone
    counts = np.bincount(place, coloured, minlength=fine[0] * fine[1] * fine[2])
    neutral = np.bincount(tone, 1.0 - coloured, minlength=fine[1] * fine[2])
    spread = neutral.reshape(1, fine[1], fine[2]) / fine[0] + counts.reshape(fine)
    merged = np.einsum("abc,ax,by,cz->xyz", spread, *_SPREAD, optimize=_SPREAD_PATH)
    return (merged.ravel() / merged.sum()).astype(np.float32)


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


_CHROMA = (15.0, 60.0)
_NARROW = [k / 16 for k in (1, 4, 6, 4, 1)]
_WIDE = [k / 256 for k in (1, 8, 28, 56, 70, 56, 28, 8, 1)]
_SPREAD = (
    _spread(HSV_BINS[0], _NARROW, True),
    _spread(HSV_BINS[1], _WIDE, False),
    _spread(HSV_BINS[2], _WIDE, False),
)
_SPREAD_PATH = ["einsum_path", (0, 1), (0, 1), (0, 1)]


def sharpness(gray_crop: np.ndarray) -> float:
    """Steepness of the object's strongest edges: how much of an edge's contrast one pixel takes.

    The steepest slope of each strong edge (gray levels per pixel) is divided by the contrast around
    it: the reciprocal of the edge's width, which neither contrast nor the amount of texture
    changes, so a plain garment is as sharp as a patterned one. A Gaussian blur of standard
    deviation σ pixels leaves about 0.4 / σ. Edges are judged by orientation and the softest
    orientation counts: motion blur leaves the edges along its path sharp.

    Args:
        gray_crop: the object's luma, uint8, height × width, at working size.

    Returns:
        0 … 0.5; 0.5 is a step from one pixel to the next, or a picture without edges.
    """
    for window in (_EDGE_WINDOW, _WIDE_WINDOW):
        steepness = _edge_steepness(gray_crop, window)
        if steepness is not None:
            return min(STEPPED, steepness)
    return STEPPED


def _edge_steepness(gray: np.ndarray, window: int) -> float | None:
    """80th percentile of slope ÷ contrast over the strong edges of the softest orientation."""
    slope_x = cv2.Sobel(gray, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8)
    slope_y = cv2.Sobel(gray, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)
    # Not cv2.magnitude: its last bit depends on where the arrays lie in memory.
    slope = np.sqrt(slope_x * slope_x + slope_y * slope_y)
    around = np.ones((window, window), np.uint8)
    contrast = cv2.subtract(cv2.dilate(gray, around), cv2.erode(gray, around))
    strong = max(_MIN_CONTRAST, 0.5 * float(np.percentile(contrast, 98)))
    crest = slope >= cv2.dilate(slope, np.ones((5, 5), np.uint8))
    edges = np.flatnonzero((contrast >= strong) & crest & (slope > 0))
    if len(edges) < _MIN_EDGE_PIXELS:
        return None
    ratio = slope.ravel()[edges] / contrast.ravel()[edges]
    angle = np.arctan2(slope_y.ravel()[edges], slope_x.ravel()[edges])
    orientation = np.rint(angle / (np.pi / 4)).astype(int) % 4
    enough = max(_MIN_EDGE_PIXELS / 2, 0.05 * len(edges))
    groups = [ratio[orientation == k] for k in range(4)]
    scores = [float(np.percentile(g, 80)) for g in groups if len(g) >= enough]
    return min(scores) if scores else float(np.percentile(ratio, 80))


def detail(crop: np.ndarray) -> float:
    """Variety of tones in the object: the entropy of its 64-level histogram, over 6 bits.

    Levels are even in the square root of luma, about as the eye spaces them, so that the shading of
    black cloth counts. A photo spreads over many levels; flat artwork ("no image available") has
    two or three.

    Args:
        crop: the object, reduced to about 128 × 128 pixels.

    Returns:
        0 (one tone) … 1 (all 64 levels alike).
    """
    luma = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    shares = np.bincount(_TONES[luma].ravel(), minlength=64) / luma.size
    shares = shares[shares > 0]
    return abs(float(-(shares * np.log2(shares)).sum() / 6.0))


_TONES = (np.sqrt(np.arange(256) / 255.0) * 63.99).astype(np.intp)


def colourfulness(crop: np.ndarray) -> float:
    """Colourfulness of Hasler and Suesstrunk (2003): 0 is gray, 15 slight, over 80 vivid."""
    red, green, blue = (crop[..., k].astype(np.float32) for k in range(3))
    first, second = red - green, 0.5 * (red + green) - blue
    spread = np.hypot(first.std(), second.std())
    return float(spread + 0.3 * np.hypot(first.mean(), second.mean()))
