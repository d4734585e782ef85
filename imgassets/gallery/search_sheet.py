"""What a method of search found, as self-contained HTML: a page per method, and one above them."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from imgassets.gallery.gallery import environment
from imgassets.gallery.thumbnails import encode_thumbnail
from imgassets.search.measures import MAIN_MEASURE, best_of
from imgassets.vision.decode import Undecodable

SHOWN = 10
"""Pictures of a query."""

MAX_QUERIES = 200
"""Queries of a page, at most; where there are more, every second one, every third, …"""

_SIDE = 112
"""Pixels of a picture's longer side."""


@dataclass(frozen=True)
class Hit:
    """A picture that was found.

    Attributes:
        rank: from 1.
        item_id: of the image.
        title: of its product, '' without one.
        picture: data URI; None where it cannot be shown.
        relevance: its grade.
        mark: 'exact', 'partly' or 'wrong'.
    """

    rank: int
    item_id: str
    title: str
    picture: str | None
    relevance: int
    mark: str


@dataclass(frozen=True)
class Answered:
    """A query and the best that a method found.

    Attributes:
        query: its text.
        types: of it, in words.
        value: its nDCG@10, 0 … 1.
        n_exact: exact answers that there are.
        hits: the best first.
    """

    query: str
    types: tuple[str, ...]
    value: float
    n_exact: int
    hits: tuple[Hit, ...]


class Pictures:
    """Small pictures of items as data URIs, each drawn once.

    Args:
        load: returns the bytes of an item's picture. One that is not there (``KeyError``,
            ``OSError``) or does not decode is not shown.
    """

    def __init__(self, load: Callable[[str], bytes]) -> None:
        self._load = load
        self.of = functools.cache(self._draw)

    def _draw(self, item_id: str) -> str | None:
        try:
            return encode_thumbnail(self._load(item_id), _SIDE)
        except (KeyError, OSError, MemoryError, Undecodable):
            return None


def answered_queries(
    run: pl.DataFrame,
    queries: pl.DataFrame,
    judgements: pl.DataFrame,
    types: pl.DataFrame,
    per_query: pl.DataFrame,
    titles: Mapping[str, str],
    pictures: Pictures,
    cut: int,
) -> list[Answered]:
    """Return what a method found for each query, those that it answers worst first.

    Args:
        run: columns of :data:`imgassets.search.measures.RUN_SCHEMA`.
        queries: ``query_id``, ``query``.
        judgements: ``query_id``, ``item_id``, ``relevance``.
        types: ``query_id``, ``type``.
        per_query: the method's measures (:func:`imgassets.search.measures.measure`).
        titles: of the items.
        pictures: draws them.
        cut: grade from which an answer is exact.
    """
    values = dict(per_query.filter(measure=MAIN_MEASURE).select("query_id", "value").iter_rows())
    texts = {
        query_id: text
        for query_id, text in queries.select("query_id", "query").iter_rows()
        if query_id in values
    }
    drawn = sorted(texts)[:: max(1, math.ceil(len(texts) / MAX_QUERIES))]
    shown = pl.Series("query_id", drawn, pl.String).implode()
    known = judgements.filter(pl.col("query_id").is_in(shown))
    grades = {(query, item): grade for query, item, grade in known.iter_rows()}
    found = best_of(run.filter(pl.col("query_id").is_in(shown)), SHOWN)
    hits: dict[str, list[Hit]] = {query_id: [] for query_id in drawn}
    for query_id, item_id, rank in found.select("query_id", "item_id", "rank").iter_rows():
        grade = grades.get((query_id, item_id), 0)
        mark = "exact" if grade >= cut else "partly" if grade else "wrong"
        title, picture = titles.get(item_id, ""), pictures.of(item_id)
        hits[query_id].append(Hit(rank, item_id, title, picture, grade, mark))
    n_exact = dict(known.filter(pl.col("relevance") >= cut).group_by("query_id").len().iter_rows())
    kinds = dict(types.group_by("query_id").agg(pl.col("type").sort()).iter_rows())
    return [
        Answered(
            texts[query_id],
            tuple(kinds.get(query_id, ())),
            values[query_id],
            n_exact.get(query_id, 0),
            tuple(hits[query_id]),
        )
        for query_id in sorted(drawn, key=lambda query_id: (values[query_id], query_id))
    ]


def render_search_sheet(
    method: str,
    dataset: str,
    answered: Sequence[Answered],
    *,
    figures: Mapping[str, str],
    n_queries: int,
    note: str = "",
) -> str:
    """Return the page of one method.

    Args:
        method: its name.
        dataset: name of the queries.
        answered: of :func:`answered_queries`.
        figures: measures over all queries as text, by name.
        n_queries: how many queries there are.
        note: what to know about the method.
    """
    return environment().get_template("search_sheet.html.j2").render(
        method=method, dataset=dataset, answered=answered, figures=figures, n_queries=n_queries,
        note=note,
    )  # fmt: skip


def render_search_overview(
    dataset: str,
    tables: Mapping[str, pl.DataFrame],
    *,
    sheets: Mapping[str, str],
    plot: str,
    notes: Sequence[str],
) -> str:
    """Return the page above the methods' pages.

    Args:
        dataset: name of the queries.
        tables: by heading; texts.
        sheets: each method's page, a relative address.
        plot: data URI of a picture of the figures.
        notes: what a person should know.
    """
    return environment().get_template("search_overview.html.j2").render(
        dataset=dataset, tables=tables, sheets=sheets, plot=plot, notes=notes
    )  # fmt: skip
