"""Backpacks from the front, the back and the side, in a studio and out of doors."""

from __future__ import annotations

import numpy as np

from imgassets.sample import scenes
from imgassets.sample.canvas import (
    SUPERSAMPLE,
    Array,
    Colour,
    Shot,
    blank,
    cast_shadow,
    dashes,
    ellipse,
    fill,
    finish,
    gradient,
    lighten,
    mask_of,
    mix,
    stroke,
    write,
)
from imgassets.sample.pack import WEBBING, Pack, PackStyle

STYLES: dict[str, PackStyle] = {
    "metro-day": PackStyle("METRO", 0.33, 0.27, 0.4, "day", (230, 126, 60)),
    "ferry-roll": PackStyle("FERRY", 0.32, 0.31, 0.38, "roll", (240, 196, 70)),
    "campus-two": PackStyle("CAMPUS", 0.37, 0.3, 0.48, "school", (238, 238, 234)),
    "ridge-trail": PackStyle("RIDGE", 0.29, 0.24, 0.44, "trail", (170, 220, 90)),
    "mini-flap": PackStyle("mini", 0.4, 0.37, 0.42, "flap", (196, 150, 92)),
}


def _front(picture: Array, pack: Pack) -> None:
    """Draw the pack from the front, in place."""
    style, colour = pack.style, pack.colour
    low, high = style.half_width, style.half_top
    for side in (-1, 1):
        # The shoulder straps show behind the body at both sides.
        behind = pack.curve([(side * high * 0.7, 0.1), (side * (high + 0.05), 0.22),
                             (side * (low + 0.045), 0.5), (side * (low + 0.01), 0.78)],
                            closed=False)  # fmt: skip
        stroke(picture, behind, lighten(colour, -0.5), pack.unit * 0.05)
        stroke(picture, behind, lighten(colour, -0.3), pack.unit * 0.036)
    pack.handle(picture)
    pack.part(picture, pack.outline(), colour, 0.16)
    dark = lighten(colour, -0.22)
    if style.layout == "day":
        arch = pack.curve([(-high * 0.86, 0.42), (-high * 0.84, 0.2), (-high * 0.5, 0.085),
                           (0, 0.07), (high * 0.5, 0.085), (high * 0.84, 0.2),
                           (high * 0.86, 0.42)], closed=False)  # fmt: skip
        pack.zip(picture, arch, 0.75)
        pocket = pack.mirror([(0, 0.52), (low * 0.66, 0.52), (low * 0.78, 0.58),
                              (low * 0.8, 0.84), (low * 0.66, 0.93), (0, 0.94)])  # fmt: skip
        pack.drop(picture, pocket)
        pack.part(picture, pocket, lighten(colour, 0.05), 0.06)
        pack.zip(picture, np.array([pack.at(x, 0.585) for x in np.linspace(-0.7, 0.7, 24) * low]))
        pack.patch(picture, 0, 0.34)
    elif style.layout == "roll":
        roll = pack.block(-high * 0.98, 0.035, high * 1.96, 0.13, 0.06)
        pack.drop(picture, roll)
        pack.part(picture, roll, dark, 0.06)
        for y in (0.075, 0.1, 0.125):
            fold = pack.curve([(-high * 0.95, y), (0, y + 0.006), (high * 0.95, y)], closed=False)
            stroke(picture, fold, lighten(dark, -0.3), 2)
        for x in (-high * 0.55, high * 0.55):
            pack.strap(picture, np.array([pack.at(x, 0.03), pack.at(x, 0.5)]), 0.04)
            pack.buckle(picture, x, 0.27)
        pocket = pack.block(-low * 0.82, 0.52, low * 1.64, 0.4, 0.03)
        pack.drop(picture, pocket)
        pack.part(picture, pocket, lighten(colour, -0.08), 0.05)
        slant = np.array([pack.at(-low * 0.74 + t * low * 1.48, 0.6 + 0.05 * t)
                          for t in np.linspace(0, 1, 20)])  # fmt: skip
        pack.zip(picture, slant, 0.2)
        pack.patch(picture, low * 0.35, 0.82, 0.18)
    elif style.layout == "school":
        arch = pack.curve([(-high * 0.9, 0.36), (-high * 0.86, 0.18), (-high * 0.4, 0.08),
                           (0, 0.07), (high * 0.4, 0.08), (high * 0.86, 0.18),
                           (high * 0.9, 0.36)], closed=False)  # fmt: skip
        pack.zip(picture, arch, 0.35)
        for y, h, shrink in ((0.27, 0.24, 0.78), (0.56, 0.37, 0.9)):
            pocket = pack.block(-low * shrink, y, low * shrink * 2, h, 0.06)
            pack.drop(picture, pocket)
            tint = style.accent if y < 0.5 else lighten(colour, 0.06)
            pack.part(picture, pocket, tint, 0.06)
            bow = pack.curve([(-low * shrink * 0.88, y + 0.1), (-low * shrink * 0.7, y + 0.045),
                              (0, y + 0.04), (low * shrink * 0.7, y + 0.045),
                              (low * shrink * 0.88, y + 0.1)], closed=False)  # fmt: skip
            pack.zip(picture, bow, 0.8)
        pack.patch(picture, 0, 0.77, 0.2)
    elif style.layout == "trail":
        lid = pack.mirror([(0, -0.01), (high * 0.7, 0.0), (high * 1.08, 0.1), (high * 1.06, 0.22),
                           (high * 0.8, 0.26), (0, 0.27)])  # fmt: skip
        panel = pack.mirror([(0, 0.3), (low * 0.6, 0.3), (low * 0.72, 0.4), (low * 0.66, 0.86),
                             (low * 0.4, 0.94), (0, 0.95)])  # fmt: skip
        pack.drop(picture, panel)
        pack.part(picture, panel, dark, 0.06)
        cord = [
            pack.at(s * low * 0.5, y)
            for s, y in zip((-1, 1, -1, 1, -1, 1), (0.42, 0.5, 0.58, 0.66, 0.74, 0.82), strict=True)
        ]
        zigzag = np.array(cord)
        for line in (zigzag, zigzag * [-1, 1] + np.array([2 * pack.centre, 0])):
            stroke(picture, line + np.array([2, 7]), lighten(dark, -0.5), pack.unit * 0.011)
            stroke(picture, line, style.accent, pack.unit * 0.011)
            for x, y in line:
                fill(picture, ellipse(x, y, pack.unit * 0.012, pack.unit * 0.012), WEBBING)
        pack.drop(picture, lid, 0.5)
        pack.part(picture, lid, lighten(colour, 0.08), 0.09)
        for x in (-high * 0.5, high * 0.5):
            pack.strap(picture, np.array([pack.at(x, 0.12), pack.at(x, 0.4)]), 0.03)
            pack.buckle(picture, x, 0.33, 0.045)
        pack.patch(picture, 0, 0.14, 0.13)
        for side in (-1, 1):
            for y in (0.5, 0.72):
                band = np.array(
                    [pack.at(side * low * 1.0, y), pack.at(side * low * 0.68, y + 0.03)]
                )
                stroke(picture, band, WEBBING, pack.unit * 0.02)
    else:
        flap = pack.mirror([(0, -0.005), (high * 0.6, 0.0), (high * 1.02, 0.12),
                            (high * 1.06, 0.42), (high * 0.86, 0.56), (0, 0.6)])  # fmt: skip
        pocket = pack.block(-low * 0.6, 0.56, low * 1.2, 0.36, 0.05)
        pack.drop(picture, pocket)
        pack.part(picture, pocket, lighten(colour, 0.05), 0.06)
        pack.drop(picture, flap, 0.55)
        pack.part(picture, flap, lighten(colour, 0.04), 0.1)
        centre = np.array(pack.at(0, 0.3))
        dashes(picture, flap * 0.95 + centre * 0.05, lighten(style.accent, 0.3), 3,
               pack.unit * 0.009)  # fmt: skip
        for x in (-high * 0.5, high * 0.5):
            pack.strap(picture, np.array([pack.at(x, 0.34), pack.at(x, 0.74)]), 0.06, style.accent)
            ring = pack.block(x - 0.045, 0.585, 0.09, 0.065, 0.012)
            stroke(picture, ring, (206, 176, 96), pack.unit * 0.012, closed=True)
        write(picture, style.brand, pack.at(0, 0.2), pack.unit * 0.07,
              lighten(colour, -0.4), weight=1)  # fmt: skip


