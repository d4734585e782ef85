"""T-shirts: a cloth silhouette with folds, seams, a collar and a print."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from imgassets.sample import scenes
from imgassets.sample.canvas import (
    SUPERSAMPLE,
    Array,
    Colour,
    Shot,
    blank,
    blur,
    bounds,
    cast_shadow,
    dashes,
    ellipse,
    fill,
    finish,
    gradient,
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


@dataclass(frozen=True)
class ShirtStyle:
    """One T-shirt cut and its print.

    Attributes:
        half_width: Of the body, as a share of the shirt's length.
        sleeve: Length of the sleeve along the arm, likewise.
        neck: 'crew' or 'v'.
        design: 'peaks', 'pocket', 'stripes', 'raglan' or 'sun'.
        accent: Colour of print, stripes or sleeves.
    """

    half_width: float
    sleeve: float
    neck: str
    design: str
    accent: Colour


STYLES: dict[str, ShirtStyle] = {
    "summit-tee": ShirtStyle(0.33, 0.26, "crew", "peaks", (250, 246, 236)),
    "harbour-stripe": ShirtStyle(0.34, 0.22, "crew", "stripes", (246, 242, 232)),
    "plain-pocket-v": ShirtStyle(0.31, 0.2, "v", "pocket", (236, 190, 96)),
    "varsity-raglan": ShirtStyle(0.35, 0.36, "crew", "raglan", (34, 40, 58)),
    "sunset-boxy": ShirtStyle(0.39, 0.3, "crew", "sun", (250, 190, 84)),
}


@dataclass(frozen=True)
class _Pattern:
    """A shirt's outlines in pixels of the drawing."""

    body: Array
    sleeves: tuple[Array, Array]
    neck: Array
    neck_back: Array
    unit: float
    centre: float
    top: float

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return pixels of a point given in shirt lengths from the middle of the shoulders."""
        return self.centre + x * self.unit, self.top + y * self.unit


def _pattern(style: ShirtStyle, unit: float, centre: float, top: float) -> _Pattern:
    """Cut the shirt: ``unit`` is its length in pixels, (``centre``, ``top``) its collar."""

    def place(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
        return [(centre + x * unit, top + y * unit) for x, y in points]

    def mirrored(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
        return [(-x, y) for x, y in reversed(points)]

    half, shoulder = style.half_width, style.half_width * 0.86
    right = [
        (0.12, 0.0), (0.12, 0.0), (shoulder * 0.7, 0.045), (shoulder, 0.085), (shoulder, 0.085),
        (half * 0.93, 0.2),
        (half * 0.97, 0.335), (half * 0.97, 0.335), (half * 0.91, 0.62), (half * 0.96, 0.975),
        (half * 0.96, 0.975),
    ]  # fmt: skip
    hem = [(half * 0.5, 0.995), (0.0, 1.0), (-half * 0.5, 0.995)]
    collar = [(0.0, -0.018)]
    body = smooth(place(right + hem + mirrored(right) + collar))
    reach_x, reach_y = style.sleeve * 0.62, style.sleeve * 0.86
    sleeve = [
        (shoulder * 0.93, 0.07), (shoulder + reach_x * 0.5, 0.11 + reach_y * 0.3),
        (shoulder + reach_x, 0.13 + reach_y), (shoulder + reach_x, 0.13 + reach_y),
        (half * 0.96 + reach_x * 0.3, 0.22 + reach_y), (half * 0.96 + reach_x * 0.3,
                                                        0.22 + reach_y),
        (half * 0.95, 0.345), (half * 0.95, 0.345), (half * 0.8, 0.2),
    ]  # fmt: skip
    dip = 0.2 if style.neck == "v" else 0.1
    if style.neck == "v":
        opening = [(-0.12, -0.002), (-0.12, -0.002), (0.0, dip), (0.0, dip), (0.12, -0.002),
                   (0.12, -0.002), (0.0, -0.03)]  # fmt: skip
    else:
        opening = [(-0.12, -0.002), (-0.12, -0.002), (-0.085, dip * 0.66), (0.0, dip),
                   (0.085, dip * 0.66), (0.12, -0.002), (0.12, -0.002), (0.0, -0.03)]  # fmt: skip
    behind = [(-0.12, -0.002), (-0.12, -0.002), (0.0, 0.025), (0.12, -0.002), (0.12, -0.002),
              (0.0, -0.03)]  # fmt: skip
    return _Pattern(
        body,
        (smooth(place(sleeve)), smooth(place(mirrored(sleeve)))),
        smooth(place(opening)),
        smooth(place(behind)),
        unit,
        centre,
        top,
    )


def _print_front(cloth: Array, style: ShirtStyle, cut: _Pattern, colour: Colour) -> None:
    """Print the design's front on the cloth, in place."""
    unit, accent = cut.unit, style.accent
    if style.design == "peaks":
        for x, y, size, share in [(-0.1, 0.42, 0.17, 0.25), (0.1, 0.42, 0.15, 0.4),
                                  (0.0, 0.42, 0.22, 0.0)]:  # fmt: skip
            px, py = cut.at(x, y)
            s = size * unit
            peak = np.array([[px - s * 0.75, py], [px, py - s], [px + s * 0.75, py]])
            fill(cloth, peak, mix(accent, colour, share))
            snow = np.array([[px - s * 0.26, py - s * 0.65], [px, py - s], [px + s * 0.26,
                             py - s * 0.65], [px + s * 0.1, py - s * 0.58], [px, py - s * 0.68],
                             [px - s * 0.1, py - s * 0.56]])  # fmt: skip
            fill(cloth, snow, lighten(colour, -0.15))
        write(cloth, "SUMMIT", cut.at(0, 0.475), unit * 0.062, accent, weight=unit * 0.003)
        write(cloth, "high trail club", cut.at(0, 0.525), unit * 0.03, accent)
    elif style.design == "sun":
        cx, cy = cut.at(0, 0.38)
        r = unit * 0.17
        fill(cloth, ellipse(cx, cy, r, r), accent)
        for i in range(5):
            y = cy + r * (0.05 + 0.2 * i)
            fill(cloth, rounded(cx - r * 1.1, y, 2.2 * r, r * (0.035 + 0.018 * i), 0), colour)
        write(cloth, "SLOW DAYS", cut.at(0, 0.62), unit * 0.055, accent, weight=unit * 0.003)
    elif style.design == "raglan":
        write(cloth, "27", cut.at(0, 0.4), unit * 0.26, accent, weight=unit * 0.008)
        write(cloth, "VARSITY", cut.at(0, 0.22), unit * 0.06, accent, weight=unit * 0.002)
    elif style.design == "pocket":
        x, y = cut.at(0.07, 0.24)
        w = unit * 0.13
        pocket = np.array([[x, y], [x + w, y], [x + w, y + w], [x + w / 2, y + w * 1.2],
                           [x, y + w]])  # fmt: skip
        fill(cloth, pocket + np.array([2, 6]), lighten(colour, -0.35))
        fill(cloth, pocket, mix(colour, accent, 0.85))
        fill(cloth, np.array([[x, y], [x + w, y], [x + w, y + w * 0.14], [x, y + w * 0.14]]),
             lighten(accent, -0.15))  # fmt: skip
        dashes(cloth, pocket[[0, 4, 3, 2, 1]] * 0.96 + pocket.mean(axis=0) * 0.04,
               lighten(accent, -0.4), unit * 0.003, unit * 0.008)  # fmt: skip


