"""How well rankings answer judged queries: recall, precision, average precision and nDCG.

The library ir_measures computes them, as TREC's evaluations do. Recall, precision and average
precision count an item as relevant from a grade on (``cut``); nDCG uses every grade as its gain and
discounts by the logarithm of the rank (Järvelin and Kekäläinen, 2002), as trec_eval does.
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

RUN_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "query_id": pl.String,
    "item_id": pl.String,
    "score": pl.Float64,
}
"""Columns of a run: the items that a method found for each query; a higher score is a better one.
Items that are not in it were not found."""

PER_QUERY_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "query_id": pl.String,
    "measure": pl.String,
    "value": pl.Float64,
}
"""Columns of per-query measures."""

MEASURES = ("R@1", "R@10", "R@50", "P@10", "mAP", "nDCG@10")
"""Recall of the best 1, 10 and 50, precision of the best 10, mean average precision over the whole
run, nDCG of the best 10; each 0 … 1, computed per query."""

MAIN_MEASURE = "nDCG@10"
"""What models are chosen and promoted by."""


def measure(run: pl.DataFrame, judgements: pl.DataFrame, cut: int) -> pl.DataFrame:
    """Measure a run, query by query.

    Items of equal score are ranked by their id, so that a figure does not depend on the order in
    which a method lists them.

    Args:
        run: columns of :data:`RUN_SCHEMA`; queries without a judgement are passed over.
        judgements: ``query_id``, ``item_id``, ``relevance``; pairs that are not listed are 0.
        cut: lowest grade that recall, precision and average precision count as relevant; at least
            1. The highest grade asks for exact answers.

    Returns:
        Columns of :data:`PER_QUERY_SCHEMA`, by query and in the order of :data:`MEASURES`. A query
        that nothing was found for has 0. One without an answer of grade ``cut`` has nDCG alone, one
        without any answer is not in it: what nobody can find is no one's fault.

    Raises:
        ValueError: ``cut`` is below 1, a score is no finite number, or a run or the judgements name
            a pair twice.
    """
    if cut < 1:
        raise ValueError(f"the lowest relevant grade is 1 or more, not {cut}")
    if not run["score"].cast(pl.Float64).is_finite().all():
        raise ValueError("a run has a score that is no finite number")
    for what, frame in (("a run", run), ("the judgements", judgements)):
        if frame.select("query_id", "item_id").is_duplicated().any():
            raise ValueError(f"{what} name the same query and item twice")
    answers = judgements.filter(pl.col("relevance") >= 1)
    found = _calculate(_ranked(run.join(answers, on="query_id", how="semi")), answers, cut)
    exact = answers.filter(pl.col("relevance") >= cut)["query_id"].unique()
    order = pl.Enum(MEASURES)
    return (
        pl.DataFrame(found, PER_QUERY_SCHEMA, orient="row")
        .filter((pl.col("measure") == MAIN_MEASURE) | pl.col("query_id").is_in(exact.implode()))
        .sort("query_id", pl.col("measure").cast(order))
    )


def mean_of(per_query: pl.DataFrame, name: str = MAIN_MEASURE) -> float:
    """Return the mean of a measure over queries; NaN where no query has it."""
    found = per_query.filter(pl.col("measure") == name)["value"].mean()
    return float("nan") if found is None else float(found)  # type: ignore[arg-type]


def best_of(run: pl.DataFrame, k: int) -> pl.DataFrame:
    """Return the k best items of each query, with their ``rank`` from 1, as measured."""
    return (
        run.sort(["query_id", "score", "item_id"], descending=[False, True, False])
        .with_columns(rank=pl.int_range(1, pl.len() + 1).over("query_id"))
        .filter(pl.col("rank") <= k)
    )


def _ranked(run: pl.DataFrame) -> dict[str, dict[str, float]]:
    """Return a run as ir_measures takes it, the score being the rank from below.

    trec_eval breaks ties by the id backwards, and may know scores in single precision alone.
    """
    ranked = best_of(run, run.height)
    return {
        str(query): dict(zip(items, (-float(rank) for rank in ranks), strict=True))
        for query, items, ranks in ranked.group_by("query_id", maintain_order=True)
        .agg("item_id", "rank")
        .iter_rows()
    }


def _calculate(
    run: dict[str, dict[str, float]], answers: pl.DataFrame, cut: int
) -> Iterable[tuple[str, str, float]]:
    import ir_measures
    from ir_measures import AP, P, R, nDCG

    of = dict(
        zip(
            (R(rel=cut) @ 1, R(rel=cut) @ 10, R(rel=cut) @ 50, P(rel=cut) @ 10, AP(rel=cut),
             nDCG @ 10),
            MEASURES,
            strict=True,
        )
    )  # fmt: skip
    judged = {
        str(query): dict(zip(items, grades, strict=True))
        for query, items, grades in answers.group_by("query_id", maintain_order=True)
        .agg("item_id", "relevance")
        .iter_rows()
    }
    for found in ir_measures.iter_calc(list(of), judged, run):
        yield found.query_id, of[found.measure], float(found.value)
