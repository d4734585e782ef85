"""The lists that a re-ranker learns from: a query, what answers it, and what is taken for it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imgassets.learning.search.data import Judged
from imgassets.learning.search.features import reranker_columns
from imgassets.learning.search.model import SearchModel, shown_values
from imgassets.learning.search.reranker import pair_inputs
from imgassets.learning.search.reranker_fit import QueryList

_ANSWERS, _RANDOM = 20, 10
"""Answers of a list that the retriever missed, at most; and images drawn from all."""

Floats = NDArray[np.float32]


def make_lists(
    model: SearchModel,
    rows: pl.DataFrame,
    judged: Judged,
    vectors: Floats,
    inputs: Floats,
    depth: int,
    seed: int,
) -> list[QueryList]:
    """Return a list per query: what its retriever finds (hard negatives), missed answers, others.

    Args:
        model: encoder, heads and reader; no re-ranker is needed.
        rows: items that the encoder did not learn from, columns of
            :data:`imgassets.learning.search.data.ITEMS`.
        judged: queries judged over them.
        vectors: the items', float32 [n, d].
        inputs: the items', float32 [n, f].
        depth: images that are found for each query.
        seed: of what is drawn.

    Returns:
        Lists in which some images are better than others.
    """
    rng = np.random.default_rng(seed)
    numbered = rows.select("item_id").with_row_index("place")
    grades = judged.judgements.with_columns(
        grade=pl.col("relevance") / pl.col("relevance").max().over("query_id")
    ).join(numbered, on="item_id")
    answers = {
        query: (np.asarray(places, np.int64), np.asarray(values, np.float32))
        for query, places, values in grades.filter(pl.col("grade") > 0)
        .sort("query_id", "place")
        .group_by("query_id", maintain_order=True)
        .agg("place", "grade")
        .iter_rows()
    }
    known = judged.queries.filter(pl.col("query_id").is_in(list(answers))).sort("query_id")
    shown = shown_values(model.heads, inputs)
    groups = rows["group_id"].to_list()
    lists = []
    embedded = model.encoder.embed_texts(known["query"].to_list())
    for (query_id, text), query in zip(
        known.select("query_id", "query").iter_rows(), embedded, strict=True
    ):
        places, of = answers[query_id]
        graded = np.zeros(rows.height, np.float32)
        graded[places] = of
        found = np.argsort(-(vectors @ query), kind="stable")[:depth]
        missed = np.setdiff1d(places, found)
        missed = np.sort(rng.permutation(missed)[:_ANSWERS])
        others = np.setdiff1d(rng.integers(rows.height, size=_RANDOM), [*found, *missed])
        chosen = np.concatenate([found, missed, others])
        if graded[chosen].max() == graded[chosen].min():
            continue
        match = model.reader.match(
            text, {name: of[chosen] for name, of in shown.items()}, len(chosen)
        )
        lists.append(
            QueryList(
                pair_inputs(query, vectors[chosen], inputs[chosen], match),
                graded[chosen],
                groups[places[int(of.argmax())]],
                np.arange(len(chosen)) < len(found),
            )
        )
    return lists


def read_inputs(model: SearchModel, groups: Sequence[str], dimension: int) -> NDArray[np.bool_]:
    """Return which of :func:`pair_inputs` a re-ranker of some groups reads, bool [p].

    Args:
        model: heads and reader.
        groups: of custom features.
        dimension: of vectors.
    """
    columns = reranker_columns(len(model.heads.columns))
    features = np.zeros(max(part.stop for part in columns.values()), bool)
    for group in groups:
        features[columns[group]] = True
    attributes = "attributes" in groups
    match = np.full(2 * len(model.reader.values) + 1, attributes)
    return np.concatenate([np.ones(1 + 3 * dimension, bool), features, match])
