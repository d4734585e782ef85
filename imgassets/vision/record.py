"""What is measured on one picture, and the version of how; imports nothing that computes."""

from __future__ import annotations

from typing import NamedTuple

SIGNALS_VERSION = "signals-2"
"""Name of the algorithms in this package: changed whenever any signal of any picture changes."""


FEATURES_VERSION = "features-1"
"""Likewise of custom features."""


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


class PhotoMeasures(NamedTuple):
    """What a customer's photograph is judged by, measured at working size but for its own size.

    Attributes:
        longer_side: of the file, in pixels.
        sharpness: steepness of the object's edges, 0 … 0.5; low is blurry.
        bright: 95th percentile of the pixels' brightest channel, 0 … 255; low is dark.
        clipped: share of the pixels, a white background left out, at the top of a channel's range.
        noise: standard deviation in plain parts, in gray levels.
        blockiness: height of the steps between compressed blocks, in gray levels.
        object_extent: larger of the object's width and height, as shares of the frame's; 1 where no
            plain background tells the object.
    """

    longer_side: int
    sharpness: float
    bright: float
    clipped: float
    noise: float
    blockiness: float
    object_extent: float


class Colour(NamedTuple):
    """One dominant colour of an object.

    Attributes:
        name: of the shipped table, e.g. ``navy``.
        share: of the object's pixels, 0 … 1.
        l: lightness in CIELAB (D65), 0 … 100.
        a: green (negative) to red.
        b: blue (negative) to yellow.
    """

    name: str
    share: float
    l: float  # noqa: E741  as CIELAB calls it
    a: float
    b: float


class CustomFeatures(NamedTuple):
    """What people could say of one picture, for search; columns of the same names say more."""

    box_left: float
    box_top: float
    box_right: float
    box_bottom: float
    object_share: float
    box_source: str
    colours: list[Colour]
    colour_histogram: list[float]
    texture: list[float]
