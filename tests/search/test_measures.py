"""Measures of rankings against values worked out by hand, and by plain code."""

import math

import numpy as np
import polars as pl
import pytest

from imgassets.search.measures import MEASURES, best_of, mean_of, measure

JUDGED = pl.DataFrame(
    [
        ("q1", "a", 2), ("q1", "b", 1), ("q1", "c", 2), ("q1", "z", 0),
        ("q2", "a", 1),
        ("q3", "z", 0),
        ("q4", "d", 2),
    ],
    schema=["query_id", "item_id", "relevance"],
    orient="row",
)  # fmt: skip


def run_of(**ranked):
    return pl.DataFrame(
        [
            (query, item, float(len(items) - place))
            for query, items in ranked.items()
            for place, item in enumerate(items)
        ],
        schema={"query_id": pl.String, "item_id": pl.String, "score": pl.Float64},
        orient="row",
    )


def values(found, query):
    rows = found.filter(pl.col("query_id") == query)
    return dict(zip(rows["measure"], rows["value"], strict=True))


def test_each_measure_of_a_query_as_worked_out_by_hand():
    found = values(measure(run_of(q1=["b", "a", "x", "c"]), JUDGED, 2), "q1")
    gained = 1 + 2 / math.log2(3) + 2 / math.log2(5)
    best = 2 + 2 / math.log2(3) + 1 / math.log2(4)
    assert list(found) == list(MEASURES)
    assert found == pytest.approx(
        {
            "R@1": 0, "R@10": 1, "R@50": 1, "P@10": 0.2,
            "mAP": (1 / 2 + 2 / 4) / 2, "nDCG@10": gained / best,
        }
    )  # fmt: skip


def test_the_cut_says_which_grade_is_relevant():
    found = values(measure(run_of(q1=["b", "a", "x", "c"]), JUDGED, 1), "q1")
    assert found["R@1"] == pytest.approx(1 / 3)
    assert found["P@10"] == pytest.approx(0.3)


def test_queries_without_answers_are_left_out_and_those_not_answered_are_0():
    found = measure(run_of(q1=["a"], q2=["b"], q3=["z"], unjudged=["a"]), JUDGED, 2)
    assert set(found["query_id"]) == {"q1", "q2", "q4"}
    assert values(found, "q2") == {"nDCG@10": 0}
    assert values(found, "q4") == dict.fromkeys(MEASURES, 0.0)


def test_ties_are_broken_by_id_whatever_the_order_of_rows():
    tied = run_of(q1=["c", "x", "a", "b"]).with_columns(score=pl.lit(0.5))
    assert measure(tied, JUDGED, 2).equals(measure(tied.reverse(), JUDGED, 2))
    assert best_of(tied, 2)["item_id"].to_list() == ["a", "b"]


def test_scores_that_differ_in_double_precision_alone_keep_their_order():
    close = pl.DataFrame(
        {"query_id": ["q4", "q4"], "item_id": ["x", "d"], "score": [0.5, 0.5 + 1e-12]}
    )
    assert values(measure(close, JUDGED, 2), "q4")["R@1"] == 1


def test_agrees_with_plain_code_on_random_rankings():
    rng = np.random.default_rng(0)
    items = [f"i{n:03}" for n in range(120)]
    judged = pl.DataFrame(
        [
            (f"q{q}", item, int(grade))
            for q in range(8)
            for item, grade in zip(items, rng.choice(3, 120, p=[0.8, 0.15, 0.05]), strict=True)
        ],
        schema=["query_id", "item_id", "relevance"],
        orient="row",
    )
    run = judged.select("query_id", "item_id", score=pl.Series(rng.normal(size=judged.height)))
    found = measure(run, judged, 2)
    discount = 1 / np.log2(np.arange(2, 12))
    for query in judged["query_id"].unique():
        ranked = best_of(run.filter(pl.col("query_id") == query), 120).join(
            judged, on=["query_id", "item_id"], maintain_order="left"
        )
        grades = ranked["relevance"].to_numpy()
        exact = grades >= 2
        n = exact.sum()
        precision = np.cumsum(exact) / np.arange(1, 121)
        ideal = np.sort(grades)[::-1][:10]
        plain = [
            *(exact[:k].sum() / n for k in (1, 10, 50)), exact[:10].mean(),
            (precision * exact).sum() / n,
            (grades[:10] * discount).sum() / (ideal * discount).sum(),
        ]  # fmt: skip
        assert list(values(found, query).values()) == pytest.approx(plain)


def test_nothing_found_and_nothing_judged():
    nothing = run_of()
    assert mean_of(measure(nothing, JUDGED, 2)) == 0
    assert measure(run_of(q1=["a"]), JUDGED.clear(), 2).is_empty()
    assert math.isnan(mean_of(measure(nothing, JUDGED.clear(), 2)))


def test_faults_are_named():
    run = run_of(q1=["a", "b"])
    with pytest.raises(ValueError, match="lowest relevant grade"):
        measure(run, JUDGED, 0)
    with pytest.raises(ValueError, match="no finite number"):
        measure(run.with_columns(score=float("nan")), JUDGED, 2)
    with pytest.raises(ValueError, match="a run name the same"):
        measure(pl.concat([run, run]), JUDGED, 2)
    with pytest.raises(ValueError, match="judgements name the same"):
        measure(run, pl.concat([JUDGED, JUDGED]), 2)
