"""The parts that backpacks are made of: stuffed cloth, zips, webbing, buckles, patches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imgassets.sample.canvas import (
    Array,
    Colour,
    blank,
    bounds,
    cast_shadow,
    dashes,
    fill,
    lighten,
    mask_of,
    mix,
    noise,
    over,
    puff,
    rounded,
    shade,
    smooth,
    stroke,
    weave,
    write,
)

WEBBING: Colour = (44, 45, 50)
"""Colour of straps and handles."""


@dataclass(frozen=True)
class PackStyle:
    """One backpack model; lengths are shares of the pack's height.

    Attributes:
        brand: Word on the patch.
        half_width: Half the width at the bottom.
        half_top: Half the width at the shoulders.
        depth: Of the body, seen from the side.
        layout: 'day', 'roll', 'school', 'trail' or 'flap'.
        accent: Colour of zips, cords and trims.
    """

    brand: str
    half_width: float
    half_top: float
    depth: float
    layout: str
    accent: Colour


class Pack:
    """A backpack at one place of a drawing."""

    def __init__(
        self, style: PackStyle, colour: Colour, unit: float, centre: float, top: float, seed: int
    ) -> None:
        self.style, self.colour, self.unit, self.seed = style, colour, unit, seed
        self.centre, self.top = centre, top

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return pixels of a point in pack heights from the middle of the top."""
        return self.centre + x * self.unit, self.top + y * self.unit

    def curve(self, points: list[tuple[float, float]], closed: bool = True) -> Array:
        """Return a smooth line through points in pack heights."""
        return smooth([self.at(x, y) for x, y in points], closed)

    def mirror(self, right: list[tuple[float, float]]) -> Array:
        """Return the closed outline whose right half is given from top to bottom."""
        return self.curve(right + [(-x, y) for x, y in reversed(right)])

    def block(self, x: float, y: float, w: float, h: float, radius: float) -> Array:
        """Return a rounded rectangle in pack heights."""
        left, upper = self.at(x, y)
        u = self.unit
        return rounded(left, upper, w * u, h * u, radius * u)

    def outline(self) -> Array:
        """Return the body seen from the front."""
        low, high = self.style.half_width, self.style.half_top
        if self.style.layout == "roll":
            return self.mirror([(0.0, 0.06), (high * 0.8, 0.055), (high * 0.92, 0.075),
                                (high * 0.9, 0.16), (high * 1.02, 0.3), (low, 0.7), (low, 0.93),
                                (low * 0.86, 0.995), (0.0, 1.0)])  # fmt: skip
        return self.mirror([(0.0, 0.0), (high * 0.62, 0.02), (high * 0.96, 0.13),
                            (high * 1.04, 0.3), (low, 0.66), (low * 1.02, 0.9),
                            (low * 0.86, 0.99), (0.0, 1.0)])  # fmt: skip

    def profile(self) -> Array:
        """Return the body seen from its left side; the back panel is on the right."""
        d = self.style.depth
        rise = 0.06 if self.style.layout == "roll" else 0.0
        return self.curve([(d * 0.42, rise + 0.02), (d * 0.5, 0.2), (d * 0.5, 0.6),
                           (d * 0.5, 0.95), (d * 0.4, 1.0), (-d * 0.4, 1.0), (-d * 0.56, 0.9),
                           (-d * 0.55, 0.62), (-d * 0.42, 0.3), (-d * 0.16, rise + 0.05),
                           (d * 0.15, rise)])  # fmt: skip

    def part(self, picture: Array, outline: Array, colour: Colour, depth: float) -> None:
        """Draw a stuffed piece of cloth with its shading, in place.

        Args:
            picture: Drawing.
            outline: Of the piece, in pixels.
            colour: Of the cloth.
            depth: How far from its edge it curves, in pack heights.
        """
        height, width = picture.shape[:2]
        margin = 6
        left, top, right, bottom = bounds(outline)
        x0, y0 = max(0, int(left) - margin), max(0, int(top) - margin)
        x1, y1 = min(width, int(right) + margin), min(height, int(bottom) + margin)
        if x1 - x0 < 8 or y1 - y0 < 8:
            return
        view = picture[y0:y1, x0:x1]
        w, h = x1 - x0, y1 - y0
        mask = mask_of(w, h, outline - np.array([x0, y0]))
        cloth = blank(w, h, colour)
        wrinkles = noise(self.seed % 97 + w % 7, max(w // 4, 4), max(h // 4, 4), self.unit * 0.04,
                         self.unit * 0.02)  # fmt: skip
        shade(cloth, 1 + 0.022 * wrinkles)
        shade(cloth, puff(mask, depth * self.unit))
        if self.style.layout == "flap":
            shade(cloth, 1 + 0.03 * noise(3, w, h, 4, 4))
        else:
            shade(cloth, weave(w, h, max(round(self.unit * 0.007), 6), 0.06))
        over(view, cloth, mask)

    def drop(self, picture: Array, outline: Array, strength: float = 0.4) -> None:
        """Let a piece throw a short shadow on what lies under it, in place."""
        height, width = picture.shape[:2]
        u = self.unit
        mask = mask_of(width, height, outline)
        cast_shadow(picture, mask, u * 0.004, u * 0.012, u * 0.012, strength)

    def zip(self, picture: Array, line: Array, pull: float = 0.85) -> None:
        """Draw a zip along ``line`` with its slider ``pull`` (0 … 1) of the way along, in place."""
        u = self.unit
        stroke(picture, line, lighten(self.colour, -0.5), u * 0.02)
        stroke(picture, line, (28, 28, 32), u * 0.013)
        dashes(picture, line, mix(self.style.accent, (210, 210, 210), 0.4), u * 0.007, u * 0.004)
        x, y = line[round((len(line) - 1) * pull)]
        fill(picture, rounded(x - u * 0.013, y - u * 0.013, u * 0.026, u * 0.032, u * 0.006),
             (186, 188, 194))  # fmt: skip
        tab = rounded(x - u * 0.009, y + u * 0.012, u * 0.018, u * 0.062, u * 0.008)
        fill(picture, tab, self.style.accent)
        stroke(picture, tab, lighten(self.style.accent, -0.4), 2, closed=True)

    def strap(self, picture: Array, line: Array, width: float, colour: Colour = WEBBING) -> None:
        """Draw webbing along ``line``, ``width`` pack heights wide, in place."""
        u = self.unit
        stroke(picture, line, lighten(colour, -0.45), (width + 0.008) * u)
        stroke(picture, line, colour, width * u)
        stroke(picture, line, lighten(colour, 0.12), width * u * 0.45)
        for side in (-0.36, 0.36):
            shifted = line + np.array([side * width * u, 0])
            dashes(picture, shifted, lighten(colour, 0.35), 2, u * 0.007)

    def buckle(self, picture: Array, x: float, y: float, size: float = 0.05) -> None:
        """Draw a plastic side-release buckle at (``x``, ``y``), in place."""
        body = self.block(x - size / 2, y - size * 0.6, size, size * 1.2, size * 0.2)
        fill(picture, body + np.array([2, 6]), (14, 14, 16))
        fill(picture, body, (58, 60, 66))
        fill(picture, self.block(x - size * 0.3, y - size * 0.42, size * 0.6, size * 0.2, 0.005),
             (96, 98, 106))  # fmt: skip
        fill(picture, self.block(x - size * 0.3, y + size * 0.12, size * 0.6, size * 0.3, 0.005),
             (36, 37, 41))  # fmt: skip

    def patch(self, picture: Array, x: float, y: float, width: float = 0.15) -> None:
        """Draw the sewn-on brand patch centred at (``x``, ``y``), in place."""
        block = self.block(x - width / 2, y - width * 0.22, width, width * 0.44, 0.012)
        self.drop(picture, block, 0.3)
        fill(picture, block, lighten(self.style.accent, -0.1))
        inner = self.block(x - width * 0.46, y - width * 0.18, width * 0.92, width * 0.36, 0.01)
        dashes(picture, np.concatenate([inner, inner[:1]]), (250, 248, 240), 2, self.unit * 0.006)
        ink: Colour = (40, 38, 40) if sum(self.style.accent) > 420 else (250, 250, 250)
        write(picture, self.style.brand, self.at(x, y), self.unit * width * 0.23, ink, weight=1)

    def handle(self, picture: Array, x: float = 0.0, span: float = 0.08) -> None:
        """Draw the carrying loop on top, in place."""
        rise = 0.055 if self.style.layout == "roll" else 0.01
        loop = self.curve([(x - span, rise + 0.03), (x - span * 0.7, rise - 0.05),
                           (x, rise - 0.072), (x + span * 0.7, rise - 0.05),
                           (x + span, rise + 0.03)], closed=False)  # fmt: skip
        stroke(picture, loop, lighten(WEBBING, -0.4), self.unit * 0.038)
        stroke(picture, loop, WEBBING, self.unit * 0.03)
        stroke(picture, loop, lighten(WEBBING, 0.25), self.unit * 0.008)

    def box(self, view: str) -> tuple[float, float, float, float]:
        """Return the box of the whole pack in ``view``, handle and straps included."""
        reach = self.style.half_width + 0.06
        if view == "side":
            outline, left, right = self.profile(), -0.68 * self.style.depth, 0.86 * self.style.depth
        elif view == "back":
            outline, left, right = self.outline(), 0.0, 0.0
        else:
            outline, left, right = self.outline(), -reach, reach
        return bounds(
            np.vstack([outline, self.at(left, 0.5), self.at(right, 0.5), self.at(0, -0.07)])
        )
