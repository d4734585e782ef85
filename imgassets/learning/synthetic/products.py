"""Uniform, minimal products drawn from scratch: crisp, good pictures with hardly any detail.

Tools of this kind are known to call such pictures blurry or placeholders: a plain mug on white, a
grey sheet, a T-shirt of one colour, a glossy bottle. What tells them from placeholder art is light:
soft shading, a highlight, a shadow, a sensor's grain.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from imgassets.learning.synthetic import silhouettes
from imgassets.learning.synthetic.art import curve
from imgassets.learning.synthetic.backdrops import noise
from imgassets.learning.synthetic.chance import happens, longest, pick, shift
from imgassets.learning.synthetic.colours import WHITE, Colour, from_hsv, grey, near_white

_DRAWN = 2
"""Pictures are drawn this many times larger and reduced by averaging."""

_MIN_SIDE = 480
"""Pixels of the longer side, at least: high resolution is what makes such a picture good."""


class Studio:
    """A lit scene under construction, float32 RGB, enlarged.

    Points are in units of the object's square, (0, 0) … (1, 1), y down.
    """

    def __init__(self, height: int, width: int, fill: float, rng: np.random.Generator) -> None:
        self.rng = rng
        self.height, self.width = height * _DRAWN, width * _DRAWN
        self.scene = np.empty((self.height, self.width, 3), np.float32)
        self.scene[:] = near_white(rng)
        self._side = fill * min(self.height, self.width)
        self._left = (self.width - self._side) / 2
        self._top = (self.height - self._side) / 2
        rows = np.linspace(0, 1, self.height, dtype=np.float32)[:, None]
        columns = np.linspace(0, 1, self.width, dtype=np.float32)[None]
        # Light from one side: brighter there, across and down the object.
        self.across = columns if happens(rng, 0.5) else 1 - columns
        self.down = rows

    def mask(self, points: np.ndarray) -> np.ndarray:
        """Return a polygon's mask, uint8."""
        placed = np.asarray(points, float) * self._side + (self._left, self._top)
        mask = np.zeros((self.height, self.width), np.uint8)
        cv2.fillPoly(mask, [np.rint(placed * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
        return mask

    def shadow(self, mask: np.ndarray, strength: float, reach: float) -> None:
        """Darken the ground below and beside a shape, softly."""
        moved = np.roll(mask, round(reach * self._side), axis=0)
        # Soft, so a quarter of the size does.
        size = (max(1, self.width // 4), max(1, self.height // 4))
        small = cv2.resize(moved, size, interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (0, 0), max(1.0, reach * self._side / 4))
        soft = cv2.resize(small, (self.width, self.height), interpolation=cv2.INTER_LINEAR)
        self.scene *= 1 - strength * (soft.astype(np.float32) / 255)[..., None]

    def fill(self, mask: np.ndarray, colour: Colour, light: np.ndarray | float) -> None:
        """Paint a shape in one colour times ``light`` (about 0.5 … 1.3; height × width or less)."""
        x, y, w, h = cv2.boundingRect(mask)
        part = (slice(y, y + h), slice(x, x + w))
        lit = np.broadcast_to(np.asarray(light, np.float32), mask.shape)[part][..., None]
        weight = mask[part][..., None].astype(np.float32) / 255
        self.scene[part] += (lit * np.array(colour, np.float32) - self.scene[part]) * weight

    def glow(self, mask: np.ndarray, amount: float) -> None:
        """Add light to a shape: a highlight of glass, glaze or metal."""
        self.scene += (mask.astype(np.float32) * amount)[..., None]

    def round_light(self, mask: np.ndarray, depth: float) -> np.ndarray:
        """Return the light on a body that is round about an upright axis."""
        x, _, w, _ = cv2.boundingRect(mask)
        along = (np.arange(self.width, dtype=np.float32)[None] - x) / max(1, w) * 2 - 1
        return 1 + depth * (0.35 - np.abs(along + 0.35) ** 1.6)

    def finished(self) -> np.ndarray:
        """Return the picture at its size, RGB, uint8, with a faint grain."""
        lit = np.clip(self.scene, 0, 255).astype(np.uint8)
        size = (self.width // _DRAWN, self.height // _DRAWN)
        small = cv2.resize(lit, size, interpolation=cv2.INTER_AREA)
        grain = self.rng.normal(0, self.rng.uniform(0.3, 1.2), small.shape[:2])
        return np.clip(small + grain[..., None] + 0.5, 0, 255).astype(np.uint8)


def uniform_product(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Draw a plain product; the more severe, the less there is to see on it.

    Nothing of ``picture`` is kept but about its shape; the longer side has at least 480 pixels.
    """
    rows, columns = picture.shape[:2]
    aspect = float(np.clip(columns / rows, 0.7, 1.4))
    side = float(np.clip(longest(picture), _MIN_SIDE, 800)) * rng.uniform(1.0, 1.15)
    height, width = (side, side * aspect) if aspect < 1 else (side / aspect, side)
    studio = Studio(round(height), round(width), rng.uniform(0.72, 0.94), rng)
    colour, contrast = _colour(rng), shift(1.0, 0.35, severity)
    pick(rng, _PRODUCTS)(studio, colour, contrast, rng)
    return studio.finished()


def _colour(rng: np.random.Generator) -> Colour:
    """Return a product's colour: white, greys and blacks as often as any other."""
    kind = rng.random()
    if kind < 0.3:
        return grey(rng, 214, 244)
    if kind < 0.45:
        return grey(rng, 90, 200)
    if kind < 0.6:
        return grey(rng, 18, 60)
    return from_hsv(rng.random(), rng.uniform(0.2, 0.9), rng.uniform(0.3, 0.95))


def _ellipse(x: float, y: float, wide: float, tall: float) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    return np.stack([x + wide * np.cos(angle), y + tall * np.sin(angle)], axis=1)


def _rectangle(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])


def _mug(studio: Studio, colour: Colour, contrast: float, rng: np.random.Generator) -> None:
    top, bottom, tilt = rng.uniform(0.12, 0.22), 0.92, rng.uniform(0.03, 0.09)
    lower = _ellipse(0.42, bottom - tilt, 0.3 * rng.uniform(0.8, 1.0), tilt)
    body = np.concatenate([[(0.1, top), (0.74, top)], lower[:45]])
    outer, inner = _ellipse(0.85, 0.5, 0.15, 0.22), _ellipse(0.83, 0.5, 0.09, 0.15)
    studio.shadow(studio.mask(lower), 0.35, 0.03)
    handle = studio.mask(outer) & ~studio.mask(inner)
    studio.fill(handle, colour, 1 - 0.25 * contrast * studio.down)
    mask = studio.mask(body)
    studio.fill(mask, colour, studio.round_light(mask, 0.45 * contrast))
    studio.fill(studio.mask(_ellipse(0.42, top, 0.32, tilt)), colour, 1.04)
    studio.fill(studio.mask(_ellipse(0.42, top + 0.01, 0.29, tilt * 0.8)), colour, 0.72)


def _sheet(studio: Studio, colour: Colour, contrast: float, rng: np.random.Generator) -> None:
    """A sheet of paper, cloth, metal or foam, flat or seen askew."""
    lean, narrow = rng.uniform(-0.08, 0.08), rng.uniform(0.0, 0.12)
    points = np.array(
        [(0.06 + narrow, 0.1 + lean), (0.94 - narrow, 0.1 - lean), (0.97, 0.9 - lean / 2),
         (0.03, 0.9 + lean / 2)]
    )  # fmt: skip
    mask = studio.mask(points)
    studio.shadow(mask, 0.4, rng.uniform(0.01, 0.03))
    waves = 0.06 * contrast * noise(rng, studio.height, studio.width, 5)
    studio.fill(mask, colour, 1 + 0.18 * contrast * (0.5 - studio.across) + waves)
    if happens(rng, 0.4):
        thick = np.array([points[3], points[2], points[2] + (0, 0.02), points[3] + (0, 0.02)])
        studio.fill(studio.mask(thick), colour, 0.65)


def _shirt(studio: Studio, colour: Colour, contrast: float, rng: np.random.Generator) -> None:
    outline = silhouettes.SHIRT if happens(rng, 0.6) else silhouettes.DRESS
    mask = studio.mask(outline)
    studio.shadow(mask, 0.2, 0.012)
    folds = noise(rng, studio.height, studio.width, 7, rng.uniform(0.15, 0.4), 2)
    light = 1 + 0.10 * contrast * folds + 0.12 * contrast * (0.5 - studio.across)
    studio.fill(mask, colour, light)
    collar = _ellipse(0.5, 0.075, 0.085, 0.05)
    studio.fill(studio.mask(collar) & mask, colour, 0.6)
    if happens(rng, 0.5):
        seam = _rectangle(0.27, 0.91, 0.73, 0.916)
        studio.fill(studio.mask(seam) & mask, colour, 0.82)


def _bottle(studio: Studio, colour: Colour, contrast: float, rng: np.random.Generator) -> None:
    outline = curve(silhouettes.BOTTLE, steps=6) if happens(rng, 0.5) else silhouettes.BOTTLE
    outline = (outline - (0.5, 0)) * (rng.uniform(1.5, 2.3), 1) + (0.5, 0)
    mask = studio.mask(outline)
    base = _ellipse(0.5, 0.96, 0.26, 0.02)
    studio.shadow(studio.mask(base), 0.4, 0.02)
    studio.fill(mask, colour, studio.round_light(mask, 0.7 * contrast))
    cap = _rectangle(0.43, 0.02, 0.57, rng.uniform(0.1, 0.16))
    lid = studio.mask(cap)
    studio.fill(lid, pick(rng, (WHITE, (40, 40, 42), grey(rng, 150, 200), colour)),
                studio.round_light(lid, 0.5))  # fmt: skip
    x = rng.uniform(0.38, 0.46)
    shine = _rectangle(x, 0.45, x + rng.uniform(0.015, 0.04), 0.9)
    studio.glow(studio.mask(shine) & mask, 0.35 * contrast)


def _slab(studio: Studio, colour: Colour, contrast: float, rng: np.random.Generator) -> None:
    """A phone, a tablet, a book, a tile or a mirror, from the front."""
    half = rng.uniform(0.3, 0.46)
    corner = rng.uniform(0.0, 0.06)
    box = (0.5 - half, 0.05, 0.5 + half, 0.95)
    studio.shadow(studio.mask(_rounded(box, corner)), 0.35, 0.015)
    mask = studio.mask(_rounded(box, corner))
    studio.fill(mask, colour, 1 + 0.2 * contrast * (0.5 - studio.across - studio.down / 2))
    if happens(rng, 0.5):
        rim = rng.uniform(0.012, 0.03)
        inner = (box[0] + rim, box[1] + rim, box[2] - rim, box[3] - rim)
        studio.fill(studio.mask(_rounded(inner, corner * 0.7)), grey(rng, 10, 40),
                    1 + 1.2 * contrast * (1 - studio.across) * (1 - studio.down))  # fmt: skip


def _ball(studio: Studio, colour: Colour, contrast: float, rng: np.random.Generator) -> None:
    """A ball, a plate or a cushion: round, lit from above."""
    flat = rng.uniform(0.75, 1.0)
    mask = studio.mask(_ellipse(0.5, 0.5, 0.46, 0.46 * flat))
    studio.shadow(studio.mask(_ellipse(0.5, 0.5 + 0.44 * flat, 0.34, 0.04)), 0.5, 0.02)
    rows = (np.arange(studio.height, dtype=np.float32)[:, None] / studio.height - 0.35) * 2.2
    columns = (studio.across - 0.4) * 2.2
    studio.fill(mask, colour, 1.12 - 0.5 * contrast * np.clip(rows**2 + columns**2, 0, 1.3))
    if happens(rng, 0.4):
        rim = studio.mask(_ellipse(0.5, 0.5, 0.34, 0.34 * flat))
        edge = rim & ~studio.mask(_ellipse(0.5, 0.5, 0.333, 0.333 * flat))
        studio.fill(edge, colour, 0.75)


def _carton(studio: Studio, colour: Colour, contrast: float, rng: np.random.Generator) -> None:
    """A box or a cube: three plain sides in three tones."""
    fold = rng.uniform(0.4, 0.6)
    top = np.array([(fold, 0.08), (0.95, 0.24), (fold, 0.4), (0.05, 0.24)])
    left = np.array([(0.05, 0.24), (fold, 0.4), (fold, 0.94), (0.05, 0.76)])
    right = np.array([(fold, 0.4), (0.95, 0.24), (0.95, 0.76), (fold, 0.94)])
    studio.shadow(studio.mask(np.concatenate([left, right[1:]])), 0.3, 0.02)
    for face, light in ((top, 1.08), (left, 0.92), (right, 1 - 0.35 * contrast)):
        studio.fill(studio.mask(face), colour, light - 0.05 * studio.down)


def _turned(studio: Studio, colour: Colour, contrast: float, rng: np.random.Generator) -> None:
    """A vase, a lamp or a can: any outline that is round about its axis."""
    outline = pick(rng, (silhouettes.VASE, silhouettes.LAMP, silhouettes.CAN))
    outline = (outline - (0.5, 0)) * (rng.uniform(1.3, 1.6), 1) + (0.5, 0)
    mask = studio.mask(outline)
    studio.shadow(studio.mask(_ellipse(0.5, 0.955, 0.22, 0.02)), 0.4, 0.02)
    studio.fill(mask, colour, studio.round_light(mask, 0.55 * contrast))
    if happens(rng, 0.5):
        shine = studio.mask(_ellipse(0.4, 0.5, 0.012, 0.16)) & mask
        studio.glow(shine, 0.3 * contrast)


def _rounded(box: tuple[float, float, float, float], radius: float) -> np.ndarray:
    left, top, right, bottom = box
    if radius <= 0:
        return _rectangle(*box)
    turn = np.linspace(0, np.pi / 2, 10)
    corners = [
        (right - radius, bottom - radius, 0.0), (left + radius, bottom - radius, np.pi / 2),
        (left + radius, top + radius, np.pi), (right - radius, top + radius, 1.5 * np.pi),
    ]  # fmt: skip
    return np.concatenate(
        [
            np.stack([x + radius * np.cos(turn + a), y + radius * np.sin(turn + a)], axis=1)
            for x, y, a in corners
        ]
    )


_PRODUCTS: tuple[Callable[[Studio, Colour, float, np.random.Generator], None], ...] = (
    _mug, _sheet, _shirt, _bottle, _slab, _ball, _carton, _turned,
)  # fmt: skip
