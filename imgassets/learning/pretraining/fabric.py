"""Cloth: colours that clothes have, and what is woven into or printed all over them."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from imgassets.learning.synthetic.backdrops import noise
from imgassets.learning.synthetic.chance import happens, pick
from imgassets.learning.synthetic.colours import Colour, from_hsv, grey


def any_colour(rng: np.random.Generator) -> Colour:
    """Return a colour of clothes: black, white, grey, denim, or any other."""
    kind = rng.random()
    if kind < 0.2:
        return grey(rng, 15, 60)
    if kind < 0.4:
        return grey(rng, 190, 250)
    if kind < 0.5:
        return grey(rng, 70, 180)
    if kind < 0.65:
        return from_hsv(rng.uniform(0.56, 0.66), rng.uniform(0.2, 0.7), rng.uniform(0.2, 0.7))
    return from_hsv(rng.random(), rng.uniform(0.2, 0.95), rng.uniform(0.25, 0.95))


def fabric(large: int, base: Colour, rng: np.random.Generator, scale: float) -> np.ndarray:
    """Return a square of cloth.

    Args:
        large: pixels of its side.
        base: its main colour.
        rng: source of randomness.
        scale: enlargement of the pattern: more in close-ups.

    Returns:
        RGB, float32, about 0 … 255.
    """
    cloth = np.full((large, large, 3), base, np.float32)
    if happens(rng, 0.5):
        weight = pick(rng, _PATTERNS)(large, rng, scale)[..., None]
        cloth += weight * (np.array(any_colour(rng), np.float32) - cloth)
    fuzz = rng.standard_normal((large, large), dtype=np.float32)
    cloth *= (1 + rng.uniform(0.005, 0.06) * fuzz)[..., None]
    return cloth


def _waves(large: int, rng: np.random.Generator, scale: float, upright: bool) -> np.ndarray:
    pitch = large * rng.uniform(0.02, 0.12) * scale
    at = np.arange(large, dtype=np.float32) / pitch % 1
    bars = (at < rng.uniform(0.15, 0.6)).astype(np.float32)
    return np.broadcast_to(bars if upright else bars[:, None], (large, large))


def _across(large: int, rng: np.random.Generator, scale: float) -> np.ndarray:
    return _waves(large, rng, scale, upright=False)


def _upright(large: int, rng: np.random.Generator, scale: float) -> np.ndarray:
    return _waves(large, rng, scale * 0.5, upright=True)


def _plaid(large: int, rng: np.random.Generator, scale: float) -> np.ndarray:
    return 0.45 * (_waves(large, rng, scale, True) + _waves(large, rng, scale, False))


def _dots(large: int, rng: np.random.Generator, scale: float) -> np.ndarray:
    pitch = max(4, int(large * rng.uniform(0.02, 0.09) * scale))
    tile = np.zeros((pitch, pitch), np.float32)
    cv2.circle(tile, (pitch // 2, pitch // 2), max(1, pitch // int(rng.integers(3, 6))), 1.0, -1)
    many = -(-large // pitch)
    return np.tile(tile, (many, many))[:large, :large]


def _blobs(large: int, rng: np.random.Generator, scale: float) -> np.ndarray:
    """Flowers, camouflage or batik, as far as a small picture tells."""
    cells = max(3.0, rng.uniform(8, 45) / max(scale, 0.5))
    return np.clip(noise(rng, large, large, cells, 1, 2) * rng.uniform(3, 12), 0, 1)


def _worn(large: int, rng: np.random.Generator, scale: float) -> np.ndarray:
    """Washed cloth, lighter in places."""
    return np.clip(0.35 + 0.4 * noise(rng, large, large, rng.uniform(2, 6), 0.4, 4), 0, 1) * 0.6


_PATTERNS: tuple[Callable[[int, np.random.Generator, float], np.ndarray], ...] = (
    _across, _across, _upright, _plaid, _dots, _blobs, _blobs, _worn,
)  # fmt: skip
