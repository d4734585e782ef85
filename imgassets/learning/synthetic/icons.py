"""Line and solid icons, drawn into a square sheet of unit side scaled to what is asked."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from imgassets.learning.synthetic.art import Rectangle, Sheet, circle, curve
from imgassets.learning.synthetic.chance import happens, pick
from imgassets.learning.synthetic.colours import Colour
from imgassets.learning.synthetic.lettering import any_lettering


class Pen:
    """Draws on a sheet in units of an icon's side, from its top left corner.

    Args:
        sheet: what to draw on.
        box: the icon's square, pixels.
        colour: of the ink.
        ground: what shows through where solid icons are cut out.
        thickness: of lines, share of the side.
        solid: whether shapes are filled.
    """

    def __init__(
        self, sheet: Sheet, box: Rectangle, colour: Colour, ground: Colour, thickness: float,
        solid: bool,
    ) -> None:  # fmt: skip
        self.sheet, self.colour, self.ground, self.solid = sheet, colour, ground, solid
        self._left, self._top = box[0], box[1]
        self._side = min(box[2] - box[0], box[3] - box[1])
        self._thickness = max(1.0, thickness * self._side)

    @property
    def inner(self) -> Colour:
        """Colour of what lies inside a shape."""
        return self.ground if self.solid else self.colour

    def shape(self, points: list[tuple[float, float]], smooth: bool = False) -> None:
        """Draw a closed outline: filled where icons are solid."""
        path = self._points(curve(points) if smooth else np.asarray(points))
        if self.solid:
            self.sheet.polygon(path, self.colour)
        else:
            self.sheet.line(path, self.colour, self._thickness, closed=True)

    def rounded(self, box: Rectangle, radius: float) -> None:
        """Draw a rounded rectangle likewise."""
        fill = self.colour if self.solid else None
        edge = None if self.solid else self.colour
        self.sheet.rounded(self._box(box), radius * self._side, fill, edge, self._thickness)

    def ring(self, x: float, y: float, radius: float) -> None:
        """Draw a circle likewise."""
        self.dot(x, y, radius, self.colour, self.solid)

    def dot(self, x: float, y: float, radius: float, colour: Colour, filled: bool = True) -> None:
        """Draw a circle of any colour."""
        box = self._box(circle(x, y, radius))
        if filled:
            self.sheet.ellipse(box, colour)
        else:
            self.sheet.ellipse(box, None, colour, self._thickness)

    def line(self, points: list[tuple[float, float]], colour: Colour | None = None) -> None:
        """Draw an open path."""
        self.sheet.line(self._points(np.asarray(points)), colour or self.colour, self._thickness)

    def patch(self, points: list[tuple[float, float]], colour: Colour) -> None:
        """Fill a polygon in any colour."""
        self.sheet.polygon(self._points(np.asarray(points)), colour)

    def arc(self, box: Rectangle, start: float, end: float) -> None:
        """Draw an arc, clockwise, degrees."""
        self.sheet.arc(self._box(box), start, end, self.colour, self._thickness)

    def letter(self, words: str, box: Rectangle, rng: np.random.Generator) -> None:
        """Write a word."""
        self.sheet.write([words], self._box(box), self.colour, any_lettering(rng, bold=True))

    def _points(self, points: np.ndarray) -> np.ndarray:
        return points * self._side + (self._left, self._top)

    def _box(self, box: Rectangle) -> Rectangle:
        left, top, right, bottom = (value * self._side for value in box)
        return self._left + left, self._top + top, self._left + right, self._top + bottom


def _camera(pen: Pen, rng: np.random.Generator) -> None:
    pen.shape([(0.32, 0.3), (0.38, 0.18), (0.62, 0.18), (0.68, 0.3)])
    pen.rounded((0.06, 0.28, 0.94, 0.84), 0.08)
    pen.dot(0.5, 0.56, 0.18, pen.inner, filled=pen.solid)
    if happens(rng, 0.6):
        pen.dot(0.5, 0.56, 0.09, pen.colour, filled=pen.solid)
    pen.dot(0.82, 0.38, 0.035, pen.inner)


def _landscape(pen: Pen, rng: np.random.Generator) -> None:
    top = rng.uniform(0.12, 0.22)
    pen.rounded((0.06, top, 0.94, 0.86), rng.uniform(0.0, 0.1))
    pen.dot(rng.uniform(0.25, 0.4), top + 0.18, rng.uniform(0.05, 0.09), pen.inner)
    ridge = [(0.12, 0.79), (0.36, 0.5), (0.5, 0.64), (0.68, rng.uniform(0.38, 0.48)), (0.88, 0.79)]
    pen.patch(ridge, pen.inner)


def _torn(pen: Pen, rng: np.random.Generator) -> None:
    """A sheet with a folded corner, often torn through: a browser's broken image."""
    pen.shape([(0.2, 0.08), (0.62, 0.08), (0.82, 0.28), (0.82, 0.92), (0.2, 0.92)])
    pen.line([(0.62, 0.08), (0.62, 0.28), (0.82, 0.28)], pen.inner)
    if happens(rng, 0.5):
        tear = [(0.2, 0.55), (0.35, 0.66), (0.5, 0.53), (0.66, 0.66), (0.82, 0.54)]
        pen.line(tear, pen.ground if pen.solid else pen.colour)


