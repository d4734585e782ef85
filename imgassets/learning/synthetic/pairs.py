"""Labelled pairs of pictures: the same picture twice, or two that differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from imgassets.learning.synthetic.chance import happens, longest, pick
from imgassets.learning.synthetic.copies import COPIES
from imgassets.learning.synthetic.distinctions import DISTINCTIONS
from imgassets.learning.synthetic.segmentation import cut_out

_SIDES = (160, 420)
"""Least and most longer side (pixels) of the pictures of a pair, before they are changed."""

_STUDIO_SHARE = 0.4
"""Share of pairs whose object is cut out and put on white, as a shop shows it."""

_VISIBLE = 6.0
"""Gray levels: the mean difference, in the window where it is largest, that a person notices."""

_ATTEMPTS = 12

_BY_COLOUR = ("colourway", "recoloured_part")


class Pair(NamedTuple):
    """Two pictures, RGB, uint8, whether they are the same, and what was done, joined by ``+``."""

    left: np.ndarray
    right: np.ndarray
    same: bool
    kind: str


def make_pair(picture: np.ndarray, other: np.ndarray, seed: int) -> Pair:
    """Make a pair of one picture: even seeds the same picture, odd ones a different one.

    A copy has one to three changes of :data:`~imgassets.learning.synthetic.copies.COPIES`. A
    different picture has one of
    :data:`~imgassets.learning.synthetic.distinctions.DISTINCTIONS` that can be seen (another is
    drawn until it can), and half of them are copies besides: what differs is seldom the very file.
    Either may be left or right.

    Args:
        picture: RGB, uint8, height × width × 3.
        other: another picture, likewise.
        seed: the same pictures and seed give the same pair.
    """
    rng = np.random.default_rng([seed, 0x9A12])
    side = int(rng.integers(*_SIDES))
    picture, other = _at_most(picture, side), _at_most(other, side)
    if happens(rng, _STUDIO_SHARE):
        picture = _in_studio(picture, rng)
        other = _in_studio(other, rng)
    same = seed % 2 == 0
    if same:
        made, kinds = _copied(picture, pick(rng, (1, 1, 2, 2, 3)), rng)
    else:
        made, kind = _changed(picture, other, rng)
        # What only a colour tells apart is not told apart in gray.
        without = ("grayed",) if kind in _BY_COLOUR else ()
        made, copied = _copied(made, pick(rng, (0, 0, 1, 2)), rng, without)
        kinds = [kind, *copied]
    left, right = (picture, made) if happens(rng, 0.5) else (made, picture)
    return Pair(left, right, same, "+".join(kinds))


def _at_most(picture: np.ndarray, side: int) -> np.ndarray:
    scale = side / longest(picture)
    if scale >= 1:
        return picture
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def _in_studio(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Cut the object out and put it on white, with margins of 2 … 15 %."""
    thing, alpha = cut_out(picture)
    mask = alpha[..., None] / np.float32(255)
    flat = (thing * mask + 255 * (1 - mask)).astype(np.uint8)
    margins = (rng.uniform(0.02, 0.15, 2) * flat.shape[:2]).astype(int)
    return cv2.copyMakeBorder(
        flat, margins[0], margins[0], margins[1], margins[1],
        cv2.BORDER_CONSTANT, value=(255, 255, 255),
    )  # fmt: skip


def _copied(
    picture: np.ndarray, count: int, rng: np.random.Generator, without: Sequence[str] = ()
) -> tuple[np.ndarray, list[str]]:
    among = [name for name in COPIES if name not in without]
    names = [str(name) for name in rng.choice(among, count, replace=False)]
    for name in names:
        picture = COPIES[name](picture, rng)
    return picture, names


def _changed(
    picture: np.ndarray, other: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, str]:
    name = "another_item"
    for _ in range(_ATTEMPTS):
        name = pick(rng, (*DISTINCTIONS, *_BY_COLOUR))
        made = DISTINCTIONS[name](picture, other, rng)
        if made.shape != picture.shape or _is_visible(picture, made):
            return made, name
    return other, "another_item"


def _is_visible(picture: np.ndarray, made: np.ndarray) -> bool:
    """Whether two pictures of one shape differ visibly somewhere."""
    window = max(3, longest(picture) // 12)
    apart = np.abs(picture.astype(np.float32) - made).mean(axis=2)
    return bool(cv2.blur(apart, (window, window)).max() >= _VISIBLE)
