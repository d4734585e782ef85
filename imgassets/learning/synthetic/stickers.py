"""Small pictures that sellers stick on a product's photo."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

from imgassets.learning.synthetic import wording
from imgassets.learning.synthetic.art import Sheet, circle, curve, star
from imgassets.learning.synthetic.chance import happens, pick
from imgassets.learning.synthetic.colours import BLACK, WHITE, dark, mixed, readable_on, vivid
from imgassets.learning.synthetic.icons import draw_icon
from imgassets.learning.synthetic.lettering import any_lettering

_HEART = ((0.5, 0.95), (0.08, 0.5), (0.06, 0.24), (0.27, 0.1), (0.5, 0.3), (0.73, 0.1),
          (0.94, 0.24), (0.92, 0.5))  # fmt: skip


def draw_sticker(side: float, rng: np.random.Generator) -> Image.Image:
    """Draw any sticker, RGBA, about ``side`` pixels wide."""
    return pick(rng, _STICKERS)(side, rng)


def _face(side: float, rng: np.random.Generator) -> Image.Image:
    sheet, ink = Sheet(side, side), (92, 58, 18)
    skin = pick(rng, ((255, 204, 51), (255, 214, 94), (250, 178, 60)))
    sheet.ellipse((0, 0, side, side), skin, mixed(skin, ink, 0.3), side * 0.02)
    for x in (0.33, 0.67):
        if happens(rng, 0.25):
            heart = (np.asarray(_HEART) - 0.5) * 0.26 * side + (x * side, 0.38 * side)
            sheet.polygon(curve(heart, steps=4), (226, 42, 60))
        else:
            sheet.ellipse(circle(x * side, 0.38 * side, 0.065 * side), ink)
    mouth = (0.25 * side, 0.3 * side, 0.75 * side, 0.8 * side)
    sheet.arc(mouth, 20, 160, ink, side * 0.05)
    return sheet.turned(rng.uniform(-20, 20))


def _heart(side: float, rng: np.random.Generator) -> Image.Image:
    sheet = Sheet(side, side)
    sheet.polygon(curve(np.asarray(_HEART) * side), vivid(rng))
    return sheet.turned(rng.uniform(-20, 20))


def _stars(side: float, rng: np.random.Generator) -> Image.Image:
    """A row of rating stars, on a card or bare."""
    tall = side / 3
    sheet = Sheet(side, tall)
    if happens(rng, 0.5):
        sheet.rounded((0, 0, side, tall), tall * 0.2, pick(rng, (WHITE, dark(rng))))
    full = int(rng.integers(3, 6))
    for i in range(5):
        shape = star((i + 0.5) * side / 5, tall / 2, side * 0.085, side * 0.036, 5, -np.pi / 2)
        sheet.polygon(shape, (255, 176, 0) if i < full else (200, 200, 200))
    return sheet.finished()


def _check(side: float, rng: np.random.Generator) -> Image.Image:
    sheet, ground = Sheet(side, side), pick(rng, ((34, 160, 70), (20, 120, 200), vivid(rng)))
    if happens(rng, 0.6):
        sheet.ellipse((0, 0, side, side), ground)
        ink = WHITE
    else:
        ink = ground
    path = np.array([(0.25, 0.52), (0.43, 0.7), (0.77, 0.32)]) * side
    sheet.line(path, ink, side * 0.1)
    return sheet.finished()


def _flag(side: float, rng: np.random.Generator) -> Image.Image:
    """Flag colours, upright or level, sometimes with words under them."""
    sheet, tall = Sheet(side, side * 0.66), side * 0.66
    stripes = pick(
        rng,
        (
            ((0, 0, 0), (221, 0, 0), (255, 206, 0)), ((0, 85, 164), WHITE, (239, 65, 53)),
            ((0, 146, 70), WHITE, (206, 43, 55)), ((174, 28, 40), WHITE, (33, 70, 139)),
            ((170, 21, 27), (241, 191, 0), (170, 21, 27)), (WHITE, (220, 20, 60)),
            ((0, 87, 183), (255, 215, 0)), ((178, 34, 52), WHITE, (178, 34, 52), WHITE),
        ),
    )  # fmt: skip
    upright = happens(rng, 0.5)
    for i, colour in enumerate(stripes):
        low, high = i / len(stripes), (i + 1) / len(stripes)
        if upright:
            box = (low * side, 0.0, high * side, tall)
        else:
            box = (0.0, low * tall, side, high * tall)
        sheet.rounded(box, 0, colour)
    if happens(rng, 0.4):
        made = pick(rng, ("Made in Germany", "Made in Italy", "EU stock", "Ships from USA"))
        card = (0.0, tall * 0.7, side, tall)
        sheet.rounded(card, 0, WHITE)
        sheet.write([made], (side * 0.05, tall * 0.74, side * 0.95, tall * 0.96), BLACK,
                    any_lettering(rng))  # fmt: skip
    return sheet.finished()


def _stamp(side: float, rng: np.random.Generator) -> Image.Image:
    """A rubber stamp's outline with words, askew."""
    sheet, ink = Sheet(side, side * 0.45), pick(rng, (vivid(rng), (190, 20, 30), dark(rng)))
    tall, thick = side * 0.45, side * rng.uniform(0.015, 0.04)
    ground = None if happens(rng, 0.7) else WHITE
    sheet.rounded((1, 1, side - 1, tall - 1), tall * rng.uniform(0, 0.25), ground, ink, thick)
    words = " ".join(wording.offer(rng)).upper()
    box = (side * 0.1, tall * 0.22, side * 0.9, tall * 0.78)
    sheet.write([words], box, ink, any_lettering(rng, bold=True))
    return sheet.turned(rng.uniform(-30, 30))


def _icon(side: float, rng: np.random.Generator) -> Image.Image:
    """A cart, a box or another icon on a round or square patch."""
    sheet, ground = Sheet(side, side), vivid(rng)
    if happens(rng, 0.5):
        sheet.ellipse((0, 0, side, side), ground)
    else:
        sheet.rounded((0, 0, side, side), side * rng.uniform(0, 0.25), ground)
    inside = (side * 0.24, side * 0.24, side * 0.76, side * 0.76)
    draw_icon(sheet, inside, readable_on(ground, rng), ground, rng)
    return sheet.finished()


def _bubble(side: float, rng: np.random.Generator) -> Image.Image:
    """A speech bubble."""
    sheet, tall = Sheet(side, side * 0.75), side * 0.75
    ground = pick(rng, (WHITE, vivid(rng)))
    ink = readable_on(ground, rng)
    tail = [(side * 0.25, tall * 0.7), (side * 0.2, tall * 0.99), (side * 0.5, tall * 0.74)]
    sheet.polygon(tail, ground)
    sheet.ellipse((0, 0, side, tall * 0.82), ground)
    box = (side * 0.16, tall * 0.2, side * 0.84, tall * 0.62)
    sheet.write(wording.offer(rng), box, ink, any_lettering(rng, bold=True))
    return sheet.finished()


_STICKERS: tuple[Callable[[float, np.random.Generator], Image.Image], ...] = (
    _face, _heart, _stars, _check, _flag, _stamp, _icon, _bubble,
)  # fmt: skip
