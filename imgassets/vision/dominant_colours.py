"""Dominant colours of an object: clusters in CIELAB, by name, and a soft histogram."""

from __future__ import annotations

import math
import tomllib
from functools import cache
from importlib.resources import files

import cv2
import numpy as np

from imgassets.vision.framing import Box
from imgassets.vision.record import Colour

_SHADES: dict[str, list[str]] = tomllib.loads(
    files("imgassets.vision").joinpath("colour_names.toml").read_text(encoding="utf-8")
)
_NAME_OF_SAMPLE = [name for name, shades in _SHADES.items() for _ in shades]

COLOUR_NAMES = tuple(_SHADES)
"""Names that a colour can have."""

MAX_COLOURS = 5
"""Dominant colours of one object, at most."""

MIN_SHARE = 0.05
"""Colours of less of an object are not named."""

HISTOGRAM_CENTRES = (
    (10.0, 35.0, 60.0, 85.0),
    (-50.0, -25.0, -9.0, 0.0, 9.0, 25.0, 50.0),
    (-50.0, -25.0, -9.0, 0.0, 9.0, 25.0, 50.0),
)
"""Centres of the histogram's bins: L, a, b; closer together where the eye parts colours finely."""

N_BINS = math.prod(len(centres) for centres in HISTOGRAM_CENTRES)
"""Bins of the histogram."""

_MAX_PIXELS = 1000
_ROUNDS = 8
_CELL = (12.0, 8.0, 8.0)
"""Size of the grid's cells (L, a, b) that clusters start from."""

_MOST_CELLS = 64
"""Cells along each axis: more than the colours of sRGB reach."""

_APART = 20.0
"""Least distance (ΔE 1976) between the clusters' starts."""

_NEAR = 8.0
"""Clusters nearer than this are one colour."""

_SPREAD = 0.25
"""Standard deviation of the pixels' weights about the box's middle, as a share of its sides."""


def lab_of(picture: np.ndarray) -> np.ndarray:
    """Return CIELAB (D65) of a picture (RGB, uint8): float32, height × width × 3."""
    return cv2.cvtColor(picture.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2LAB)


def name_of(lab: np.ndarray) -> list[str]:
    """Return the names of colours: of the samples that look most like them.

    By CIE94 with its factors for textiles (lightness counts half), of which samples and colours are
    references alike, so that a dull colour keeps its hue's name.

    Args:
        lab: CIELAB, float [n, 3].
    """
    samples = _samples()
    delta = samples[None] - lab[:, None]
    own, theirs = (np.hypot(c[:, 1], c[:, 2]) for c in (lab, samples))
    delta_chroma = theirs[None] - own[:, None]
    delta_hue = np.maximum(delta[..., 1] ** 2 + delta[..., 2] ** 2 - delta_chroma**2, 0.0)
    chroma = np.sqrt(own[:, None] * theirs[None])
    distance = (
        (delta[..., 0] / 2) ** 2
        + (delta_chroma / (1 + 0.048 * chroma)) ** 2
        + delta_hue / (1 + 0.014 * chroma) ** 2
    )
    return [_NAME_OF_SAMPLE[place] for place in distance.argmin(axis=1)]


@cache
def _samples() -> np.ndarray:
    """Return the shipped samples in CIELAB: float32 [samples, 3]."""
    shades = [bytes.fromhex(shade[1:]) for shades in _SHADES.values() for shade in shades]
    rgb = np.array([[list(shade) for shade in shades]], np.uint8)
    return lab_of(rgb)[0]


