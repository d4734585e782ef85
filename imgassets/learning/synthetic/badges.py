"""Promotional badges and stickers: art with words, put over a part of the picture.

Severity is the share of the frame that the art takes: 2 % … 25 %.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from imgassets.learning.synthetic import wording
from imgassets.learning.synthetic.art import Sheet, circle, paste, star
from imgassets.learning.synthetic.chance import grow, happens, pick
from imgassets.learning.synthetic.colours import (
    BLACK,
    WHITE,
    Colour,
    dark,
    luma,
    mixed,
    readable_on,
    vivid,
)
from imgassets.learning.synthetic.lettering import any_lettering
from imgassets.learning.synthetic.stickers import draw_sticker

_SHARE = (0.02, 0.25)
"""Share of the frame's area, at severity 0 and 1."""

_BANNER = (0.045, 0.25)
"""Likewise of a banner, which is as wide as the frame: a lower one could not be read."""


def seal(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Stick a starburst or a scalloped seal on it."""
    side = _side(picture, severity, rng)
    sheet, middle = Sheet(side, side), side / 2
    ground = _ground(rng)
    tips = int(rng.integers(8, 40))
    depth = rng.uniform(0.72, 0.95)
    outline = star(middle, middle, middle * 0.98, middle * 0.98 * depth, tips, rng.uniform(0, 1))
    sheet.polygon(outline, ground)
    ink = readable_on(ground, rng)
    if ground == WHITE:
        sheet.line(outline * 0.98 + middle * 0.02, ink, max(1.0, side * 0.015), closed=True)
    if happens(rng, 0.6):
        ring = middle * depth * rng.uniform(0.84, 0.93)
        sheet.ellipse(circle(middle, middle, ring), None, ink, max(1.0, side * 0.012))
    reach = middle * depth * 0.7
    box = (middle - reach, middle - reach * 0.8, middle + reach, middle + reach * 0.8)
    sheet.write(wording.offer(rng), box, ink, any_lettering(rng, bold=True))
    return _stick(picture, sheet.turned(_tilt(rng)), rng)


def disc(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Stick a round or oval badge on it, plain, ringed or in two colours."""
    side = _side(picture, severity, rng)
    tall = side * (rng.uniform(0.6, 0.85) if happens(rng, 0.25) else 1.0)
    sheet = Sheet(side, tall)
    ground = _ground(rng)
    ink = readable_on(ground, rng)
    edge = pick(rng, (None, ink, WHITE, mixed(ground, BLACK, 0.4)))
    if ground == WHITE:
        edge = ink
    box = (1.0, 1.0, side - 1, tall - 1)
    sheet.ellipse(box, ground, edge, side * rng.uniform(0.01, 0.06))
    if happens(rng, 0.3):
        inset = side * 0.09
        inner = (inset, inset, side - inset, tall - inset)
        sheet.ellipse(inner, mixed(ground, WHITE, 0.12), ink, max(1.0, side * 0.008))
    words = (side * 0.17, tall * 0.24, side * 0.83, tall * 0.76)
    sheet.write(wording.offer(rng), words, ink, any_lettering(rng, bold=True))
    return _stick(picture, sheet.turned(_tilt(rng)), rng)


def pill(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Stick a label with straight or rounded corners on it; sometimes two."""
    ground = _ground(rng)
    round_corners = rng.uniform(0, 0.5)
    outlined = happens(rng, 0.25) and ground != WHITE
    share = grow(*_SHARE, severity) * rng.uniform(0.85, 1.15) * 0.6
    wide, tall = _strip(picture, share, rng.uniform(2.0, 5.0))
    sheet = Sheet(wide, tall)
    ink = readable_on(ground, rng)
    box = (1.0, 1.0, wide - 1, tall - 1)
    if outlined:
        sheet.rounded(box, tall * round_corners, WHITE, ground, max(1.0, tall * 0.06))
        ink = ground if luma(ground) < 170 else BLACK
    else:
        edge = ink if ground == WHITE else None
        sheet.rounded(box, tall * round_corners, ground, edge, max(1.0, tall * 0.05))
    words = " ".join(wording.offer(rng))
    area = (wide * 0.08, tall * 0.2, wide * 0.92, tall * 0.8)
    sheet.write([words], area, ink, any_lettering(rng, bold=True))
    return _stick(picture, sheet.finished(), rng)


def ribbon(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Lay a ribbon across a corner."""
    height, width = picture.shape[:2]
    share = grow(*_SHARE, severity) * rng.uniform(0.85, 1.15)
    corner = pick(rng, ((0, 0), (1, 0), (0, 1), (1, 1)))
    slim = rng.uniform(0.22, 0.42)
    # A band of width b whose middle cuts both sides at a: its area is about 1.41 a b.
    along = min(np.sqrt(share * height * width / (1.41 * slim)), 0.9 * min(height, width))
    thick = max(5.0, along * slim)
    length = 1.42 * along + thick
    ground = _ground(rng)
    sheet = Sheet(length, thick, ground)
    ink = readable_on(ground, rng)
    if happens(rng, 0.5) or ground == WHITE:
        inset = 0.02 if ground == WHITE else 0.08
        for y in (thick * inset, thick * (1 - inset)):
            sheet.line([(0, y), (length, y)], mixed(ground, ink, 0.7), max(1.0, thick * 0.03))
    words = " ".join(wording.offer(rng))
    area = (length * 0.22, thick * 0.2, length * 0.78, thick * 0.8)
    sheet.write([words], area, ink, any_lettering(rng, bold=True))
    art = sheet.turned(45 if corner in ((0, 0), (1, 1)) else -45)
    x = along / 2 if corner[0] == 0 else width - along / 2
    y = along / 2 if corner[1] == 0 else height - along / 2
    return paste(picture, art, x - art.width / 2, y - art.height / 2)


def banner(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Lay a banner over the full width: at the top, the bottom, or slanting through."""
    height, width = picture.shape[:2]
    thick = max(5.0, grow(*_BANNER, severity) * rng.uniform(0.85, 1.15) * height)
    ground = _ground(rng)
    ink = readable_on(ground, rng)
    slope = rng.uniform(-28, 28) if happens(rng, 0.3) else 0.0
    wide = float(width) if not slope else float(np.hypot(width, height)) * 1.05
    sheet = Sheet(wide, thick, ground)
    if happens(rng, 0.3) or ground == WHITE:
        rim = thick * rng.uniform(0.04, 0.1)
        sheet.line([(0, rim / 2), (wide, rim / 2)], ink, rim)
    words = wording.slogan(rng)
    left = rng.uniform(0.03, 0.2)
    area = (wide * left, thick * 0.18, wide * (1 - left), thick * 0.82)
    sheet.write([words], area, ink, any_lettering(rng, bold=happens(rng, 0.6)))
    opacity = rng.uniform(0.7, 0.95) if happens(rng, 0.3) else 1.0
    if slope:
        art = sheet.turned(slope)
        x, y = (width - art.width) / 2, height * rng.uniform(0.25, 0.75) - art.height / 2
        return paste(picture, art, x, y, opacity)
    gap = thick * rng.uniform(0.1, 0.6) if happens(rng, 0.3) else 0.0
    y = gap if happens(rng, 0.4) else height - thick - gap
    return paste(picture, sheet.finished(), 0, y, opacity)


def price_tag(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Hang a price tag on it, or set a price in a box with the old one crossed out."""
    share = grow(*_SHARE, severity) * rng.uniform(0.85, 1.15) * 0.8
    wide, tall = _strip(picture, share, rng.uniform(1.5, 2.4))
    sheet = Sheet(wide, tall)
    ground = _ground(rng)
    ink = readable_on(ground, rng)
    lettering = any_lettering(rng, bold=True)
    if happens(rng, 0.6):
        tip = tall * rng.uniform(0.3, 0.5)
        outline = [(tip, 0.0), (wide, 0.0), (wide, tall), (tip, tall), (0.0, tall / 2)]
        sheet.polygon(outline, ground)
        if ground == WHITE:
            sheet.line(outline, ink, max(1.0, tall * 0.03), closed=True)
        sheet.erase(circle(tip, tall / 2, tall * 0.09))
        left = tip + tall * 0.16
    else:
        edge = ink if ground == WHITE else None
        radius = tall * rng.uniform(0, 0.2)
        sheet.rounded((0, 0, wide, tall), radius, ground, edge, max(1.0, tall * 0.03))
        left = tall * 0.12
    right = wide - tall * 0.12
    if happens(rng, 0.45):
        old = (left, tall * 0.08, right, tall * 0.34)
        sheet.write([wording.price(rng)], old, mixed(ground, ink, 0.65), lettering)
        sheet.line([(left, tall * 0.28), (right, tall * 0.14)], ink, max(1.0, tall * 0.03))
        sheet.write([wording.price(rng)], (left, tall * 0.4, right, tall * 0.9), ink, lettering)
    else:
        sheet.write([wording.price(rng)], (left, tall * 0.18, right, tall * 0.82), ink, lettering)
    return _stick(picture, sheet.turned(_tilt(rng)), rng)


def sticker(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Stick a small picture on it: a face, a cart, a heart, a flag or a stamp."""
    return _stick(picture, draw_sticker(_side(picture, severity, rng), rng), rng)


def _side(picture: np.ndarray, severity: float, rng: np.random.Generator) -> float:
    """Return the side (pixels) of a square with the share of the frame that is wanted."""
    height, width = picture.shape[:2]
    share = grow(*_SHARE, severity) * rng.uniform(0.85, 1.15)
    return max(8.0, min(np.sqrt(share * height * width), 0.95 * min(height, width)))


def _strip(picture: np.ndarray, share: float, aspect: float) -> tuple[float, float]:
    """Return width and height of a rectangle with a share of the frame."""
    height, width = picture.shape[:2]
    tall = np.sqrt(share * height * width / aspect)
    tall = min(tall, 0.9 * height, 0.9 * width / aspect)
    return max(8.0, tall * aspect), max(5.0, tall)


def _ground(rng: np.random.Generator) -> Colour:
    return pick(rng, (vivid(rng), vivid(rng), vivid(rng), dark(rng), WHITE, (255, 214, 0)))


def _tilt(rng: np.random.Generator) -> float:
    return rng.uniform(-25, 25) if happens(rng, 0.4) else 0.0


def _stick(picture: np.ndarray, art: Image.Image, rng: np.random.Generator) -> np.ndarray:
    """Put art near a corner or an edge, seldom in the middle."""
    height, width = picture.shape[:2]
    gap = rng.uniform(0.0, 0.06) * min(height, width)
    x, y = pick(
        rng, ((0, 0), (1, 0), (1, 0), (0, 1), (1, 1), (0.5, 0), (0.5, 1), (0, 0.5), (1, 0.5))
    )
    if happens(rng, 0.1):
        x, y = rng.uniform(0.2, 0.8, 2)
    left = gap + x * (width - art.width - 2 * gap)
    top = gap + y * (height - art.height - 2 * gap)
    opacity = rng.uniform(0.75, 0.95) if happens(rng, 0.12) else 1.0
    return paste(picture, art, left, top, opacity)
