"""Custom features as numbers for models: one matrix, whose columns are known by group."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imgassets.vision.search_schema import FEATURES_SCHEMA

Floats = NDArray[np.float32]

PIXEL_GROUPS = ("box", "colour", "texture")
"""Groups of features that come from pixels alone; an encoder's image side may read them."""

GROUPS = (*PIXEL_GROUPS, "attributes")
"""All groups; attributes are what heads make of an encoder's vector and the others."""

LEADING = 3
"""Dominant colours whose values are given, beside the shares of all colours' names."""


def feature_matrix(frame: pl.DataFrame, groups: Sequence[str] = PIXEL_GROUPS) -> Floats:
    """Return custom features as numbers, not standardised.

    Args:
        frame: columns of contract ``ImageFeatures`` after its key; may be empty.
        groups: of :data:`PIXEL_GROUPS`, in any order; () gives a matrix without columns.

    Returns:
        float32 [n, f]: the groups in the order of :data:`PIXEL_GROUPS`.

    Raises:
        ValueError: there is no such group.
    """
    if unknown := sorted(set(groups) - set(PIXEL_GROUPS)):
        raise ValueError(
            f"there is no group {', '.join(unknown)} of features of pixels: "
            f"choose from {', '.join(PIXEL_GROUPS)}"
        )
    parts = [_BLOCKS[group](frame) for group in PIXEL_GROUPS if group in groups]
    return np.hstack([np.zeros((frame.height, 0), np.float32), *parts])


def n_features(groups: Sequence[str] = PIXEL_GROUPS) -> int:
    """Return the number of columns of :func:`feature_matrix`."""
    return feature_matrix(pl.DataFrame(schema=FEATURES_SCHEMA), groups).shape[1]


def reranker_matrix(frame: pl.DataFrame, attributes: Floats) -> Floats:
    """Return what a re-ranker reads of images beside their vectors: all groups.

    Args:
        frame: as for :func:`feature_matrix`.
        attributes: float32 [n, a], :meth:`AttributeHeads.matrix` of the same images.

    Returns:
        float32 [n, f + a].
    """
    return np.hstack([feature_matrix(frame), attributes.astype(np.float32)])


def reranker_columns(n_attributes: int) -> dict[str, slice]:
    """Return the columns of each of :data:`GROUPS` in :func:`reranker_matrix`."""
    widths = [*(n_features([group]) for group in PIXEL_GROUPS), n_attributes]
    ends = np.cumsum(widths).tolist()
    return {
        group: slice(end - width, end)
        for group, width, end in zip(GROUPS, widths, ends, strict=True)
    }


def _box(frame: pl.DataFrame) -> Floats:
    """Sides, size and proportions of the box, how much of it is object, and how it was found."""
    wide = pl.col("box_right") - pl.col("box_left")
    tall = pl.col("box_bottom") - pl.col("box_top")
    columns = frame.select(
        "box_left", "box_top", "box_right", "box_bottom", "object_share",
        wide=wide,
        tall=tall,
        proportions=(wide / tall).log(),
        filled=pl.col("object_share") / (wide * tall),
        plain=pl.col("box_source") == "plain",
        grabcut=pl.col("box_source") == "grabcut",
    )  # fmt: skip
    return columns.cast(pl.Float32).to_numpy().astype(np.float32)


def _colour(frame: pl.DataFrame) -> Floats:
    """Shares of named colours, values of the leading ones, and the histogram.

    Roots of shares, so that a product of two histograms is Bhattacharyya's likeness. An object with
    fewer colours repeats its last one, without a share.
    """
    # Loaded where it is used: it brings compiled kernels that a code location has no use for.
    from imgassets.vision.dominant_colours import COLOUR_NAMES, N_BINS

    place = {name: i for i, name in enumerate(COLOUR_NAMES)}
    shares = np.zeros((frame.height, len(place)), np.float32)
    leading = np.zeros((frame.height, LEADING, 4), np.float32)
    for row, colours in enumerate(frame["colours"].to_list()):
        for colour in colours:
            shares[row, place[colour["name"]]] += colour["share"]
        for i in range(LEADING):
            colour = colours[min(i, len(colours) - 1)]
            share = colour["share"] if i < len(colours) else 0.0
            leading[row, i] = share, colour["l"] / 100, colour["a"] / 100, colour["b"] / 100
    histogram = _lists(frame, "colour_histogram", N_BINS)
    return np.hstack([np.sqrt(shares), leading.reshape(-1, 4 * LEADING), np.sqrt(histogram)])


def _texture(frame: pl.DataFrame) -> Floats:
    """Roots of the shares of patterns and of energies, which are heavy-tailed."""
    from imgassets.vision.texture import N_TEXTURE

    return np.sqrt(_lists(frame, "texture", N_TEXTURE))


def _lists(frame: pl.DataFrame, column: str, length: int) -> Floats:
    """Return a column of lists of one length as a matrix."""
    return frame[column].list.to_array(length).to_numpy().astype(np.float32)


_BLOCKS: dict[str, Callable[[pl.DataFrame], Floats]] = {
    "box": _box,
    "colour": _colour,
    "texture": _texture,
}
