"""The contact sheet: what every defect makes of one picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from imgassets.learning.synthetic.defects import DEFECTS
from imgassets.learning.synthetic.making import make

_CELL, _GAP, _LABEL, _HEAD = 190, 10, 240, 44
"""Pixels: a picture's cell, the space between cells, the labels' column, the heading."""

_GROUND, _PANEL, _INK, _PALE = (236, 238, 241), (214, 217, 222), (24, 28, 34), (96, 102, 112)


def contact_sheet(
    picture: np.ndarray, severities: Sequence[float], seed: int, names: Sequence[str] = ()
) -> Image.Image:
    """Lay out the original and every defect of it: a row per defect, a column per severity.

    Args:
        picture: RGB, uint8.
        severities: 0 … 1, at least one.
        seed: of every defect.
        names: the defects to show, in this order; all if empty.

    Raises:
        ValueError: a name is unknown or a severity is outside 0 … 1.
    """
    shown = list(names) or list(DEFECTS)
    columns = 1 + len(severities)
    width = _LABEL + columns * (_CELL + _GAP)
    sheet = Image.new("RGB", (width, _HEAD + len(shown) * (_CELL + _GAP)), _GROUND)
    draw = ImageDraw.Draw(sheet)
    heading, name_font, small = (ImageFont.load_default(size=size) for size in (17, 18, 14))
    heads = ["original", *(f"severity {severity:g}" for severity in severities)]
    draw.text((_GAP, 14), f"seed {seed}", _PALE, heading)
    for column, head in enumerate(heads):
        draw.text((_LABEL + column * (_CELL + _GAP), 14), head, _INK, heading)
    for row, name in enumerate(shown):
        top = _HEAD + row * (_CELL + _GAP)
        made = [make(picture, name, severity, seed) for severity in severities]
        defect = DEFECTS[name]
        draw.text((_GAP, top + 8), name, _INK, name_font)
        draw.text((_GAP, top + 34), defect.flag or "harmless", _flag_colour(defect.flag), small)
        for column, one in enumerate([picture, *made]):
            left = _LABEL + column * (_CELL + _GAP)
            _place(sheet, one, left, top)
            size = f"{one.shape[1]} x {one.shape[0]}"
            if column:
                draw.text((_GAP, top + 58 + 20 * (column - 1)),
                          f"{severities[column - 1]:g}: {size}", _PALE, small)  # fmt: skip
    return sheet


def _place(sheet: Image.Image, picture: np.ndarray, left: int, top: int) -> None:
    """Put a picture into its cell, whole, on a panel that shows where a white picture ends."""
    cell = Image.new("RGB", (_CELL, _CELL), _PANEL)
    image = Image.fromarray(picture)
    image.thumbnail((_CELL - 4, _CELL - 4), Image.Resampling.LANCZOS)
    cell.paste(image, ((_CELL - image.width) // 2, (_CELL - image.height) // 2))
    sheet.paste(cell, (left, top))


def _flag_colour(flag: str) -> tuple[int, int, int]:
    return (178, 58, 22) if flag else (26, 120, 66)
