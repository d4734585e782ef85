"""Comparing pairs by their stored signals: the gate before the pixels, and paper A's ensemble."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
import polars as pl

Limit: TypeAlias = float | np.ndarray
"""A largest distance: of all pairs, or one per pair."""

GRAYSCALE = 1.0
"""Colourfulness under which a picture is a grayscale file: even neutral colour photos exceed it."""

COLUMNS = (
    "phash", "dhash", "object_phash", "edge_dhash", "hsv_histogram", "colourfulness",
)  # fmt: skip
"""Columns of ``image_signals`` that pairs are compared by.

The backbone's embedding is not among them: on pairs of photos it turned away no pair that the
others let pass, and it would be most of what is read.
"""


class Descriptors(NamedTuple):
    """What is compared, one entry per image.

    Attributes:
        phash: pHash of the object's box, uint64. The box leaves out margins, which make the plain
            pHash of a padded copy as distant as that of another photo.
        whole_phash: of the whole picture, uint64.
        edge_dhash: dHash of the edge-enhanced box, uint64.
        whole_dhash: dHash of the whole picture, uint64.
        hsv: histograms that sum to 1, float32, images × bins.
        grayscale: whether the picture has no colour at all, bool.
    """

    phash: np.ndarray
    whole_phash: np.ndarray
    edge_dhash: np.ndarray
    whole_dhash: np.ndarray
    hsv: np.ndarray
    grayscale: np.ndarray


class Distances(NamedTuple):
    """Distances of pairs, one entry per pair; a signal that is no number is at distance 0.

    Attributes:
        phash: differing bits of 64, of the objects.
        edge_dhash: likewise.
        hsv: chi-square of the histograms, 0 … 2; 0 where :attr:`without_colour`.
        shape: differing bits of the objects' or the whole pictures' pHashes, the fewer.
        edges: likewise of edge-enhanced and whole dHashes.
        without_colour: exactly one of the two is grayscale, so colour has no say.
    """

    phash: np.ndarray
    edge_dhash: np.ndarray
    hsv: np.ndarray
    shape: np.ndarray
    edges: np.ndarray
    without_colour: np.ndarray


def describe(signals: pl.DataFrame) -> Descriptors:
    """Take the descriptors from rows of ``image_signals``, in their order."""
    return Descriptors(
        _bits(signals["object_phash"]),
        _bits(signals["phash"]),
        _bits(signals["edge_dhash"]),
        _bits(signals["dhash"]),
        _histograms(signals["hsv_histogram"]),
        signals["colourfulness"].to_numpy() < GRAYSCALE,
    )


def _histograms(lists: pl.Series) -> np.ndarray:
    if lists.is_empty():
        return np.empty((0, 1), np.float32)
    return lists.explode().to_numpy().reshape(len(lists), -1).astype(np.float32, copy=False)


def _bits(hexadecimal: pl.Series) -> np.ndarray:
    halves = [
        hexadecimal.str.slice(start, 8).str.to_integer(base=16, dtype=pl.UInt64).to_numpy()
        for start in (0, 8)
    ]
    return (halves[0] << np.uint64(32)) | halves[1]


def distances(descriptors: Descriptors, left: np.ndarray, right: np.ndarray) -> Distances:
    """Compare pairs of images.

    Args:
        descriptors: of all images.
        left: index of each pair's first image.
        right: index of its second image.
    """
    phash, whole_phash, edge_dhash, whole_dhash = (
        np.bitwise_count(bits[left] ^ bits[right]).astype(np.int32) for bits in descriptors[:4]
    )
    without_colour = descriptors.grayscale[left] != descriptors.grayscale[right]
    first, second = descriptors.hsv[left], descriptors.hsv[right]
    total = first + second
    chi_square = (np.square(first - second) / np.where(total > 0, total, 1)).sum(axis=1)
    # What cannot be compared turns nothing away: the pixels decide.
    known = np.isfinite(chi_square) & ~without_colour
    return Distances(
        phash,
        edge_dhash,
        np.where(known, chi_square, 0.0).astype(np.float32),
        np.minimum(phash, whole_phash),
        np.minimum(edge_dhash, whole_dhash),
        without_colour,
    )


def may_be_same(found: Distances, shape: Limit, edges: Limit, hsv: Limit) -> np.ndarray:
    """Tell which pairs are near enough to be laid over each other: bool, one per pair.

    A pair beyond any limit differs; nobody looks at its pixels.
    """
    return (found.shape <= shape) & (found.edges <= edges) & (found.hsv <= hsv)


def ensemble_says_same(found: Distances, phash: Limit, edge_dhash: Limit, hsv: Limit) -> np.ndarray:
    """Decide by signals alone which pairs are the same (paper A, II-D): bool, one per pair.

    All three distances must keep their limit. Where colour has no say, both hashes must keep half
    of theirs instead.
    """
    share = np.where(found.without_colour, 0.5, 1.0)
    return (
        (found.phash <= share * phash)
        & (found.edge_dhash <= share * edge_dhash)
        & (found.hsv <= hsv)
    )


def closeness(found: Distances, phash: Limit, edge_dhash: Limit, hsv: Limit) -> np.ndarray:
    """Return one figure per pair to rank pairs by: the sum of distance ÷ limit, 0 is identical."""
    return (
        found.phash / np.maximum(1, phash)
        + found.edge_dhash / np.maximum(1, edge_dhash)
        + found.hsv / np.maximum(1e-6, hsv)
    )