def _back(picture: Array, pack: Pack) -> None:
    """Draw the padded back with the shoulder straps, in place."""
    style, colour = pack.style, pack.colour
    low, high = style.half_width, style.half_top
    pack.handle(picture)
    pack.part(picture, pack.outline(), lighten(colour, -0.12), 0.14)
    mesh = mix(lighten(colour, -0.55), (60, 62, 66), 0.6)
    panel = pack.mirror([(0, 0.1), (high * 0.6, 0.11), (high * 0.78, 0.2), (low * 0.76, 0.8),
                         (low * 0.62, 0.92), (0, 0.93)])  # fmt: skip
    pack.part(picture, panel, mesh, 0.05)
    for x, y, w, h in ((-0.62, 0.22, 0.54, 0.4), (0.08, 0.22, 0.54, 0.4), (-0.62, 0.66, 1.24, 0.2)):
        pad = pack.block(x * low, y, w * low, h, 0.035)
        pack.part(picture, pad, lighten(mesh, 0.16), 0.04)
    for side in (-1, 1):
        tail = pack.curve([(side * low * 0.52, 0.68), (side * low * 0.66, 0.84),
                           (side * low * 0.92, 0.95)], closed=False)  # fmt: skip
        pack.strap(picture, tail, 0.03)
        outer = [(side * 0.05, 0.07), (side * 0.13, 0.08), (side * low * 0.66, 0.26),
                 (side * low * 0.72, 0.5), (side * low * 0.62, 0.7), (side * low * 0.44, 0.7),
                 (side * low * 0.4, 0.5), (side * low * 0.32, 0.3),
                 (side * 0.03, 0.13)]  # fmt: skip
        shoulder = pack.curve(outer)
        pack.drop(picture, shoulder, 0.5)
        pack.part(picture, shoulder, colour, 0.045)
        middle = shoulder.mean(axis=0)
        dashes(picture, shoulder * 0.93 + middle * 0.07, lighten(style.accent, 0.1), 3,
               pack.unit * 0.008)  # fmt: skip
        pack.buckle(picture, side * low * 0.53, 0.71, 0.05)
    chest = np.array([pack.at(-low * 0.45, 0.36), pack.at(low * 0.45, 0.36)])
    stroke(picture, chest, lighten(WEBBING, -0.4), pack.unit * 0.022)
    stroke(picture, chest, lighten(WEBBING, 0.1), pack.unit * 0.015)
    pack.buckle(picture, 0, 0.36, 0.04)


