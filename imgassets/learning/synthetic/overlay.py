"""Words over the picture, and watermarks in it."""

from __future__ import annotations

import cv2
import numpy as np

from imgassets.learning.synthetic import wording
from imgassets.learning.synthetic.art import Sheet, paint, paste
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
from imgassets.learning.synthetic.icons import draw_icon
from imgassets.learning.synthetic.lettering import any_lettering, fitted_mask, line_mask
from imgassets.vision.framing import frame_object

_TEXT_SHARE = (0.02, 0.22)
"""Share of the frame's area that the lines' box takes, at severity 0 and 1."""

_OPACITY = (0.17, 0.65)
"""Of a watermark, at severity 0 and 1."""


def text_lines(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Write a slogan of one to three lines over the picture."""
    lines = [wording.slogan(rng) for _ in range(int(rng.integers(1, 4)))]
    return _write(picture, lines, severity, rng)


def contact_line(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Write a site, a telephone number or an account over the picture."""
    lines = [wording.contact(rng)]
    if happens(rng, 0.3):
        lines.append(wording.contact(rng))
    # One short line at the full share would be letters of half the frame's height.
    return _write(picture, lines, severity * 0.7, rng)


def feature_bullets(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """List features beside or over the object: dots, ticks or numbers, sometimes on a panel."""
    height, width = picture.shape[:2]
    words = wording.features(rng, int(rng.integers(3, 7)))
    mark = pick(rng, ("• ", "- ", "✓ ", "{}. ", "» ", ""))
    body = [mark.format(i) + line for i, line in enumerate(words[1:], 1)]
    lines = [words[0], *body] if happens(rng, 0.6) else body
    share = grow(0.06, 0.34, severity)
    wide = width * min(0.95, np.sqrt(share) * rng.uniform(0.9, 1.2))
    mask = fitted_mask(lines, round(wide), round(height * min(0.9, np.sqrt(share) * 1.1)),
                       any_lettering(rng), "left")  # fmt: skip
    x = pick(rng, (0.03, 0.97)) * (width - mask.shape[1])
    y = rng.uniform(0.1, 0.9) * (height - mask.shape[0])
    return _on_panel(picture, mask, x, y, rng, panel=0.5)


def dimension_arrows(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Draw lengths with arrows along the object's sides."""
    height, width = picture.shape[:2]
    box = frame_object(picture).box
    sheet = Sheet(width, height)
    colour = pick(rng, (BLACK, dark(rng), vivid(rng), mixed(BLACK, WHITE, 0.4)))
    size = grow(0.045, 0.11, severity) * min(height, width)
    thick = max(1.0, size * rng.uniform(0.06, 0.14))
    gap = size * 0.9
    right, bottom = min(box.right + gap, width - size * 0.8), min(box.bottom + gap, height - size)
    left, top = max(box.left - gap, size * 0.8), max(box.top - gap, size)
    spans = [
        ((float(box.left), bottom), (float(box.right), bottom)),
        ((right, float(box.top)), (right, float(box.bottom))),
        ((float(box.left), top), (float(box.right), top)),
        ((left, float(box.top)), (left, float(box.bottom))),
    ]
    lettering = any_lettering(rng)
    chosen = rng.permutation(len(spans))[: 2 + int(severity * 2.5)]
    for index in sorted(int(i) for i in chosen):
        start, end = spans[index]
        arrow(sheet, start, end, colour, thick, size)
        x, y = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
        label = (x - 1.6 * size, y - 0.55 * size, x + 1.6 * size, y + 0.55 * size)
        if index in (1, 3):  # Beside the object there is less room than above and below it.
            x = min(max(x, 1.3 * size), width - 1.3 * size)
            label = (x - 1.3 * size, y - 0.55 * size, x + 1.3 * size, y + 0.55 * size)
        sheet.rounded(label, 0, WHITE)
        sheet.write([wording.measure(rng)], label, colour, lettering)
    return paste(picture, sheet.finished(), 0, 0)


def watermark_tiled(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Repeat a faint name all over the picture, level or slanting."""
    height, width = picture.shape[:2]
    size = max(6, round(min(height, width) * rng.uniform(0.035, 0.09)))
    mask = line_mask(wording.rights(rng), size, any_lettering(rng))
    pitch_y = round(mask.shape[0] * rng.uniform(2.0, 5.0))
    pitch_x = round(mask.shape[1] * rng.uniform(1.15, 1.7))
    side = int(np.hypot(height, width)) + 2
    rows, columns = side // pitch_y + 2, side // pitch_x + 2
    tile = np.zeros((pitch_y, pitch_x), np.uint8)
    tile[: mask.shape[0], : mask.shape[1]] = mask
    stagger = happens(rng, 0.5)
    strip = np.tile(tile, (1, columns))
    shifted = np.roll(strip, pitch_x // 2, axis=1) if stagger else strip
    sheet = np.concatenate([(strip, shifted)[row % 2] for row in range(rows)])[:side, :side]
    angle = rng.uniform(20, 50) * pick(rng, (-1, 1)) if happens(rng, 0.7) else 0.0
    sheet = np.ascontiguousarray(np.pad(sheet, ((0, side - len(sheet)), (0, 0))))
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), angle, 1.0)
    turned = cv2.warpAffine(sheet, matrix, (side, side))
    top, left = (side - height) // 2, (side - width) // 2
    cut = np.ascontiguousarray(turned[top : top + height, left : left + width])
    return paint(picture, cut, _faint(picture, rng), 0, 0, grow(*_OPACITY, severity))


def watermark_centred(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Put one large faint name, with or without a logo, over the picture's middle or a corner."""
    height, width = picture.shape[:2]
    wide = width * grow(0.3, 0.9, severity) * rng.uniform(0.85, 1.1)
    tall = min(wide * rng.uniform(0.2, 0.35), 0.8 * height)
    with_icon = happens(rng, 0.4)
    sheet = Sheet(wide, tall)
    middle = picture[height // 4 : height - height // 4, width // 4 : width - width // 4]
    colour = _faint(middle if middle.size else picture, rng)
    left = tall if with_icon and wide > 2 * tall else 0.0
    if left:
        inside = (tall * 0.1, tall * 0.1, tall * 0.9, tall * 0.9)
        draw_icon(sheet, inside, colour, mixed(colour, WHITE, 0.5), rng)
    sheet.write([wording.rights(rng)], (left, 0, wide, tall), colour, any_lettering(rng))
    if happens(rng, 0.2):
        sheet.rounded((1, 1, wide - 1, tall - 1), tall * 0.1, None, colour, max(1.0, tall * 0.03))
    art = sheet.turned(rng.uniform(-40, 40) if happens(rng, 0.4) else 0.0)
    x, y = pick(rng, ((0.5, 0.5), (0.5, 0.5), (0.5, 0.5), (0.95, 0.97), (0.05, 0.97), (0.5, 0.9)))
    opacity = grow(*_OPACITY, severity) * 1.15
    return paste(picture, art, x * (width - art.width), y * (height - art.height), opacity)


def _write(
    picture: np.ndarray, lines: list[str], severity: float, rng: np.random.Generator
) -> np.ndarray:
    """Write lines over the picture, about as wide as the share of severity allows."""
    height, width = picture.shape[:2]
    area = grow(*_TEXT_SHARE, severity) * rng.uniform(0.85, 1.15) * height * width
    lettering = any_lettering(rng, bold=happens(rng, 0.5))
    mask = fitted_mask(lines, 2000, 40 * len(lines), lettering, pick(rng, ("left", "centre")))
    aspect = mask.shape[1] / mask.shape[0]
    wide = min(np.sqrt(area * aspect), 0.94 * width)
    tall = min(wide / aspect, 0.94 * height)
    mask = fitted_mask(lines, round(wide), round(tall * 1.1), lettering)
    x = pick(rng, (0.04, 0.5, 0.5, 0.96)) * (width - mask.shape[1])
    y = pick(rng, (0.04, 0.1, 0.5, 0.88, 0.96)) * (height - mask.shape[0])
    return _on_panel(picture, mask, x, y, rng, panel=0.3)


def _on_panel(
    picture: np.ndarray, mask: np.ndarray, x: float, y: float, rng: np.random.Generator,
    panel: float,
) -> np.ndarray:  # fmt: skip
    """Paint words on a panel (with probability ``panel``), with an outline, or as they are."""
    gap = max(2, round(mask.shape[0] * 0.08))
    ground: Colour = pick(rng, (WHITE, BLACK, vivid(rng), dark(rng)))
    veil, kind = rng.uniform(0.45, 1.0), rng.random()
    if kind < panel:
        size = (mask.shape[1] + 4 * gap, mask.shape[0] + 4 * gap)
        card = Sheet(*size)
        card.rounded((0, 0, *size), gap * rng.uniform(0, 2), ground)
        picture = paste(picture, card.finished(), x - 2 * gap, y - 2 * gap, veil)
        return paint(picture, mask, readable_on(ground, rng), x, y)
    behind = _mean_colour(picture, mask, x, y)
    ink = vivid(rng) if happens(rng, 0.3) else readable_on(behind, rng)
    if abs(luma(ink) - luma(behind)) < 70 or happens(rng, 0.25):
        reach = max(1, round(mask.shape[0] * 0.02))
        square = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
        padded = np.pad(mask, reach)
        edge = WHITE if luma(ink) < 128 else BLACK
        picture = paint(picture, cv2.dilate(padded, square), edge, x - reach, y - reach)
    return paint(picture, mask, ink, x, y)


def _mean_colour(picture: np.ndarray, mask: np.ndarray, x: float, y: float) -> Colour:
    left, top = max(0, round(x)), max(0, round(y))
    part = picture[top : top + mask.shape[0], left : left + mask.shape[1]]
    if part.size == 0:
        return WHITE
    red, green, blue = (int(value) for value in part.reshape(-1, 3).mean(axis=0))
    return red, green, blue


def _faint(picture: np.ndarray, rng: np.random.Generator) -> Colour:
    """Return a colour that shows on most of the picture even when faint."""
    choice = pick(rng, (BLACK, (60, 60, 60), (110, 110, 110), dark(rng)))
    return WHITE if float(picture.mean()) < 115 else choice


def arrow(
    sheet: Sheet, start: tuple[float, float], end: tuple[float, float], colour: Colour,
    thick: float, size: float,
) -> None:  # fmt: skip
    """Draw a line with a head at either end, between two short strokes."""
    a, b = np.array(start), np.array(end)
    length = float(np.linalg.norm(b - a))
    if length < 4:
        return
    sheet.line([start, end], colour, thick)
    along = (b - a) / length
    across = np.array([-along[1], along[0]])
    head = min(0.3 * size, length / 4)
    for tip, way in ((a, 1), (b, -1)):
        back = tip + way * along * head
        sheet.polygon(np.stack([tip, back + across * head / 2, back - across * head / 2]), colour)
        sheet.line(np.stack([tip + across * size * 0.3, tip - across * size * 0.3]), colour, thick)
