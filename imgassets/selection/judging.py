"""Deciding about pairs of images, cheapest first: signals, then pixels, then what people said."""

from __future__ import annotations

from collections.abc import Callable

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

_SIGNALS, _PIXELS, _PEOPLE = "signals", "pixels", "people"


class PairJudge:
    """Decides which pairs of rows show the same, and remembers what it saw.

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
        self._seen: list[pl.DataFrame] = []
        self._pairs: list[pl.DataFrame] = []

    def same(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Decide about pairs of rows of the same group: bool, one per pair."""
        if not len(left):
            return np.zeros(0, bool)
        found = distances(self._descriptors, left, right)
        limits = {name: values[left] for name, values in self._limits.items()}
        near = may_be_same(found, limits["gate_shape"], limits["gate_edges"], limits["gate_hsv"])
        ensemble = (limits["phash"], limits["edge_dhash"], limits["hsv"])
        verdicts = self._named(left, right).with_columns(
            probability=pl.lit(None, pl.Float32), decided_by=pl.lit(_SIGNALS)
        )
        if self._compare is None:
            same = ensemble_says_same(found, *ensemble)
        else:
            verdicts = self._look(verdicts, near)
            likely = verdicts["probability"].fill_null(-1).to_numpy() >= limits["probability"]
            same = near & likely
        verdicts = self._overruled(verdicts.with_columns(same=pl.Series(same)))
        self._remember(verdicts, left, right, found, closeness(found, *ensemble))
        return verdicts["same"].to_numpy()

    def _named(self, left: np.ndarray, right: np.ndarray) -> pl.DataFrame:
        """Return the pairs by the ids of their images, the smaller one on the left."""
        one, other = self._ids.gather(left), self._ids.gather(right)
        ids = pl.DataFrame({"one": one, "other": other})
        return ids.select(
            left_image_id=pl.min_horizontal("one", "other"),
            right_image_id=pl.max_horizontal("one", "other"),
        )

    def _look(self, verdicts: pl.DataFrame, near: np.ndarray) -> pl.DataFrame:
        """Have the pixels of near pairs compared, each pair once."""
        assert self._compare is not None
        asked = verdicts.filter(pl.Series(near)).select(PAIR).unique().sort(PAIR)
        if asked.is_empty():
            return verdicts
        looked = self._compare(asked)
        return (
            verdicts.drop("probability", "decided_by")
            .join(looked, on=PAIR, how="left", maintain_order="left")
            .with_columns(
                decided_by=pl.when(pl.col("probability").is_null())
                .then(pl.lit(_SIGNALS))
                .otherwise(pl.lit(_PIXELS))
            )
        )

    def _overruled(self, verdicts: pl.DataFrame) -> pl.DataFrame:
        if self._told is None:
            return verdicts
        said = self._told.select(*PAIR, said="same")
        return (
            verdicts.join(said, on=PAIR, how="left", maintain_order="left")
            .with_columns(
                same=pl.coalesce("said", "same"),
                decided_by=pl.when(pl.col("said").is_null())
                .then("decided_by")
                .otherwise(pl.lit(_PEOPLE)),
            )
            .drop("said")
        )

    def _remember(
        self,
        verdicts: pl.DataFrame,
        left: np.ndarray,
        right: np.ndarray,
        found: Distances,
        far: np.ndarray,
    ) -> None:
        seen = verdicts.select("probability", "decided_by").with_columns(
            left=pl.Series(left, dtype=pl.Int64),
            right=pl.Series(right, dtype=pl.Int64),
            phash_distance=pl.Series(found.phash, dtype=pl.Int32),
            edge_dhash_distance=pl.Series(found.edge_dhash, dtype=pl.Int32),
            hsv_distance=pl.Series(found.hsv, dtype=pl.Float32),
            far=pl.Series(far, dtype=pl.Float64),
        )
        self._seen.append(seen)
        if "left_box" in verdicts.columns:
            rows = self._images.select(*PRODUCT, "image_type")[left]
            self._pairs.append(rows.hstack(verdicts).drop_nulls("probability"))

    def nearest(self, preferred: np.ndarray) -> pl.DataFrame:
        """Return for each row the nearest one that it was compared with, and how near it is.

        Pairs whose pixels were compared are nearer than others: by probability; the others by the
        distances of their signals.

        Args:
            preferred: a row that counts as the nearest, one per row; -1: none does.

        Returns:
            nearest_image_id, the three distances, probability and decided_by; null where a row was
            compared with none.
        """
        seen = pl.concat([*self._seen, _NO_PAIR])
        turned = seen.rename({"left": "right", "right": "left"}).select(seen.columns)
        numbers = np.arange(len(preferred))
        rows = pl.DataFrame({"left": numbers, "wanted": preferred})
        ids = pl.DataFrame({"right": numbers, "nearest_image_id": self._ids})
        best = (
            pl.concat([seen, turned])
            .join(rows, on="left")
            .sort(
                pl.col("right") != pl.col("wanted"),
                -pl.col("probability").fill_null(-1),
                "far",
                "right",
            )
            .unique("left", keep="first", maintain_order=True)
            .join(ids, on="right")
        )
        return rows.join(best, on="left", how="left", maintain_order="left").select(_NEAREST)

    def compared(self) -> pl.DataFrame:
        """Return rows of ``compared_pairs``, sorted by key."""
        if not self._pairs:
            return ComparedPairs.create_empty()
        pairs = pl.concat(self._pairs)
        by = pl.when(pl.col("decided_by") == _PEOPLE).then("decided_by").otherwise(pl.lit(_PIXELS))
        return pairs.select(
            *PRODUCT, *PAIR, "image_type", "same", "probability", by.alias("decided_by"),
            "left_box", "right_box", "comparator_version",
        ).sort(*PRODUCT, *PAIR)  # fmt: skip


_NEAREST = (
    "nearest_image_id", "phash_distance", "edge_dhash_distance", "hsv_distance", "probability",
    "decided_by",
)  # fmt: skip

_NO_PAIR = pl.DataFrame(
    schema={
        "probability": pl.Float32,
        "decided_by": pl.String,
        "left": pl.Int64,
        "right": pl.Int64,
        "phash_distance": pl.Int32,
        "edge_dhash_distance": pl.Int32,
        "hsv_distance": pl.Float32,
        "far": pl.Float64,
    }
)


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
