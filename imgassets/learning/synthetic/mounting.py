"""Pictures that are mounted: in a coloured border, or several in one frame."""

from __future__ import annotations

import cv2
import numpy as np

from imgassets.learning.synthetic.art import Sheet, paste
from imgassets.learning.synthetic.chance import grow, happens, pick
from imgassets.learning.synthetic.colours import (
    BLACK,
    WHITE,
    Colour,
    border_colour,
    dark,
    grey,
    luma,
    pastel,
    vivid,
)
from imgassets.vision.framing import Box, frame_object

_THICKNESS = (0.012, 0.10)
"""Of a border, share of the shorter side, at severity 0 and 1."""


def plain_border(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Draw a coloured frame along the edges, sometimes on two sides only."""
    colour = _border(picture, rng)
    thick = _thickness(picture, severity, rng)
    framed = picture.copy()
    sides = pick(rng, ("tblr", "tblr", "tblr", "tb", "lr"))
    if "t" in sides:
        framed[:thick] = framed[-thick:] = colour
    if "l" in sides:
        framed[:, :thick] = framed[:, -thick:] = colour
    return framed


def rounded_border(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Draw a frame whose inner corners are round."""
    colour = _border(picture, rng)
    thick = _thickness(picture, severity, rng)
    return _round_frame(picture, colour, thick, thick * rng.uniform(1.5, 5.0))


def double_border(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Draw two frames, one inside the other."""
    outer, inner = _border(picture, rng), pick(rng, (WHITE, BLACK, vivid(rng), dark(rng)))
    thick = _thickness(picture, severity, rng)
    slim = max(1, round(thick * rng.uniform(0.2, 0.6)))
    gap = round(thick * rng.uniform(0.0, 0.7))
    framed = picture.copy()
    height, width = framed.shape[:2]
    for inset, size, colour in ((0, thick, outer), (thick + gap, slim, inner)):
        if min(height, width) <= 2 * (inset + size):
            break
        near, far_x, far_y = inset, width - inset - 1, height - inset - 1
        for step in range(size):
            corners = (near + step, near + step), (far_x - step, far_y - step)
            cv2.rectangle(framed, *corners, colour, 1)
    return framed


def collage_grid(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Show parts of the picture side by side in a grid: more of them with severity."""
    height, width = picture.shape[:2]
    rows, columns = pick(
        rng, ((1, 2), (2, 1), (2, 2)) if severity < 0.4 else ((2, 2), (2, 3), (3, 3))
    )
    return _grid(picture, (height, width), rows, columns, rng)


def collage_strip(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Show the whole picture several times or with its parts in one row or column."""
    height, width = picture.shape[:2]
    count = 2 + round(2 * severity) if happens(rng, 0.3) else 3
    if width > height:
        return _grid(picture, (height, width), count, 1, rng)
    return _grid(picture, (height, width), 1, count, rng)


def collage_insets(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Lay enlarged details over the picture, in squares or circles."""
    height, width = picture.shape[:2]
    side = max(6, round(min(height, width) * grow(0.17, 0.42, severity)))
    count = min(1 + int(rng.integers(0, 4)), max(1, int(0.95 * height / side)))
    round_shape = happens(rng, 0.45)
    edge = pick(rng, (WHITE, BLACK, vivid(rng), grey(rng, 120, 200)))
    thick = max(1.0, side * rng.uniform(0.0, 0.06))
    gap = round(min(height, width) * 0.03)
    corner_x = pick(rng, (gap, width - side - gap))
    step = (height - 2 * gap - side) / max(1, count - 1)
    mounted = picture
    for i in range(count):
        y = gap + round(i * step) if count > 1 else pick(rng, (gap, height - side - gap))
        part = tile(picture, (side, side), rng, detail=True)
        mounted = inset(mounted, part, (max(0, corner_x), max(0, y)), round_shape, edge, thick)
    return mounted


def inset(
    picture: np.ndarray, part: np.ndarray, place: tuple[int, int], round_shape: bool,
    edge: Colour, thick: float,
) -> np.ndarray:  # fmt: skip
    """Return a copy of a picture with a square part laid over it, as a square or a disc.

    Args:
        picture: RGB, uint8.
        part: RGB, uint8, square.
        place: its left and top, pixels.
        round_shape: whether it is cut to a disc.
        edge: colour of its outline.
        thick: width of the outline, pixels.
    """
    side, (left, top) = len(part), place
    art, rim = Sheet(side, side), Sheet(side, side)
    box = (0.0, 0.0, float(side), float(side))
    if round_shape:
        art.ellipse(box, WHITE)
        rim.ellipse(box, None, edge, thick)
    else:
        art.rounded(box, 0, WHITE)
        rim.rounded(box, 0, None, edge, thick)
    mask = np.array(art.finished())[..., 3:4].astype(np.float32) / 255
    mounted = picture.copy()
    under = mounted[top : top + side, left : left + side]
    rows, columns = under.shape[:2]
    mask, part = mask[:rows, :columns], part[:rows, :columns]
    under[:] = (under * (1 - mask) + part * mask + 0.5).astype(np.uint8)
    return paste(mounted, rim.finished(), left, top)


def _thickness(picture: np.ndarray, severity: float, rng: np.random.Generator) -> int:
    side = min(picture.shape[:2])
    thick = grow(*_THICKNESS, severity) * side * rng.uniform(0.85, 1.15)
    return max(1, min(round(thick), (side - 1) // 2))


def _border(picture: np.ndarray, rng: np.random.Generator) -> Colour:
    """Return a colour that differs from the picture's own border."""
    own = border_colour(picture)
    choices = (vivid(rng), vivid(rng), dark(rng), pastel(rng), BLACK, grey(rng, 90, 200))
    start = int(rng.integers(len(choices)))
    ordered = choices[start:] + choices[:start]
    far = [c for c in ordered if max(abs(a - b) for a, b in zip(c, own, strict=True)) > 40]
    return far[0] if far else (WHITE if luma(own) < 128 else BLACK)


def _round_frame(picture: np.ndarray, colour: Colour, thick: int, radius: float) -> np.ndarray:
    height, width = picture.shape[:2]
    hole = Sheet(width, height, BLACK)
    box = (float(thick), float(thick), float(width - thick), float(height - thick))
    hole.rounded(box, max(0.0, min(radius, min(height, width) / 2 - thick)), WHITE)
    inside = np.array(hole.finished())[..., :1].astype(np.float32) / 255
    framed = picture * inside + np.array(colour, np.float32) * (1 - inside)
    return (framed + 0.5).astype(np.uint8)


def _grid(
    picture: np.ndarray, size: tuple[int, int], rows: int, columns: int, rng: np.random.Generator
) -> np.ndarray:
    """Fill a frame of ``size`` (height, width) with tiles of the picture."""
    height, width = size
    gap = round(min(size) * pick(rng, (0.0, 0.008, 0.015, 0.03)))
    ground = pick(rng, (WHITE, WHITE, BLACK, grey(rng, 150, 240)))
    mounted = np.full((height, width, 3), ground, np.uint8)
    ys = np.linspace(gap, height, rows + 1).astype(int)
    xs = np.linspace(gap, width, columns + 1).astype(int)
    whole = int(rng.integers(rows * columns))
    for row in range(rows):
        for column in range(columns):
            tall, wide = ys[row + 1] - ys[row] - gap, xs[column + 1] - xs[column] - gap
            if tall < 1 or wide < 1:
                continue
            is_whole = row * columns + column == whole
            part = tile(picture, (int(tall), int(wide)), rng, detail=not is_whole)
            mounted[ys[row] : ys[row] + tall, xs[column] : xs[column] + wide] = part
    return mounted


def tile(
    picture: np.ndarray, size: tuple[int, int], rng: np.random.Generator, detail: bool
) -> np.ndarray:
    """Return a view of the picture of ``size`` (height, width): a detail, flipped, or the whole."""
    box = frame_object(picture).box
    scale = rng.uniform(0.3, 0.75) if detail and happens(rng, 0.7) else 1.0
    aspect = size[1] / size[0]
    height, width = picture.shape[:2]
    if scale == 1.0:
        box = Box(0, height, 0, width)
    tall, wide = (box.bottom - box.top) * scale, (box.right - box.left) * scale
    if scale < 1:
        tall, wide = min(tall, wide / aspect), min(wide, tall * aspect)
    tall, wide = max(2.0, tall), max(2.0, wide)
    top = box.top + rng.uniform(0, 1) * max(0.0, box.bottom - box.top - tall)
    left = box.left + rng.uniform(0, 1) * max(0.0, box.right - box.left - wide)
    part = picture[int(top) : int(top + tall) + 1, int(left) : int(left + wide) + 1]
    if detail and happens(rng, 0.35):
        part = part[:, ::-1]
    fit = min(size[0] / part.shape[0], size[1] / part.shape[1])
    to = (max(1, int(part.shape[1] * fit)), max(1, int(part.shape[0] * fit)))
    method = cv2.INTER_AREA if fit < 1 else cv2.INTER_CUBIC
    scaled = cv2.resize(np.ascontiguousarray(part), to, interpolation=method)
    view = np.full((*size, 3), border_colour(picture), np.uint8)
    top_gap, left_gap = (size[0] - to[1]) // 2, (size[1] - to[0]) // 2
    view[top_gap : top_gap + to[1], left_gap : left_gap + to[0]] = scaled
    return view
