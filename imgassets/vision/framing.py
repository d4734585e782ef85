"""Where the object is: foreground against the background that the picture's border shows."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

MAP_SIDE = 256
"""Longer side (pixels) of the reduced picture that the object is looked for in."""

_VOTE_TOLERANCE = 9.0
"""CIELAB distance (ΔE 1976) within which border pixels vote for the same colour."""

_TOLERANCE = (4.0, 12.0)
"""Least and most distance from the background that counts as object; its noise decides between."""

_LIGHT = (85.0, 8.0)
"""A background is light when its CIELAB lightness is over, its chroma under these."""

_LIGHT_SHARE, _LIGHT_CORNERS = 0.12, 1
"""Share of the border and corners of the frame that a light background must show."""

_COLOURED_SHARE, _COLOURED_CORNERS = 0.60, 4
"""Likewise for any other background: in a close-up of plain cloth the cloth itself is flat."""

_MAX_ROUGHNESS = 1.6
"""Most CIELAB lightness change between neighbours (mean) on a background; cloth is rougher."""

_MIN_PART = 0.02
"""Parts smaller than this share of the largest part are specks, not object."""


_SOLID = 0.98
"""Share of each side of the object's box that must be object for it to be a padded picture."""


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

    def crop(self, picture: np.ndarray) -> np.ndarray:
        """Return the rectangle's part of a picture, as a view."""
        return picture[self.top : self.bottom, self.left : self.right]


class Framing(NamedTuple):
    """The object and its background.

    Attributes:
        box: the object's bounding box, in the picture's own pixels.
        foreground_fraction: the box's area as a share of the frame, 0 … 1.
        background_whiteness: share of the border that is near white, 0 … 1.
    """

    box: Box
    foreground_fraction: float
    background_whiteness: float


