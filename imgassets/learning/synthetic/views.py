"""Several views of one product in one picture: rows, grids, a large view with small ones.

A shop's own composites differ from a collage (:mod:`imgassets.learning.synthetic.mounting`, whose
tiles and insets they share) in what they show: whole views of the product, those that it has where
it has several, mirrored or cropped copies where it has not.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np

from imgassets.learning.synthetic.chance import grow, happens, longest, pick
from imgassets.learning.synthetic.colours import BLACK, WHITE, Colour, border_colour, grey, vivid
from imgassets.learning.synthetic.mounting import inset, tile
from imgassets.vision.framing import frame_object

_MOST_VIEWS = 6

_LIGHT = 215
"""Least red, green and blue of a ground that a view may be padded with."""

_MAX_SIDE = 1000
"""Pixels of the longer side: composites are wider than one of their views, files stay small."""

Others = Sequence[np.ndarray]
"""Further pictures of the same product, RGB, uint8; none if it has no more."""


def views_row(
    picture: np.ndarray, severity: float, rng: np.random.Generator, others: Others = ()
) -> np.ndarray:
    """Put two to four whole views beside or below each other: more of them with severity."""
    count = min(_MOST_VIEWS, 2 + round(1.5 * severity * rng.uniform(0.7, 1.3)))
    upright = happens(rng, 0.25)
    rows, columns = (count, 1) if upright else (1, count)
    return _board(_views(picture, others, count, rng), rows, columns, _aspect(picture, rng), rng)


def views_grid(
    picture: np.ndarray, severity: float, rng: np.random.Generator, others: Others = ()
) -> np.ndarray:
    """Put four or six whole views into a grid."""
    rows, columns = (2, 2) if severity < 0.5 else pick(rng, ((2, 2), (2, 3), (3, 2)))
    views = _views(picture, others, rows * columns, rng)
    return _board(views, rows, columns, _aspect(picture, rng), rng)


def views_large_and_small(
    picture: np.ndarray, severity: float, rng: np.random.Generator, others: Others = ()
) -> np.ndarray:
    """Put one large view beside, or above, a strip of two to five small ones."""
    count = 2 + round(3 * severity * rng.uniform(0.7, 1.0))
    views = _views(picture, others, count + 1, rng)
    height, width = _frame(picture, 1.0)
    share, upright, first = rng.uniform(0.6, 0.78), happens(rng, 0.6), happens(rng, 0.5)
    ground, gap, line = _ground(picture, rng), _gap(height, rng), _line(rng)
    board = np.full((height, width, 3), ground, np.uint8)
    length, side = (height, width) if upright else (width, height)
    cut = round(side * share)
    large, small = ((0, cut), (cut, side)) if first else ((side - cut, side), (0, side - cut))
    edges = np.linspace(0, length, count + 1).astype(int)
    cells = [(large, (0, length))]
    cells += [(small, (int(a), int(b))) for a, b in pairwise(edges)]
    for view, (across, along) in zip(views, cells, strict=True):
        _fill(board, view, (along, across) if upright else (across, along), gap, line, rng)
    return board


def views_with_closeups(
    picture: np.ndarray, severity: float, rng: np.random.Generator, others: Others = ()
) -> np.ndarray:
    """Lay discs or squares with other views or details beside the object, on a widened ground."""
    views = _views(picture, others, 1 + pick(rng, (1, 2, 2, 3)), rng)
    height, width = _frame(picture, 1.0)
    side = max(6, round(height * grow(0.24, 0.36, severity)))
    side = min(side, round(0.95 * height / len(views[1:])))
    free = max(1, round(side * rng.uniform(0.7, 1.05)))
    own = border_colour(views[0])
    board = np.full((height, width + free, 3), own if min(own) > _LIGHT else WHITE, np.uint8)
    on_left = happens(rng, 0.5)
    start = free if on_left else 0
    large = _covering(views[0], width / height)
    board[:, start : start + width] = tile(large, (height, width), rng, detail=False)
    round_shape = happens(rng, 0.5)
    edge = pick(rng, (WHITE, BLACK, vivid(rng), grey(rng, 120, 210)))
    thick = max(1.0, side * rng.uniform(0.005, 0.04))
    pitch = height / len(views[1:])
    left = 0 if on_left else board.shape[1] - side
    for index, view in enumerate(views[1:]):
        part = tile(_covering(view, 1.0), (side, side), rng, detail=happens(rng, 0.7))
        top = max(0, round(pitch * (index + 0.5) - side / 2))
        board = inset(board, part, (max(0, left), top), round_shape, edge, thick)
    return board


def _views(
    picture: np.ndarray, others: Others, count: int, rng: np.random.Generator
) -> list[np.ndarray]:
    """Return ``count`` views, real ones first; copies are mirrored, cropped or turned a little."""
    order = rng.permutation(len(others))
    views = [picture, *(others[int(i)] for i in order)][:count]
    while len(views) < count:
        views.append(_copy(views[int(rng.integers(len(views)))], rng))
    return [views[int(i)] for i in rng.permutation(count)]


def _copy(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    kind = rng.random()
    if kind < 0.4:
        return np.ascontiguousarray(picture[:, ::-1])
    if kind < 0.65:
        height, width = picture.shape[:2]
        middle, angle = (width / 2, height / 2), rng.uniform(4, 18) * pick(rng, (-1, 1))
        matrix = cv2.getRotationMatrix2D(middle, angle, 0.9)
        ground = border_colour(picture)
        return cv2.warpAffine(picture, matrix, (width, height), borderValue=ground)
    box = frame_object(picture).box
    tall, wide = box.bottom - box.top, box.right - box.left
    scale = rng.uniform(0.4, 0.7)
    top = box.top + round(rng.uniform(0, 1 - scale) * tall)
    left = box.left + round(rng.uniform(0, 1 - scale) * wide)
    tall, wide = max(2, round(tall * scale)), max(2, round(wide * scale))
    part = picture[top : top + tall, left : left + wide]
    return np.ascontiguousarray(part)


def _board(
    views: Sequence[np.ndarray], rows: int, columns: int, aspect: float, rng: np.random.Generator
) -> np.ndarray:
    """Lay views out in a grid; ``aspect`` is the width ÷ height of a cell."""
    height, width = _frame(views[0], aspect * columns / rows)
    ground, gap, line = _ground(views[0], rng), _gap(min(height, width), rng), _line(rng)
    board = np.full((height, width, 3), ground, np.uint8)
    ys, xs = (
        np.linspace(0, side, n + 1).astype(int) for side, n in ((height, rows), (width, columns))
    )
    for index, view in enumerate(views):
        row, column = divmod(index, columns)
        cell = ((int(ys[row]), int(ys[row + 1])), (int(xs[column]), int(xs[column + 1])))
        _fill(board, view, cell, gap, line, rng)
    return board


def _fill(
    board: np.ndarray,
    view: np.ndarray,
    cell: tuple[tuple[int, int], tuple[int, int]],
    gap: int,
    line: Colour | None,
    rng: np.random.Generator,
) -> None:
    """Put a view into a cell ((top, bottom), (left, right)) of the board, in place."""
    (top, bottom), (left, right) = cell
    tall, wide = bottom - top - 2 * gap, right - left - 2 * gap
    if tall < 2 or wide < 2:
        return
    y, x = top + gap, left + gap
    view = _covering(view, wide / tall)
    board[y : y + tall, x : x + wide] = tile(view, (tall, wide), rng, detail=False)
    if line is not None:
        cv2.rectangle(board, (left, top), (right - 1, bottom - 1), line, max(1, gap // 3))


def _covering(view: np.ndarray, aspect: float) -> np.ndarray:
    """Cut a close-up to a cell's proportions; a view on a light ground stays whole."""
    if min(border_colour(view)) > _LIGHT:
        return view
    height, width = view.shape[:2]
    tall, wide = (
        min(height, max(1, round(width / aspect))),
        min(width, max(1, round(height * aspect))),
    )
    top, left = (height - tall) // 2, (width - wide) // 2
    return view[top : top + tall, left : left + wide]


def _frame(picture: np.ndarray, aspect: float) -> tuple[int, int]:
    """Return height and width of a board of the picture's longer side, or somewhat more."""
    side = min(_MAX_SIDE, max(longest(picture), 12))
    wide, tall = (side, side / aspect) if aspect >= 1 else (side * aspect, side)
    least = min(100.0, float(side))
    return round(max(tall, least)), round(max(wide, least))


def _aspect(picture: np.ndarray, rng: np.random.Generator) -> float:
    """Return the width ÷ height of a cell: the picture's own, within reason."""
    own = float(np.clip(picture.shape[1] / picture.shape[0], 0.6, 1.5))
    return own * rng.uniform(0.9, 1.1)


def _ground(picture: np.ndarray, rng: np.random.Generator) -> Colour:
    return pick(rng, (WHITE, WHITE, border_colour(picture), grey(rng, 190, 245)))


def _gap(side: int, rng: np.random.Generator) -> int:
    return round(side * pick(rng, (0.0, 0.0, 0.008, 0.02)))


def _line(rng: np.random.Generator) -> Colour | None:
    return pick(rng, (None, None, grey(rng, 60, 200), BLACK))
