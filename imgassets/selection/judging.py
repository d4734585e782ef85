"""Deciding about pairs of images, cheapest first: signals, then pixels, then what people said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl

from imgassets.selection import PRODUCT
from imgassets.selection.comparator import (
    Distances,
    closeness,
    describe,
    distances,
    ensemble_says_same,
    may_be_same,
)
from imgassets.selection.thresholds import Thresholds
from imgassets.warehouse.contracts import ComparedPairs

PAIR = ["left_image_id", "right_image_id"]
"""Columns that name a pair of images, the smaller id on the left."""

ComparePixels = Callable[[pl.DataFrame], pl.DataFrame]
"""Lays pictures over each other: distinct pairs (:data:`PAIR`) → the same rows with probability,
left_box, right_box and comparator_version, as in ``compared_pairs``."""

_DECIDERS = ("signals", "pixels", "people")
_SIGNALS, _PIXELS, _PEOPLE = range(3)


class PairJudge:
    """Decides which pairs of rows show the same, and remembers each row's nearest other one.

    Args:
        images: rows to compare: day, category, product_id, image_type, image_id, and the columns of
            signals that the comparator reads.
        thresholds: the comparators' limits.
        compare: looks at pixels; None: the ensemble of signals decides alone.
        told: what people said: :data:`PAIR` and ``same``; None: nothing.
    """

    def __init__(
        self,
        images: pl.DataFrame,
        thresholds: Thresholds,
        compare: ComparePixels | None,
        told: pl.DataFrame | None,
    ) -> None:
        self._images = images
        self._ids = images["image_id"]
        self._descriptors = describe(images)
        self._limits = _limits_of_rows(images["category"], thresholds)
        self._compare = compare
        self._told = told if told is not None and not told.is_empty() else None
        self._compared: list[pl.DataFrame] = []
        self._nearest = _Nearest.of_rows(len(images))

    def same(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Decide about pairs of rows of the same group: bool, one per pair.

        Args:
            left: the rows that others are compared with.
            right: these others; no row may be there twice.
        """
        if not len(left):
            return np.zeros(0, bool)
        found = distances(self._descriptors, left, right)
        limits = {name: values[left] for name, values in self._limits.items()}
        ensemble = (limits["phash"], limits["edge_dhash"], limits["hsv"])
        probability = np.full(len(left), np.nan, np.float32)
        decided_by = np.full(len(left), _SIGNALS, np.int8)
        looked: pl.DataFrame | None = None
        near = np.zeros(0, np.int64)
        if self._compare is None:
            same = ensemble_says_same(found, *ensemble)
        else:
            gate = (limits["gate_shape"], limits["gate_edges"], limits["gate_hsv"])
            near = np.flatnonzero(may_be_same(found, *gate))
            same = np.zeros(len(left), bool)
            if len(near):
                looked = self._look(self._compare, left[near], right[near])
                probability[near] = looked["probability"].to_numpy()
                decided_by[near] = _PIXELS
                same[near] = probability[near] >= limits["probability"][near]
        self._overrule(same, decided_by, left, right)
        if looked is not None:
            rows = self._images.select(*PRODUCT, "image_type")[left[near]]
            judged = looked.with_columns(
                same=pl.Series(same[near]),
                decided_by=pl.Series([_DECIDERS[code] for code in decided_by[near]]),
            )
            self._compared.append(rows.hstack(judged))
        seen = _Seen(found, probability, decided_by)
        self._nearest.update(left, right, same, closeness(found, *ensemble), seen)
        return same

    def _named(self, left: np.ndarray, right: np.ndarray) -> pl.DataFrame:
        """Return the pairs by the ids of their images, the smaller one on the left."""
        ids = pl.DataFrame({"one": self._ids.gather(left), "other": self._ids.gather(right)})
        return ids.select(
            left_image_id=pl.min_horizontal("one", "other"),
            right_image_id=pl.max_horizontal("one", "other"),
        )

    def _look(self, compare: ComparePixels, left: np.ndarray, right: np.ndarray) -> pl.DataFrame:
        """Have pixels compared, each pair of images once; products may share images."""
        asked = self._named(left, right)
        found = compare(asked.unique().sort(PAIR))
        return asked.join(found, on=PAIR, how="left", maintain_order="left")

    def _overrule(
        self, same: np.ndarray, decided_by: np.ndarray, left: np.ndarray, right: np.ndarray
    ) -> None:
        """Put in what people said."""
        if self._told is None:
            return
        said = self._named(left, right).join(
            self._told.select(*PAIR, "same"), on=PAIR, how="left", maintain_order="left"
        )["same"]
        known = said.is_not_null().to_numpy()
        same[known] = said.drop_nulls().to_numpy()
        decided_by[known] = _PEOPLE

    def nearest(self) -> pl.DataFrame:
        """Return for each row the nearest one that it was compared with, and how near it is.

        A row that was found to be the same as another has that one. Else pairs whose pixels were
        compared are nearer than others: by probability; the others by the distances of their
        signals.

        Returns:
            nearest_image_id, the three distances, probability and decided_by; null where a row was
            compared with none.
        """
        return self._nearest.frame(self._ids)

    def compared(self) -> pl.DataFrame:
        """Return rows of ``compared_pairs``, sorted by key."""
        if not self._compared:
            return ComparedPairs.create_empty()
        return (
            pl.concat(self._compared)
            .select(ComparedPairs.column_names())
            .sort(ComparedPairs.primary_key())
        )


