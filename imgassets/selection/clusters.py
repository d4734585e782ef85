"""Clusters of duplicates among a product's images of one type (paper A, II-D)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import polars as pl

from imgassets.selection import IMAGE, PRODUCT
from imgassets.selection.comparator import COLUMNS as COMPARED
from imgassets.selection.comparator import GRAYSCALE
from imgassets.selection.judging import ComparePixels, PairJudge
from imgassets.selection.thresholds import Thresholds

_GROUP = [*PRODUCT, "image_type"]


class Clustered(NamedTuple):
    """Rows of ``dedup_clusters`` and of ``compared_pairs``, both sorted by key."""

    clusters: pl.DataFrame
    pairs: pl.DataFrame


COLUMNS = (
    *IMAGE, "image_type", *COMPARED, "foreground_fraction", "sharpness", "width", "height",
    "is_curated", "best_position", "doubts", "defect",
)  # fmt: skip
"""Columns of images that are clustered: those of the tables of the same names, ``doubts`` (flags
that people are to review) and ``defect`` (the most probable defect's probability, or null)."""


def cluster_duplicates(
    images: pl.DataFrame,
    thresholds: Thresholds,
    compare: ComparePixels | None = None,
    told: pl.DataFrame | None = None,
) -> Clustered:
    """Group duplicates and choose each group's representative.

    Top-down, the number of clusters not known: the best image of a product and type founds a
    cluster and takes all its duplicates out; the best of what is left founds the next one. So every
    member is a duplicate of its representative (single linkage would chain different images
    together, and drop C where A ~ B ~ C but not A ~ C), and no two representatives are duplicates
    of each other.

    A pair is compared by signals first. What they do not tell apart is laid over each other, and
    people's answers overrule both.

    Args:
        images: images that show a view of the product: :data:`COLUMNS`.
        thresholds: the comparators' limits.
        compare: looks at pixels; None: the ensemble of signals decides alone.
        told: what people said: left_image_id, right_image_id (the smaller id first) and same.

    Returns:
        Clusters never cross products or types.
    """
    ordered = _best_first(images)
    judge = PairJudge(ordered, thresholds, compare, told)
    founder = found_clusters(_group_numbers(ordered), judge.same)
    return Clustered(_cluster_rows(ordered, founder, judge), judge.compared())


def _best_first(images: pl.DataFrame) -> pl.DataFrame:
    """Sort each group from its best image to its worst.

    Images that no flag puts in doubt before others, curated before not, colour before grayscale,
    then more pixels on the object (in steps of a quarter octave; margins do not count, so a padded
    copy gains nothing), a less probable defect, a tighter frame, sharper edges, a better position,
    and the id so that the order is complete. No supplier is preferred to another.
    """
    order = {
        "doubts": False,
        "is_curated": True,
        "_coloured": True,
        "_size": True,
        "_defect": False,
        "_tightness": True,
        "_sharpness": True,
        "best_position": False,
        "image_id": False,
    }
    share = pl.col("foreground_fraction").fill_nan(0)
    pixels = pl.col("width").cast(pl.Float64) * pl.col("height") * share.clip(1e-6)
    return images.with_columns(
        _coloured=pl.col("colourfulness") >= GRAYSCALE,
        _size=(pixels.log(2) * 4).floor(),
        _defect=(pl.col("defect").fill_nan(None).fill_null(0) * 10).round(),
        _tightness=(share * 20).round(),
        _sharpness=(pl.col("sharpness").fill_nan(0) * 20).round(),
    ).sort([*_GROUP, *order], descending=[False] * len(_GROUP) + list(order.values()))


def _group_numbers(images: pl.DataFrame) -> np.ndarray:
    """Number the groups of sorted rows: int64, one per row, rising."""
    return images.select(pl.struct(_GROUP).rle_id().cast(pl.Int64)).to_series().to_numpy()


def found_clusters(
    group: np.ndarray, judge: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> np.ndarray:
    """Return for each image the row of its cluster's founder (its own for a founder).

    All groups found their next cluster at the same time, so that a round is a few operations on
    whole columns, however many groups there are.

    Args:
        group: number of each image's group, rising; in each group the best image comes first.
        judge: founders' rows, and rows to compare them with → which pairs are duplicates.
    """
    founder = np.arange(len(group))
    left = founder
    while len(left):
        first = np.append(True, group[left][1:] != group[left][:-1])
        best = left[first][np.cumsum(first) - 1]
        others = ~first
        best, left = best[others], left[others]
        same = judge(best, left)
        founder[left[same]] = best[same]
        left = left[~same]
    return founder


def _cluster_rows(images: pl.DataFrame, founder: np.ndarray, judge: PairJudge) -> pl.DataFrame:
    ids = images["image_id"].to_numpy()
    is_founder = founder == np.arange(len(images))
    nearest = judge.nearest()
    return (
        images.select(*_GROUP, "image_id")
        .with_columns(
            cluster_id=pl.Series(ids[founder], dtype=pl.String),
            is_representative=pl.Series(is_founder, dtype=pl.Boolean),
        )
        .hstack(nearest)
        .select(
            *IMAGE,
            "image_type",
            "cluster_id",
            "is_representative",
            *nearest.columns,
        )
        .sort(IMAGE)
    )
