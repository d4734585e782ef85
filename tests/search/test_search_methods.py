"""Rows of an evaluation: methods, slices and paired comparisons."""

import polars as pl
import pytest

from imgassets.search.evaluation import ALL, MethodRun, evaluate
from imgassets.search.measures import MEASURES, RUN_SCHEMA
from imgassets.search.query_types import query_types
from imgassets.search.tables import differences_table, methods_table
from imgassets.warehouse.contracts import SearchEvaluations

QUERIES = pl.DataFrame(
    {
        "query_id": [f"q{n}" for n in range(12)],
        "query": [f"{'blue' if n < 8 else 'checked'} thing {n}" for n in range(12)],
    }
)
JUDGED = QUERIES.select("query_id", item_id="query_id", relevance=pl.lit(2, pl.Int64))


def place_first(n_right):
    """Return a run with the right item first for some queries, and second for the others."""
    rows = []
    for number, query in enumerate(QUERIES["query_id"]):
        right = number < n_right
        rows += [(query, query, 1.0 if right else 0.0), (query, "x", 0.5)]
    return pl.DataFrame(rows, RUN_SCHEMA, orient="row")


def named(text):
    return [word for word in ("blue", "checked") if word in text]


@pytest.fixture(scope="module")
def found():
    runs = [
        MethodRun("words", place_first(4), note="a reference"),
        MethodRun("images", place_first(6)),
        MethodRun("reranked", place_first(12), against="images"),
    ]
    types = query_types(QUERIES, named)
    return evaluate(runs, JUDGED, types, model_version="m-1", dataset="things", seed=0)


def test_every_method_has_every_measure_of_all_queries(found):
    rows = SearchEvaluations.validate(found.rows).filter(slice=ALL)
    assert found.cut == 2
    assert rows.height == 3 * len(MEASURES)
    assert rows.filter(method="images", measure="R@1")["value"].to_list() == [0.5]
    assert set(rows["n"]) == {12}
    assert rows.filter(method="words")["note"].unique().to_list() == ["a reference"]
    assert found.per_query.height == 3 * 12 * len(MEASURES)


def test_methods_are_compared_query_by_query_with_the_one_they_name(found):
    rows = found.rows.filter(slice=ALL, measure="R@1")
    (own,) = rows.filter(method="reranked").to_dicts()
    assert own["against"] == "images"
    assert own["difference"] == 0.5
    assert 0 < own["difference_lower"] < own["difference_upper"]
    assert own["p_value"] == pytest.approx(2 / 2**6, abs=0.01)  # six queries, all better
    assert rows.filter(pl.col("method") != "reranked")["difference"].is_null().all()


def test_types_of_queries_have_figures_where_there_are_enough(found):
    rows = found.rows.filter(method="images", measure="R@1")
    # Four queries name 'checked': too few.
    assert dict(rows.select("slice", "value").iter_rows()) == {ALL: 0.5, "names blue": 0.75}


def test_tables_for_people(found):
    table = methods_table(found.rows)
    assert table.columns == ["method", *MEASURES]
    assert table["method"].to_list() == ["words", "images", "reranked"]
    assert table.row(2)[1] == "1.000 (1.000 … 1.000)"
    gains = differences_table(found.rows, measures=["R@1"]).to_dicts()
    assert (gains[0]["method"], gains[0]["against"]) == ("reranked", "images")
    assert gains[0]["R@1"].startswith("+0.500 (+0.2")
    assert gains[0]["p (R@1)"].startswith("0.03")


def test_types_of_a_query_are_what_it_names():
    types = query_types(
        pl.DataFrame({"query_id": ["a", "b"], "query": ["blue checked", "anything"]}), named
    )
    assert types.rows() == [
        ("a", "names blue"), ("a", "names checked"), ("b", "names no attribute"),
    ]  # fmt: skip


def test_faults_are_named():
    run = MethodRun("images", place_first(1))
    about = {"model_version": "", "dataset": "d", "seed": 0}
    types = query_types(QUERIES, named)
    with pytest.raises(ValueError, match="same name"):
        evaluate([run, run], JUDGED, types, **about)
    with pytest.raises(ValueError, match="not there: images"):
        evaluate([run._replace(against="none")], JUDGED, types, **about)
    with pytest.raises(ValueError, match="no query has an answer"):
        evaluate([run], JUDGED.with_columns(relevance=pl.lit(0, pl.Int64)), types, **about)
