"""Folds of the training: whole styles, and queries with the style that answers them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imgassets.learning.evaluation import place_of
from imgassets.learning.search.data import Judged
from imgassets.learning.search.questions import make_queries

_FOLDS = 3

_MADE_QUERIES = 250
"""Queries that are made of what is known of a fold's images, at most; and at most two per image."""

Places = NDArray[np.int64]


@dataclass(frozen=True)
class Folds:
    """Which fold each item and each judged query is of.

    Attributes:
        rows: the items, columns of :data:`imgassets.learning.search.data.ITEMS`.
        judged: queries judged over them.
        of_item: int64 [n].
        of_query: fold by query_id: that of an item that answers it best.
        seed: of the queries that are made.
    """

    rows: pl.DataFrame
    judged: Judged
    of_item: Places
    of_query: dict[str, int]
    seed: int

    @classmethod
    def of(cls, rows: pl.DataFrame, judged: Judged, seed: int) -> Folds:
        """Cut items by a hash of their style.

        Raises:
            ValueError: a fold would be empty.
        """
        fold = {
            group: int(place_of(f"fold|{group}", seed) * _FOLDS)
            for group in rows["group_id"].unique()
        }
        of_item = rows["group_id"].replace_strict(fold, return_dtype=pl.Int64).to_numpy()
        if len(np.unique(of_item)) < _FOLDS:
            raise ValueError(
                f"{rows.height} images of {len(fold)} styles are too few to train a search model: "
                "ingest more products with titles"
            )
        best = (
            judged.judgements.filter(pl.col("relevance") > 0)
            .sort("query_id", "relevance", "item_id", descending=[False, True, False])
            .unique("query_id", keep="first", maintain_order=True)
            .join(rows.select("item_id", fold=pl.Series(of_item)), on="item_id")
        )
        return cls(rows, judged, of_item, dict(best.select("query_id", "fold").rows()), seed)

    @property
    def all(self) -> range:
        """The folds."""
        return range(_FOLDS)

    def held(self, fold: int) -> Places:
        """Return a fold's items."""
        return np.flatnonzero(self.of_item == fold)

    def learnt(self, fold: int) -> Places:
        """Return the items of all other folds."""
        return np.flatnonzero(self.of_item != fold)

    def asked_outside(self, fold: int) -> Judged:
        """Return judged queries of other folds, over these folds' items.

        A query of this fold stays away as its best answers do: near misses in other folds would
        teach its words.
        """
        known = [query for query, of in self.of_query.items() if of != fold]
        return self._over(known, self.learnt(fold))

    def questions(self, fold: int) -> Judged:
        """Return what a fold's images are asked for: its judged queries, and made ones."""
        places = self.held(fold)
        made = make_queries(
            self.rows[places], min(_MADE_QUERIES, 2 * len(places)), self.seed + fold
        )
        own = self._over([query for query, of in self.of_query.items() if of == fold], places)
        queries, judgements = [], []
        for source, judged in (("made", made), ("judged", own)):
            named = pl.lit(f"{source}:") + pl.col("query_id")
            queries.append(judged.queries.with_columns(query_id=named))
            judgements.append(judged.judgements.with_columns(query_id=named))
        return Judged(pl.concat(queries), pl.concat(judgements))

    def _over(self, queries: list[str], places: Places) -> Judged:
        items = self.rows[places].select("item_id")
        asked = self.judged.queries.filter(pl.col("query_id").is_in(queries))
        return Judged(
            asked,
            self.judged.judgements.join(items, on="item_id", how="semi").join(
                asked, on="query_id", how="semi"
            ),
        )
