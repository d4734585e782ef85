"""Queries with known answers, made from what is known of a catalog's own products.

Nobody judged anything. A product's title asks for its images (known-item search); a phrase of some
of its attributes, as people type them, asks for every product that has them.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from imgassets.learning.search.data import JUDGEMENTS, QUERIES, Judged
from imgassets.learning.search.phrases import phrase

CATALOG = "catalog"
"""Name of the data set of queries that are made here."""

CATEGORY = "category"
"""The attribute whose value is the product's category, in words."""

EXACT, NEAR = 2, 1
"""Grades: what was asked for; and the same style under another title, or all but one of the values
that were asked for."""


def make_queries(rows: pl.DataFrame, n: int, seed: int) -> Judged:
    """Make queries over some items: up to half of them titles, the others phrases.

    Args:
        rows: columns of :data:`imgassets.learning.search.data.ITEMS`.
        n: queries, at most.
        seed: of which ones.

    Returns:
        The queries, without repeats, and all their judgements.
    """
    chance = np.random.default_rng(seed)
    titles = _title_queries(rows, n // 2, chance)
    phrases = _phrase_queries(rows, n - len(titles), chance)
    asked = [*titles, *((text, found) for text, found in phrases if text not in dict(titles))]
    ids = [f"q{number:04d}" for number in range(len(asked))]
    judged = [
        (query_id, item_id, grade)
        for query_id, (_, found) in zip(ids, asked, strict=True)
        for item_id, grade in found.items()
    ]
    return Judged(
        pl.DataFrame({"query_id": ids, "query": [text for text, _ in asked]}, QUERIES),
        pl.DataFrame(judged, JUDGEMENTS, orient="row"),
    )


Answers = dict[str, int]
"""Item to grade."""


def _title_queries(
    rows: pl.DataFrame, n: int, chance: np.random.Generator
) -> list[tuple[str, Answers]]:
    """Return titles: images under the same title are exact, others of the style are near."""
    named = rows.filter(pl.col("title") != "")
    titles = named["title"].unique(maintain_order=True)
    chosen = titles.gather(np.sort(chance.permutation(len(titles))[:n]))
    of_style = dict(rows.group_by("group_id").agg("item_id").iter_rows())
    queries = []
    for title in chosen:
        own = named.filter(pl.col("title") == title)
        near = {item: NEAR for group in own["group_id"].unique() for item in of_style[group]}
        queries.append((str(title), near | dict.fromkeys(own["item_id"], EXACT)))
    return queries


def _phrase_queries(
    rows: pl.DataFrame, n: int, chance: np.random.Generator
) -> list[tuple[str, Answers]]:
    """Return phrases of some of what is known of one of the items each."""
    known = [
        {(one["attribute"], one["value"]) for one in attributes}
        for attributes in rows["attributes"]
    ]
    ids = rows["item_id"].to_list()
    queries: dict[str, Answers] = {}
    for at in chance.permutation([at for at, values in enumerate(known) if values]):
        if len(queries) == n:
            break
        said, named = phrase(sorted(known[at]), chance)
        if said not in queries:
            queries[said] = {
                item: grade
                for item, values in zip(ids, known, strict=True)
                if (grade := _grade(set(named), values))
            }
    return list(queries.items())


def _grade(wanted: set[tuple[str, str]], values: set[tuple[str, str]]) -> int:
    """Grade an item of some values; of a near one, one value beside the category may be wrong."""
    missing = wanted - values
    if not missing:
        return EXACT
    of_category = {pair for pair in wanted if pair[0] == CATEGORY}
    is_near = len(missing) == 1 and not missing & of_category and wanted - missing - of_category
    return NEAR if is_near else 0
