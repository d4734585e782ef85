"""Drawing with smooth edges on a transparent sheet, and putting the sheet on a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageDraw

from imgassets.learning.synthetic.colours import Colour
from imgassets.learning.synthetic.lettering import Lettering, fitted_mask

Points: TypeAlias = np.ndarray | Sequence[tuple[float, float]]
Rectangle: TypeAlias = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""

_ENLARGED, _ENLARGED_LARGE, _LARGE = 3, 2, 240
"""Sheets are drawn this many times larger and reduced by averaging; less so those longer than 240
pixels, where an edge's smoothness shows less and time counts."""


class Sheet:
    """A sheet to draw on; all coordinates and widths are pixels of the finished art.

    Args:
        width: pixels, at least 1.
        height: pixels, at least 1.
        ground: its colour; transparent if None.
    """

    def __init__(self, width: float, height: float, ground: Colour | None = None) -> None:
        self.width, self.height = max(1, round(width)), max(1, round(height))
        self._scale = _ENLARGED if max(self.width, self.height) <= _LARGE else _ENLARGED_LARGE
        size = (self.width * self._scale, self.height * self._scale)
        # Opaque sheets are kept without an alpha channel, which would cost a third more time.
        self._image = Image.new("RGBA", size) if ground is None else Image.new("RGB", size, ground)
        self._draw = ImageDraw.Draw(self._image)

    def polygon(self, points: Points, colour: Colour) -> None:
        """Fill a polygon."""
        self._draw.polygon(self._flat(points), fill=(*colour, 255))

    def line(self, points: Points, colour: Colour, thickness: float, closed: bool = False) -> None:
        """Draw a path with round joints and ends."""
        path = np.asarray(points, float)
        if closed:
            path = np.concatenate([path, path[:2]])
        wide = max(1, round(thickness * self._scale))
        flat = self._flat(path)
        self._draw.line(flat, fill=(*colour, 255), width=wide, joint="curve")
        if not closed and wide > 2:
            for x, y in (flat[0], flat[-1]):
                box = (x - wide / 2, y - wide / 2, x + wide / 2, y + wide / 2)
                self._draw.ellipse(box, fill=(*colour, 255))

    def ellipse(
        self,
        box: Rectangle,
        colour: Colour | None,
        outline: Colour | None = None,
        thickness: float = 0,
    ) -> None:
        """Fill or outline an ellipse."""
        self._draw.ellipse(
            self._box(box), _opaque(colour), _opaque(outline), self._wide(outline, thickness)
        )

    def rounded(
        self,
        box: Rectangle,
        radius: float,
        colour: Colour | None,
        outline: Colour | None = None,
        thickness: float = 0,
    ) -> None:
        """Fill or outline a rectangle with rounded corners."""
        self._draw.rounded_rectangle(
            self._box(box),
            radius * self._scale,
            _opaque(colour),
            _opaque(outline),
            self._wide(outline, thickness),
        )

    def arc(
        self, box: Rectangle, start: float, end: float, colour: Colour, thickness: float
    ) -> None:
        """Draw an arc of an ellipse, clockwise from ``start`` to ``end`` degrees (0 = right)."""
        wide = max(1, round(thickness * self._scale))
        self._draw.arc(self._box(box), start, end, fill=(*colour, 255), width=wide)

    def erase(self, box: Rectangle) -> None:
        """Make an ellipse transparent again, as the hole of a price tag is."""
        self._draw.ellipse(self._box(box), fill=(0, 0, 0, 0))

    def write(
        self,
        lines: list[str],
        box: Rectangle,
        colour: Colour,
        lettering: Lettering,
        align: str = "centre",
    ) -> None:
        """Write lines of words as large as fits into a rectangle, centred in it."""
        left, top, right, bottom = self._box(box)
        mask = fitted_mask(lines, int(right - left), int(bottom - top), lettering, align)
        x = {"left": left, "centre": (left + right - mask.shape[1]) / 2}.get(
            align, right - mask.shape[1]
        )
        y = (top + bottom - mask.shape[0]) / 2
        self._image.paste((*colour, 255), (round(x), round(y)), Image.fromarray(mask))

    def turned(self, degrees: float) -> Image.Image:
        """Return the finished art, turned anticlockwise, on a sheet as large as it needs."""
        image = self._image.convert("RGBA")
        turned = image.rotate(degrees, Image.Resampling.BICUBIC, expand=True)
        return self._reduced(turned)

    def finished(self) -> Image.Image:
        """Return the finished art, RGBA."""
        return self._reduced(self._image)

    def _flat(self, points: Points) -> list[tuple[float, float]]:
        return [(float(x) * self._scale, float(y) * self._scale) for x, y in points]

    def _box(self, box: Rectangle) -> Rectangle:
        left, top, right, bottom = (value * self._scale for value in box)
        return left, top, max(left, right), max(top, bottom)

    def _wide(self, outline: Colour | None, thickness: float) -> int:
        return 0 if outline is None else max(1, round(thickness * self._scale))

    def _reduced(self, image: Image.Image) -> Image.Image:
        if image.mode == "RGB":
            return image.reduce(self._scale).convert("RGBA")
        # Premultiplied, lest the black of what is transparent darkens the edges.
        return image.convert("RGBa").reduce(self._scale).convert("RGBA")


