"""Distortions of detail: blur, noise, compression, too few pixels.

Lengths are shares of the picture's longer side, so that a photo of 280 pixels and one of 1200 look
equally spoilt at the same size on a page.
"""

from __future__ import annotations

import cv2
import numpy as np

from imgassets.learning.synthetic.blur import spread_kernel, through_jpeg
from imgassets.learning.synthetic.chance import grow, longest

_SIGMA = (0.0033, 0.02)
"""Standard deviation of the Gaussian blur at severity 0 and 1, as a share of the longer side."""

_RADIUS = (0.0066, 0.04)
"""Of the disc of defocus, likewise: a disc spreads light by half its radius along an axis."""

_PATH = (0.02, 0.11)
"""Length of the path of motion blur, likewise."""

_NOISE = (7.0, 42.0)
"""Standard deviation of the noise in gray levels, seen at :data:`_SEEN` pixels."""

_SEEN = 256
"""Pixels of the longer side at which noise is meant; a larger picture averages it when shown."""

_MOST_GRAIN = 512
"""Pixels of the longer side above which grains grow with the picture: white noise of a large
picture would have to be clipped to be seen in a small one."""

_QUALITY = (30.0, 4.0)
"""JPEG quality at severity 0 and 1."""

_PIXELS = (130.0, 30.0)
"""Longer side of what pixelation leaves."""


def gaussian_blur(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Blur evenly in all directions."""
    sigma = grow(*_SIGMA, severity) * longest(picture) * rng.uniform(0.9, 1.1)
    return cv2.GaussianBlur(picture, (0, 0), sigma)


def defocus(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Blur with a disc: the image of a lens's aperture."""
    radius = grow(*_RADIUS, severity) * longest(picture) * rng.uniform(0.9, 1.1)
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    outline = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return _filtered(picture, spread_kernel(outline, filled=True))


def motion_blur(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Blur along the slightly bent path of a shaken camera, in any direction."""
    length = grow(*_PATH, severity) * longest(picture) * rng.uniform(0.9, 1.1)
    angle, bend = rng.uniform(0, np.pi), rng.uniform(-0.3, 0.3)
    along = np.linspace(-0.5, 0.5, 25)
    across = bend * (along**2 - 1 / 12)
    cos, sin = np.cos(angle), np.sin(angle)
    path = np.stack([along * cos - across * sin, along * sin + across * cos], axis=1)
    return _filtered(picture, spread_kernel(path * length, filled=False))


def gaussian_noise(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Add noise to each channel; its grains are pixels, or larger in large pictures."""
    height, width = picture.shape[:2]
    scale = min(1.0, _MOST_GRAIN / longest(picture))
    size = (max(1, round(height * scale)), max(1, round(width * scale)), 3)
    grains = rng.standard_normal(size, np.float32)
    if scale < 1:
        grains = cv2.resize(grains, (width, height), interpolation=cv2.INTER_LINEAR)
        grains /= grains.std()
    deviation = grow(*_NOISE, severity) * max(1.0, longest(picture) * scale / _SEEN)
    return _clipped(picture + grains * np.float32(deviation))


def jpeg(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Compress hard, at no more than 512 pixels: the copy that a messenger sends."""
    height, width = picture.shape[:2]
    quality = round(grow(*_QUALITY, severity) * rng.uniform(0.9, 1.1))
    scale = min(1.0, _MOST_GRAIN / longest(picture))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = picture if scale == 1 else cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    made = through_jpeg(np.ascontiguousarray(small), max(2, quality))
    return made if scale == 1 else cv2.resize(made, (width, height), interpolation=cv2.INTER_CUBIC)


def pixelation(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Reduce to a few pixels and show each of them as a rectangle."""
    height, width = picture.shape[:2]
    scale = min(1.0, grow(*_PIXELS, severity) * rng.uniform(0.9, 1.1) / longest(picture))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST)


def _filtered(picture: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    return cv2.filter2D(picture, -1, kernel, borderType=cv2.BORDER_REFLECT_101)


def _clipped(levels: np.ndarray) -> np.ndarray:
    return np.clip(levels + 0.5, 0, 255).astype(np.uint8)
