"""What the reader of queries is taught: texts, and the values that each of them names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import polars as pl

from imgassets.learning.search.data import Judged
from imgassets.learning.search.phrases import phrase
from imgassets.learning.search.query_attributes import QueryAttributes, fit_query_attributes
from imgassets.learning.search.tokens import Vocabulary
from imgassets.search.words import terms_of_document, words

_PHRASES = 2
"""Phrases that are drawn for each item."""

_JUDGED = 0.5
"""What judged queries count together, beside all other texts: there are few, and they are in
people's own words."""

_LEAST_ANSWERS = 3
"""Answers of a query that must agree on a value before it is taken to ask for it."""

_COMMON = 0.5
"""Share of all items from which a value says nothing of what a query asks for."""

Lesson = tuple[str, dict[str, str]]
"""A text, and the value of each attribute that it names."""


def teach_reader(
    rows: pl.DataFrame,
    judged: Judged,
    values: Mapping[str, Sequence[str]],
    vocabulary: Vocabulary,
    seed: int,
) -> QueryAttributes:
    """Learn to read queries from items and judged queries.

    Args:
        rows: items, columns of :data:`imgassets.learning.search.data.ITEMS`.
        judged: queries judged over them.
        values: by attribute, those that images are told apart by.
        vocabulary: what texts are read by.
        seed: of the phrases.
    """
    lessons, asked = list(_from_items(rows, seed)), list(_from_queries(rows, judged))
    if asked:
        lessons += asked * max(1, round(_JUDGED * len(lessons) / len(asked)))
    return fit_query_attributes(
        [text for text, _ in lessons], [named for _, named in lessons], values, vocabulary
    )


def _from_items(rows: pl.DataFrame, seed: int) -> Iterator[Lesson]:
    rng = np.random.default_rng(seed)
    for title, attributes in rows.select("title", "attributes").iter_rows():
        known = [(one["attribute"], one["value"]) for one in attributes]
        if not known:
            continue
        for _ in range(_PHRASES):
            text, named = phrase(known, rng)
            yield text, dict(named)
        said = _stems(title)
        yield title, {name: value for name, value in known if _stems(value) <= said}


def _from_queries(rows: pl.DataFrame, judged: Judged) -> Iterator[Lesson]:
    """Yield judged queries with the values that all their best answers share."""
    known = {
        item: {(one["attribute"], one["value"]) for one in attributes}
        for item, attributes in rows.select("item_id", "attributes").iter_rows()
    }
    counted = rows["attributes"].explode().drop_nulls().struct.unnest().group_by(pl.all()).len()
    common = {
        (name, value)
        for name, value, n in counted.iter_rows()
        if n >= _COMMON * max(1, rows.height)
    }
    best = (
        judged.judgements.filter(pl.col("relevance") > 0)
        .filter(pl.col("relevance") == pl.col("relevance").max().over("query_id"))
        .filter(pl.col("item_id").is_in(list(known)))
        .group_by("query_id")
        .agg("item_id")
        .filter(pl.col("item_id").list.len() >= _LEAST_ANSWERS)
    )
    for query, items in judged.queries.join(best, on="query_id").select("query", "item_id").rows():
        shared = set.intersection(*(known[item] for item in items)) - common
        yield query, dict(shared)


def _stems(text: str) -> set[str]:
    return {stem for word in words(text) for stem in terms_of_document(word)}
