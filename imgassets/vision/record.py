"""What is measured on one picture, and the version of how; imports nothing that computes."""

from __future__ import annotations

from typing import NamedTuple

SIGNALS_VERSION = "signals-2"
"""Name of the algorithms in this package: changed whenever any signal of any picture changes."""


class Signals(NamedTuple):
    """Signals of one picture; the columns of the same names in the warehouse say what they are."""

    phash: str
    dhash: str
    object_phash: str
    edge_dhash: str
    hsv_histogram: list[float]
    sharpness: float
    foreground_fraction: float
    background_whiteness: float
    background_pure_white: float
    object_extent: float
    detail: float
    colourfulness: float
