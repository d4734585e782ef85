"""Where the object is: foreground against the background that the picture's border shows.

Everything is decided on a map of the picture, about 128 pixels long, in YCbCr (ITU-R 601, full
range): whole numbers that OpenCV makes and compares eight bits at a time.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np

from imgassets.vision.kernels import (
    Colour,
    border_pixels,
    border_whites,
    commonest_colour,
    flatness,
)

MAP_SIDE = 128
"""Longer side (pixels) of the reduced picture that the object is looked for in."""

_UNITS = (0.45, 0.85, 1.1)
"""CIELAB distance (ΔE 1976) that one step of Y, Cr and Cb makes: least squares over sRGB."""

_VOTE_REACH = (9.0 / _UNITS[0], 9.0 / _UNITS[1], 9.0 / _UNITS[2])
"""Distance (steps of Y, Cr and Cb) within which border pixels vote for the same colour: 9 ΔE."""

_TOLERANCE = (4.0, 12.0)
"""Least and most distance from the background that counts as object; its noise decides between."""

_LIGHT = ((212.0, 121.0, 121.0), (255.0, 135.0, 135.0))
"""Least and most Y, Cr and Cb of a light background: at most pale."""

_ANY = ((0.0, 0.0, 0.0), (255.0, 255.0, 255.0))
"""Likewise of any background."""

_LIGHT_SHARE, _LIGHT_CORNERS = 0.12, 1
"""Share of the border and corners of the frame that a light background must show."""

_COLOURED_SHARE, _COLOURED_CORNERS = 0.60, 4
"""Likewise for any other background: in a close-up of plain cloth the cloth itself is flat."""

_MAX_ROUGHNESS = 6
"""Most range of Y within 3 × 3 pixels (median) on a background; cloth is rougher."""

_MIN_PART = 0.02
"""Parts smaller than this share of the largest part are specks, not object."""

_SOLID = 0.98
"""Share of each side of the object's box that must be object for it to be a padded picture."""

_NEAR_WHITE = 243
"""Least red, green and blue of a near-white pixel."""

_SQUARE_3 = np.ones((3, 3), np.uint8)


class Box(NamedTuple):
    """A rectangle in pixels: rows ``top:bottom``, columns ``left:right``."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def area(self) -> int:
        """Pixels inside."""
        return (self.bottom - self.top) * (self.right - self.left)

    def inset(self, pixels: int) -> Box:
        """Return the rectangle with its sides moved inwards."""
        return Box(self.top + pixels, self.bottom - pixels, self.left + pixels, self.right - pixels)

    def scaled(self, size: tuple[int, int], target: tuple[int, int]) -> Box:
        """Return the rectangle of a picture of one size (height, width) in another size of it."""
        (height, width), (to_height, to_width) = size, target
        return Box(
            self.top * to_height // height,
            -(-self.bottom * to_height // height),
            self.left * to_width // width,
            -(-self.right * to_width // width),
        )

    def crop(self, picture: np.ndarray) -> np.ndarray:
        """Return the rectangle's part of a picture, as a view."""
        return picture[self.top : self.bottom, self.left : self.right]


class Framing(NamedTuple):
    """The object and its background.

    Attributes:
        box: the object's bounding box, in the framed picture's own pixels.
        foreground_fraction: the box's area as a share of the frame, 0 … 1.
        object_extent: the larger of the box's width and height as shares of the frame's, 0 … 1.
    """

    box: Box
    foreground_fraction: float
    object_extent: float


def reduce_to_map(picture: np.ndarray) -> np.ndarray:
    """Reduce a picture (RGB, uint8) to at most :data:`MAP_SIDE` pixels.

    It is halved by averaging while it is at least twice as long, then interpolated: several times
    faster than averaging by any other factor.
    """
    height, width = picture.shape[:2]
    while max(height, width) >= 2 * MAP_SIDE and min(height, width) > 1:
        height, width = height // 2, width // 2
        # An odd last row or column is left out: whole blocks of 2 × 2 average many times faster.
        even = picture[: 2 * height, : 2 * width]
        picture = cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA)
    scale = MAP_SIDE / max(height, width)
    if scale >= 1:
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR)


def frame_object(picture: np.ndarray) -> Framing:
    """Find the object's bounding box.

    The border (2 % of the frame on each side) votes for one flat colour. Where a colour wins and is
    flat, everything that differs from it is object; specks are dropped. Where none does, as in a
    close-up or a lifestyle photo, the object is taken to fill the frame. An object that is a solid
    rectangle may be a picture that somebody padded: the object is then looked for inside it, on a
    light background only (on another, the rectangle is as likely the product itself).

    Args:
        picture: RGB, uint8, height × width × 3: a map (:func:`reduce_to_map`), or a picture of any
            size, which is reduced to one first.

    Returns:
        The box and the shares that follow from it.
    """
    small = reduce_to_map(picture)
    box, is_padding = _frame(small)
    if is_padding:
        outer = box.inset(2)
        inner = _frame(np.ascontiguousarray(outer.crop(small)), light_only=True).box
        if inner.area < outer.area:
            box = Box(
                outer.top + inner.top,
                outer.top + inner.bottom,
                outer.left + inner.left,
                outer.left + inner.right,
            )
    height, width = small.shape[:2]
    tall, wide = (box.bottom - box.top) / height, (box.right - box.left) / width
    box = box.scaled((height, width), (picture.shape[0], picture.shape[1]))
    return Framing(box, tall * wide, max(tall, wide))


