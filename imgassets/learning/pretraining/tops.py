"""What is worn on the upper body, with random proportions."""

from __future__ import annotations

import numpy as np

from imgassets.learning.pretraining.drawing import (
    Drawing,
    Line,
    Piece,
    both,
    box,
    oval,
    polyline,
)
from imgassets.learning.synthetic.art import curve
from imgassets.learning.synthetic.chance import happens, pick


def _top(
    rng: np.random.Generator, front: bool, sleeve: float, length: float, flare: float,
    opening: str = "", neck: str = "round", waist: float = 1.0,
) -> Drawing:  # fmt: skip
    """Draw what is worn on the upper body.

    Args:
        rng: source of randomness.
        front: whether it is seen from the front.
        sleeve: length in units; 0 for none.
        length: of the body in units.
        flare: the hem's width over the chest's.
        opening: 'buttons', 'zip', 'half' (a short row of buttons) or none.
        neck: 'round', 'vee', 'collar', 'hood', 'turtle' or 'straps'.
        waist: the waist's width over the chest's.
    """
    shoulder = rng.uniform(0.17, 0.24)
    throat = shoulder * rng.uniform(0.34, 0.55)
    chest = shoulder * rng.uniform(0.88, 1.12)
    rise, hem = rng.uniform(0.02, 0.06), 0.08 + length
    armhole = 0.08 + rise + rng.uniform(0.14, 0.22)
    pieces: list[Piece] = []
    lines: list[Line] = []
    if sleeve > 0:
        bend = rng.uniform(0.1, 1.1 if sleeve < 0.35 else 0.75)
        for side in (-1, 1):
            angle = bend + rng.normal(0, 0.07)
            cuff = rng.uniform(0.05, 0.075) if sleeve > 0.35 else rng.uniform(0.07, 0.1)
            tip = np.array([shoulder, 0.08 + rise])
            along = np.array([np.sin(angle), np.cos(angle)])
            across = np.array([-along[1], along[0]])
            end = tip + sleeve * along
            arm = np.stack(
                [tip - (0.05, 0.01), tip, end, end + 2 * cuff * across, (chest * 0.97, armhole)]
            )
            pieces.append(Piece(arm * (side, 1), rng.uniform(0.9, 1.05)))
            edge = [end - 0.03 * along, end - 0.03 * along + 2 * cuff * across]
            lines.append(Line(np.stack(edge) * (side, 1), 0.004, 0.75))
            lines.append(Line(np.stack([tip, (chest * 0.97, armhole)]) * (side, 1), 0.004, 0.7))
    middle = (armhole + hem) / 2 - rng.uniform(0, 0.06)
    dip = 0.02
    if front:
        dip = {"vee": rng.uniform(0.12, 0.22), "round": rng.uniform(0.04, 0.1)}.get(neck, 0.05)
    if neck == "straps":
        body = [(shoulder * 0.62, 0.06), (shoulder * 0.5, 0.16), (chest, armhole)]
        inner = [(0.0, 0.06 + dip + 0.08), (shoulder * 0.42, 0.06)]
    else:
        body = [(shoulder, 0.08 + rise), (chest * (0.93 if sleeve == 0 else 1), armhole)]
        inner = [(0.0, 0.08 + dip), (throat * 0.7, 0.08 + dip * 0.6), (throat, 0.08)]
    if neck == "vee":
        inner = [(0.0, 0.08 + dip), (throat, 0.08)]
    side_line = [(chest * waist, middle), (chest * flare, hem)]
    if happens(rng, 0.4):
        side_line.append((chest * flare * 0.5, hem + rng.uniform(0.0, 0.03)))
    pieces.append(Piece(both([*inner, *body, *side_line])))
    back_of_neck = both([(0.0, 0.085), (throat, 0.075), (throat * 0.8, 0.08 + dip * 0.7)])
    if front:
        pieces.insert(0, Piece(back_of_neck, 0.62))
        if neck in ("round", "vee"):
            rim = np.asarray(inner, float)
            rim = np.concatenate([rim[::-1] * (-1, 1), rim])
            lines.append(Line(rim + np.array([0, 0.012]), 0.006, rng.uniform(0.55, 1.3)))
    if neck == "collar":
        reach, drop = throat * rng.uniform(1.1, 1.5), rng.uniform(0.05, 0.1)
        if front:
            leaf = polyline(
                (0.005, 0.1), (throat * 0.8, 0.06), (reach, 0.08), (reach * 0.7, 0.08 + drop)
            )
            for side in (-1, 1):
                pieces.append(Piece(leaf * (side, 1), 1.08))
                lines.append(Line(np.concatenate([leaf, leaf[:1]]) * (side, 1), 0.004, 0.6))
        else:
            pieces.append(Piece(box(-throat, 0.055, throat, 0.105), 1.08))
            lines.append(Line(polyline((-throat, 0.105), (throat, 0.105)), 0.004, 0.6))
    if neck == "turtle":
        pieces.append(Piece(box(-throat, 0.02, throat, 0.1), 0.94))
    if neck == "hood":
        hood = curve(both([(0.0, 0.0), (throat * 1.5, 0.03), (throat * 1.3, 0.13), (0, 0.16)]))
        pieces.append(Piece(hood, 0.95))
        if front:
            pieces.append(Piece(oval(0, 0.085, throat * 0.8, 0.055), 0.5))
            for side in (-1, 1):
                cord = polyline((throat * 0.4, 0.14), (throat * 0.45, 0.3)) * (side, 1)
                lines.append(Line(cord, 0.006, 1.5))
    dots: list[tuple[float, float, float]] = []
    if opening and front:
        upper = 0.08 + dip
        lower = upper + 0.14 if opening == "half" else hem
        if opening == "zip":
            lines.append(Line(polyline((0, upper), (0, lower)), 0.012, rng.choice([0.4, 1.7])))
        else:
            for x in (-0.017, 0.017):
                lines.append(Line(polyline((x, upper), (x, lower)), 0.003, 0.65))
            count = int(rng.integers(5, 9)) if opening == "buttons" else 3
            dots = [(0, float(y), 0.007) for y in np.linspace(upper + 0.03, lower - 0.03, count)]
    lines.append(
        Line(polyline((-chest * flare, hem - 0.02), (chest * flare, hem - 0.02)), 0.003, 0.8)
    )
    badge = None
    if front and opening in ("", "half") and happens(rng, 0.6):
        badge = (0.0, 0.08 + dip + rng.uniform(0.12, 0.2), chest * rng.uniform(0.35, 0.75))
    elif happens(rng, 0.15):
        badge = (0.0, 0.08 + rng.uniform(0.12, 0.25), chest * rng.uniform(0.3, 0.6))
    if front and happens(rng, 0.35) and neck != "straps":
        x, y, size = chest * 0.45, armhole - 0.01, rng.uniform(0.03, 0.05)
        pocket = box(x - size, y, x + size, y + 2.2 * size)
        lines.append(Line(np.concatenate([pocket, pocket[:1]]), 0.004, 0.7))
    return Drawing(pieces, lines, dots, badge)


