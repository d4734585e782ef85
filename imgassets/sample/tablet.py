"""Tablets: a slab with a screen, a camera, buttons and perhaps a stylus."""

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
    cast_shadow,
    ellipse,
    fill,
    finish,
    gradient,
    lighten,
    mask_of,
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
    object_mask,
    studio,
    turn,
)

_PIXELS_PER_CM = 46


@dataclass(frozen=True)
class TabletStyle:
    """One tablet model.

    Attributes:
        brand: Word on the back.
        width: Centimetres of the shorter or longer side, as held.
        height: Centimetres.
        thickness: Centimetres.
        radius: Of the corners, in centimetres.
        bezel: Frame around the screen, in centimetres.
        screen: A wallpaper of :mod:`~imgassets.sample.screens`, or 'page' for an e-reader.
        camera: Layout on the back: 'single', 'dual', 'bar' or 'none'.
        front_colour: Bezel; ``None`` takes the body's colour.
        stylus: A pen belongs to it.
    """

    brand: str
    width: float
    height: float
    thickness: float
    radius: float
    bezel: float
    screen: str
    camera: str
    front_colour: Colour | None = (18, 18, 22)
    stylus: bool = False


STYLES: dict[str, TabletStyle] = {
    "lumo-slate": TabletStyle("lumo", 17.0, 24.5, 0.75, 1.2, 0.9, "dunes", "single"),
    "nordi-pad": TabletStyle("NORDI", 25.4, 16.4, 0.65, 0.9, 0.7, "waves", "dual", stylus=True),
    "papyr-reader": TabletStyle("papyr", 12.6, 17.4, 0.9, 0.7, 1.3, "page", "none", None),
    "kestrel-tab": TabletStyle("kestrel", 15.4, 24.8, 0.7, 0.5, 0.55, "night", "bar", stylus=True),
    "orbit-kids": TabletStyle("orbit", 23.0, 16.6, 2.0, 2.8, 2.1, "candy", "single", None),
}


@lru_cache(maxsize=4)
def _front(style: TabletStyle, colour: Colour, seed: int) -> Array:
    width, height = round(style.width * _PIXELS_PER_CM), round(style.height * _PIXELS_PER_CM)
    picture = blank(width, height, style.front_colour or lighten(colour, 0.05))
    bezel = style.bezel * _PIXELS_PER_CM
    extra = bezel * 0.9 if style.screen == "page" else 0
    inner_w, inner_h = round(width - 2 * bezel), round(height - 2 * bezel - extra)
    if style.screen == "page":
        shown = screens.book_page(inner_w, inner_h, seed)
    else:
        shown = screens.home_screen(inner_w, inner_h, style.screen, seed)
    x, y = round(bezel), round(bezel)
    pasted = picture.copy()
    pasted[y : y + inner_h, x : x + inner_w] = shown
    hole = mask_of(width, height, rounded(x, y, inner_w, inner_h, style.radius * 18))
    if style.front_colour is None:
        rim = rounded(x - 14, y - 14, inner_w + 28, inner_h + 28, style.radius * 18)
        fill(picture, rim, lighten(colour, -0.35))
    over(picture, pasted, hole)
    if style.screen == "page":
        write(picture, style.brand, (width / 2, height - bezel * 0.95), bezel * 0.5,
              lighten(colour, 0.4))  # fmt: skip
    else:
        lens = (width / 2, bezel / 2) if height > width else (bezel / 2, height / 2)
        fill(picture, ellipse(*lens, 9, 9), (34, 38, 52))
        fill(picture, ellipse(lens[0] - 2, lens[1] - 2, 3, 3), (110, 130, 170))
        screens.glass(picture)
    return picture


def _lens(picture: Array, x: float, y: float, radius: float) -> None:
    """Draw one camera lens: ring, glass and two reflections."""
    fill(picture, ellipse(x, y, radius * 1.25, radius * 1.25), (150, 152, 158))
    fill(picture, ellipse(x, y, radius * 1.1, radius * 1.1), (24, 25, 30))
    fill(picture, ellipse(x, y, radius * 0.62, radius * 0.62), (36, 44, 74))
    fill(picture, ellipse(x, y, radius * 0.34, radius * 0.34), (10, 12, 22))
    fill(picture, ellipse(x - radius * 0.3, y - radius * 0.32, radius * 0.15, radius * 0.15),
         (196, 214, 250))  # fmt: skip


