"""Paired intervals and tests: what they must say where the truth is known."""

import itertools

import numpy as np
import polars as pl
import pytest

from imgassets.search.measures import PER_QUERY_SCHEMA
from imgassets.search.significance import compare, randomisation_test, summarise


def per_query(values, name="nDCG@10"):
    return pl.DataFrame(
        {
            "query_id": [f"q{n:04}" for n in range(len(values))],
            "measure": [name] * len(values),
            "value": np.asarray(values, float),
        },
        PER_QUERY_SCHEMA,
    )


def test_means_with_intervals_of_their_usual_width():
    values = np.random.default_rng(0).normal(0.5, 0.1, 400)
    (row,) = summarise(per_query(values), seed=0).to_dicts()
    assert row["value"] == pytest.approx(values.mean())
    half = 1.96 * values.std() / 20
    assert (row["upper"] - row["lower"]) / 2 == pytest.approx(half, rel=0.1)
    assert row["n"] == 400


def test_a_small_gain_on_most_queries_is_found_though_queries_differ_much():
    rng = np.random.default_rng(1)
    theirs = rng.uniform(0, 0.9, 100)
    ours = theirs + rng.normal(0.03, 0.05, 100)
    (row,) = compare(per_query(ours), per_query(theirs), seed=0).to_dicts()
    assert row["difference"] == pytest.approx((ours - theirs).mean())
    assert 0 < row["difference_lower"] < row["difference"] < row["difference_upper"]
    assert row["p_value"] < 0.001


def test_no_difference_has_an_interval_around_0_and_a_p_value_of_1():
    same = per_query(np.linspace(0, 1, 20))
    (row,) = compare(same, same, seed=0).to_dicts()
    assert (row["difference"], row["difference_lower"], row["difference_upper"]) == (0, 0, 0)
    assert row["p_value"] == 1


def test_the_randomisation_test_agrees_with_all_exchanges():
    differences = np.array([0.3, -0.1, 0.2, 0.25, 0.0, 0.4, -0.05, 0.1, 0.15])
    sums = [abs(np.dot(s, differences)) for s in itertools.product((-1, 1), repeat=9)]
    exact = np.mean(np.array(sums) >= abs(differences.sum()) - 1e-12)
    assert randomisation_test(differences, seed=0) == pytest.approx(exact, abs=0.005)
    assert randomisation_test(differences, seed=3) == randomisation_test(differences, seed=3)


def test_the_test_errs_as_often_as_it_says():
    rng = np.random.default_rng(2)
    found = [randomisation_test(rng.normal(0, 1, 30), seed=0, permutations=400) for _ in range(400)]
    assert np.mean(np.array(found) < 0.05) == pytest.approx(0.05, abs=0.03)


def test_only_common_queries_count_and_few_have_no_interval():
    ours, theirs = per_query([0.1, 0.9]), per_query([0.2, 0.5, 0.7])
    (row,) = compare(ours, theirs, seed=0).to_dicts()
    assert row["n"] == 2
    assert row["difference"] == pytest.approx(0.15)
    assert row["difference_lower"] is row["p_value"] is None
    assert compare(ours, per_query([], "mAP"), seed=0).is_empty()


def test_measures_keep_their_order():
    both = pl.concat([per_query([1, 2, 3]), per_query([0, 1, 1], "R@1")])
    assert summarise(both, seed=0)["measure"].to_list() == ["R@1", "nDCG@10"]
    assert compare(both, both, seed=0)["measure"].to_list() == ["R@1", "nDCG@10"]
