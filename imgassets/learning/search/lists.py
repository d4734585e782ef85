"""The lists that a re-ranker learns from: queries, and what their retriever finds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imgassets.learning.search.data import Judged
from imgassets.learning.search.features import reranker_columns
from imgassets.learning.search.model import SearchModel, shown_values
from imgassets.learning.search.reranker import pair_inputs
from imgassets.learning.search.reranker_fit import QueryList, Reading

EVERYTHING, MATCHES = "everything", "likeness and matches"
"""What a network reads: vectors, their product, custom features and matches; or little of it."""

_HIDDEN, _FEW = (128, 32), (16,)

Floats = NDArray[np.float32]


def make_lists(
    model: SearchModel,
    rows: pl.DataFrame,
    judged: Judged,
    vectors: Floats,
    inputs: Floats,
    depth: int,
    fold: int,
) -> list[QueryList]:
    """Return a list per query: what its retriever finds, answers and what is taken for them.

    Args:
        model: encoder, heads and reader; no re-ranker is needed.
        rows: items that the encoder did not learn from, columns of
            :data:`imgassets.learning.search.data.ITEMS`.
        judged: queries judged over them.
        vectors: the items', float32 [n, d].
        inputs: the items', float32 [n, f].
        depth: images that are found for each query.
        fold: that the items are of.

    Returns:
        Lists in which some images are better than others.
    """
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
    lists = []
    embedded = model.encoder.embed_texts(known["query"].to_list())
    for (query_id, text), query in zip(
        known.select("query_id", "query").iter_rows(), embedded, strict=True
    ):
        places, of = answers[query_id]
        graded = np.zeros(rows.height, np.float32)
        graded[places] = of
        chosen = np.argsort(-(vectors @ query), kind="stable")[:depth]
        if graded[chosen].max() == graded[chosen].min():
            continue
        match = model.reader.match(
            text, {name: values[chosen] for name, values in shown.items()}, len(chosen)
        )
        lists.append(
            QueryList(
                pair_inputs(query, vectors[chosen], inputs[chosen], match),
                graded[chosen],
                fold,
                np.sort(of)[::-1],
            )
        )
    return lists


def readings(model: SearchModel, groups: Sequence[str], dimension: int) -> dict[str, Reading]:
    """Return what networks of some groups may read, by name.

    Everything is much for few queries: a network may rather learn its images by heart. So one that
    reads likeness and matches alone competes.

    Args:
        model: heads and reader.
        groups: of custom features.
        dimension: of vectors.
    """
    columns = reranker_columns(len(model.heads.columns))
    features = np.zeros(max(part.stop for part in columns.values()), bool)
    for group in groups:
        features[columns[group]] = True
    match = np.full(2 * len(model.reader.values) + 1, "attributes" in groups)
    vectors = np.ones(3 * dimension, bool)
    parts = {
        EVERYTHING: ([True], vectors, features, match),
        MATCHES: ([True], ~vectors, np.zeros_like(features), match),
    }
    masks = {name: np.concatenate(part) for name, part in parts.items()}
    found = {EVERYTHING: Reading(masks[EVERYTHING], _HIDDEN)}
    if match.any():
        found[MATCHES] = Reading(masks[MATCHES], _FEW)
    return found
