"""Lifestyle pictures: the product cut out and set into a place, in its light, with a shadow.

What stays open is the other half of lifestyle: people. They are learnt from labels alone.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from imgassets.learning.synthetic import places
from imgassets.learning.synthetic.backdrops import Backdrop, noise
from imgassets.learning.synthetic.chance import grow, happens
from imgassets.learning.synthetic.framing import frame, stand
from imgassets.learning.synthetic.segmentation import Cutout, cut_out

_SHARE = (0.16, 0.5)
"""Share of the frame's area that the object's box takes, from severity 1 to 0: the place shows
more of itself with severity."""

_MIN_SIDE, _MAX_SIDE = 48, 640
"""Pixels of a side, at least, and of the longer one, at most: as much as shows what there is."""

Place = Callable[[int, int, np.random.Generator], Backdrop]


def in_room(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Set the object into a furnished room."""
    return _set(picture, severity, rng, places.furnished_room)


def in_street(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Set the object into a street."""
    return _set(picture, severity, rng, places.street)


def in_meadow(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Set the object on grass, sand or water's edge, in front of hills and trees."""
    return _set(picture, severity, rng, places.meadow)


def on_shelf(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Set the object on a shelf, among other things."""
    return _set(picture, severity, rng, places.shelf)


def on_table(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Lay the object on a floor, bed or table seen from above, among small things."""
    return _set(picture, severity, rng, places.laid_table)


def _set(
    picture: np.ndarray, severity: float, rng: np.random.Generator, place: Place
) -> np.ndarray:
    height, width = frame(picture, rng)
    scale = min(1.0, _MAX_SIDE / max(height, width))
    height, width = (max(_MIN_SIDE, round(side * scale)) for side in (height, width))
    backdrop = place(height, width, rng)
    share = grow(_SHARE[1], _SHARE[0], severity) * rng.uniform(0.85, 1.1)
    x, y = rng.uniform(0.15, 0.85), rng.uniform(0.15, 0.85)
    where = (x, y if backdrop.seen_from_above else rng.uniform(0.8, 0.98))
    cutout = cut_out(picture)
    if backdrop.seen_from_above and happens(rng, 0.5):
        cutout = _turned(cutout, rng.uniform(-35, 35))
    lit = Cutout(_in_light_of(cutout.picture, backdrop.picture, rng), cutout.alpha)
    shadow = rng.uniform(0.3, 0.65)
    return stand(backdrop.picture, lit, share, where, shadow, backdrop.seen_from_above, rng)


def _in_light_of(picture: np.ndarray, scene: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Give an object the tint and some of the brightness of the place it is put into."""
    mean = scene.reshape(-1, 3).mean(axis=0)
    tint = mean / max(1.0, float(mean.mean()))
    gain = 1 + 0.35 * (tint - 1) * rng.uniform(0.4, 1.0)
    level = 1 + 0.25 * (float(mean.mean()) / 150 - 1) * rng.uniform(0.4, 1.0)
    rows, columns = picture.shape[:2]
    side = 1 + rng.uniform(0.03, 0.16) * np.linspace(1, -1, columns, dtype=np.float32)
    side = side[::-1] if happens(rng, 0.5) else side
    patches = 1 + 0.04 * noise(rng, rows, columns, 3)
    light = (patches * side[None])[..., None] * (gain * np.clip(level, 0.7, 1.15))
    return np.clip(picture * light, 0, 255).astype(np.uint8)


def _turned(cutout: Cutout, degrees: float) -> Cutout:
    """Turn an object about its middle; its box grows as it needs."""
    height, width = cutout.alpha.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    cosine, sine = abs(matrix[0, 0]), abs(matrix[0, 1])
    size = (round(width * cosine + height * sine), round(height * cosine + width * sine))
    matrix[:, 2] += ((size[0] - width) / 2, (size[1] - height) / 2)
    picture = cv2.warpAffine(cutout.picture, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    return Cutout(picture, cv2.warpAffine(cutout.alpha, matrix, size))
