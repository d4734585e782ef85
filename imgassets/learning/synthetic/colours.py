"""Colours by the part they play: RGB, 0 … 255."""

from __future__ import annotations

import colorsys
from typing import TypeAlias

import numpy as np

from imgassets.learning.synthetic.chance import happens, pick

Colour: TypeAlias = tuple[int, int, int]

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)


def from_hsv(hue: float, saturation: float, value: float) -> Colour:
    """Return a colour; all three 0 … 1, hue wraps around."""
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def vivid(rng: np.random.Generator) -> Colour:
    """Return a saturated colour of promotional print; red and yellow are the commonest."""
    hue = pick(rng, (0.99, 0.0, 0.02, 0.08, 0.14, 0.33, 0.45, 0.58, 0.62, 0.78, 0.9))
    return from_hsv(hue + rng.normal(0, 0.012), rng.uniform(0.72, 1.0), rng.uniform(0.72, 1.0))


def pastel(rng: np.random.Generator) -> Colour:
    """Return a light, slightly coloured tone."""
    return from_hsv(rng.random(), rng.uniform(0.03, 0.22), rng.uniform(0.86, 1.0))


def dark(rng: np.random.Generator) -> Colour:
    """Return a dark tone, often neutral."""
    saturation = 0.0 if happens(rng, 0.5) else rng.uniform(0.2, 0.8)
    return from_hsv(rng.random(), saturation, rng.uniform(0.05, 0.4))


def grey(rng: np.random.Generator, low: int, high: int) -> Colour:
    """Return a grey of ``low`` … ``high``, sometimes a little cool or warm."""
    level = int(rng.integers(low, high + 1))
    tint = int(rng.integers(-6, 7)) if happens(rng, 0.5) else 0
    return _clip(level - tint), level, _clip(level + tint)


def near_white(rng: np.random.Generator) -> Colour:
    """Return what suppliers call a white background: white, nearly white or light grey."""
    kind = rng.random()
    if kind < 0.55:
        return WHITE
    return grey(rng, 246, 254) if kind < 0.8 else grey(rng, 222, 245)


def mixed(a: Colour, b: Colour, share: float) -> Colour:
    """Return the colour ``share`` (0 … 1) of the way from ``a`` to ``b``."""
    red, green, blue = (_clip(round(x + (y - x) * share)) for x, y in zip(a, b, strict=True))
    return red, green, blue


def luma(colour: Colour) -> float:
    """Return the brightness (ITU-R 601), 0 … 255."""
    return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]


def readable_on(ground: Colour, rng: np.random.Generator) -> Colour:
    """Return a colour for letters that stands out from the ground."""
    if luma(ground) > 150:
        return pick(rng, (BLACK, dark(rng), mixed(ground, BLACK, 0.75)))
    return pick(rng, (WHITE, WHITE, pastel(rng), (255, 232, 80)))


def border_colour(picture: np.ndarray) -> Colour:
    """Return the median colour of a picture's outermost pixels."""
    ring = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    red, green, blue = (int(channel) for channel in np.median(ring, axis=0))
    return red, green, blue


def _clip(level: int) -> int:
    return min(255, max(0, level))
