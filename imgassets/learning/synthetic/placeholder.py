"""Pictures that stand for a missing one. Nothing of the original remains but its size.

Severity is how plainly they do: at 0 the art is small and pale, at 1 large and of strong contrast.
"""

from __future__ import annotations

import numpy as np

from imgassets.learning.synthetic import silhouettes, wording
from imgassets.learning.synthetic.art import Rectangle, Sheet, curve, paint, star
from imgassets.learning.synthetic.backdrops import noise
from imgassets.learning.synthetic.chance import happens, pick, shift
from imgassets.learning.synthetic.colours import (
    BLACK,
    WHITE,
    Colour,
    dark,
    grey,
    luma,
    mixed,
    pastel,
    vivid,
)
from imgassets.learning.synthetic.icons import draw_icon
from imgassets.learning.synthetic.lettering import any_lettering, fitted_mask


class _Card:
    """An empty card of a picture's size, and the ink for it."""

    def __init__(
        self, picture: np.ndarray, severity: float, rng: np.random.Generator,
        ground: Colour | None = None,
    ) -> None:  # fmt: skip
        height, width = picture.shape[:2]
        if happens(rng, 0.3):
            # One file serves products of all shapes, mostly square.
            height = width = round(np.sqrt(height * width))
        self.height, self.width = height, width
        self.ground = _ground(rng) if ground is None else ground
        self.ink = _ink(self.ground, severity, rng)
        self.sheet = Sheet(width, height, self.ground)
        if happens(rng, 0.3):
            self._frame(rng)

    def _frame(self, rng: np.random.Generator) -> None:
        side = min(self.width, self.height)
        gap = side * pick(rng, (0.0, 0.02, 0.05))
        colour = mixed(self.ground, self.ink, rng.uniform(0.3, 1.0))
        box = (gap, gap, self.width - gap, self.height - gap)
        radius = side * pick(rng, (0.0, 0.0, 0.04, 0.1))
        thick = max(1.0, side * rng.uniform(0.003, 0.03))
        self.sheet.rounded(box, radius, None, colour, thick)

    def square(self, share: float, y: float = 0.5, x: float = 0.5) -> Rectangle:
        """Return a square with ``share`` of the shorter side, its centre at shares of the card."""
        half = share * min(self.width, self.height) / 2
        cx, cy = x * self.width, y * self.height
        return cx - half, cy - half, cx + half, cy + half

    def strip(self, wide: float, tall: float, y: float) -> Rectangle:
        """Return a centred strip: shares of width and height, the centre's y as a share."""
        cx, cy = self.width / 2, y * self.height
        half_w, half_h = wide * self.width / 2, tall * self.height / 2
        return cx - half_w, cy - half_h, cx + half_w, cy + half_h

    def picture(self) -> np.ndarray:
        """Return the finished card, RGB."""
        return np.array(self.sheet.finished().convert("RGB"))


