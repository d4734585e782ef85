"""Goods of every kind, with random proportions, seen from the front or from the back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from imgassets.learning.pretraining import tops
from imgassets.learning.pretraining.drawing import (
    Drawing,
    Line,
    Piece,
    Points,
    both,
    box,
    enlarged,
    oval,
    polyline,
)
from imgassets.learning.synthetic.art import curve
from imgassets.learning.synthetic.chance import happens


def _trousers(rng: np.random.Generator, front: bool) -> Drawing:
    return _legs(rng, front, rng.uniform(0.78, 0.94), rng.uniform(0.03, 0.11))


def _shorts(rng: np.random.Generator, front: bool) -> Drawing:
    drawn = _legs(rng, front, rng.uniform(0.36, 0.52), rng.uniform(0.0, 0.08))
    return enlarged(drawn, rng.uniform(1.4, 1.9))


def _legs(rng: np.random.Generator, front: bool, length: float, spread: float) -> Drawing:
    """Draw trousers or shorts: ``length`` from waist to hem, legs ``spread`` apart at the hem."""
    waist, hip = rng.uniform(0.13, 0.18), rng.uniform(0.16, 0.22)
    fork = rng.uniform(0.24, 0.32)
    cuff = rng.uniform(0.05, 0.12) if length > 0.6 else rng.uniform(0.11, 0.17)
    outer = spread + 2 * cuff
    legs = both(
        [(0.0, 0.04), (waist, 0.04), (hip, 0.2), (outer, length), (spread, length), (0.0, fork)]
    )
    lines = [
        Line(polyline((-waist, 0.08), (waist, 0.08)), 0.004, 0.65),
        Line(polyline((0, 0.08), (0, fork)), 0.005, 0.6),
    ]
    for side in (-1, 1):
        hem = polyline((spread, length - 0.02), (outer, length - 0.02)) * (side, 1)
        lines.append(Line(hem, 0.003, 0.75))
        if front:
            pocket = polyline((waist * 0.55, 0.085), (hip * 0.9, 0.16)) * (side, 1)
            lines.append(Line(pocket, 0.005, 0.6))
        else:
            pocket = box(hip * 0.3, 0.14, hip * 0.75, 0.24) * (side, 1)
            lines.append(Line(np.concatenate([pocket, pocket[:1]]), 0.004, 0.6))
    dots = [(0.0, 0.06, 0.009)] if front and happens(rng, 0.6) else []
    if front and happens(rng, 0.3):
        for side in (-1, 1):
            lines.append(Line(polyline((0.01, 0.07), (0.03, 0.17)) * (side, 1), 0.005, 1.5))
    pieces = [Piece(legs)]
    if front:
        pieces.append(Piece(both([(0.0, 0.05), (waist * 0.9, 0.042), (0, 0.065)]), 0.6))
    return Drawing(pieces, lines, dots)


def _skirt(rng: np.random.Generator, front: bool) -> Drawing:
    waist, length = rng.uniform(0.14, 0.22), rng.uniform(0.45, 0.85)
    hem = waist * rng.uniform(1.05, 2.1)
    outline = both([(0.0, 0.05), (waist, 0.05), (waist * 1.2, 0.2), (hem, length), (0, length)])
    lines = [Line(polyline((-waist, 0.1), (waist, 0.1)), 0.004, 0.65)]
    for x in np.linspace(-0.9, 0.9, int(rng.integers(0, 12))):
        lines.append(Line(polyline((x * waist, 0.1), (x * hem, length)), 0.006, 0.78))
    dots: list[tuple[float, float, float]] = []
    if front and happens(rng, 0.3):
        dots = [(0, float(y), 0.008) for y in np.linspace(0.1, length - 0.05, 7)]
    return enlarged(Drawing([Piece(outline)], lines, dots), rng.uniform(1.0, 1.3))


def _shoes(rng: np.random.Generator, front: bool) -> Drawing:
    """Draw a pair: from above, or ('back') from the side."""
    pieces: list[Piece] = []
    lines: list[Line] = []
    if front:
        for side in (-1, 1):
            x, tilt = 0.19 * side, rng.normal(0, 0.12)
            sole = curve(
                polyline((-0.1, 0.2), (0.0, 0.1), (0.1, 0.2), (0.09, 0.5), (0.1, 0.8), (0, 0.9),
                         (-0.1, 0.8), (-0.09, 0.5))
            )  # fmt: skip
            turn = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
            centre = np.array([0.0, 0.5])

            def place(
                points: Points, turn: Points = turn, centre: Points = centre, x: float = x
            ) -> Points:
                return (points - centre) @ turn.T + centre + (x, 0)

            pieces.append(Piece(place(sole * (1.12, 1.03) - (0, 0.015)), 1.3, contrast=True))
            pieces.append(Piece(place(sole)))
            pieces.append(Piece(place(oval(0, 0.7, 0.06, 0.13)), 0.4))
            for y in np.arange(0.36, 0.55, 0.05) if happens(rng, 0.7) else ():
                lines.append(Line(place(polyline((-0.05, y), (0.05, y + 0.02))), 0.012, 1.6))
        return Drawing(pieces, lines, [])
    heel = rng.uniform(0.0, 0.14)
    for shift in (-0.06, 0.08):
        body = curve(
            polyline((-0.38, 0.36), (-0.2, 0.36), (0.0, 0.5), (0.3, 0.55), (0.4, 0.66),
                     (0.36, 0.72), (-0.4, 0.72 - heel))
        )  # fmt: skip
        sole = polyline((-0.4, 0.7 - heel), (0.4, 0.69), (0.39, 0.76), (-0.4, 0.76))
        pieces.append(Piece(sole * 0.9 + (0, shift), 1.3, contrast=True))
        pieces.append(Piece(body * 0.9 + (0, shift)))
        pieces.append(Piece(oval(-0.25, 0.34 + shift, 0.1, 0.025), 0.5))
        for x in np.arange(-0.12, 0.08, 0.05):
            lines.append(Line(polyline((x, 0.42 + shift), (x + 0.05, 0.45 + shift)), 0.012, 1.6))
    return Drawing(pieces, lines, [])


def _hat(rng: np.random.Generator, front: bool) -> Drawing:
    wide = rng.uniform(0.26, 0.36)
    dome = curve(both([(0, 0.22), (wide * 0.7, 0.28), (wide, 0.5), (wide * 0.98, 0.66), (0, 0.7)]))
    if happens(rng, 0.3):
        band = both([(0, 0.55), (wide * 1.04, 0.52), (wide * 1.02, 0.7), (0, 0.74)])
        return Drawing([Piece(dome), Piece(band, 0.85, happens(rng, 0.5))], [], [])
    lines = [Line(polyline((x * wide, 0.64), (0, 0.24)), 0.005, 0.7) for x in (-0.6, 0.6, 0.0)]
    turned = rng.uniform(-0.3, 0.3)
    visor = polyline((-wide, 0.62), (wide, 0.62), (wide * 1.05 + turned, 0.74), (turned, 0.84),
                  (-wide * 1.05 + turned, 0.74))  # fmt: skip
    pieces = [Piece(dome), Piece(curve(visor), rng.uniform(0.7, 1.1), happens(rng, 0.5))]
    if not front:
        gap = both([(0, 0.5), (wide * 0.35, 0.56), (wide * 0.4, 0.68), (0, 0.69)])
        return Drawing([Piece(dome), Piece(gap, 0.35)], lines, [])
    return Drawing(pieces, lines, [(0, 0.225, 0.012)], (0.0, 0.48, wide * 0.5))


def _bag(rng: np.random.Generator, front: bool) -> Drawing:
    wide, top = rng.uniform(0.24, 0.4), rng.uniform(0.35, 0.5)
    body = both([(0, top), (wide * rng.uniform(0.75, 1), top), (wide, 0.9), (0, 0.92)])
    handle = curve(
        polyline((-wide * 0.5, top), (-wide * 0.4, 0.1), (wide * 0.4, 0.1), (wide * 0.5, top))
    )
    lines = [Line(handle, rng.uniform(0.015, 0.04), 0.8)]
    lines.append(Line(polyline((-wide * 0.9, top + 0.06), (wide * 0.9, top + 0.06)), 0.006, 0.6))
    badge = (0.0, 0.68, wide * 0.4) if front and happens(rng, 0.7) else None
    return Drawing([Piece(body)], lines, [], badge)


def _backpack(rng: np.random.Generator, front: bool) -> Drawing:
    wide = rng.uniform(0.22, 0.32)
    body = curve(both([(0, 0.1), (wide * 0.8, 0.14), (wide, 0.35), (wide, 0.88), (0, 0.93)]))
    lines = [Line(curve(polyline((-0.06, 0.13), (0, 0.05), (0.06, 0.13))), 0.015, 0.6)]
    pieces = [Piece(body)]
    if front:
        pieces.append(Piece(box(-wide * 0.75, 0.55, wide * 0.75, 0.86), 1.1, happens(rng, 0.4)))
        lines.append(Line(polyline((-wide * 0.7, 0.6), (wide * 0.7, 0.6)), 0.012, 0.45))
        lines.append(Line(both([(wide * 0.8, 0.22), (wide * 0.85, 0.45)]), 0.01, 0.45))
        return Drawing(pieces, lines, [], (0.0, 0.4, wide * 0.35))
    for side in (-1, 1):
        strap = curve(polyline((0.05, 0.14), (0.17, 0.3), (0.16, 0.6), (wide * 0.9, 0.86)))
        lines.append(Line(strap * (side, 1), 0.045, 0.7))
    return Drawing(pieces, lines, [])


def _watch(rng: np.random.Generator, front: bool) -> Drawing:
    wide, dial = rng.uniform(0.07, 0.11), rng.uniform(0.13, 0.19)
    strap = both([(0, 0.03), (wide * 0.8, 0.03), (wide, 0.4), (wide, 0.6), (wide * 0.8, 0.97)])
    pieces = [Piece(strap), Piece(oval(0, 0.5, dial, dial), 0.7, True)]
    lines = [Line(oval(0, 0.5, dial, dial), 0.015, 1.4)]
    if front:
        pieces.append(Piece(oval(0, 0.5, dial * 0.85, dial * 0.85), rng.choice([0.3, 1.9])))
        hand = dial * 0.6
        for angle in rng.uniform(0, 6.28, 2):
            tip = hand * np.cos(angle), 0.5 + hand * np.sin(angle)
            lines.append(Line(polyline((0, 0.5), tip), 0.012, 0.9))
    return Drawing(pieces, lines, [])


def _bottle(rng: np.random.Generator, front: bool) -> Drawing:
    wide, neck = rng.uniform(0.1, 0.17), rng.uniform(0.04, 0.07)
    body = both([(0, 0.16), (neck, 0.16), (neck, 0.22), (wide, 0.34), (wide, 0.93), (0, 0.96)])
    cap = box(-neck * 1.15, 0.06, neck * 1.15, 0.17)
    badge = (0.0, 0.62, wide * 0.7) if front else None
    return Drawing([Piece(body), Piece(cap, 0.7, True)], [], [], badge)


GARMENTS: dict[str, Callable[[np.random.Generator, bool], Drawing]] = {
    "t-shirt": tops.t_shirt,
    "longsleeve": tops.long_sleeve,
    "shirt": tops.shirt,
    "outerwear": tops.outerwear,
    "dress": tops.dress,
    "trousers": _trousers,
    "shorts": _shorts,
    "skirt": _skirt,
    "shoes": _shoes,
    "hat": _hat,
    "bag": _bag,
    "backpack": _backpack,
    "watch": _watch,
    "bottle": _bottle,
}
"""Draws each kind, seen from the front or from the back."""
