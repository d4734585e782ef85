"""Laptops: two slabs on a hinge, with keyboard, touch pad, screen and lid."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from imgassets.sample import scenes, screens
from imgassets.sample.canvas import (
    SUPERSAMPLE,
    Array,
    Colour,
    Shot,
    blank,
    bounds,
    brushed,
    ellipse,
    fill,
    finish,
    gradient,
    lighten,
    mask_of,
    mix,
    over,
    rounded,
    shade,
    stroke,
    write,
)
from imgassets.sample.solid import (
    Camera,
    Slab,
    all_points,
    draw_slab,
    frame_for,
    ground_shadow,
    studio,
    turn,
)

_PIXELS_PER_CM = 36
_ROWS = ("1234567890-=", "QWERTYUIOP[]", "ASDFGHJKL;'", "ZXCVBNM,./")


@dataclass(frozen=True)
class LaptopStyle:
    """One laptop model.

    Attributes:
        brand: Word on lid and bezel.
        width: Centimetres.
        depth: Of the base, in centimetres.
        thickness: Of the base, in centimetres.
        screen: 'code', or a wallpaper of :mod:`~imgassets.sample.screens`.
        keys: Colour of the keys.
        glow: Colour of lit letters and accents; ``None`` for plain ones.
        lid: Pattern on the lid: 'plain', 'ribs', 'wings' or 'two-tone'.
        opening: Degrees the screen leans back from upright.
    """

    brand: str
    width: float
    depth: float
    thickness: float
    screen: str
    keys: Colour
    glow: Colour | None
    lid: str
    opening: float


STYLES: dict[str, LaptopStyle] = {
    "aero-13": LaptopStyle("aero", 29.5, 20.5, 0.9, "peaks", (36, 38, 42), None, "plain", 16),
    "forge-15": LaptopStyle("FORGE", 36.0, 25.5, 2.4, "code", (22, 22, 26), (255, 60, 66), "wings",
                            20),
    "nimbus-14": LaptopStyle("nimbus", 32.0, 22.0, 1.5, "waves", (236, 238, 242), None, "two-tone",
                             12),
    "studio-16": LaptopStyle("STUDIO", 35.6, 24.6, 1.2, "dunes", (28, 28, 30), (230, 240, 255),
                             "ribs", 24),
    "chroma-11": LaptopStyle("chroma", 28.4, 20.0, 2.0, "meadow", (250, 250, 246), (250, 170, 60),
                             "two-tone", 14),
}  # fmt: skip


@lru_cache(maxsize=4)
def _deck(style: LaptopStyle, colour: Colour) -> Array:
    """Return the base's upper face: keyboard, touch pad and loudspeakers."""
    width, height = round(style.width * _PIXELS_PER_CM), round(style.depth * _PIXELS_PER_CM)
    picture = gradient(width, height, lighten(colour, 0.02), lighten(colour, 0.14))
    shade(picture, brushed(width, height, 0.015))
    left, right = width * 0.075, width * 0.925
    top, bottom = height * 0.12, height * 0.58
    well = rounded(left - 10, top - 10, right - left + 20, bottom - top + 20, 14)
    fill(picture, well, lighten(colour, -0.3))
    ink = style.glow or ((232, 232, 236) if sum(style.keys) < 380 else (90, 94, 104))
    row_height = (bottom - top) / 6
    for row in range(6):
        y = top + row * row_height
        if row == 0:
            keys, widths = [""] * 14, [1.0] * 14
        elif row == 5:
            keys, widths = [""] * 8, [1.2, 1.2, 1.2, 5.2, 1.2, 1.2, 1.2, 1.2]
        else:
            letters = list(_ROWS[row - 1])
            first = 1.0 + 0.35 * (row - 1)
            keys = ["", *letters, ""]
            widths = [first, *[1.0] * len(letters), 14 - first - len(letters)]
        unit = (right - left) / sum(widths)
        x = left
        for key, share in zip(keys, widths, strict=True):
            w = share * unit
            cap = rounded(x + 3, y + 3, w - 6, row_height - 6, 6)
            fill(picture, cap + np.array([0, 3]), lighten(style.keys, -0.45))
            fill(picture, cap, style.keys)
            fill(picture, rounded(x + 6, y + 5, w - 12, (row_height - 6) * 0.4, 5),
                 lighten(style.keys, 0.07))  # fmt: skip
            if key:
                write(picture, key, (x + w / 2, y + row_height / 2), row_height * 0.42, ink)
            else:
                fill(picture, rounded(x + w * 0.5 - 6, y + row_height * 0.48, 12, 3, 1), ink)
            x += w
    pad = rounded(width * 0.33, height * 0.64, width * 0.34, height * 0.3, 10)
    fill(picture, pad, lighten(colour, -0.12))
    fill(picture, rounded(width * 0.33 + 3, height * 0.64 + 3, width * 0.34 - 6, height * 0.3 - 6,
                          8), lighten(colour, 0.08))  # fmt: skip
    if style.glow:
        stroke(picture, pad, style.glow, 3, closed=True)
    for side in (width * 0.02, width * 0.945):
        for i in range(24):
            for j in range(3):
                fill(picture, ellipse(side + 10 + 12 * j, top + 12 + i * 12, 3, 3),
                     lighten(colour, -0.5))  # fmt: skip
    return picture