@lru_cache(maxsize=4)
def _back(style: TabletStyle, colour: Colour) -> Array:
    width, height = round(style.width * _PIXELS_PER_CM), round(style.height * _PIXELS_PER_CM)
    picture = gradient(width, height, lighten(colour, 0.16), lighten(colour, -0.1))
    if style.front_colour is None:
        screens.speckle(picture, 5, 3)
    else:
        shade(picture, brushed(width, height, 0.018))
    ink = lighten(colour, -0.4 if sum(colour) > 380 else 0.5)
    unit = min(width, height)
    cx, cy = width / 2, height / 2
    if style.brand == "orbit":
        # A child's tablet: a moulded handle and ribs to grip.
        for i in range(-3, 4):
            rib = rounded(width * 0.1, cy + i * unit * 0.09 - 8, width * 0.8, 16, 8)
            fill(picture, rib + np.array([0, 5]), lighten(colour, -0.3))
            fill(picture, rib, lighten(colour, 0.12))
        fill(picture, ellipse(cx, cy, unit * 0.17, unit * 0.17), lighten(colour, -0.25))
        fill(picture, ellipse(cx, cy, unit * 0.15, unit * 0.15), (255, 255, 255))
        ink = lighten(colour, -0.2)
    stroke(picture, ellipse(cx, cy - unit * 0.02, unit * 0.05, unit * 0.05), ink, 7, closed=True)
    fill(picture, ellipse(cx + unit * 0.045, cy - unit * 0.055, unit * 0.018, unit * 0.018), ink)
    write(picture, style.brand, (cx, cy + unit * 0.085), unit * 0.055, ink)
    write(picture, f"Model {len(style.brand)}2{round(style.width)} · Designed for demonstration",
          (cx, height - unit * 0.07), unit * 0.022, ink)  # fmt: skip
    step = unit * 0.12
    if style.camera == "bar":
        island = rounded(width * 0.08, height * 0.05, width * 0.84, step * 0.9, step * 0.45)
        fill(picture, island + np.array([3, 8]), lighten(colour, -0.35))
        fill(picture, island, (34, 35, 40))
        for i in range(3):
            _lens(picture, width * 0.16 + i * step, height * 0.05 + step * 0.45, step * 0.28)
    elif style.camera != "none":
        count = 2 if style.camera == "dual" else 1
        x, y = step * 0.5, step * 0.5
        island = rounded(x, y, step, step * (0.25 + 0.8 * count), step * 0.3)
        fill(picture, island + np.array([4, 8]), lighten(colour, -0.35))
        fill(picture, island, lighten(colour, -0.12))
        for i in range(count):
            _lens(picture, x + step * 0.5, y + step * (0.52 + 0.8 * i), step * 0.28)
        fill(picture, ellipse(x + step * 1.3, y + step * 0.35, 11, 11), (250, 246, 224))
    return picture


def _slab(style: TabletStyle, colour: Colour, seed: int) -> Slab:
    slab = Slab(
        style.width,
        style.height,
        style.thickness,
        style.radius,
        _front(style, colour, seed),
        _back(style, colour),
        lighten(colour, 0.05),
    )
    dark = lighten(colour, -0.45)
    t = style.thickness * 0.22
    x, y = style.width / 2 + 0.01, style.height / 2
    # Buttons sit on the right rim, a socket and two loudspeakers on the lower one.
    for low, high in ((y * 0.35, y * 0.55), (y * 0.6, y * 0.8)):
        corners = [(x, low, -t), (x, high, -t), (x, high, t), (x, low, t)]
        slab.marks.append((np.array(corners), dark))
    for left, right in [(-0.8, 0.8)] + [(s * (3 + 0.5 * i), s * (3 + 0.5 * i) + 0.25)
                                        for s in (-1, 1) for i in range(5)]:  # fmt: skip
        level = -y - 0.01
        corners = [(left, level, -t), (right, level, -t), (right, level, t), (left, level, t)]
        slab.marks.append((np.array(corners), (30, 30, 34)))
    return slab


