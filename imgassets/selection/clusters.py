"""Clusters of duplicates among a product's images of one type (paper A, II-D)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from imgassets.selection import IMAGE, PARTITION, PRODUCT
from imgassets.selection.comparator import (
    GRAYSCALE,
    are_duplicates,
    closeness,
    describe,
    distances,
)

if TYPE_CHECKING:
    from imgassets.settings import DedupSettings

_GROUP = [*PRODUCT, "image_type"]


def cluster_duplicates(
    typed: pl.DataFrame,
    signals: pl.DataFrame,
    aggregated: pl.DataFrame,
    settings: DedupSettings,
) -> pl.DataFrame:
    """Group duplicates and choose each group's representative.

    Clusters are made best image first: the best image left founds a cluster, and every image that
    the comparator calls its duplicate joins it (or a nearer founder). So every member is a
    duplicate of its representative (single linkage would chain different images together), and no
    two representatives are duplicates of each other (complete linkage would leave such pairs).

    Args:
        typed: rows of ``image_types`` that show a view of the product.
        signals: rows of ``image_signals`` of the same partitions.
        aggregated: rows of ``aggregated_images`` of the same partitions.
        settings: the comparator's limits.

    Returns:
        Rows of ``dedup_clusters``, sorted by key; clusters never cross products or types.
    """
    images = _best_first(typed, signals, aggregated)
    left, right = _pairs(images)
    descriptors = describe(images)
    found = distances(descriptors, left, right)
    near = closeness(found, settings)
    founder = _founders(len(images), left, right, are_duplicates(found, settings), near)
    nearest = _nearest(len(images), left, right, near)
    ids = images["image_id"].to_numpy()
    has_other = nearest >= 0
    pair = np.where(has_other, nearest, 0)
    other = np.full(len(images), None, dtype=object)
    if len(left):
        rows = np.arange(len(images))
        partner = np.where(left[pair] == rows, right[pair], left[pair])
        other[has_other] = ids[partner[has_other]]
    return (
        images.select(*_GROUP, "image_id")
        .with_columns(
            cluster_id=pl.Series(ids[founder], dtype=pl.String),
            is_representative=pl.Series(founder == np.arange(len(images)), dtype=pl.Boolean),
            nearest_image_id=pl.Series(other.tolist(), dtype=pl.String),
            phash_distance=_of_nearest(found.phash, pair, has_other, pl.Int32),
            edge_dhash_distance=_of_nearest(found.edge_dhash, pair, has_other, pl.Int32),
            hsv_distance=_of_nearest(found.hsv, pair, has_other, pl.Float32),
        )
        .select(
            *IMAGE,
            "image_type",
            "cluster_id",
            "is_representative",
            "nearest_image_id",
            "phash_distance",
            "edge_dhash_distance",
            "hsv_distance",
        )
        .sort(IMAGE)
    )


def _best_first(
    typed: pl.DataFrame, signals: pl.DataFrame, aggregated: pl.DataFrame
) -> pl.DataFrame:
    """Join what is needed and sort each group from its best image to its worst.

    Curated before not, colour before grayscale, then more pixels on the object (in steps of a
    quarter octave; margins do not count, so a padded copy gains nothing), a tighter frame, sharper
    edges, a better position, and the id so that the order is complete.
    """
    order = {
        "is_curated": True,
        "_coloured": True,
        "_size": True,
        "_tightness": True,
        "_sharpness": True,
        "best_position": False,
        "image_id": False,
    }
    return (
        typed.select(*_GROUP, "image_id")
        .join(signals, on=[*PARTITION, "image_id"])
        .join(aggregated.select(*IMAGE, "width", "height", "is_curated", "best_position"), on=IMAGE)
        .with_columns(
            _coloured=pl.col("colourfulness") >= GRAYSCALE,
            _size=(
                (
                    pl.col("width").cast(pl.Float64)
                    * pl.col("height")
                    * pl.col("foreground_fraction").clip(1e-6)
                ).log(2)
                * 4
            ).floor(),
            _tightness=(pl.col("foreground_fraction") * 20).round(),
            _sharpness=(pl.col("sharpness") * 20).round(),
        )
        .sort([*_GROUP, *order], descending=[False] * len(_GROUP) + list(order.values()))
    )


def _pairs(images: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the row numbers of all pairs within a group, the better image on the left."""
    rows = images.select(_GROUP).with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
    groups = rows.group_by(_GROUP, maintain_order=True).agg(
        pl.col("row").min().alias("start"), pl.len().alias("size")
    )
    left: list[np.ndarray] = [np.empty(0, np.int64)]
    right: list[np.ndarray] = [np.empty(0, np.int64)]
    for start, size in groups.filter(pl.col("size") > 1).select("start", "size").iter_rows():
        first, second = np.triu_indices(size, k=1)
        left.append(first + start)
        right.append(second + start)
    return np.concatenate(left), np.concatenate(right)


def _founders(
    count: int, left: np.ndarray, right: np.ndarray, same: np.ndarray, near: np.ndarray
) -> np.ndarray:
    """Return for each image the row of its cluster's founder (its own for a founder)."""
    candidates: dict[int, list[tuple[float, int]]] = {}
    pairs = zip(left[same].tolist(), right[same].tolist(), near[same].tolist(), strict=True)
    for better, worse, distance in pairs:
        candidates.setdefault(worse, []).append((distance, better))
    founder = np.arange(count)
    for image in sorted(candidates):
        options = [(d, better) for d, better in candidates[image] if founder[better] == better]
        if options:
            founder[image] = min(options)[1]
    return founder


def _nearest(count: int, left: np.ndarray, right: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Return for each image the pair with its nearest other image, -1 where it is alone."""
    order = np.argsort(near, kind="stable")[::-1]
    nearest = np.full(count, -1, np.int64)
    interleaved = np.stack([left[order], right[order]], axis=1).ravel()
    nearest[interleaved] = np.repeat(order, 2)
    return nearest


def _of_nearest(
    values: np.ndarray, pair: np.ndarray, has_other: np.ndarray, dtype: type[pl.DataType]
) -> pl.Series:
    if not len(values):
        return pl.Series([None] * len(pair), dtype=dtype)
    chosen = values[pair].tolist()
    return pl.Series(
        [v if ok else None for v, ok in zip(chosen, has_other.tolist(), strict=True)], dtype=dtype
    )
