"""Types of queries, by their words alone: which attributes a query names."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import polars as pl

NAMES_NOTHING = "names no attribute"


def query_types(queries: pl.DataFrame, named: Callable[[str], Iterable[str]]) -> pl.DataFrame:
    """Return the types of queries; a query is of as many types as it names attributes.

    Args:
        queries: ``query_id``, ``query``.
        named: returns the attributes that a text names, such as 'colour' and 'pattern'.

    Returns:
        ``query_id`` and ``type``: 'names colour', …, or 'names no attribute'.
    """
    found = [
        (query_id, kind)
        for query_id, query in queries.select("query_id", "query").iter_rows()
        for kind in ([f"names {one}" for one in sorted({*named(query)})] or [NAMES_NOTHING])
    ]
    return pl.DataFrame(found, {"query_id": pl.String, "type": pl.String}, orient="row")