def _stylus(style: TabletStyle) -> Slab:
    """Return the pen as a narrow slab that holds on to the tablet's right rim."""
    length = style.height * 0.85
    picture = gradient(24, round(length * _PIXELS_PER_CM), (250, 250, 250), (226, 226, 230))
    picture[:, :6] = (206, 208, 214)
    picture[-70:] = (70, 72, 78)
    picture[120:130] = (150, 152, 158)
    pen = Slab(0.9, length, 0.8, 0.42, picture, picture, (222, 222, 226))
    pen.centre = (style.width / 2 + 0.52, -style.height * 0.05, 0.0)
    return pen


def _posed(slabs: list[Slab], rotation: Array) -> list[Slab]:
    for slab in slabs:
        slab.rotation = rotation
        slab.centre = tuple(rotation @ np.array(slab.centre))
    return slabs


def _render(slabs: list[Slab], camera: Camera, longest: int, lying: bool) -> Shot:
    points = all_points(slabs)
    size = frame_for(camera, points, longest, 0.06)
    picture = studio(size)
    if lying:
        ground_shadow(picture, slabs, camera, float(points[:, 1].min()))
    else:
        cast_shadow(picture, object_mask(size, slabs, camera), 8, 18, 16, 0.3)
    for slab in slabs:
        draw_slab(picture, slab, camera)
    return finish(picture, bounds(camera.project(points)))


def _closeup(slab: Slab, facing_back: bool, longest: int) -> Shot:
    """Return a corner of the back, or of the screen, that fills the frame."""
    width, height = longest * SUPERSAMPLE, round(longest * 0.8) * SUPERSAMPLE
    camera = Camera(180 - 24 if facing_back else 20, 26, 60, roll=-8)
    x, y = slab.width / 2, slab.height / 2
    side = 1 if facing_back else -1
    # The upper corner with the camera, and a part of the face below it.
    corners = [(side * x, y, 0), (side * (x - 9), y, 0), (side * x, y - 7, 0),
               (side * (x - 9), y - 7, 0)]  # fmt: skip
    camera.fit(np.array(corners), (width * 0.1, height * 0.12, width * 1.05, height * 1.1))
    picture = gradient(width, height, (240, 241, 244), (206, 208, 214))
    cast_shadow(picture, object_mask((width, height), [slab], camera), 14, 30, 26, 0.4)
    draw_slab(picture, slab, camera)
    return finish(picture, bounds(camera.project(all_points([slab]))))


def _lifestyle(slabs: list[Slab], style: TabletStyle, seed: int, longest: int) -> Shot:
    """Return the tablet leaning on a stand on a desk, with things around it."""
    is_wide = style.width > style.height
    width = round(longest * (1.0 if is_wide else 0.9)) * SUPERSAMPLE
    height = round(longest * (0.78 if is_wide else 1.0)) * SUPERSAMPLE
    picture = scenes.desk(width, height, seed)
    _posed(slabs, turn("x", -16))
    camera = Camera(-14 if seed % 2 else 14, 12, 90)
    points = all_points(slabs)
    camera.fit(points, (width * 0.16, height * 0.09, width * 0.84, height * 0.91))
    ground_shadow(picture, slabs, camera, float(points[:, 1].min()))
    for slab in slabs:
        draw_slab(picture, slab, camera)
    return finish(picture, bounds(camera.project(points)))


def photograph(style_id: str, colour: Colour, view: str, seed: int, longest: int) -> Shot:
    """Photograph one tablet.

    Args:
        style_id: Key of :data:`STYLES`.
        colour: Of the body.
        view: front, front-stylus, back, side, closeup or lifestyle.
        seed: Picks what the screen shows, small turns of the camera and the scene.
        longest: Longest side of the picture in pixels.
    """
    style = STYLES[style_id]
    slabs = [_slab(style, colour, seed)]
    wobble = (seed * 7919 % 11 - 5) / 5
    if view == "front-stylus":
        slabs.append(_stylus(style))
    if view in ("front", "front-stylus"):
        return _render(slabs, Camera(3 * wobble, 4, 95), longest, lying=False)
    if view == "back":
        return _render(slabs, Camera(180 + 12 * wobble, 3, 95), longest, lying=False)
    if view == "side":
        # Lying face up, seen low from its long rim.
        _posed(slabs, turn("x", -90))
        return _render(slabs, Camera(58 + 8 * wobble, 19, 70), longest, lying=True)
    if view == "closeup":
        # A back without a camera has nothing to show.
        return _closeup(slabs[0], style.camera != "none" and seed % 3 != 0, longest)
    return _lifestyle(slabs, style, seed, longest)
