"""Flat drawings of goods: outlines, and the details that tell their sides.

Points are (x, y) in units of the drawing's height, x to the right from the middle line, y down from
0 (top) to 1.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

Points = np.ndarray


class Line(NamedTuple):
    """A seam, edge or fastener: its path, width in units, and lightness beside the cloth's."""

    path: Points
    width: float
    light: float


class Piece(NamedTuple):
    """A filled part: its outline, lightness beside the cloth's, whether it has its own cloth."""

    outline: Points
    light: float = 1.0
    contrast: bool = False


class Drawing(NamedTuple):
    """A good, drawn flat.

    Attributes:
        pieces: from back to front.
        lines: drawn on them.
        dots: buttons, eyelets: x, y, radius.
        badge: where a print or logo may be: x, y, half its width; None: there is none.
    """

    pieces: list[Piece]
    lines: list[Line]
    dots: list[tuple[float, float, float]]
    badge: tuple[float, float, float] | None = None


def both(half: list[tuple[float, float]]) -> Points:
    """Complete an outline from its right half, from top to bottom."""
    right = np.asarray(half, float)
    return np.concatenate([right, right[::-1] * (-1, 1)])


def polyline(*points: tuple[float, float]) -> Points:
    """Return a path through points."""
    return np.asarray(points, float)


def oval(x: float, y: float, wide: float, tall: float) -> Points:
    """Return an ellipse about a point, ``wide`` and ``tall`` being its half axes."""
    turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    return np.stack([x + wide * np.cos(turn), y + tall * np.sin(turn)], axis=1)


def box(left: float, top: float, right: float, bottom: float) -> Points:
    """Return a rectangle."""
    return polyline((left, top), (right, top), (right, bottom), (left, bottom))


def enlarged(drawn: Drawing, factor: float) -> Drawing:
    """Enlarge a drawing about its top, so that short goods fill the frame too."""
    return Drawing(
        [piece._replace(outline=piece.outline * factor) for piece in drawn.pieces],
        [line._replace(path=line.path * factor, width=line.width * factor) for line in drawn.lines],
        [(x * factor, y * factor, radius * factor) for x, y, radius in drawn.dots],
        drawn.badge,
    )
