"""Search by the words of titles alone: what images are compared with, and an upper reference.

Where titles name what people ask for, words find it better than pictures do; for products without
good titles, which pictures are for, they find nothing.
"""

from __future__ import annotations

import polars as pl

from imgassets.search.measures import RUN_SCHEMA
from imgassets.search.text_index import TextIndex
from imgassets.search.words import words

WORDS = "words (BM25 on titles)"
"""The method's name."""


def words_run(items: pl.DataFrame, queries: pl.DataFrame) -> pl.DataFrame:
    """Return what BM25 finds in titles.

    Args:
        items: ``item_id``, ``title``.
        queries: ``query_id``, ``query``.

    Returns:
        Columns of :data:`imgassets.search.measures.RUN_SCHEMA`; items without a word of the query
        are not in it.
    """
    index = TextIndex(([title], []) for title in items["title"])
    ids = items["item_id"].to_list()
    found = [
        (query_id, ids[match.document], match.score)
        for query_id, query in queries.select("query_id", "query").iter_rows()
        for match in index.search(words(query), len(ids)).best
    ]
    return pl.DataFrame(found, RUN_SCHEMA, orient="row")
