"""How well several methods answer the same judged queries: rows of ``search_evaluations``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import polars as pl

from imgassets.search.measures import measure
from imgassets.search.significance import compare, summarise
from imgassets.warehouse.search_contracts import SearchEvaluations

ALL = "all"
"""Slice of all queries."""

MIN_QUERIES = 5
"""Queries of a type from which it has figures of its own."""


class MethodRun(NamedTuple):
    """What one method found.

    Attributes:
        name: of the method, unique.
        run: columns of :data:`imgassets.search.measures.RUN_SCHEMA`.
        against: name of the method that it is compared with; None: with none.
        note: what to know about its figures; '' if nothing.
    """

    name: str
    run: pl.DataFrame
    against: str | None = None
    note: str = ""


class Evaluated(NamedTuple):
    """What was measured.

    Attributes:
        rows: of contract ``SearchEvaluations``, in the methods' order.
        per_query: ``method``, ``query_id``, ``measure``, ``value``.
        cut: lowest grade that recall, precision and average precision counted as relevant.
    """

    rows: pl.DataFrame
    per_query: pl.DataFrame
    cut: int


def highest_grade(judgements: pl.DataFrame) -> int:
    """Return the grade of exact answers.

    Raises:
        ValueError: no pair is judged relevant.
    """
    best = judgements["relevance"].max()
    if not isinstance(best, int) or best < 1:
        raise ValueError("no query has an answer: all judgements are 0, or there are none")
    return best


def evaluate(
    runs: Sequence[MethodRun],
    judgements: pl.DataFrame,
    types: pl.DataFrame,
    *,
    model_version: str,
    dataset: str,
    seed: int,
    cut: int | None = None,
) -> Evaluated:
    """Measure every method, over all queries and over each type of queries, and compare them.

    Args:
        runs: what each method found.
        judgements: ``query_id``, ``item_id``, ``relevance``.
        types: ``query_id``, ``type``: any number of types per query
            (:func:`imgassets.search.query_types.query_types`). A type of fewer than
            :data:`MIN_QUERIES` queries, or of all of them, has no figures.
        model_version: of the model whose parts the methods are.
        dataset: name of the queries.
        seed: of everything random.
        cut: lowest grade that recall, precision and average precision count as relevant; None: the
            highest grade there is.

    Raises:
        ValueError: no pair is judged relevant, two methods have one name, or a method is compared
            with one that is not there.
    """
    names = [run.name for run in runs]
    if len(set(names)) < len(names):
        raise ValueError(f"two methods have the same name: {', '.join(names)}")
    if lost := [run.name for run in runs if run.against not in (None, *names)]:
        raise ValueError(f"compared with a method that is not there: {', '.join(lost)}")
    cut = cut or highest_grade(judgements)
    measured = {run.name: measure(run.run, judgements, cut) for run in runs}
    parts = dict(_slices(judgements, types))
    rows = [
        {"method": run.name, "slice": part, "against": run.against, "note": run.note, **figures}
        for run in runs
        for part, queries in parts.items()
        for figures in _figures(
            _of(measured[run.name], queries),
            None if run.against is None else _of(measured[run.against], queries),
            seed,
        )
    ]
    frame = pl.DataFrame(rows, infer_schema_length=None).with_columns(
        model_version=pl.lit(model_version), dataset=pl.lit(dataset)
    )
    per_query = pl.concat(
        [of.select(pl.lit(name).alias("method"), pl.all()) for name, of in measured.items()]
    )
    return Evaluated(SearchEvaluations.conform(frame), per_query, cut)


def _slices(judgements: pl.DataFrame, types: pl.DataFrame) -> Iterator[tuple[str, pl.Series]]:
    queries = judgements.filter(pl.col("relevance") >= 1)["query_id"].unique()
    yield ALL, queries
    known = types.filter(pl.col("query_id").is_in(queries.implode())).sort("type", "query_id")
    for (name,), part in known.partition_by("type", as_dict=True, maintain_order=True).items():
        if MIN_QUERIES <= part.height < len(queries):
            yield str(name), part["query_id"]


def _of(per_query: pl.DataFrame, queries: pl.Series) -> pl.DataFrame:
    return per_query.filter(pl.col("query_id").is_in(queries.implode()))


def _figures(
    ours: pl.DataFrame, theirs: pl.DataFrame | None, seed: int
) -> Iterator[dict[str, Any]]:
    """Return a row per measure: value, interval, and the difference where there is one."""
    values = summarise(ours, seed=seed)
    if theirs is not None:
        differences = compare(ours, theirs, seed=seed).drop("n")
        values = values.join(differences, on="measure", how="left", maintain_order="left")
    yield from values.iter_rows(named=True)