@lru_cache(maxsize=4)
def _display(style: LaptopStyle, seed: int) -> Array:
    """Return the lid's inner face: bezel, webcam and screen."""
    width, height = round(style.width * _PIXELS_PER_CM), round(style.depth * _PIXELS_PER_CM)
    picture = blank(width, height, (16, 16, 19))
    edge = round(width * 0.022)
    inner_w, inner_h = width - 2 * edge, height - round(edge * 3.6)
    if style.screen == "code":
        shown = screens.code_editor(inner_w, inner_h, seed)
    else:
        shown = screens.desktop(inner_w, inner_h, style.screen, seed)
    top = round(edge * 1.3)
    picture[top : top + inner_h, edge : edge + inner_w] = shown
    fill(picture, ellipse(width / 2, top / 2, 6, 6), (52, 58, 76))
    write(picture, style.brand, (width / 2, height - edge * 1.15), edge * 1.1, (150, 152, 158))
    screens.glass(picture, 0.07)
    return picture


@lru_cache(maxsize=4)
def _lid(style: LaptopStyle, colour: Colour) -> Array:
    """Return the lid's outer face with pattern and logo."""
    width, height = round(style.width * _PIXELS_PER_CM), round(style.depth * _PIXELS_PER_CM)
    picture = gradient(width, height, lighten(colour, 0.2), lighten(colour, -0.08))
    shade(picture, brushed(width, height, 0.02))
    ink = lighten(colour, -0.5 if sum(colour) > 400 else 0.6)
    cx, cy = width / 2, height / 2
    if style.lid == "ribs":
        for i in range(9):
            y = height * (0.08 + 0.02 * i)
            fill(picture, rounded(0, y, width, 4, 0), lighten(colour, -0.25))
            fill(picture, rounded(0, y + 4, width, 3, 0), lighten(colour, 0.3))
    elif style.lid == "wings":
        for side in (-1, 1):
            wing = np.array([[cx + side * width * 0.08, height * 0.32],
                             [cx + side * width * 0.46, height * 0.06],
                             [cx + side * width * 0.4, height * 0.3],
                             [cx + side * width * 0.12, height * 0.62]])  # fmt: skip
            fill(picture, wing + np.array([4, 8]), lighten(colour, -0.4))
            fill(picture, wing, lighten(colour, -0.2))
            stroke(picture, wing, style.glow or ink, 5, closed=True)
        ink = style.glow or ink
    elif style.lid == "two-tone":
        band = mask_of(width, height, rounded(0, height * 0.7, width, height * 0.3, 0))
        over(picture, style.glow or lighten(colour, 0.45), band, 0.92)
    mark = np.array([[cx, cy - 62], [cx + 54, cy + 32], [cx + 20, cy + 32], [cx, cy - 6],
                     [cx - 20, cy + 32], [cx - 54, cy + 32]])  # fmt: skip
    fill(picture, mark, ink)
    write(picture, style.brand, (cx, cy + 76), 44, ink)
    return picture


