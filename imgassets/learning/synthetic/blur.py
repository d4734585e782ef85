"""Blur of five kinds.

All amounts are shares of the picture's longer side, so a picture of 300 pixels and one of 1500 look
equally bad on the same page. At severity 0 a trained eye sees it, at 0.2 everybody does.
"""

from __future__ import annotations

import cv2
import numpy as np

from imgassets.learning.synthetic.chance import grow, happens, longest, pick
from imgassets.vision.framing import Box, frame_object

_SIGMA = (0.003, 0.024)
"""Standard deviation of the blur at severity 0 and 1, as a share of the longer side."""

_THUMBNAIL_PIXELS = (150.0, 20.0)
"""Longer side of the thumbnail that is enlarged, at severity 0 and 1: about the same blur."""

_MOTION = (0.014, 0.09)
"""Length of the path that a moving camera blurs along, at severity 0 and 1, likewise."""

_MIN_SIDE = 200
"""Smaller pictures are blurred as if they had this many pixels: less would change nothing."""

_ENLARGE = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4, cv2.INTER_CUBIC)


def gaussian_blur(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Blur evenly, as a scaled or retouched file is; a little more along one axis."""
    sigma = grow(*_SIGMA, severity) * _side(picture) * rng.uniform(0.9, 1.1)
    stretch = rng.uniform(0.88, 1.14)
    soft = cv2.GaussianBlur(picture, (0, 0), sigma * stretch, sigmaY=sigma / stretch)
    return _as_filed(soft, rng)


def defocus(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Blur with the image of a lens's aperture: a disc, or a polygon of five to nine blades."""
    # A disc spreads light by half its radius (standard deviation along one axis).
    radius = 2 * grow(*_SIGMA, severity) * _side(picture) * rng.uniform(0.9, 1.1)
    blades = pick(rng, (5, 6, 7, 8, 9, 40, 40, 40))
    turn = rng.uniform(0, 2 * np.pi)
    angles = turn + np.linspace(0, 2 * np.pi, blades, endpoint=False)
    outline = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return _as_filed(cv2.filter2D(picture, -1, spread_kernel(outline, filled=True)), rng)


def motion_blur(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Blur along the path of a shaken camera: any direction, straight or slightly bent."""
    length = grow(*_MOTION, severity) * _side(picture) * rng.uniform(0.9, 1.1)
    angle = rng.uniform(0, np.pi)
    bend = rng.uniform(-0.35, 0.35) if happens(rng, 0.5) else 0.0
    along = np.linspace(-0.5, 0.5, 25)
    across = bend * (along**2 - 1 / 12)
    cos, sin = np.cos(angle), np.sin(angle)
    path = np.stack([along * cos - across * sin, along * sin + across * cos], axis=1) * length
    return _as_filed(cv2.filter2D(picture, -1, spread_kernel(path, filled=False)), rng)


def thumbnail_upscale(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Reduce to a thumbnail, often a poor JPEG, and enlarge it again."""
    height, width = picture.shape[:2]
    side = grow(*_THUMBNAIL_PIXELS, severity) * min(1.0, longest(picture) / _MIN_SIDE)
    side *= rng.uniform(0.9, 1.1)
    small = _shrunk(picture, side)
    quality = int(rng.integers(25, 75))
    if happens(rng, 0.6):
        small = through_jpeg(small, quality)
    enlarged = cv2.resize(small, (width, height), interpolation=pick(rng, _ENLARGE))
    return _as_filed(enlarged, rng)


def central_crop_blur(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Cut out the object and enlarge the cut to the picture's size again (paper A, II-A).

    A cut of a large picture would stay sharp, so it is reduced to a thumbnail in between: severity
    says how far.
    """
    height, width = picture.shape[:2]
    part = _central_part(picture, rng).crop(picture)
    side = grow(*_THUMBNAIL_PIXELS, severity) * min(1.0, longest(picture) / _MIN_SIDE)
    small = _shrunk(np.ascontiguousarray(part), side * rng.uniform(0.9, 1.1))
    enlarged = cv2.resize(small, (width, height), interpolation=pick(rng, _ENLARGE))
    return _as_filed(enlarged, rng)


def through_jpeg(picture: np.ndarray, quality: int) -> np.ndarray:
    """Encode a picture as JPEG of this quality (1 … 100) and decode it again."""
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))


def _central_part(picture: np.ndarray, rng: np.random.Generator) -> Box:
    """Return a rectangle of the frame's shape round the object; a central one where it fills it."""
    height, width = picture.shape[:2]
    framing = frame_object(picture)
    share = min(0.95, framing.object_extent * rng.uniform(1.0, 1.15))
    if framing.foreground_fraction > 0.95:
        share = rng.uniform(0.45, 0.85)
    box = framing.box
    tall, wide = max(4, round(height * share)), max(4, round(width * share))
    tall, wide = min(tall, height), min(wide, width)
    top = min(max(0, (box.top + box.bottom - tall) // 2), height - tall)
    left = min(max(0, (box.left + box.right - wide) // 2), width - wide)
    return Box(top, top + tall, left, left + wide)


def _shrunk(picture: np.ndarray, side: float) -> np.ndarray:
    """Reduce a picture to about ``side`` pixels of its longer side, at least 2 of each."""
    scale = min(1.0, side / longest(picture))
    size = (max(2, round(picture.shape[1] * scale)), max(2, round(picture.shape[0] * scale)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def spread_kernel(points: np.ndarray, filled: bool) -> np.ndarray:
    """Return a filter kernel that sums to 1: a polygon or a path, in pixels round the centre."""
    reach = int(np.ceil(np.abs(points).max())) + 1
    # Drawn four times as large, so that a path of two pixels still has its direction.
    scale, size = 4, 2 * reach + 1
    drawing = np.zeros((size * scale, size * scale), np.uint8)
    fixed = np.rint(((points + reach + 0.5) * scale) * 16).astype(np.int32)
    if filled:
        cv2.fillPoly(drawing, [fixed], 255, cv2.LINE_AA, 4)
    else:
        cv2.polylines(drawing, [fixed], False, 255, scale, cv2.LINE_AA, 4)
    kernel = cv2.resize(drawing.astype(np.float32), (size, size), interpolation=cv2.INTER_AREA)
    return kernel / kernel.sum()


def _as_filed(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add what comes after the blur: a sensor's grain, or a poor JPEG; often neither."""
    grain, kind = rng.uniform(0.6, 2.0), rng.random()
    quality = int(rng.integers(45, 85))
    if kind < 0.3:
        noise = rng.normal(0, grain, picture.shape[:2]).astype(np.float32)
        return np.clip(picture + noise[..., None] + 0.5, 0, 255).astype(np.uint8)
    return through_jpeg(picture, quality) if kind < 0.55 else picture


def _side(picture: np.ndarray) -> int:
    return max(_MIN_SIDE, longest(picture))