def t_shirt(rng: np.random.Generator, front: bool) -> Drawing:
    """Draw a T-shirt or polo shirt."""
    neck, opening = pick(rng, (("round", ""), ("round", ""), ("vee", ""), ("collar", "half")))
    sleeve = 0.0 if happens(rng, 0.08) else rng.uniform(0.13, 0.24)
    return _top(rng, front, sleeve, rng.uniform(0.5, 0.68), rng.uniform(0.92, 1.15), opening, neck)


def long_sleeve(rng: np.random.Generator, front: bool) -> Drawing:
    """Draw a long-sleeved shirt, sweater or hoodie without a front opening."""
    neck = pick(rng, ("round", "round", "vee", "turtle", "hood"))
    sleeve, length = rng.uniform(0.42, 0.6), rng.uniform(0.48, 0.66)
    return _top(rng, front, sleeve, length, rng.uniform(0.85, 1.1), "", neck)


def shirt(rng: np.random.Generator, front: bool) -> Drawing:
    """Draw a shirt with collar and buttons."""
    sleeve = rng.uniform(0.14, 0.24) if happens(rng, 0.3) else rng.uniform(0.42, 0.58)
    length = rng.uniform(0.55, 0.7)
    return _top(rng, front, sleeve, length, rng.uniform(0.92, 1.15), "buttons", "collar")


def outerwear(rng: np.random.Generator, front: bool) -> Drawing:
    """Draw a jacket, coat or vest."""
    sleeve = 0.0 if happens(rng, 0.2) else rng.uniform(0.42, 0.58)
    neck = pick(rng, ("hood", "collar", "turtle", "round"))
    opening = pick(rng, ("zip", "zip", "buttons"))
    length = rng.uniform(0.5, 0.85)
    drawn = _top(rng, front, sleeve, length, rng.uniform(0.9, 1.2), opening, neck)
    if happens(rng, 0.4):
        for y in np.arange(0.2, 0.06 + length, rng.uniform(0.05, 0.1)):
            drawn.lines.append(Line(polyline((-0.19, float(y)), (0.19, float(y))), 0.008, 0.7))
    if front:
        low = 0.08 + length * 0.68
        for side in (-1, 1):
            slit = polyline((0.09, low), (0.14, low + 0.1)) * (side, 1)
            drawn.lines.append(Line(slit, 0.008, 0.5))
    return drawn._replace(badge=None)


def dress(rng: np.random.Generator, front: bool) -> Drawing:
    """Draw a dress."""
    sleeve = pick(rng, (0.0, 0.0, rng.uniform(0.08, 0.2), rng.uniform(0.3, 0.45)))
    neck = pick(rng, ("round", "vee", "straps", "straps")) if sleeve == 0 else "round"
    waist, flare = rng.uniform(0.72, 0.95), rng.uniform(1.2, 2.2)
    drawn = _top(rng, front, sleeve, rng.uniform(0.8, 0.9), flare, "", neck, waist)
    for x in np.linspace(-0.1, 0.1, int(rng.integers(0, 7))):
        drawn.lines.append(Line(polyline((x * 0.6, 0.5), (x * flare, 0.92)), 0.006, 0.82))
    return drawn._replace(badge=None)
