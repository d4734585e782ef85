"""Near-duplicates among one product's review photos: the best of them stands for the others.

A customer sends one picture twice, two reviews share one, or it comes again in another size. The
comparison is the suppliers' one of stored signals (paper A, II-D), within its limits; nobody looks
at pixels again.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import polars as pl

from imgassets.selection.clusters import found_clusters
from imgassets.selection.comparator import COLUMNS as COMPARED
from imgassets.selection.comparator import Descriptors, describe, distances, ensemble_says_same
from imgassets.selection.thresholds import SignalLimits, Thresholds

COLUMNS = ("category", "review_id", "image_id", *COMPARED)
"""Columns of photos that are compared, besides those that name their group."""

Limits: TypeAlias = tuple[np.ndarray, np.ndarray, np.ndarray]


def founders(photos: pl.DataFrame, group: list[str], thresholds: Thresholds) -> pl.Series:
    """Return for each photo the review_id of the one that stands for it; its own for a founder.

    The best photo founds a cluster and takes all its duplicates out; the best of what is left
    founds the next: so every duplicate is one of its founder, and no chain links different photos.

    Args:
        photos: :data:`COLUMNS`; sorted by ``group``, the best of a group first.
        group: columns that name a group; photos of different groups are never compared.
        thresholds: the comparators' limits, by category.
    """
    numbers = photos.select(pl.struct(group).rle_id().cast(pl.Int64)).to_series().to_numpy()
    judge = _SignalJudge(photos, thresholds)
    rows = found_clusters(numbers, judge.same)
    return photos["review_id"].gather(rows)


class _SignalJudge:
    """Tells which photos show the same picture: equal bytes, or signals within their limits."""

    def __init__(self, photos: pl.DataFrame, thresholds: Thresholds) -> None:
        self._ids = photos["image_id"].rank("dense").to_numpy()
        self._descriptors = describe(photos)
        of_category = {
            name: thresholds.of(name).ensemble for name in photos["category"].unique().to_list()
        }
        self._limits = _limits_of_rows(photos["category"], of_category)

    def same(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Decide about pairs of rows of the same group: bool, one per pair."""
        same: np.ndarray = self._ids[left] == self._ids[right]
        # Hashes are a few bits, histograms a hundred floats: those are read of what is left.
        near = np.flatnonzero(~same & self._hashes_agree(left, right))
        found = distances(self._descriptors, left[near], right[near])
        phash, edge_dhash, hsv = (limit[left[near]] for limit in self._limits)
        same[near] = ensemble_says_same(found, phash, edge_dhash, hsv)
        return same

    def _hashes_agree(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        bits: Descriptors = self._descriptors
        phash, edge_dhash, _ = self._limits
        shape = np.bitwise_count(bits.phash[left] ^ bits.phash[right]) <= phash[left]
        edges = np.bitwise_count(bits.edge_dhash[left] ^ bits.edge_dhash[right]) <= edge_dhash[left]
        agree: np.ndarray = shape & edges
        return agree


def _limits_of_rows(categories: pl.Series, limits: dict[str, SignalLimits]) -> Limits:
    """Return the three limits of signals, one value per row each."""
    rows = [limits[name] for name in categories]
    return (
        np.array([row.phash for row in rows], np.int64),
        np.array([row.edge_dhash for row in rows], np.int64),
        np.array([row.hsv for row in rows], np.float64),
    )