def _print_back(cloth: Array, style: ShirtStyle, cut: _Pattern, colour: Colour) -> None:
    """Print the design's back on the cloth, in place; most designs leave it plain."""
    if style.design == "raglan":
        write(cloth, "27", cut.at(0, 0.42), cut.unit * 0.36, style.accent, weight=cut.unit * 0.01)
    elif style.design == "peaks":
        write(cloth, "SUMMIT", cut.at(0, 0.13), cut.unit * 0.03, style.accent)
    elif style.design == "sun":
        for i in range(3):
            y = cut.at(0, 0.3 + 0.05 * i)[1]
            bar = rounded(cut.centre - cut.unit * 0.2, y, cut.unit * 0.4, cut.unit * 0.02, 4)
            fill(cloth, bar, mix(style.accent, colour, 0.25 * i))


def _stripes(cloth: Array, cut: _Pattern, accent: Colour) -> None:
    """Lay horizontal stripes over the whole cloth, in place, sagging a little."""
    width = cloth.shape[1]
    x = np.linspace(0, width, 40)
    sag = cut.unit * 0.02 * np.cos((x - cut.centre) / cut.unit * 3)
    step, first = cut.unit * 0.075, cut.top + cut.unit * 0.16
    for i in range(14):
        y = first + i * step + sag
        band = np.concatenate(
            [np.stack([x, y], axis=1), np.stack([x, y + step * 0.42], axis=1)[::-1]]
        )
        fill(cloth, band, accent)


