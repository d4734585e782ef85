"""The pair comparator (paper A, II-D): two hashes and a colour histogram must all agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from imgassets.settings import DedupSettings

GRAYSCALE = 1.0
"""Colourfulness under which a picture is a grayscale file: even neutral colour photos exceed it."""


class Descriptors(NamedTuple):
    """What the comparator looks at, one entry per image.

    Attributes:
        phash: pHash of the object's box, uint64. The box leaves out margins, which make the plain
            pHash of a padded copy as distant as that of another photo.
        edge_dhash: dHash of the edge-enhanced box, uint64.
        hsv: histograms that sum to 1, float32, images × bins.
        grayscale: whether the picture has no colour at all, bool.
    """

    phash: np.ndarray
    edge_dhash: np.ndarray
    hsv: np.ndarray
    grayscale: np.ndarray


class Distances(NamedTuple):
    """Distances of pairs, one entry per pair.

    Attributes:
        phash: differing bits of 64.
        edge_dhash: differing bits of 64.
        hsv: chi-square of the histograms, 0 … 2; 0 where :attr:`without_colour`.
        without_colour: exactly one of the two is grayscale, so colour has no say.
    """

    phash: np.ndarray
    edge_dhash: np.ndarray
    hsv: np.ndarray
    without_colour: np.ndarray


def describe(signals: pl.DataFrame) -> Descriptors:
    """Take the comparator's descriptors from rows of ``image_signals``, in their order."""
    return Descriptors(
        _bits(signals["object_phash"]),
        _bits(signals["edge_dhash"]),
        _histograms(signals["hsv_histogram"]),
        signals["colourfulness"].to_numpy() < GRAYSCALE,
    )


def _histograms(lists: pl.Series) -> np.ndarray:
    if lists.is_empty():
        return np.empty((0, 1), np.float32)
    return lists.explode().to_numpy().reshape(len(lists), -1).astype(np.float32)


def _bits(hexadecimal: pl.Series) -> np.ndarray:
    return np.fromiter((int(text, 16) for text in hexadecimal), np.uint64, len(hexadecimal))


def distances(descriptors: Descriptors, left: np.ndarray, right: np.ndarray) -> Distances:
    """Compare pairs of images.

    Args:
        descriptors: of all images.
        left: index of each pair's first image.
        right: index of its second image.

    Returns:
        Three distances per pair.
    """
    without_colour = descriptors.grayscale[left] != descriptors.grayscale[right]
    first, second = descriptors.hsv[left], descriptors.hsv[right]
    total = first + second
    chi_square = (np.square(first - second) / np.where(total > 0, total, 1)).sum(axis=1)
    return Distances(
        np.bitwise_count(descriptors.phash[left] ^ descriptors.phash[right]).astype(np.int32),
        np.bitwise_count(descriptors.edge_dhash[left] ^ descriptors.edge_dhash[right]).astype(
            np.int32
        ),
        np.where(without_colour, 0.0, chi_square).astype(np.float32),
        without_colour,
    )


def are_duplicates(found: Distances, settings: DedupSettings) -> np.ndarray:
    """Decide which pairs are duplicates: bool, one per pair.

    All three distances must keep their limit. Where colour has no say, both hashes must keep half
    of theirs instead.
    """
    share = np.where(found.without_colour, 0.5, 1.0)
    return (
        (found.phash <= share * settings.max_phash_distance)
        & (found.edge_dhash <= share * settings.max_edge_dhash_distance)
        & (found.hsv <= settings.max_hsv_distance)
    )


def closeness(found: Distances, settings: DedupSettings) -> np.ndarray:
    """Return one figure per pair to rank pairs by: the sum of distance ÷ limit, 0 is identical."""
    return (
        found.phash / max(1, settings.max_phash_distance)
        + found.edge_dhash / max(1, settings.max_edge_dhash_distance)
        + found.hsv / max(1e-6, settings.max_hsv_distance)
    )
