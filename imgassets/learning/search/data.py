"""What a search model learns from and is judged by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imgassets.vision.inputs import InputSpec

ATTRIBUTE = pl.Struct({"attribute": pl.String, "value": pl.String})
"""What is known of an image's product: ``colour`` is ``navy``."""

ITEMS: dict[str, pl.DataType | type[pl.DataType]] = {
    "item_id": pl.String,
    "group_id": pl.String,
    "category": pl.String,
    "title": pl.String,
    "text": pl.String,
    "attributes": pl.List(ATTRIBUTE),
}
"""Columns of items: the image (its id, unique), the style that is never split, the product's
category, its title ('' without one), title and description together, its labels (may be empty)."""

QUERIES: dict[str, pl.DataType | type[pl.DataType]] = {"query_id": pl.String, "query": pl.String}
JUDGEMENTS: dict[str, pl.DataType | type[pl.DataType]] = {
    "query_id": pl.String,
    "item_id": pl.String,
    "relevance": pl.Int64,
}
"""How well an item answers a query: 0 not at all (pairs not listed), more is better."""


@dataclass(frozen=True)
class Items:
    """Images, and what is known of their products.

    Attributes:
        rows: columns of :data:`ITEMS`.
        squares: RGB uint8, items × side × side × 3, in the rows' order, made for ``input``.
        features: custom features, columns of contract ``ImageFeatures`` after its key, likewise.
        input: what the squares were made for.
    """

    rows: pl.DataFrame
    squares: NDArray[np.uint8]
    features: pl.DataFrame
    input: InputSpec

    def __len__(self) -> int:
        return self.rows.height

    def take(self, places: NDArray[np.int64]) -> Items:
        """Return the items at some places, in their order."""
        return Items(self.rows[places], self.squares[places], self.features[places], self.input)


@dataclass(frozen=True)
class Judged:
    """Queries whose answers are known.

    Attributes:
        queries: columns of :data:`QUERIES`.
        judgements: columns of :data:`JUDGEMENTS`; a pair that is not listed is irrelevant.
    """

    queries: pl.DataFrame
    judgements: pl.DataFrame


@dataclass(frozen=True)
class SearchData:
    """Both parts.

    Attributes:
        train: items to learn from; also the tuning part is drawn from them, by group.
        train_queries: judged queries over ``train``; may be empty.
        test: items that nothing is learnt from.
        test_queries: judged queries over ``test``.
        seed: of everything random.
        features_version: of the custom features.
    """

    train: Items
    train_queries: Judged
    test: Items
    test_queries: Judged
    seed: int
    features_version: str
