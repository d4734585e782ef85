"""What happens to good pictures between suppliers, and leaves them good."""

from __future__ import annotations

import cv2
import numpy as np

from imgassets.learning.synthetic.blur import through_jpeg
from imgassets.learning.synthetic.chance import happens, longest, pick, shift
from imgassets.learning.synthetic.colours import border_colour, near_white
from imgassets.learning.synthetic.framing import pad
from imgassets.vision.framing import frame_object

_MIN_LONGEST_SIDE = 280
"""Pixels: reduced copies stay longer than what is commonly called a low resolution."""

_MIN_OBJECT_SHARE = 0.35
"""Share of the frame that the object keeps when a picture is padded mildly."""


def resized(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Reduce to 100 … 40 % of its size; never enlarge, never below a usable size."""
    factor = shift(1.0, 0.4, severity) * rng.uniform(0.92, 1.0)
    factor = min(1.0, max(factor, _MIN_LONGEST_SIDE / longest(picture)))
    size = (max(1, round(picture.shape[1] * factor)), max(1, round(picture.shape[0] * factor)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def recompressed(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Encode as JPEG again, once or twice, at quality 92 … 55."""
    quality = round(shift(92, 58, severity) + rng.uniform(-3, 3))
    again = happens(rng, 0.3)
    once = through_jpeg(picture, quality)
    return through_jpeg(once, min(95, quality + 12)) if again else once


def toned(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Change brightness, contrast, warmth and saturation by a few per cent, up to 15."""
    amount = shift(0.02, 0.13, severity)
    light, contrast, warmth, colour = rng.uniform(-1, 1, 4)
    saturation, steepness = 1 + 1.5 * amount * colour, 1 + amount * contrast
    # Saturation moves away from the mean of the channels, contrast away from white.
    matrix = np.eye(3) * saturation + (1 - saturation) / 3
    matrix = np.hstack([matrix * steepness, np.full((3, 1), 255 * (1 - steepness))])
    gain = 1 + 0.6 * amount * light + 0.2 * amount * warmth * np.array([1.0, 0.0, -1.0])
    return np.asarray(cv2.transform(picture, matrix * gain[:, None]))


def cropped(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Cut 1 … 5 % off each side, each by its own amount."""
    height, width = picture.shape[:2]
    shares = shift(0.012, 0.04, severity) * rng.uniform(0.8, 1.25, 4)
    top, bottom = int(height * shares[0]), height - int(height * shares[1])
    left, right = int(width * shares[2]), width - int(width * shares[3])
    return np.ascontiguousarray(picture[top:bottom, left:right])


def mildly_padded(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Add a margin of up to a quarter of each side, while the object keeps 35 % of the frame."""
    height, width = picture.shape[:2]
    fraction = frame_object(picture).foreground_fraction
    margin = shift(0.02, 0.25, severity) * rng.uniform(0.85, 1.0)
    # The frame grows by 1 + margin along both sides.
    most = max(0.0, np.sqrt(fraction / _MIN_OBJECT_SHARE) - 1)
    margin = min(margin, most)
    left, top = rng.uniform(0.3, 0.7, 2)
    if happens(rng, 0.25):
        left, top = pick(rng, ((0.0, 0.5), (1.0, 0.5), (0.5, 0.0), (0.5, 1.0)))
    free_x, free_y = round(width * margin), round(height * margin)
    ground = border_colour(picture) if happens(rng, 0.5) else near_white(rng)
    x, y = round(free_x * left), round(free_y * top)
    return pad(picture, x, free_x - x, y, free_y - y, ground)


def flipped(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Mirror left and right; severity changes nothing."""
    return np.ascontiguousarray(picture[:, ::-1])