def _folds(width: int, height: int, seed: int, cut: _Pattern) -> Array:
    """Return shading of the cloth's folds: long ones from shoulder to hem, drawn at a quarter."""
    w, h = width // 4, height // 4
    unit = cut.unit / 4
    field = noise(seed, w, h, unit * 0.11, unit * 0.5) + 0.6 * noise(
        seed + 50, w, h, unit * 0.22, unit * 0.16
    )
    # Slanting the field makes the folds run from the armpits to the middle of the hem.
    slant = np.array([[1.0, 0.22, -0.22 * cut.top / 4], [0, 1.0, 0]])
    leaning = cv2.warpAffine(field, slant, (w, h), borderMode=cv2.BORDER_REFLECT)
    mirrored = cv2.warpAffine(
        field, slant * np.array([[1, -1, -1], [1, 1, 1]]), (w, h), borderMode=cv2.BORDER_REFLECT
    )
    side = 1 / (1 + np.exp(-(np.arange(w) - cut.centre / 4) / (unit * 0.08)))
    relief = leaning * (1 - side) + mirrored * side
    slope = cv2.GaussianBlur(cv2.Sobel(relief.astype(np.float32), cv2.CV_32F, 1, 0), (0, 0), 2)
    factor: Array = 1 + np.clip(slope / (slope.std() * 2.4 + 1e-6), -1, 1) * 0.17
    return factor


def _sew(
    picture: Array, style: ShirtStyle, cut: _Pattern, colour: Colour, is_back: bool, body: Array
) -> None:
    """Draw seams and collar over the finished cloth, in place."""
    unit = cut.unit
    thread = lighten(colour, -0.3)
    rib = style.accent if style.design in ("raglan", "stripes") else lighten(colour, -0.1)
    hem = cut.body[cut.body[:, 1] > cut.top + unit * 0.974]
    hem = hem[np.argsort(hem[:, 0])] - np.array([0, unit * 0.025])
    dashes(picture, hem, thread, unit * 0.003, unit * 0.009)
    reach_x, reach_y = style.sleeve * 0.62, style.sleeve * 0.86
    for side in (1, -1):
        outer = cut.at(side * (style.half_width * 0.86 + reach_x), 0.13 + reach_y)
        inner = cut.at(side * (style.half_width * 0.96 + reach_x * 0.3), 0.22 + reach_y)
        inward = np.array([-side * 0.3, -1]) * unit * 0.028
        dashes(picture, np.array([outer, inner]) + inward, thread, unit * 0.003, unit * 0.009)
        of_side = (cut.body[:, 0] - cut.centre) * side > 0
        armhole = cut.body[
            of_side & (np.abs(cut.body[:, 1] - cut.top - 0.21 * unit) < 0.127 * unit)
        ]
        armhole = armhole[np.argsort(armhole[:, 1])]
        stroke(picture, armhole, lighten(colour, -0.38), unit * 0.005)
        stroke(picture, armhole + np.array([-side * 3, 0]), lighten(colour, 0.12), 1)
    _collar(picture, rib, colour, cut, is_back, body)