def _cart(pen: Pen, rng: np.random.Generator) -> None:
    pen.line([(0.04, 0.16), (0.18, 0.16), (0.32, 0.64), (0.82, 0.64)])
    pen.shape([(0.22, 0.26), (0.94, 0.26), (0.84, 0.54), (0.3, 0.54)])
    for x in (0.4, 0.74):
        pen.dot(x, 0.8, 0.07, pen.colour)


def _bag(pen: Pen, rng: np.random.Generator) -> None:
    pen.shape([(0.16, 0.34), (0.84, 0.34), (0.9, 0.94), (0.1, 0.94)])
    pen.arc((0.32, 0.08, 0.68, 0.56), 180, 360)


def _box(pen: Pen, rng: np.random.Generator) -> None:
    pen.shape([(0.5, 0.06), (0.92, 0.26), (0.92, 0.72), (0.5, 0.94), (0.08, 0.72), (0.08, 0.26)])
    pen.line([(0.08, 0.26), (0.5, 0.46), (0.92, 0.26)], pen.inner)
    pen.line([(0.5, 0.46), (0.5, 0.94)], pen.inner)
    if happens(rng, 0.5):
        pen.line([(0.29, 0.16), (0.71, 0.36), (0.71, 0.5)], pen.inner)


def _question(pen: Pen, rng: np.random.Generator) -> None:
    if happens(rng, 0.6):
        pen.dot(0.5, 0.5, 0.46, pen.colour, filled=False)
    pen.letter(pick(rng, ("?", "?", "!", "N/A", "404", "...")), (0.24, 0.2, 0.76, 0.8), rng)


def _lens(pen: Pen, rng: np.random.Generator) -> None:
    pen.ring(0.42, 0.42, 0.3)
    if pen.solid:
        pen.dot(0.42, 0.42, 0.21, pen.ground)
    pen.line([(0.64, 0.64), (0.92, 0.92)])


def _eye(pen: Pen, rng: np.random.Generator) -> None:
    pen.shape([(0.04, 0.5), (0.28, 0.26), (0.5, 0.2), (0.72, 0.26), (0.96, 0.5), (0.72, 0.74),
               (0.5, 0.8), (0.28, 0.74)], smooth=True)  # fmt: skip
    pen.dot(0.5, 0.5, 0.15, pen.inner)


def _person(pen: Pen, rng: np.random.Generator) -> None:
    pen.ring(0.5, 0.3, 0.2)
    pen.shape([(0.12, 0.94), (0.16, 0.7), (0.34, 0.58), (0.66, 0.58), (0.84, 0.7), (0.88, 0.94)])


def _cloud(pen: Pen, rng: np.random.Generator) -> None:
    pen.shape([(0.2, 0.74), (0.08, 0.6), (0.16, 0.44), (0.3, 0.42), (0.42, 0.24), (0.62, 0.24),
               (0.74, 0.4), (0.9, 0.46), (0.92, 0.64), (0.8, 0.74)], smooth=True)  # fmt: skip
    pen.line([(0.5, 0.46), (0.5, 0.66)], pen.inner)
    pen.line([(0.42, 0.56), (0.5, 0.46), (0.58, 0.56)], pen.inner)


def _cross(pen: Pen, rng: np.random.Generator) -> None:
    pen.rounded((0.08, 0.14, 0.92, 0.86), rng.uniform(0, 0.08))
    pen.line([(0.08, 0.14), (0.92, 0.86)], pen.inner)
    pen.line([(0.92, 0.14), (0.08, 0.86)], pen.inner)


_ICONS: tuple[Callable[[Pen, np.random.Generator], None], ...] = (
    _camera, _camera, _landscape, _landscape, _landscape, _torn, _cart, _bag, _box, _question,
    _lens, _eye, _person, _cloud, _cross,
)  # fmt: skip


def draw_icon(
    sheet: Sheet, box: Rectangle, colour: Colour, ground: Colour, rng: np.random.Generator
) -> None:
    """Draw any icon of a missing picture into a square; now and then crossed out.

    Args:
        sheet: what to draw on.
        box: the square, pixels.
        colour: of the ink.
        ground: of what is behind it.
        rng: source of randomness.
    """
    pen = Pen(sheet, box, colour, ground, rng.uniform(0.02, 0.07), happens(rng, 0.5))
    pick(rng, _ICONS)(pen, rng)
    if happens(rng, 0.25):
        pen.line([(0.08, 0.94), (0.94, 0.06)])
        if happens(rng, 0.5):
            pen.dot(0.5, 0.5, 0.58, colour, filled=False)