def frame_object(picture: np.ndarray) -> Framing:
    """Find the object's bounding box.

    The border (2 % of the frame on each side) votes for one flat colour. Where a colour wins and is
    flat, everything that differs from it is object; specks are dropped. Where none does, as in a
    close-up or a lifestyle photo, the object is taken to fill the frame. An object that is a solid
    rectangle may be a picture that somebody padded: the object is then looked for inside it, on a
    light background only (on another, the rectangle is as likely the product itself).

    Args:
        picture: RGB, uint8, height × width × 3.

    Returns:
        The box and the two shares that follow from the same pass.
    """
    framing = _frame(picture)
    if not framing.is_padding:
        share = framing.box.area / (picture.shape[0] * picture.shape[1])
        return Framing(framing.box, share, framing.background_whiteness)
    outer = framing.box.inset(1 + -(-max(picture.shape[:2]) // MAP_SIDE))
    inner = _frame(outer.crop(picture), light_only=True).box
    box = Box(
        outer.top + inner.top,
        outer.top + inner.bottom,
        outer.left + inner.left,
        outer.left + inner.right,
    )
    return Framing(
        box, box.area / (picture.shape[0] * picture.shape[1]), framing.background_whiteness
    )


class _Frame(NamedTuple):
    box: Box
    background_whiteness: float
    is_padding: bool


def _frame(picture: np.ndarray, light_only: bool = False) -> _Frame:
    """Find the object once; say whether it is a filled rectangle, i.e. a picture with padding."""
    height, width = picture.shape[:2]
    scale = min(1.0, MAP_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA) if scale < 1 else picture
    lab = cv2.cvtColor(small.astype(np.float32) / 255.0, cv2.COLOR_RGB2LAB)
    ring = _ring(small.shape[0], small.shape[1])
    border = lab[ring]
    whiteness = float(np.mean(small[ring].min(axis=1) >= 243))
    whole = _Frame(Box(0, height, 0, width), whiteness, False)
    background = _background(lab, border, ring, light_only)
    if background is None:
        return whole
    colour, tolerance = background
    mask = np.linalg.norm(lab - colour, axis=2) > tolerance
    found = _bounds(mask)
    if found is None:
        return whole
    ratio_y, ratio_x = height / small.shape[0], width / small.shape[1]
    box = Box(
        int(found.top * ratio_y),
        min(height, int(np.ceil(found.bottom * ratio_y))),
        int(found.left * ratio_x),
        min(width, int(np.ceil(found.right * ratio_x))),
    )
    return _Frame(box, whiteness, box.area < height * width and _is_filled(found.crop(mask)))


def _is_filled(mask: np.ndarray) -> bool:
    """Whether a mask's four sides are solid, as those of a rectangular picture are."""
    inner = mask[1:-1, 1:-1]
    if min(inner.shape, default=0) < 8:
        return False
    sides = (inner[0], inner[-1], inner[:, 0], inner[:, -1])
    return all(side.mean() >= _SOLID for side in sides)


def _ring(height: int, width: int) -> np.ndarray:
    """Mask of the frame's border."""
    thick = max(1, round(0.02 * max(height, width)))
    ring = np.ones((height, width), dtype=bool)
    ring[thick : max(thick, height - thick), thick : max(thick, width - thick)] = False
    return ring


def _background(
    lab: np.ndarray, border: np.ndarray, ring: np.ndarray, light_only: bool
) -> tuple[np.ndarray, float] | None:
    """Return the background's colour (CIELAB) and tolerance, or None where the frame is filled.

    A light colour is preferred to a commoner one: shop photos stand on white or light gray, and
    what else is flat at the border is mostly the product.
    """
    light = (border[:, 0] >= _LIGHT[0]) & (np.hypot(border[:, 1], border[:, 2]) <= _LIGHT[1])
    corners = lab[[0, 0, -1, -1], [0, -1, 0, -1]]
    choices = [(border[light], _LIGHT_SHARE, _LIGHT_CORNERS)]
    if not light_only:
        choices.append((border, _COLOURED_SHARE, _COLOURED_CORNERS))
    for voters, share, at_corners in choices:
        if len(voters) < share * len(border):
            continue
        colour = _commonest(voters)
        distance = np.linalg.norm(border - colour, axis=1)
        near = distance <= _VOTE_TOLERANCE
        shown = np.linalg.norm(corners - colour, axis=1) <= _VOTE_TOLERANCE
        if near.mean() < share or np.count_nonzero(shown) < at_corners:
            continue
        if _roughness(lab[..., 0])[ring][near].mean() > _MAX_ROUGHNESS:
            continue
        noise = float(np.median(distance[near]))
        return colour, float(np.clip(_TOLERANCE[0] + 3.0 * noise, *_TOLERANCE))
    return None


def _commonest(colours: np.ndarray) -> np.ndarray:
    """Return the commonest of some CIELAB colours: the median of the fullest 6-unit cell."""
    cells = np.rint(colours / 6.0).astype(np.int64) + 64
    keys = (cells[:, 0] * 128 + cells[:, 1]) * 128 + cells[:, 2]
    values, counts = np.unique(keys, return_counts=True)
    seed = np.median(colours[keys == values[np.argmax(counts)]], axis=0)
    near = np.linalg.norm(colours - seed, axis=1) <= _VOTE_TOLERANCE
    return np.median(colours[near], axis=0)


def _roughness(lightness: np.ndarray) -> np.ndarray:
    """Return the larger lightness change from the pixel to the left and from the one above."""
    rough = np.zeros_like(lightness)
    rough[:, 1:] = np.abs(np.diff(lightness, axis=1))
    rough[1:] = np.maximum(rough[1:], np.abs(np.diff(lightness, axis=0)))
    return rough


def _bounds(mask: np.ndarray) -> Box | None:
    """Return the bounds of a mask's parts, without specks."""
    kernel = np.ones((3, 3), np.uint8)
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, kernel)
    count, _, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=8)
    if count < 2:
        return None
    parts = stats[1:]
    parts = parts[parts[:, cv2.CC_STAT_AREA] >= _MIN_PART * parts[:, cv2.CC_STAT_AREA].max()]
    left, top = parts[:, cv2.CC_STAT_LEFT], parts[:, cv2.CC_STAT_TOP]
    right = left + parts[:, cv2.CC_STAT_WIDTH]
    bottom = top + parts[:, cv2.CC_STAT_HEIGHT]
    return Box(int(top.min()), int(bottom.max()), int(left.min()), int(right.max()))