def _side(picture: Array, pack: Pack) -> None:
    """Draw the pack from its left side, in place."""
    style, colour, d = pack.style, pack.colour, pack.style.depth
    bow = pack.curve([(d * 0.36, 0.08), (d * 0.72, 0.16), (d * 0.82, 0.4), (d * 0.66, 0.7),
                      (d * 0.46, 0.9)], closed=False)  # fmt: skip
    stroke(picture, bow, lighten(colour, -0.5), pack.unit * 0.05)
    stroke(picture, bow, lighten(colour, -0.15), pack.unit * 0.036)
    pack.buckle(picture, d * 0.64, 0.72, 0.045)
    bulge = pack.curve([(-d * 0.3, 0.5), (-d * 0.62, 0.56), (-d * 0.72, 0.75), (-d * 0.66, 0.92),
                        (-d * 0.4, 0.96)])  # fmt: skip
    pack.part(picture, bulge, lighten(colour, 0.05), 0.07)
    pack.handle(picture, d * 0.28, 0.05)
    pack.part(picture, pack.profile(), colour, 0.17)
    pad = pack.curve([(d * 0.36, 0.09), (d * 0.49, 0.2), (d * 0.49, 0.94), (d * 0.4, 0.97),
                      (d * 0.36, 0.6)])  # fmt: skip
    pack.part(picture, pad, mix(lighten(colour, -0.5), (60, 62, 66), 0.6), 0.03)
    if style.layout == "roll":
        roll = pack.block(-d * 0.24, 0.03, d * 0.7, 0.12, 0.06)
        pack.part(picture, roll, lighten(colour, -0.22), 0.06)
        stroke(picture, ellipse(*pack.at(d * 0.1, 0.09), d * 0.14 * pack.unit, 0.03 * pack.unit),
               lighten(colour, -0.5), 4, closed=True)  # fmt: skip
    elif style.layout == "flap":
        flap = pack.curve([(d * 0.42, 0.0), (d * 0.42, 0.2), (-d * 0.2, 0.4), (-d * 0.52, 0.56),
                           (-d * 0.5, 0.4), (-d * 0.2, 0.04)])  # fmt: skip
        pack.drop(picture, flap)
        pack.part(picture, flap, lighten(colour, 0.06), 0.06)
    else:
        seam = pack.curve([(d * 0.2, 0.04), (d * 0.0, 0.16), (-d * 0.14, 0.36), (-d * 0.2, 0.55)],
                          closed=False)  # fmt: skip
        pack.zip(picture, seam, 0.9)
    if style.layout in ("trail", "day", "school"):
        bottle = pack.block(-d * 0.16, 0.44, d * 0.4, 0.4, 0.05)
        pack.drop(picture, bottle)
        pack.part(picture, bottle, mix(style.accent, (120, 160, 190), 0.5), 0.08)
        fill(picture, pack.block(-d * 0.08, 0.385, d * 0.24, 0.07, 0.012), (52, 54, 60))
    pocket = pack.curve([(-d * 0.34, 0.62), (0, 0.645), (d * 0.34, 0.62), (d * 0.34, 0.62),
                         (d * 0.34, 0.93), (d * 0.26, 0.965), (-d * 0.3, 0.965),
                         (-d * 0.38, 0.92), (-d * 0.34, 0.62), (-d * 0.34, 0.62)])  # fmt: skip
    pack.drop(picture, pocket)
    pack.part(picture, pocket, lighten(colour, -0.2), 0.05)
    rim = pack.curve([(-d * 0.34, 0.625), (0, 0.65), (d * 0.34, 0.625)], closed=False)
    stroke(picture, rim, style.accent, pack.unit * 0.016)
    for y in (0.3, 0.56):
        band = np.array([pack.at(-d * 0.3, y), pack.at(d * 0.38, y - 0.03)])
        stroke(picture, band, lighten(WEBBING, -0.3), pack.unit * 0.024)
        stroke(picture, band, WEBBING, pack.unit * 0.017)
    pack.buckle(picture, d * 0.12, 0.289, 0.04)


