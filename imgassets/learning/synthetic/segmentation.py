"""Cut the object out of a picture: GrabCut, with what the border shows as the way out."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from imgassets.vision.framing import Box, frame_object

_SIDE = 160
"""Pixels of the copy that GrabCut works on: time grows with their number, edges hardly improve."""

_ITERATIONS = 3

_PLAUSIBLE = (0.04, 0.92)
"""Share of the frame that an object may take; anything else is a segmentation gone wrong."""

_BORDER_DISTANCE = 18
"""Largest difference (gray levels, any channel) of a flat background's pixels from its colour."""

_LIGHT, _LIGHT_SHARE, _OTHER_SHARE = 225, 0.15, 0.45
"""Least gray level of a light background, and share of the border that a light or another one must
take: the object of a close-up touches the rest."""

_AGREEMENT = 0.7
"""Least overlap (intersection ÷ union) of GrabCut's object with what differs from a background."""

_MAX_CUT = 0.25
"""Largest share of the border that an object in a scene may touch."""


class Cutout(NamedTuple):
    """An object without its background.

    Attributes:
        picture: RGB, uint8, h × w × 3: the object's box.
        alpha: uint8, h × w: 255 on the object, 0 beside it.
    """

    picture: np.ndarray
    alpha: np.ndarray


def cut_out(picture: np.ndarray) -> Cutout:
    """Cut out a picture's central object.

    GrabCut (Rother, Kolmogorov and Blake 2004; paper A, II-A, uses graph cuts likewise) starts from
    the object's box. On a light background its answer must agree with what differs from the
    background, which is taken otherwise; on another, or in a scene, the object may hardly touch the
    border. Where there is no such object, as in a close-up, the whole picture is one.
    """
    height, width = picture.shape[:2]
    scale = min(1.0, _SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    mask = _choose(_by_grab_cut(small), *_by_border(small))
    if mask is None:
        return Cutout(picture, np.full((height, width), 255, np.uint8))
    return _lift(picture, _smooth(mask, (width, height)))


def _choose(
    grabbed: np.ndarray | None, differing: np.ndarray | None, is_light: bool
) -> np.ndarray | None:
    """Return the mask to trust, if any."""
    if grabbed is None:
        return differing
    if differing is not None and is_light:
        both, either = grabbed & differing, grabbed | differing
        agrees = np.count_nonzero(both) >= _AGREEMENT * np.count_nonzero(either)
        return grabbed if agrees else differing
    touching = np.concatenate([grabbed[0], grabbed[-1], grabbed[:, 0], grabbed[:, -1]])
    return grabbed if np.mean(touching > 0) <= _MAX_CUT else differing


def _by_grab_cut(small: np.ndarray) -> np.ndarray | None:
    height, width = small.shape[:2]
    if min(height, width) < 16:
        return None
    box = frame_object(small).box
    # GrabCut learns the background from outside the rectangle, so some must be left there.
    gap_y, gap_x = max(1, height // 25), max(1, width // 25)
    top, bottom = max(gap_y, box.top - 2), min(height - gap_y, box.bottom + 2)
    left, right = max(gap_x, box.left - 2), min(width - gap_x, box.right + 2)
    if bottom - top < 4 or right - left < 4 or int(small.max()) - int(small.min()) < 8:
        return None
    cv2.setRNGSeed(1)  # Its mixtures start from a random clustering.
    labels = np.zeros((height, width), np.uint8)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    rectangle = (left, top, right - left, bottom - top)
    try:
        cv2.grabCut(small, labels, rectangle, *models, _ITERATIONS, cv2.GC_INIT_WITH_RECT)
    except cv2.error:
        return None  # A background or object without a single pixel left.
    return _plausible(np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)))


def _by_border(small: np.ndarray) -> tuple[np.ndarray | None, bool]:
    """Return what differs from the border's commonest colour, and whether that colour is light.

    The mask is None where no colour takes enough of the border to be a background.
    """
    ring = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]]).astype(np.int16)
    light = ring[ring.min(axis=1) >= _LIGHT]
    is_light = len(light) >= _LIGHT_SHARE * len(ring)
    colours = light if is_light else ring
    _, first, votes = np.unique(colours // 16, axis=0, return_index=True, return_counts=True)
    near = ring[np.abs(ring - colours[first[np.argmax(votes)]]).max(axis=1) <= _BORDER_DISTANCE]
    if len(near) < (_LIGHT_SHARE if is_light else _OTHER_SHARE) * len(ring):
        return None, is_light
    distance = np.abs(small - np.median(near, axis=0)).max(axis=2)
    return _plausible(distance > _BORDER_DISTANCE), is_light


def _plausible(found: np.ndarray) -> np.ndarray | None:
    """Return the mask of an object among found pixels, or None where they can be none."""
    mask = _largest_parts(found.astype(np.uint8) * 255)
    if mask is None or not _PLAUSIBLE[0] <= np.mean(mask > 0) <= _PLAUSIBLE[1]:
        return None
    return mask


def _largest_parts(mask: np.ndarray) -> np.ndarray | None:
    """Keep parts of at least a fifth of the largest one, with their holes filled."""
    opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    outlines, _ = cv2.findContours(opened, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not outlines:
        return None
    areas = [cv2.contourArea(outline) for outline in outlines]
    kept = [o for o, area in zip(outlines, areas, strict=True) if area >= 0.2 * max(areas)]
    solid = np.zeros_like(mask)
    cv2.drawContours(solid, kept, -1, 255, cv2.FILLED)
    # A hole of some size shows the background: the loop of a handle, the space under an arm.
    holes = cv2.morphologyEx(solid & ~opened, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    return solid & ~holes


def _smooth(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Enlarge a mask to ``size`` (width, height) with a soft edge about a pixel wide."""
    soft = cv2.GaussianBlur(mask, (0, 0), 0.8)
    enlarged = cv2.resize(soft, size, interpolation=cv2.INTER_CUBIC).astype(np.int16)
    # Steeper than the enlargement made it, and a little inwards: no seam of the old background.
    return np.clip((enlarged - 150) * 3 + 128, 0, 255).astype(np.uint8)


def _lift(picture: np.ndarray, alpha: np.ndarray) -> Cutout:
    left, top, width, height = cv2.boundingRect((alpha > 127).astype(np.uint8))
    if width < 2 or height < 2:
        return Cutout(picture, np.full(picture.shape[:2], 255, np.uint8))
    box = Box(top, top + height, left, left + width)
    return Cutout(np.ascontiguousarray(box.crop(picture)), np.ascontiguousarray(box.crop(alpha)))