def paste(
    picture: np.ndarray, art: Image.Image, left: float, top: float, opacity: float = 1.0
) -> np.ndarray:
    """Return a copy of a picture with art on it; what lies outside the frame is cut off."""
    image = Image.fromarray(picture)
    alpha = art.getchannel("A")
    if opacity < 1:
        alpha = alpha.point([round(level * opacity) for level in range(256)])
    image.paste(art.convert("RGB"), (round(left), round(top)), alpha)
    return np.array(image)


def paint(
    picture: np.ndarray, mask: np.ndarray, colour: Colour, left: float, top: float,
    opacity: float = 1.0,
) -> np.ndarray:  # fmt: skip
    """Return a copy of a picture with a mask (0 … 255) painted on it in one colour."""
    image = Image.fromarray(picture)
    alpha = mask if opacity >= 1 else (mask * opacity).astype(np.uint8)
    image.paste(colour, (round(left), round(top)), Image.fromarray(alpha))
    return np.array(image)


def circle(x: float, y: float, radius: float) -> Rectangle:
    """Return the rectangle round a circle."""
    return x - radius, y - radius, x + radius, y + radius


def star(x: float, y: float, outer: float, inner: float, points: int, turn: float) -> np.ndarray:
    """Return the outline of a star: ``points`` tips, radii in pixels, ``turn`` in radians."""
    angles = turn + np.arange(2 * points) * np.pi / points
    radii = np.where(np.arange(2 * points) % 2, inner, outer)
    return np.stack([x + radii * np.cos(angles), y + radii * np.sin(angles)], axis=1)


def curve(points: Points, closed: bool = True, steps: int = 8) -> np.ndarray:
    """Return a Catmull-Rom curve through points, ``steps`` per span."""
    p = np.asarray(points, float)
    n = len(p)
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    spans = []
    for i in range(n if closed else n - 1):
        at = [(i + k) % n if closed else min(max(0, i + k), n - 1) for k in (-1, 0, 1, 2)]
        a, b, c, d = p[at]
        cubic = (3 * b - a - 3 * c + d) * t**3 + (2 * a - 5 * b + 4 * c - d) * t**2
        spans.append(0.5 * (2 * b + (c - a) * t + cubic))
    return np.concatenate(spans) if closed else np.concatenate([*spans, p[-1:]])


def _opaque(colour: Colour | None) -> tuple[int, int, int, int] | None:
    return None if colour is None else (*colour, 255)