def _collar(
    picture: Array, rib: Colour, colour: Colour, cut: _Pattern, is_back: bool, body: Array
) -> None:
    """Draw the neck's opening and the rib around it, in place."""
    unit = cut.unit
    # Distances are dear on a large drawing and needed around the neck only.
    x0, y0 = max(0, int(cut.centre - unit * 0.2)), max(0, int(cut.top - unit * 0.06))
    x1, y1 = int(cut.centre + unit * 0.2), int(cut.top + unit * 0.26)
    view, body = picture[y0:y1, x0:x1], body[y0:y1, x0:x1]
    height, width = body.shape
    origin = np.array([x0, y0])
    hole = mask_of(width, height, (cut.neck_back if is_back else cut.neck) - origin)
    away = cv2.distanceTransform(255 - hole, cv2.DIST_L2, 5)
    cloth = cv2.bitwise_and(body, 255 - hole)
    ring = np.where(away < unit * 0.03, cloth, 0).astype(np.uint8)
    seam = np.where(np.abs(away - unit * 0.031) < unit * 0.003, cloth, 0).astype(np.uint8)
    if not is_back:
        inside = cv2.bitwise_and(hole, body)
        over(view, lighten(colour, -0.42), inside)
        # The inside of the back's collar shows through the opening, with the size label.
        behind = np.zeros((height, width), np.uint8)
        inner_rib = smooth([cut.at(-0.125, -0.012), cut.at(0, 0.012), cut.at(0.125, -0.012)],
                           closed=False)  # fmt: skip
        stroke(behind, inner_rib - origin, 255, unit * 0.03)
        over(view, lighten(rib, -0.25), cv2.bitwise_and(behind, inside))
        x, y = np.array(cut.at(0, 0.03)) - origin
        fill(view, rounded(x - unit * 0.028, y, unit * 0.056, unit * 0.032, 3), (240, 238, 232))
        write(view, "M", (x, y + unit * 0.017), unit * 0.024, (60, 60, 64))
    over(view, rib, ring)
    ribs = np.where(np.abs(away % (unit * 0.01) - unit * 0.005) < unit * 0.0012, ring, 0)
    over(view, lighten(rib, -0.3), ribs.astype(np.uint8), 0.5)
    over(view, lighten(rib, -0.45), seam, 0.8)


def _draw(
    picture: Array, style: ShirtStyle, colour: Colour, cut: _Pattern, seed: int, is_back: bool
) -> None:
    """Draw the shirt over ``picture`` in place."""
    height, width = picture.shape[:2]
    body = mask_of(width, height, cut.body)
    whole = body.copy()
    for outline in cut.sleeves:
        whole = np.maximum(whole, mask_of(width, height, outline))
    cast_shadow(picture, whole, cut.unit * 0.008, cut.unit * 0.018, cut.unit * 0.018, 0.34)
    cloth = blank(width, height, colour)
    if style.design == "stripes":
        _stripes(cloth, cut, style.accent)
    (_print_back if is_back else _print_front)(cloth, style, cut, colour)
    if style.design == "raglan":
        over(cloth, style.accent, 255 - body)
    # The sleeves lie a little lower than the body, in its shadow.
    hollow = cv2.bitwise_and(blur(body, cut.unit * 0.012), 255 - body)
    over(cloth, (20, 18, 24), hollow, 0.55)
    folds = _folds(width, height, seed, cut)
    soft = puff(whole, cut.unit * 0.05)
    small = (folds.shape[1], folds.shape[0])
    shade(cloth, folds * cv2.resize(soft.astype(np.float32), small))
    # Threads far finer than a pixel would only flicker: the weave has a floor.
    shade(cloth, weave(width, height, max(round(cut.unit * 0.006), 5), 0.05))
    over(picture, cloth, whole)
    _sew(picture, style, cut, colour, is_back, body)


def _hanger(picture: Array, cut: _Pattern) -> None:
    """Draw a rail and a wooden hanger behind the shirt, in place."""
    width = picture.shape[1]
    unit = cut.unit
    rail = cut.top - unit * 0.2
    stroke(picture, np.array([[0, rail], [width, rail]]), (70, 66, 64), unit * 0.022)
    stroke(picture, np.array([[0, rail - 4], [width, rail - 4]]), (140, 136, 132), unit * 0.005)
    x, y = cut.at(0, 0)
    hook = smooth([(x, y - unit * 0.03), (x, y - unit * 0.12), (x + unit * 0.03, y - unit * 0.16),
                   (x + unit * 0.02, y - unit * 0.215), (x - unit * 0.03, y - unit * 0.21),
                   (x - unit * 0.035, y - unit * 0.185)], closed=False)  # fmt: skip
    stroke(picture, hook, (176, 178, 184), unit * 0.012)
    wood = smooth([cut.at(-0.24, 0.07), cut.at(-0.06, -0.02), cut.at(0, -0.045),
                   cut.at(0.06, -0.02), cut.at(0.24, 0.07)], closed=False)  # fmt: skip
    stroke(picture, wood, (132, 88, 54), unit * 0.034)
    stroke(picture, wood - np.array([0, unit * 0.006]), (186, 134, 88), unit * 0.014)


