"""The contact sheet: what every defect makes of one picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from imgassets.learning.synthetic.defects import DEFECTS
from imgassets.learning.synthetic.making import make

_CELL, _GAP, _LABEL, _HEAD = 150, 8, 190, 36
"""Pixels: a picture's cell, the space between cells, the labels' column, the heading."""

_ROWS = 15
"""Rows of a panel, about; more defects fill further panels to the right."""

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
    panels = -(-len(shown) // _ROWS)
    rows = -(-len(shown) // panels)
    panel_width = _LABEL + (1 + len(severities)) * (_CELL + _GAP) + 2 * _GAP
    size = (panels * panel_width, _HEAD + rows * (_CELL + _GAP))
    sheet = Image.new("RGB", size, _GROUND)
    draw = ImageDraw.Draw(sheet)
    name_font, small = (ImageFont.load_default(size=size) for size in (16, 13))
    for panel in range(panels):
        left = panel * panel_width
        draw.text((left + _GAP, 12), f"seed {seed}", _PALE, small)
        for column, head in enumerate(["original", *(f"severity {s:g}" for s in severities)]):
            draw.text((left + _LABEL + column * (_CELL + _GAP), 10), head, _INK, name_font)
    for index, name in enumerate(shown):
        left, top = index // rows * panel_width, _HEAD + index % rows * (_CELL + _GAP)
        made = [make(picture, name, severity, seed) for severity in severities]
        flag = DEFECTS[name].flag
        draw.text((left + _GAP, top + 8), name, _INK, name_font)
        draw.text((left + _GAP, top + 30), flag or "harmless", _flag_colour(flag), small)
        for line, (severity, one) in enumerate(zip(severities, made, strict=True)):
            pixels = f"{severity:g}: {one.shape[1]} x {one.shape[0]}"
            draw.text((left + _GAP, top + 52 + 18 * line), pixels, _PALE, small)
        for column, one in enumerate([picture, *made]):
            _place(sheet, one, left + _LABEL + column * (_CELL + _GAP), top)
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