class _Seen(NamedTuple):
    """What was seen of pairs, one entry per pair."""

    distances: Distances
    probability: np.ndarray
    decided_by: np.ndarray


@dataclass
class _Nearest:
    """Each row's nearest other row, and how near it is: arrays with one entry per row.

    Attributes:
        key: what is compared, the least is the nearest.
        other: the other row, -1 where there is none.
        columns: distances, probability and who decided, by name.
    """

    key: np.ndarray
    other: np.ndarray
    columns: dict[str, np.ndarray]

    @classmethod
    def of_rows(cls, count: int) -> _Nearest:
        """Return the memory of rows that have been compared with none."""
        types = {
            "phash_distance": np.int32, "edge_dhash_distance": np.int32,
            "hsv_distance": np.float32, "probability": np.float32, "decided_by": np.int8,
        }  # fmt: skip
        columns = {name: np.zeros(count, dtype) for name, dtype in types.items()}
        return cls(np.full(count, np.inf), np.full(count, -1, np.int64), columns)

    def update(
        self, left: np.ndarray, right: np.ndarray, same: np.ndarray, far: np.ndarray, seen: _Seen
    ) -> None:
        """Take in compared pairs, in which no right row is there twice."""
        key = np.where(np.isnan(seen.probability), far, -1.0 - seen.probability)
        self._put(right, left, np.where(same, -np.inf, key), seen, np.arange(len(right)))
        # Of each left row the nearest of its pairs, the first of them where several are.
        order = np.lexsort((right, key, left))
        first = np.append(True, left[order][1:] != left[order][:-1])
        best = order[first]
        self._put(left[best], right[best], key[best], seen, best)

    def _put(
        self, rows: np.ndarray, others: np.ndarray, key: np.ndarray, seen: _Seen, pairs: np.ndarray
    ) -> None:
        nearer = key < self.key[rows]
        rows, pairs = rows[nearer], pairs[nearer]
        self.key[rows], self.other[rows] = key[nearer], others[nearer]
        values = {
            "phash_distance": seen.distances.phash,
            "edge_dhash_distance": seen.distances.edge_dhash,
            "hsv_distance": seen.distances.hsv,
            "probability": seen.probability,
            "decided_by": seen.decided_by,
        }
        for name, value in values.items():
            self.columns[name][rows] = value[pairs]

    def frame(self, ids: pl.Series) -> pl.DataFrame:
        """Return the memory as columns of ``dedup_clusters``."""
        known = pl.Series(self.other >= 0)
        deciders = pl.Series(_DECIDERS).gather(self.columns["decided_by"].astype(np.int64))
        columns = {
            "nearest_image_id": ids.gather(np.maximum(self.other, 0)) if len(ids) else ids,
            **{name: pl.Series(self.columns[name]) for name in self.columns},
            "decided_by": deciders,
        }
        frame = pl.DataFrame(columns).with_columns(pl.col("probability").fill_nan(None))
        return frame.select(pl.when(known).then(pl.all()))


def _limits_of_rows(categories: pl.Series, thresholds: Thresholds) -> dict[str, np.ndarray]:
    """Return each limit as one value per row."""
    of_category = [
        {
            "category": category,
            "probability": limits.same_probability,
            "gate_shape": limits.gate.shape,
            "gate_edges": limits.gate.edges,
            "gate_hsv": limits.gate.hsv,
            "phash": limits.ensemble.phash,
            "edge_dhash": limits.ensemble.edge_dhash,
            "hsv": limits.ensemble.hsv,
        }
        for category in categories.unique().sort()
        for limits in [thresholds.of(category)]
    ]
    table = pl.DataFrame(of_category, schema_overrides={"category": pl.String})
    if table.is_empty():
        return {}
    rows = categories.to_frame("category").join(
        table, on="category", how="left", maintain_order="left"
    )
    return {name: rows[name].to_numpy() for name in table.columns[1:]}