def _mannequin(picture: Array, cut: _Pattern, style: ShirtStyle) -> None:
    """Draw a tailor's dummy behind the shirt, in place."""
    height, width = picture.shape[:2]
    linen = (222, 208, 186)
    x, foot = cut.at(0, 1.0)
    pole = rounded(x - cut.unit * 0.018, foot - 20, cut.unit * 0.036, height, 0)
    fill(picture, pole, (92, 66, 48))
    neck = smooth([cut.at(-0.085, -0.13), cut.at(-0.085, -0.13), cut.at(-0.09, -0.05),
                   cut.at(-0.16, 0.05), cut.at(0, 0.22), cut.at(0.16, 0.05),
                   cut.at(0.09, -0.05), cut.at(0.085, -0.13), cut.at(0.085, -0.13)])  # fmt: skip
    mask = mask_of(width, height, neck)
    over(picture, linen, mask)
    shade(picture, puff(mask, cut.unit * 0.08), mask)
    cap = ellipse(*cut.at(0, -0.13), cut.unit * 0.086, cut.unit * 0.026)
    fill(picture, cap, (150, 110, 76))
    for sleeve, side in zip(cut.sleeves, (1, -1), strict=True):
        reach_x, reach_y = style.sleeve * 0.62, style.sleeve * 0.86
        x, y = cut.at(side * (style.half_width * 0.9 + reach_x * 0.62), 0.165 + reach_y)
        stump = ellipse(x, y, cut.unit * 0.075, cut.unit * 0.03)
        fill(picture, stump, lighten(linen, -0.25))
        cast_shadow(picture, mask_of(width, height, sleeve), 0, 6, 8, 0.12)


def _box(cut: _Pattern) -> tuple[float, float, float, float]:
    return bounds(np.concatenate([cut.body, *cut.sleeves]))


def photograph(style_id: str, colour: Colour, view: str, seed: int, longest: int) -> Shot:
    """Photograph one T-shirt.

    Args:
        style_id: Key of :data:`STYLES`.
        colour: Of the cloth.
        view: front, back, closeup or lifestyle.
        seed: Picks folds and scene.
        longest: Longest side of the picture in pixels.
    """
    style = STYLES[style_id]
    tall = longest * SUPERSAMPLE
    if view == "closeup":
        width, height = tall, round(tall * 0.8)
        cut = _pattern(style, width * 1.75, width * 0.5, height * 0.1)
        picture = gradient(width, height, (246, 246, 247), (232, 232, 235))
        _draw(picture, style, colour, cut, seed, is_back=False)
        return finish(picture, _box(cut))
    if view == "lifestyle":
        width, height = round(tall * 0.86), tall
        picture = scenes.room(width, height, seed)
        cut = _pattern(style, height * 0.62, width * 0.5, height * 0.24)
        if seed % 2:
            _hanger(picture, cut)
        else:
            _mannequin(picture, cut, style)
        _draw(picture, style, colour, cut, seed, is_back=False)
        return finish(picture, _box(cut))
    draft = _pattern(style, 1000.0, 0.0, 0.0)
    left, top, right, bottom = _box(draft)
    gap = tall * 0.055
    unit = min((tall - 2 * gap) / (bottom - top), (tall - 2 * gap) / (right - left))
    width, height = round((right - left) * unit + 2 * gap), round((bottom - top) * unit + 2 * gap)
    width, height = width // 4 * 4, height // 4 * 4
    cut = _pattern(style, unit * 1000, gap - left * unit, gap - top * unit)
    picture = blank(width, height)
    _draw(picture, style, colour, cut, seed + (1000 if view == "back" else 0), view == "back")
    return finish(picture, _box(cut))