def placeholder_text(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Say that there is no picture, in one of many languages."""
    card = _Card(picture, severity, rng)
    lines = _lines(wording.missing_image(rng), rng)
    size = shift(0.35, 0.9, severity) * rng.uniform(0.85, 1.05)
    y = pick(rng, (0.5, 0.5, 0.5, 0.42, 0.85, 0.15))
    tall = min(0.14 * len(lines) * (0.6 + severity), 1.7 * min(y, 1 - y))
    card.sheet.write(lines, card.strip(size, tall, y), card.ink, any_lettering(rng))
    if happens(rng, 0.4):
        below = y + tall / 2 + 0.07 if y < 0.7 else y - tall / 2 - 0.07
        box = card.strip(size * 0.7, 0.045, below)
        card.sheet.write([wording.aside(rng)], box, mixed(card.ground, card.ink, 0.7),
                         any_lettering(rng))  # fmt: skip
    return card.picture()


def placeholder_icon(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Show a camera, a picture frame, a cart, a box, a question mark, …; sometimes crossed out."""
    card = _Card(picture, severity, rng)
    share = shift(0.2, 0.75, severity) * rng.uniform(0.85, 1.1)
    behind = card.ground
    if happens(rng, 0.25):
        behind = mixed(card.ground, card.ink, rng.uniform(0.1, 0.3))
        patch = card.square(min(0.95, share * 1.7))
        if happens(rng, 0.6):
            card.sheet.ellipse(patch, behind)
        else:
            card.sheet.rounded(patch, share * card.width * 0.1, behind)
    draw_icon(card.sheet, card.square(share), card.ink, behind, rng)
    return card.picture()


def placeholder_logo(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Show the seller's logo: an invented word, a mark, or both."""
    card = _Card(picture, severity, rng)
    colour = vivid(rng) if happens(rng, 0.5) else card.ink
    if abs(luma(colour) - luma(card.ground)) < 60:
        colour = card.ink
    size = shift(0.3, 0.85, severity)
    kind = int(rng.integers(3))
    if kind != 0:
        box = card.square(size * (0.8 if kind == 1 else 0.45), 0.5 if kind == 1 else 0.36)
        _mark(card.sheet, box, colour, card.ground, rng)
    if kind != 1:
        words = card.strip(size, size * 0.25, 0.5 if kind == 0 else 0.66)
        card.sheet.write([wording.brand(rng)], words, colour, any_lettering(rng, bold=True))
    if happens(rng, 0.25):
        card.sheet.write([wording.aside(rng)], card.strip(size * 0.6, 0.04, 0.8),
                         mixed(card.ground, colour, 0.7), any_lettering(rng))  # fmt: skip
    return card.picture()


def grey_panel(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Show an empty panel: one colour, mostly grey, or stripes or checks as for transparency."""
    height, width = picture.shape[:2]
    level = round(shift(242, 120, severity) + rng.uniform(-14, 14))
    ground = grey(rng, min(250, level), min(255, level + 4))
    if happens(rng, 0.2):
        ground = pick(rng, (pastel(rng), WHITE, BLACK, dark(rng)))
    card = _Card(picture, severity, rng, ground)
    kind = rng.random()
    other = mixed(ground, card.ink, rng.uniform(0.06, 0.2))
    step = max(3, round(min(height, width) / int(rng.integers(6, 30))))
    if kind < 0.12:
        for top in range(0, card.height, step):
            for left in range(step * (top // step % 2), card.width, 2 * step):
                card.sheet.rounded((left, top, left + step, top + step), 0, other)
    elif kind < 0.24:
        for start in range(-card.height, card.width, 2 * step):
            stripe = [(start, card.height), (start + card.height, 0),
                      (start + card.height + step, 0), (start + step, card.height)]  # fmt: skip
            card.sheet.polygon(stripe, other)
    elif kind < 0.34:
        for diagonal in ([(0, 0), (card.width, card.height)], [(0, card.height), (card.width, 0)]):
            card.sheet.line(diagonal, other, max(1.0, step * 0.1))
    return card.picture()


def gradient_panel(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Show a colour that runs into another, straight or from the middle; sometimes with a word."""
    height, width = picture.shape[:2]
    first = pick(rng, (pastel(rng), grey(rng, 190, 250), vivid(rng)))
    second = mixed(first, pick(rng, (BLACK, WHITE, vivid(rng))), shift(0.15, 0.7, severity))
    rows = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    columns = np.linspace(-1, 1, width, dtype=np.float32)[None]
    angle = rng.uniform(0, 2 * np.pi)
    if happens(rng, 0.6):
        along = (rows * np.sin(angle) + columns * np.cos(angle)) / 2.9 + 0.5
    else:
        along = np.sqrt(rows**2 + columns**2) / 1.42
    if happens(rng, 0.3):
        along = along + 0.2 * noise(rng, height, width, 3)
    start, end = np.array(first, np.float32), np.array(second, np.float32)
    panel = start + (end - start) * np.clip(along, 0, 1)[..., None].astype(np.float32)
    panel = (panel + 0.5).astype(np.uint8)
    if happens(rng, 0.35):
        ink = WHITE if luma(mixed(first, second, 0.5)) < 150 else dark(rng)
        size = (max(1, round(width * 0.6)), max(1, round(height * 0.12)))
        mask = fitted_mask([wording.missing_image(rng)], *size, any_lettering(rng))
        x, y = (width - mask.shape[1]) / 2, (height - mask.shape[0]) / 2
        return paint(panel, mask, ink, x, y)
    return panel


def placeholder_silhouette(
    picture: np.ndarray, severity: float, rng: np.random.Generator
) -> np.ndarray:
    """Show the flat outline of a kind of goods: a shirt, a bottle, a shoe."""
    card = _Card(picture, severity, rng)
    outline = pick(rng, silhouettes.ALL)
    box = card.square(shift(0.35, 0.85, severity) * rng.uniform(0.9, 1.05))
    points = outline * (box[2] - box[0]) + box[:2]
    if happens(rng, 0.4):
        points = curve(points, steps=5)
    if happens(rng, 0.65):
        card.sheet.polygon(points, card.ink)
    else:
        thick = max(1.0, (box[2] - box[0]) * rng.uniform(0.01, 0.04))
        card.sheet.line(points, card.ink, thick, closed=True)
    if happens(rng, 0.35):
        label = card.strip(0.6, 0.06, 0.93)
        card.sheet.write([wording.missing_image(rng)], label, card.ink, any_lettering(rng))
    return card.picture()


def loading_spinner(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Show what a page shows while it loads: a ring, dots, spokes or a bar."""
    card = _Card(picture, severity, rng)
    box = card.square(shift(0.12, 0.45, severity) * rng.uniform(0.85, 1.15))
    side, kind = box[2] - box[0], int(rng.integers(4))
    cx, cy = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    count, turn = int(rng.integers(6, 13)), rng.uniform(0, 360)
    if kind == 0:
        thick = side * rng.uniform(0.06, 0.16)
        card.sheet.arc(box, 0, 360, mixed(card.ground, card.ink, 0.25), thick)
        card.sheet.arc(box, turn, turn + rng.uniform(60, 270), card.ink, thick)
    elif kind in (1, 2):
        for i in range(count):
            angle = np.radians(turn) + 2 * np.pi * i / count
            tone = mixed(card.ground, card.ink, 0.15 + 0.85 * i / (count - 1))
            way = np.array([np.cos(angle), np.sin(angle)])
            tip, root = way * side * 0.46 + (cx, cy), way * side * 0.26 + (cx, cy)
            if kind == 1:
                radius = side * 0.06
                dot = (tip[0] - radius, tip[1] - radius, tip[0] + radius, tip[1] + radius)
                card.sheet.ellipse(dot, tone)
            else:
                card.sheet.line(np.stack([root, tip]), tone, side * 0.07)
    else:
        bar = card.strip(0.5, 0.02 + 0.02 * severity, 0.5)
        radius = (bar[3] - bar[1]) / 2
        card.sheet.rounded(bar, radius, mixed(card.ground, card.ink, 0.25))
        done = (bar[0], bar[1], bar[0] + (bar[2] - bar[0]) * rng.uniform(0.15, 0.8), bar[3])
        card.sheet.rounded(done, radius, card.ink)
    if happens(rng, 0.4):
        word = pick(
            rng, ("Loading...", "Loading", "Please wait", "Laden...", "Chargement", "加载中")
        )
        y = 0.5 + 0.5 * side / card.height + 0.06
        card.sheet.write([word], card.strip(0.35, 0.05, min(0.95, y)), card.ink,
                         any_lettering(rng))  # fmt: skip
    return card.picture()


def placeholder_combined(
    picture: np.ndarray, severity: float, rng: np.random.Generator
) -> np.ndarray:
    """Show an icon, a silhouette or a mark with words, one above the other or side by side."""
    card = _Card(picture, severity, rng)
    size = shift(0.22, 0.5, severity) * rng.uniform(0.9, 1.1)
    beside = card.width > 1.6 * card.height
    box = card.square(size, 0.5 if beside else 0.4, 0.25 if beside else 0.5)
    kind = int(rng.integers(4))
    if kind == 0:
        _mark(card.sheet, box, card.ink, card.ground, rng)
    elif kind == 1:
        points = pick(rng, silhouettes.ALL) * (box[2] - box[0]) + box[:2]
        card.sheet.polygon(points, card.ink)
    else:
        draw_icon(card.sheet, box, card.ink, card.ground, rng)
    ink = card.ink if happens(rng, 0.7) else mixed(card.ground, BLACK, 0.6)
    lines = _lines(wording.missing_image(rng), rng)
    wide = shift(0.45, 0.85, severity)
    below = 0.4 + size * min(card.width, card.height) / card.height / 2
    if beside:
        words = (0.45 * card.width, 0.3 * card.height, 0.95 * card.width, 0.7 * card.height)
    else:
        words = card.strip(wide, 0.07 * len(lines), min(0.9, below + 0.05 + 0.035 * len(lines)))
    card.sheet.write(lines, words, ink, any_lettering(rng))
    return card.picture()


def _ground(rng: np.random.Generator) -> Colour:
    kind = rng.random()
    if kind < 0.3:
        return WHITE
    if kind < 0.65:
        return grey(rng, 205, 250)
    if kind < 0.85:
        return pastel(rng)
    return pick(rng, (dark(rng), vivid(rng), grey(rng, 110, 200)))


def _ink(ground: Colour, severity: float, rng: np.random.Generator) -> Colour:
    """Return a colour between the ground and its opposite: stronger with severity."""
    strong = BLACK if luma(ground) > 110 else WHITE
    if happens(rng, 0.3):
        strong = mixed(strong, vivid(rng), 0.6)
    return mixed(ground, strong, shift(0.22, 0.85, severity) * rng.uniform(0.75, 1.15))


def _lines(words: str, rng: np.random.Generator) -> list[str]:
    """Break words into one to three lines."""
    parts = words.split(" ")
    if len(parts) == 1 or happens(rng, 0.4):
        return [words]
    if len(parts) == 2 or happens(rng, 0.7):
        half = (len(parts) + 1) // 2
        return [" ".join(parts[:half]), " ".join(parts[half:])]
    return [parts[0], " ".join(parts[1:-1]), parts[-1]]


def _mark(
    sheet: Sheet, box: Rectangle, colour: Colour, ground: Colour, rng: np.random.Generator
) -> None:
    """Draw an invented company mark: a few simple shapes, or a letter in one."""
    left, top, right, bottom = box
    side, cx, cy = right - left, (left + right) / 2, (top + bottom) / 2
    kind = int(rng.integers(5))
    other = mixed(colour, ground, rng.uniform(0.3, 0.7))
    if kind == 0:
        sheet.ellipse(box, colour)
        inset = side * rng.uniform(0.12, 0.3)
        moved = side * rng.uniform(0, 0.2)
        inner = (left + inset + moved, top + inset, right - inset + moved, bottom - inset)
        sheet.ellipse(inner, ground)
    elif kind == 1:
        shapes = int(rng.integers(2, 5))
        for i in range(shapes):
            tips = rng.uniform(0, 1, (int(rng.integers(3, 6)), 2)) * side + (left, top)
            shape = curve(tips, steps=5) if happens(rng, 0.5) else tips
            sheet.polygon(shape, (colour, other)[i % 2])
    elif kind == 2:
        count = int(rng.integers(3, 9))
        outline = star(cx, cy, side / 2, side * rng.uniform(0.15, 0.42), count, rng.uniform(0, 6))
        sheet.polygon(outline, colour)
    elif kind == 3:
        bars = int(rng.integers(2, 5))
        for i in range(bars):
            x = left + side * i / bars
            high = side * rng.uniform(0.3, 1.0)
            sheet.rounded((x, bottom - high, x + side * 0.7 / bars, bottom), side * 0.03,
                          (colour, other)[i % 2])  # fmt: skip
    else:
        sheet.rounded(box, side * pick(rng, (0.0, 0.15, 0.5)), colour)
        inside = (left + side * 0.25, top + side * 0.22, right - side * 0.25, bottom - side * 0.22)
        letters = wording.brand(rng)[: int(rng.integers(1, 3))]
        sheet.write([letters], inside, ground, any_lettering(rng, bold=True))
