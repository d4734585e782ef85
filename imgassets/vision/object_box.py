"""Which pixels of a picture are its object: by its plain background, else by GrabCut.

On a map of the picture (:func:`imgassets.vision.framing.reduce_to_map`).
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from imgassets.vision.framing import Box, differs_from_background

GRABCUT_SIDE = 64
"""Longer side (pixels) of what GrabCut looks at: its time grows with the pixels."""

_ITERATIONS = 2
_MARGIN = 0.06
"""Share of each side of the frame that GrabCut takes for background for certain."""

_LEAST_SIDE = 16
"""Least shorter side (pixels) of a map that GrabCut is asked about: it fits five colours each to
the middle and the margin."""

_PLAUSIBLE = (0.04, 0.95)
"""Least and most share of the picture of an object that GrabCut is believed to have found."""

_MIN_PART = 0.05
"""Parts smaller than this share of the largest part are specks, not object."""

_MAX_HOLES = 0.35
"""Share of an outline's inside that may look like the background and still be object: a white
shirt on white does, but a bracelet shows the background itself."""

_SQUARE_3 = np.ones((3, 3), np.uint8)


class FoundObject(NamedTuple):
    """The object of a map.

    Attributes:
        box: its bounding box, in the map's pixels.
        mask: its pixels, bool, height × width; never empty.
        source: 'plain', 'grabcut' or 'whole', as the column ``box_source`` says.
    """

    box: Box
    mask: np.ndarray
    source: str


def find_object(small: np.ndarray) -> FoundObject:
    """Find a picture's object.

    Where the border shows a plain background, everything else is object; holes that look like the
    background are object too, unless they are most of it. Where it shows none, GrabCut (Rother,
    Kolmogorov and Blake, 2004) parts the middle from the margin by colours and edges; if what it
    finds is next to nothing or next to everything, the object is taken to fill the picture.

    Args:
        small: a map, RGB, uint8, height × width × 3.
    """
    mask = differs_from_background(small)
    if mask is not None:
        found = _without_specks(mask, fill=True)
        if found is not None:
            return FoundObject(*found, "plain")
    elif min(small.shape[:2]) >= _LEAST_SIDE:
        segmented = _grabcut(small)
        found = _without_specks(segmented, fill=False)
        if found is not None and _PLAUSIBLE[0] <= found[1].mean() <= _PLAUSIBLE[1]:
            return FoundObject(*found, "grabcut")
    height, width = small.shape[:2]
    return FoundObject(Box(0, height, 0, width), np.ones((height, width), bool), "whole")


def _grabcut(small: np.ndarray) -> np.ndarray:
    """Mask (255 or 0) of the pixels that GrabCut takes for the object."""
    height, width = small.shape[:2]
    scale = min(1.0, GRABCUT_SIDE / max(height, width))
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    reduced = cv2.resize(small, size, interpolation=cv2.INTER_AREA)
    across, down = max(1, round(size[0] * _MARGIN)), max(1, round(size[1] * _MARGIN))
    inside = (across, down, size[0] - 2 * across, size[1] - 2 * down)
    labels = np.zeros((size[1], size[0]), np.uint8)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)  # it starts from random clusters
    cv2.grabCut(reduced, labels, inside, *models, _ITERATIONS, cv2.GC_INIT_WITH_RECT)
    found = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8) * 255
    # Lines along the margin belong to neither side.
    found = cv2.morphologyEx(found, cv2.MORPH_OPEN, _SQUARE_3)
    return cv2.resize(found, (width, height), interpolation=cv2.INTER_NEAREST)


def _without_specks(mask: np.ndarray, fill: bool) -> tuple[Box, np.ndarray] | None:
    """Return the bounds and the pixels (bool) of a mask's large parts; None without any."""
    opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, _SQUARE_3)
    outlines, _ = cv2.findContours(opened, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    areas = [cv2.contourArea(outline) for outline in outlines]
    large = [o for o, area in zip(outlines, areas, strict=True) if area >= _MIN_PART * max(areas)]
    if not large:
        return None
    left, top, width, height = cv2.boundingRect(np.concatenate(large))
    solid = cv2.drawContours(np.zeros_like(mask), large, -1, 255, cv2.FILLED) > 0
    shown = solid & (opened > 0)
    holes = 1.0 - np.count_nonzero(shown) / np.count_nonzero(solid)
    pixels = solid if fill and holes <= _MAX_HOLES else shown
    return Box(top, top + height, left, left + width), pixels
