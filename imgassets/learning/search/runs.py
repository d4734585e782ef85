"""What a search model finds for queries, as runs that can be measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imgassets.learning.search.model import SearchModel
from imgassets.search.fusion import fuse
from imgassets.search.measures import RUN_SCHEMA

Floats = NDArray[np.float32]


def image_run(
    rows: pl.DataFrame,
    queries: pl.DataFrame,
    embed: Callable[[Sequence[str]], Floats],
    vectors: Floats,
    most: int | None = None,
) -> pl.DataFrame:
    """Return the nearest items of every query, by the likeness of vectors.

    Args:
        rows: ``item_id``.
        queries: ``query_id``, ``query``.
        embed: texts to vectors.
        vectors: the items', float32 [n, d].
        most: items of a query, at most; None: all.
    """
    asked = embed(queries["query"].to_list())
    return _run(rows, queries, [vectors @ query for query in asked], most)


def reranked_run(
    model: SearchModel,
    rows: pl.DataFrame,
    queries: pl.DataFrame,
    vectors: Floats,
    inputs: Floats,
    depth: int,
) -> pl.DataFrame:
    """Return every item for every query: the nearest ones re-ranked, the others behind them.

    Args:
        model: the model.
        rows: ``item_id``.
        queries: ``query_id``, ``query``.
        vectors: the items', float32 [n, d].
        inputs: the items', float32 [n, f], of :meth:`SearchModel.reranker_inputs`.
        depth: images that are re-ranked.
    """
    texts = queries["query"].to_list()
    scores = []
    for text, query in zip(texts, model.encoder.embed_texts(texts), strict=True):
        likeness = (vectors @ query).astype(np.float64)
        nearest = np.argsort(-likeness, kind="stable")[:depth]
        # Likenesses are at most 1, so what is re-ranked comes first.
        likeness[nearest] = 2 + model.scores(text, query, vectors[nearest], inputs[nearest])
        scores.append(likeness)
    return _run(rows, queries, scores)


def fused_run(runs: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return several methods' runs as one, by reciprocal ranks."""
    by_query: dict[str, list[list[str]]] = {}
    for run in runs:
        ordered = run.sort("query_id", "score", "item_id", descending=[False, True, True])
        for query_id, items in (
            ordered.group_by("query_id", maintain_order=True).agg("item_id").rows()
        ):
            by_query.setdefault(query_id, []).append(items)
    found = [
        (query_id, item_id, score)
        for query_id, rankings in by_query.items()
        for item_id, score in fuse(rankings)
    ]
    return pl.DataFrame(found, RUN_SCHEMA, orient="row")


def _run(
    rows: pl.DataFrame,
    queries: pl.DataFrame,
    scores: Sequence[NDArray[np.floating[Any]]],
    most: int | None = None,
) -> pl.DataFrame:
    best = [np.argsort(-of, kind="stable")[:most] for of in scores]
    none = np.zeros(0, np.int64)
    items = rows["item_id"].to_numpy()
    return pl.DataFrame(
        {
            "query_id": np.repeat(queries["query_id"].to_numpy(), [len(own) for own in best]),
            "item_id": items[np.concatenate([none, *best])],
            "score": np.concatenate(
                [np.zeros(0), *(of[own] for of, own in zip(scores, best, strict=True))]
            ),
        },
        RUN_SCHEMA,
    )