def _border_thickness(height: int, width: int) -> int:
    """Return the width of a frame's border in pixels: 2 % of the longer side."""
    return max(1, round(0.02 * max(height, width)))


def border_whiteness(picture: np.ndarray) -> tuple[float, float]:
    """Shares of the border that are near white, and exactly white (255, 255, 255): 0 … 1."""
    thick = _border_thickness(picture.shape[0], picture.shape[1])
    height, width = picture.shape[:2]
    inner = max(0, height - 2 * thick) * max(0, width - 2 * thick)
    near, pure = border_whites(picture, thick, _NEAR_WHITE)
    return near / (height * width - inner), pure / (height * width - inner)


def differs_from_background(small: np.ndarray) -> np.ndarray | None:
    """Mask (255 or 0) of a map's pixels that differ from its plain background.

    Returns:
        uint8, height × width; None where the border shows no plain background.
    """
    return _differing(cv2.cvtColor(small, cv2.COLOR_RGB2YCrCb), light_only=False)


class _Frame(NamedTuple):
    box: Box
    is_padding: bool


def _frame(small: np.ndarray, light_only: bool = False) -> _Frame:
    """Find the object once; say whether it is a filled rectangle, i.e. a picture with padding."""
    height, width = small.shape[:2]
    colours = cv2.cvtColor(small, cv2.COLOR_RGB2YCrCb)
    whole = _Frame(Box(0, height, 0, width), False)
    mask = _differing(colours, light_only)
    if mask is None:
        return whole
    found = _bounds(mask)
    if found is None:
        return whole
    is_padding = found.area < height * width and _is_filled(found.crop(mask))
    return _Frame(found, is_padding)


def _differing(colours: np.ndarray, light_only: bool) -> np.ndarray | None:
    """Mask (255 or 0) of pixels (YCrCb) that differ from the background; None without one."""
    background = _background(colours, light_only)
    return None if background is None else cv2.bitwise_not(_near(colours, *background))


def _near(colours: np.ndarray, colour: Colour, tolerance: float) -> np.ndarray:
    """Mask (255 or 0) of pixels that no channel takes further than the tolerance (ΔE)."""
    low = [math.ceil(c - tolerance / unit) for c, unit in zip(colour, _UNITS, strict=True)]
    high = [math.floor(c + tolerance / unit) for c, unit in zip(colour, _UNITS, strict=True)]
    return cv2.inRange(colours, tuple(low), tuple(high))


def _is_filled(mask: np.ndarray) -> bool:
    """Whether a mask's four sides are solid, as those of a rectangular picture are."""
    inner = mask[1:-1, 1:-1]
    if min(inner.shape, default=0) < 8:
        return False
    sides = (inner[0], inner[-1], inner[:, 0], inner[:, -1])
    return all(np.count_nonzero(side) >= _SOLID * len(side) for side in sides)


def _background(colours: np.ndarray, light_only: bool) -> tuple[Colour, float] | None:
    """Return the background's colour (YCrCb) and tolerance, or None where the frame is filled.

    A light colour is preferred to a commoner one: shop photos stand on white or light gray, and
    what else is flat at the border is mostly the product.
    """
    thick = _border_thickness(colours.shape[0], colours.shape[1])
    ring = border_pixels(colours, thick)
    choices = [(*_LIGHT, _LIGHT_SHARE, _LIGHT_CORNERS)]
    if not light_only:
        choices.append((*_ANY, _COLOURED_SHARE, _COLOURED_CORNERS))
    for low, high, share, at_corners in choices:
        voters, colour = commonest_colour(ring, low, high, _VOTE_REACH)
        if voters < share * len(ring):
            continue
        near, noise, roughness, corners = flatness(colours, thick, colour, _VOTE_REACH)
        if near >= share * len(ring) and corners >= at_corners and roughness <= _MAX_ROUGHNESS:
            return colour, min(_TOLERANCE[1], _TOLERANCE[0] + 3.0 * noise * _UNITS[0])
    return None


def _bounds(mask: np.ndarray) -> Box | None:
    """Return the bounds of a mask's parts, without specks."""
    opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, _SQUARE_3)
    outlines, _ = cv2.findContours(opened, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not outlines:
        return None
    areas = [cv2.contourArea(outline) for outline in outlines]
    least = _MIN_PART * max(areas)
    points = np.concatenate([o for o, area in zip(outlines, areas, strict=True) if area >= least])
    left, top, width, height = cv2.boundingRect(points)
    return Box(top, top + height, left, left + width)