def _stand(picture: Array, pack: Pack, half: float) -> None:
    """Draw the shadow of a pack that stands on the floor, in place."""
    height, width = picture.shape[:2]
    x, y = pack.at(0.02, 0.985)
    floor = mask_of(width, height, ellipse(x, y, half * pack.unit, 0.035 * pack.unit))
    cast_shadow(picture, floor, 0, 0, pack.unit * 0.02, 0.55)


def photograph(style_id: str, colour: Colour, view: str, seed: int, longest: int) -> Shot:
    """Photograph one backpack.

    Args:
        style_id: Key of :data:`STYLES`.
        colour: Of the cloth.
        view: front, back, side, closeup or lifestyle.
        seed: Picks wrinkles and scene.
        longest: Longest side of the picture in pixels.
    """
    style = STYLES[style_id]
    tall = longest * SUPERSAMPLE
    if view == "closeup":
        width, height = tall, round(tall * 0.78)
        focus = 0.3 if style.layout in ("trail", "roll") else 0.5
        unit = width * 1.6
        pack = Pack(style, colour, unit, width * (0.62 if seed % 2 else 0.38),
                     height * 0.5 - unit * focus, seed)  # fmt: skip
        picture = gradient(width, height, (246, 246, 247), (230, 230, 233))
        _front(picture, pack)
        return finish(picture, pack.box(view))
    if view == "lifestyle":
        width, height = round(tall * 0.8), tall
        outdoors = style.layout in ("trail", "roll") or seed % 2 == 0
        picture = (scenes.park if outdoors else scenes.room)(width, height, seed)
        pack = Pack(style, colour, height * 0.72, width * 0.5, height * 0.21, seed)
        _stand(picture, pack, style.half_width * 1.15)
        _front(picture, pack)
        return finish(picture, pack.box(view))
    half = style.depth * 0.78 if view == "side" else style.half_width + 0.05
    gap = tall * 0.06
    unit = (tall - 2 * gap) / 1.07
    width = max(round(2 * half * unit + 2 * gap), 340 * SUPERSAMPLE)
    picture = blank(width, tall)
    pack = Pack(style, colour, unit, width / 2, gap + 0.07 * unit, seed)
    _stand(picture, pack, half * 0.85)
    {"front": _front, "back": _back, "side": _side}[view](picture, pack)
    return finish(picture, pack.box(view))