def sample_object(lab: np.ndarray, mask: np.ndarray, box: Box) -> tuple[np.ndarray, np.ndarray]:
    """Return an object's pixels and how much each counts: most in the middle of its box.

    A model's face, hair and legs are at the ends of a box whose middle is the garment. Pixels at
    the outline, which are mixed with the background, are left out where others remain.

    Args:
        lab: the map in CIELAB, float32, height × width × 3.
        mask: the object, bool, height × width.
        box: its bounds.

    Returns:
        float32 [n, 3] and [n], weights sum to 1; at most 1000 pixels, evenly taken.
    """
    inner = cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    rows, columns = np.nonzero(inner if inner.sum() >= 50 else mask)
    step = -(-len(rows) // _MAX_PIXELS)
    rows, columns = rows[::step], columns[::step]
    down = (rows + 0.5 - (box.top + box.bottom) / 2) / (_SPREAD * (box.bottom - box.top))
    across = (columns + 0.5 - (box.left + box.right) / 2) / (_SPREAD * (box.right - box.left))
    weights = np.exp(-(down**2 + across**2) / 2).astype(np.float32)
    return lab[rows, columns], weights / weights.sum()


def dominant_colours(pixels: np.ndarray, weights: np.ndarray) -> list[Colour]:
    """Cluster an object's pixels (k-means in CIELAB) and name the clusters.

    Clusters start at the fullest cells of a grid, so that nothing is random.

    Args:
        pixels: CIELAB, float32 [n, 3], n ≥ 1.
        weights: float32 [n], sum 1.

    Returns:
        1 to :data:`MAX_COLOURS` colours, most first.
    """
    centres = _starts(pixels, weights)
    for _ in range(_ROUNDS):
        nearest = _nearest(pixels, centres)
        centres, shares = _means(pixels, weights, nearest, len(centres))
        centres, shares = centres[shares > 0], shares[shares > 0]
    centres, shares = _merged(centres, shares)
    order = np.argsort(-shares, kind="stable")
    large = [i for i in order if shares[i] >= MIN_SHARE] or [order[0]]
    names = name_of(centres[large])
    return [
        Colour(name, min(1.0, float(shares[i])), *(float(value) for value in centres[i]))
        for name, i in zip(names, large, strict=True)
    ]


def _starts(pixels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the means of the fullest cells of a grid that are not near each other."""
    cells = np.floor(pixels / np.array(_CELL, np.float32)).astype(np.int64) + _MOST_CELLS // 2
    numbers = np.ravel_multi_index(tuple(cells.T), (_MOST_CELLS,) * 3)
    _, cell = np.unique(numbers, return_inverse=True)
    means, shares = _means(pixels, weights, cell, int(cell.max()) + 1)
    chosen: list[np.ndarray] = []
    for place in np.argsort(-shares, kind="stable"):
        mean = means[place]
        if all(np.linalg.norm(mean - other) >= _APART for other in chosen):
            chosen.append(mean)
            if len(chosen) == MAX_COLOURS:
                break
    return np.array(chosen, np.float32)


def _nearest(pixels: np.ndarray, centres: np.ndarray) -> np.ndarray:
    # Squared distances, less what all centres of a pixel have in common.
    return ((centres**2).sum(axis=1) - 2 * pixels @ centres.T).argmin(axis=1)


def _means(
    pixels: np.ndarray, weights: np.ndarray, part: np.ndarray, parts: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the weighted means [parts, 3] and the shares [parts] of parts of the pixels."""
    shares = np.bincount(part, weights, parts)
    sums = np.stack([np.bincount(part, weights * c, parts) for c in pixels.T], axis=1)
    return (sums / np.where(shares > 0, shares, 1.0)[:, None]).astype(np.float32), shares


def _merged(centres: np.ndarray, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Join each cluster with the largest one that is near it."""
    order = np.argsort(-shares, kind="stable")
    into: dict[int, list[int]] = {}
    for i in order:
        near = (j for j in into if np.linalg.norm(centres[i] - centres[j]) < _NEAR)
        into.setdefault(next(near, int(i)), []).append(int(i))
    groups = list(into.values())
    totals = np.array([shares[group].sum() for group in groups])
    means = np.array([np.average(centres[g], axis=0, weights=shares[g]) for g in groups])
    return means, totals


def colour_histogram(pixels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Histogram in CIELAB; each pixel counts in the bins that its values lie between.

    Args:
        pixels: CIELAB, float32 [n, 3].
        weights: float32 [n], sum 1.

    Returns:
        float32 vector of 4 · 7 · 7 = 196 shares, L slowest; they sum to 1.
    """
    lightness, a, b = (
        _memberships(pixels[:, axis], np.array(centres, np.float32))
        for axis, centres in enumerate(HISTOGRAM_CENTRES)
    )
    planes = (a[:, :, None] * b[:, None, :]).reshape(len(pixels), -1)
    shares = (lightness * weights[:, None]).T @ planes
    return np.clip(shares.ravel(), 0.0, 1.0).astype(np.float32)  # sums are rounded


def _memberships(values: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Return how far each value belongs to each bin: float32 [n, bins], rows sum to 1."""
    clipped = np.clip(values, centres[0], centres[-1])
    right = np.clip(np.searchsorted(centres, clipped, side="right"), 1, len(centres) - 1)
    share = (clipped - centres[right - 1]) / (centres[right] - centres[right - 1])
    found = np.zeros((len(values), len(centres)), np.float32)
    every = np.arange(len(values))
    found[every, right - 1] = 1 - share
    found[every, right] = share
    return found
