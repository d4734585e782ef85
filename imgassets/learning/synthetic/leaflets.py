"""Text graphics round a product: named features with pointers, and labels for washing."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from imgassets.learning.synthetic import sizing, wording
from imgassets.learning.synthetic.art import Rectangle, Sheet, circle, paste
from imgassets.learning.synthetic.backdrops import noise
from imgassets.learning.synthetic.chance import happens, pick, shift
from imgassets.learning.synthetic.colours import (
    BLACK,
    WHITE,
    Colour,
    border_colour,
    dark,
    grey,
    near_white,
    pastel,
    readable_on,
    vivid,
)
from imgassets.learning.synthetic.lettering import Lettering, any_lettering
from imgassets.learning.synthetic.mounting import tile
from imgassets.vision.framing import frame_object

_SIDE = (400, 720)
"""Pixels of the longer side, least and most."""


def callouts(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Put the object, no larger than half the frame, among named features with pointers to it."""
    side = round(rng.uniform(*_SIDE))
    own = border_colour(picture)
    ground = own if min(own) > 215 or happens(rng, 0.5) else near_white(rng)
    box = frame_object(picture).box
    object_ = np.ascontiguousarray(box.crop(picture))
    wide, tall = round(side * rng.uniform(0.34, 0.5)), round(side * rng.uniform(0.5, 0.75))
    board = np.full((side, side, 3), ground, np.uint8)
    left, top = (side - wide) // 2, round((side - tall) * rng.uniform(0.5, 0.8))
    board[top : top + tall, left : left + wide] = tile(object_, (tall, wide), rng, detail=False)
    sheet = Sheet(side, side)
    ink, lettering = readable_on(ground, rng), any_lettering(rng)
    accent = pick(rng, (ink, vivid(rng), vivid(rng)))
    if happens(rng, 0.7):
        head = (side * 0.08, side * 0.02, side * 0.92, max(side * 0.08, top - side * 0.03))
        sheet.write([wording.features(rng, 1)[0]], head, ink, any_lettering(rng, bold=True))
    count = 2 + round(shift(1, 4, severity))
    numbered = happens(rng, 0.4)
    for index, words in enumerate(wording.features(rng, count)[1:]):
        on_left = index % 2 == 0
        y = top + tall * (index // 2 + 0.5) / (count // 2 + count % 2)
        x = 0.02 * side if on_left else left + wide + 0.03 * side
        label = (x, y - side * 0.055, x + left - 0.05 * side, y + side * 0.055)
        if numbered:
            radius = side * 0.028
            middle = (label[0] + label[2]) / 2
            sheet.ellipse(circle(middle, label[1] - radius, radius), accent)
            digit = circle(middle, label[1] - radius, radius * 0.6)
            sheet.write([str(index + 1)], digit, readable_on(accent, rng), Lettering())
        sheet.write(_wrapped(words), label, ink, lettering)
        near = label[2] if on_left else label[0]
        to = (left + wide * (rng.uniform(0.15, 0.45) if on_left else rng.uniform(0.55, 0.85)),
              y + rng.uniform(-0.06, 0.06) * side)  # fmt: skip
        sheet.line([(near, y), to], accent, max(1.0, side * 0.004))
        sheet.ellipse(circle(*to, side * 0.009), accent)
    return paste(board, sheet.finished(), 0, 0)


def care_label(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Draw a label with symbols for washing and what the cloth is made of, on paper or on cloth."""
    side = round(rng.uniform(*_SIDE))
    aspect = rng.uniform(0.5, 1.3)
    height, width = (side, round(side * aspect)) if aspect < 1 else (round(side / aspect), side)
    ground = pick(rng, (WHITE, WHITE, near_white(rng), pastel(rng), dark(rng)))
    sheet = Sheet(width, height, ground)
    ink = readable_on(ground, rng)
    lettering = Lettering(pick(rng, ("aileron", "sans", "uni")), int(rng.integers(300, 700)))
    y = height * 0.06
    for lines, share in (
        ([wording.brand(rng)], 0.14),
        ([sizing.fibres(rng), *([sizing.fibres(rng)] if severity > 0.5 else [])], 0.18),
    ):
        sheet.write(lines, (width * 0.1, y, width * 0.9, y + height * share), ink, lettering)
        y += height * (share + 0.05)
    count = 3 + round(2 * severity)
    pitch = width * 0.9 / count
    symbol = min(pitch * 0.8, height * 0.2)
    for index in range(count):
        x = width * 0.05 + pitch * (index + 0.5)
        _symbol(sheet, (x - symbol / 2, y, x + symbol / 2, y + symbol), ink, rng)
    y += symbol + height * 0.06
    lines = sizing.care(rng, 2 + round(3 * severity))
    sheet.write(lines, (width * 0.08, y, width * 0.92, height * 0.95), ink, lettering,
                pick(rng, ("left", "centre")))  # fmt: skip
    label = np.array(sheet.finished().convert("RGB"))
    return _sewn(label, rng) if happens(rng, 0.4) else label


def _wrapped(words: str) -> list[str]:
    """Break a feature of several words into two lines."""
    parts = words.split(" ")
    middle = (len(parts) + 1) // 2
    return [" ".join(parts[:middle]), " ".join(parts[middle:])] if len(parts) > 1 else parts


def _symbol(sheet: Sheet, box: Rectangle, ink: Colour, rng: np.random.Generator) -> None:
    """Draw one of the five care symbols (ISO 3758), sometimes crossed out."""
    left, top, right, _ = box
    side = right - left
    thick = max(1.0, side * 0.06)

    def at(x: float, y: float) -> tuple[float, float]:
        return left + x * side, top + y * side

    pick(rng, _SYMBOLS)(sheet, at, ink, thick, rng)
    if happens(rng, 0.35):
        sheet.line([at(0.05, 0.1), at(0.95, 0.95)], ink, thick)
        sheet.line([at(0.95, 0.1), at(0.05, 0.95)], ink, thick)


At = Callable[[float, float], tuple[float, float]]


def _tub(sheet: Sheet, at: At, ink: Colour, thick: float, rng: np.random.Generator) -> None:
    sheet.line([at(0.02, 0.3), at(0.15, 0.9), at(0.85, 0.9), at(0.98, 0.3)], ink, thick)
    waves = [at(x, 0.34 + 0.06 * (-1) ** i) for i, x in enumerate(np.linspace(0.04, 0.96, 8))]
    sheet.line(waves, ink, thick)
    degrees = pick(rng, ("30", "40", "60", ""))
    if degrees:
        sheet.write([degrees], (*at(0.28, 0.48), *at(0.72, 0.84)), ink, Lettering())


def _triangle(sheet: Sheet, at: At, ink: Colour, thick: float, rng: np.random.Generator) -> None:
    sheet.line([at(0.5, 0.1), at(0.95, 0.9), at(0.05, 0.9)], ink, thick, closed=True)


def _square(sheet: Sheet, at: At, ink: Colour, thick: float, rng: np.random.Generator) -> None:
    sheet.line([at(0.1, 0.1), at(0.9, 0.1), at(0.9, 0.9), at(0.1, 0.9)], ink, thick, closed=True)
    sheet.ellipse((*at(0.2, 0.2), *at(0.8, 0.8)), None, ink, thick)


def _iron(sheet: Sheet, at: At, ink: Colour, thick: float, rng: np.random.Generator) -> None:
    body = [at(0.05, 0.85), at(0.95, 0.85), at(0.85, 0.3), at(0.35, 0.3)]
    sheet.line(body, ink, thick)
    sheet.line([at(0.8, 0.55), at(0.25, 0.55), at(0.05, 0.85)], ink, thick)
    for index in range(int(rng.integers(0, 4))):
        x, y = at(0.4 + 0.14 * index, 0.7)
        sheet.ellipse(circle(x, y, thick), ink)


def _disc(sheet: Sheet, at: At, ink: Colour, thick: float, rng: np.random.Generator) -> None:
    sheet.ellipse((*at(0.08, 0.08), *at(0.92, 0.92)), None, ink, thick)
    letter = pick(rng, ("P", "F", "W", ""))
    if letter:
        sheet.write([letter], (*at(0.3, 0.25), *at(0.7, 0.75)), ink, Lettering())


_SYMBOLS = (_tub, _triangle, _square, _iron, _disc)


def _sewn(label: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Lay a label, a little turned, on cloth: as a photo of a garment's inside shows it."""
    height, width = label.shape[:2]
    frame = (round(height * rng.uniform(1.25, 1.7)), round(width * rng.uniform(1.25, 1.7)))
    tone = np.array(pick(rng, (grey(rng, 40, 230), vivid(rng), pastel(rng), BLACK)), np.float32)
    folds = 1 + 0.12 * noise(rng, *frame, 4, 1, 2) + rng.normal(0, 0.04, frame)
    cloth = np.clip(folds[..., None] * (tone * 0.8 + 20), 0, 255).astype(np.uint8)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), rng.uniform(-12, 12), 1.0)
    matrix[:, 2] += ((frame[1] - width) / 2, (frame[0] - height) / 2)
    light = (1 + 0.05 * noise(rng, height, width, 3))[..., None]
    lit = np.clip(label * light, 0, 255).astype(np.uint8)
    laid = cv2.warpAffine(lit, matrix, frame[::-1], dst=cloth, borderMode=cv2.BORDER_TRANSPARENT)
    return np.asarray(laid)