def _build(style: LaptopStyle, colour: Colour, seed: int) -> list[Slab]:
    """Return base and lid, opened, centred around the origin."""
    rise = style.depth * 0.42
    under = lighten(colour, -0.3)
    size = (round(style.width * 20), round(style.depth * 20))
    base = Slab(style.width, style.depth, style.thickness, 1.1, _deck(style, colour),
                blank(*size, under), lighten(colour, -0.04))  # fmt: skip
    base.rotation = turn("x", -90)
    base.centre = (0.0, -rise, 0.0)
    x, t = style.width / 2 + 0.01, style.thickness * 0.28
    for side in (-1, 1):
        for near, far in ((3.2, 4.4), (5.2, 6.2), (7.0, 7.5)):
            low, high = style.depth / 2 - far, style.depth / 2 - near
            port = [(side * x, low, -t), (side * x, high, -t), (side * x, high, t),
                    (side * x, low, t)]  # fmt: skip
            base.marks.append((np.array(port), (26, 26, 30)))
    notch = [(-1.8, -t), (1.8, -t), (1.8, t * 1.6), (-1.8, t * 1.6)]
    level = -style.depth / 2 - 0.01
    base.marks.append(
        (np.array([(u, level, v) for u, v in notch]), mix(colour, (255, 255, 255), 0.3))
    )
    lid = Slab(style.width, style.depth * 0.94, max(0.5, style.thickness * 0.45), 0.9,
               _display(style, seed), _lid(style, colour), lighten(colour, -0.04))  # fmt: skip
    lid.rotation = turn("x", -style.opening)
    hinge = np.array([0, -rise + style.thickness / 2, -style.depth / 2 + 0.4])
    lid.centre = tuple(hinge + lid.rotation @ np.array([0, lid.height / 2 + 0.15, 0]))
    return [base, lid]


def _draw(picture: Array, slabs: list[Slab], camera: Camera) -> None:
    base = slabs[0]
    ground_shadow(picture, slabs, camera, base.centre[1] - base.thickness / 2)
    eye = camera.eye()
    for slab in sorted(slabs, key=lambda s: -float(np.linalg.norm(eye - np.array(s.centre)))):
        draw_slab(picture, slab, camera)


def _render(slabs: list[Slab], camera: Camera, longest: int) -> Shot:
    points = all_points(slabs)
    size = frame_for(camera, points, longest, 0.06)
    picture = studio(size)
    _draw(picture, slabs, camera)
    return finish(picture, bounds(camera.project(points)))


def _closeup(slabs: list[Slab], seed: int, longest: int) -> Shot:
    """Return a part of the keyboard that fills the frame."""
    width, height = longest * SUPERSAMPLE, round(longest * 0.72) * SUPERSAMPLE
    base = slabs[0]
    side = 1 if seed % 2 else -1
    camera = Camera(side * 26, 48, 60, roll=side * 4)
    x, z = base.width / 2, base.height / 2
    corners = [(side * u, base.centre[1], v) for u in (x * 0.02, x * 0.98)
               for v in (-z * 0.8, z * 0.25)]  # fmt: skip
    camera.fit(np.array(corners), (0, 0, width, height))
    # The corners of the turned keyboard leave wedges open: come a little closer.
    middle = np.array([width / 2, height / 2])
    camera.scale *= 1.5
    camera.shift = tuple(middle + 1.5 * (np.array(camera.shift) - middle))
    picture = gradient(width, height, (236, 238, 242), (204, 206, 212))
    _draw(picture, slabs, camera)
    return finish(picture, bounds(camera.project(all_points(slabs))))


def _lifestyle(slabs: list[Slab], seed: int, longest: int) -> Shot:
    """Return the laptop open on a desk."""
    width, height = longest * SUPERSAMPLE, round(longest * 0.75) * SUPERSAMPLE
    picture = scenes.desk(width, height, seed, edge=0.48)
    camera = Camera(-20 if seed % 2 else 20, 20, 110)
    camera.fit(all_points(slabs), (width * 0.17, height * 0.16, width * 0.84, height * 0.93))
    _draw(picture, slabs, camera)
    return finish(picture, bounds(camera.project(all_points(slabs))))


def photograph(style_id: str, colour: Colour, view: str, seed: int, longest: int) -> Shot:
    """Photograph one laptop.

    Args:
        style_id: Key of :data:`STYLES`.
        colour: Of the body.
        view: front, back, side, closeup or lifestyle.
        seed: Picks what the screen shows, small turns of the camera and the scene.
        longest: Longest side of the picture in pixels.
    """
    slabs = _build(STYLES[style_id], colour, seed)
    wobble = (seed * 7919 % 11 - 5) / 5
    if view == "front":
        return _render(slabs, Camera(5 * wobble, 20, 110), longest)
    if view == "back":
        return _render(slabs, Camera(180 + 22 * wobble, 18, 110), longest)
    if view == "side":
        return _render(slabs, Camera(82 + 5 * wobble, 9, 110), longest)
    if view == "closeup":
        return _closeup(slabs, seed, longest)
    return _lifestyle(slabs, seed, longest)
