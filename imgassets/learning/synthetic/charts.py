"""Size charts and data sheets: tables, outlines with their measures, lists of properties."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imgassets.learning.synthetic import silhouettes, sizing, wording
from imgassets.learning.synthetic.art import Rectangle, Sheet
from imgassets.learning.synthetic.chance import happens, pick
from imgassets.learning.synthetic.colours import (
    BLACK,
    WHITE,
    Colour,
    dark,
    grey,
    mixed,
    near_white,
    pastel,
    readable_on,
    vivid,
)
from imgassets.learning.synthetic.lettering import Lettering, any_lettering
from imgassets.learning.synthetic.overlay import arrow

_SIDE = (360, 720)
"""Pixels of a chart's longer side, least and most."""

_ASPECTS = (1.0, 1.0, 3 / 4, 4 / 3, 0.6)

_MEASURED = (silhouettes.SHIRT, silhouettes.DRESS, silhouettes.TROUSERS, silhouettes.BAG,
             silhouettes.SHOE, silhouettes.CHAIR, silhouettes.SOFA, silhouettes.BOX)  # fmt: skip


def size_table(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Draw a table of sizes and measures, or two: more rows with severity.

    Nothing of ``picture`` is kept, nor of any other chart's.
    """
    sheet, ink = _paper(rng), dark(rng)
    lettering = _plain(rng)
    rows, columns = 3 + round(4 * severity * rng.uniform(0.7, 1.2)), int(rng.integers(2, 6))
    top = _heading(sheet, sizing.title(rng), ink, lettering, rng)
    bottom = sheet.height * rng.uniform(0.9, 0.97)
    if happens(rng, 0.5):
        box = (sheet.width * 0.06, bottom - sheet.height * 0.05, sheet.width * 0.94, bottom)
        sheet.write([sizing.note(rng)], box, mixed(ink, WHITE, 0.3), lettering)
        bottom -= sheet.height * 0.08
    count = 2 if happens(rng, 0.25) else 1
    pitch = (bottom - top) / count
    style = _Style(rng)
    for index in range(count):
        cells = sizing.table(rng, rows, columns)
        if happens(rng, 0.3):
            cells = [list(column) for column in zip(*cells, strict=True)]
        box = (
            sheet.width * 0.05,
            top + index * pitch,
            sheet.width * 0.95,
            top + (index + 0.92) * pitch,
        )
        _table(sheet, cells, box, style, lettering)
    return _picture(sheet)


def measured_outline(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Draw goods in outline with arrows along them, and a legend of what they measure."""
    sheet, ink = _paper(rng), dark(rng)
    lettering = _plain(rng)
    top = _heading(sheet, sizing.title(rng), ink, lettering, rng) if happens(rng, 0.7) else 10.0
    width, height = float(sheet.width), float(sheet.height)
    side = min(width * 0.62, (height - top) * rng.uniform(0.55, 0.8))
    left = width * rng.uniform(0.1, 0.3)
    y = top + side * 0.1
    outline = pick(rng, _MEASURED) * side + (left, y)
    filled = happens(rng, 0.5)
    if filled:
        sheet.polygon(outline, pick(rng, (pastel(rng), grey(rng, 190, 235))))
    sheet.line(outline, ink, max(1.0, side * 0.008), closed=True)
    names = sizing.measures(rng)
    marks = "ABCDEF" if happens(rng, 0.5) else "123456"
    line = pick(rng, (ink, vivid(rng), vivid(rng)))
    size = side * rng.uniform(0.07, 0.1)
    spans = [
        ((left, y + side * 1.02), (left + side, y + side * 1.02)),
        ((left + side * 1.06, y), (left + side * 1.06, y + side)),
        ((left + side * 0.25, y + side * 0.4), (left + side * 0.75, y + side * 0.4)),
        ((left + side * 0.5, y + side * 0.1), (left + side * 0.5, y + side * 0.9)),
        ((left + side * 0.3, y + side * 0.72), (left + side * 0.7, y + side * 0.72)),
    ]
    shown = spans[: 2 + round(3 * severity)]
    values = [wording.measure(rng) for _ in shown]
    told = happens(rng, 0.5)
    for index, (start, end) in enumerate(shown):
        arrow(sheet, start, end, line, max(1.0, size * 0.1), size)
        x, at = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
        label = (x - size * (1.3 if told else 0.4), at - size * 0.45,
                 x + size * (1.3 if told else 0.4), at + size * 0.45)  # fmt: skip
        sheet.rounded(label, size * 0.2, WHITE)
        sheet.write([values[index] if told else marks[index]], label, line, lettering)
    under = y + side * 1.12
    if under < height * 0.9:
        names = names[: len(shown)]
        legend = [f"{m}: {n}  {v}" for m, n, v in zip(marks, names, values, strict=False)]
        box = (width * 0.08, under, width * 0.92, height * 0.97)
        if happens(rng, 0.4):
            _table(sheet, sizing.table(rng, 4, 4), box, _Style(rng), lettering)
        else:
            sheet.write(legend, box, ink, lettering, "left")
    return _picture(sheet)


def data_sheet(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Draw properties and their values, a nutrition table, or ingredients as running text."""
    sheet, ink = _paper(rng), dark(rng)
    lettering = _plain(rng)
    heads = ("Specifications", "Technical data", "Nutrition facts", "Details", "Produktdaten",
             "Caractéristiques", "Характеристики", "产品参数")  # fmt: skip
    top = _heading(sheet, pick(rng, heads), ink, lettering, rng) if happens(rng, 0.8) else 12.0
    box = (sheet.width * 0.06, top, sheet.width * 0.94, sheet.height * 0.96)
    count, kind = 4 + round(6 * severity), rng.random()
    if kind < 0.4:
        _table(sheet, sizing.properties(rng, count), box, _Style(rng, heading=False), lettering)
    elif kind < 0.7:
        _table(sheet, sizing.nutrients(rng, count), box, _Style(rng), lettering)
    else:
        sheet.write(sizing.prose(rng, count), box, ink, lettering, pick(rng, ("left", "centre")))
    if happens(rng, 0.3):
        sheet.rounded((4, 4, sheet.width - 4, sheet.height - 4), 0, None, ink, 2)
    return _picture(sheet)


class _Style:
    """How a table looks: lines, stripes and the colours of its heading."""

    def __init__(self, rng: np.random.Generator, heading: bool = True) -> None:
        self.head = pick(rng, (dark(rng), vivid(rng), pastel(rng), grey(rng, 60, 220), WHITE))
        self.heading = heading
        self.line = pick(rng, (None, BLACK, grey(rng, 120, 220), grey(rng, 170, 220)))
        self.upright = happens(rng, 0.6)
        self.stripe = pick(rng, (None, pastel(rng), grey(rng, 228, 246)))
        self.ink = dark(rng)
        self.head_ink = readable_on(self.head, rng)
        self.body = pick(rng, (None, WHITE))


def _table(
    sheet: Sheet, cells: Sequence[Sequence[str]], box: Rectangle, style: _Style,
    lettering: Lettering,
) -> None:  # fmt: skip
    """Draw a table into a rectangle; rows are no higher than a tenth of the sheet."""
    left, top, right, bottom = box
    rows, columns = len(cells), len(cells[0])
    tall = min((bottom - top) / rows, sheet.height * 0.1)
    wide = (right - left) / columns
    bottom = top + rows * tall
    if style.body is not None:
        sheet.rounded((left, top, right, bottom), 0, style.body)
    for index, row in enumerate(cells):
        y = top + index * tall
        is_head = style.heading and index == 0
        ground = style.head if is_head else style.stripe if index % 2 == 0 else None
        if ground is not None:
            sheet.rounded((left, y, right, y + tall), 0, ground)
        for column, text in enumerate(row):
            if text:
                x = left + column * wide
                inside = (x + wide * 0.06, y + tall * 0.24, x + wide * 0.94, y + tall * 0.78)
                sheet.write([text], inside, style.head_ink if is_head else style.ink, lettering)
    if style.line is not None:
        for index in range(rows + 1):
            y = top + index * tall
            sheet.line([(left, y), (right, y)], style.line, 1)
        for column in range(columns + 1) if style.upright else ():
            x = left + column * wide
            sheet.line([(x, top), (x, bottom)], style.line, 1)


def _paper(rng: np.random.Generator) -> Sheet:
    """Return an empty sheet, mostly white."""
    side, aspect = rng.uniform(*_SIDE), pick(rng, _ASPECTS)
    width, height = (side, side / aspect) if aspect >= 1 else (side * aspect, side)
    ground = pick(rng, (WHITE, WHITE, near_white(rng), pastel(rng)))
    return Sheet(width, height, ground)


def _heading(
    sheet: Sheet, words: str, ink: Colour, lettering: Lettering, rng: np.random.Generator
) -> float:
    """Write a title, sometimes on a band; return where the rest starts, pixels from the top."""
    tall = sheet.height * rng.uniform(0.07, 0.11)
    top = sheet.height * rng.uniform(0.02, 0.06)
    box = (sheet.width * 0.1, top, sheet.width * 0.9, top + tall)
    if happens(rng, 0.3):
        band = pick(rng, (dark(rng), vivid(rng)))
        sheet.rounded((0, 0, sheet.width, top * 2 + tall), 0, band)
        ink = readable_on(band, rng)
    sheet.write([words], box, ink, lettering, pick(rng, ("left", "centre", "centre")))
    return top * 2 + tall + sheet.height * 0.03


def _plain(rng: np.random.Generator) -> Lettering:
    """Return upright lettering: tables are set in nothing else."""
    drawn = any_lettering(rng)
    return Lettering(pick(rng, ("aileron", "sans", "sans", "uni")), drawn.weight, drawn.width)


def _picture(sheet: Sheet) -> np.ndarray:
    return np.array(sheet.finished().convert("RGB"))
