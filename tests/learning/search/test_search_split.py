"""No product of the test's gallery is ever learnt from."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgassets.learning.search.split import split_products

QUERIES = pl.DataFrame({"query_id": ["t", "u"], "split": ["train", "test"]})


def products(groups, contents=None):
    return pl.DataFrame(
        {
            "product_id": [f"p{n}" for n in range(len(groups))],
            "group_id": groups,
            "content": contents or [f"c{n}" for n in range(len(groups))],
        }
    )


def judged(*rows):
    return pl.DataFrame(rows, schema=["query_id", "item_id", "relevance"], orient="row")


def test_exact_answers_decide_and_take_their_groups_along():
    found = split_products(
        products(["a", "a", "b", "b", "c"]),
        QUERIES,
        judged(("u", "p0", 2), ("t", "p2", 2), ("t", "p0", 1), ("u", "p3", 1), ("t", "p4", 2)),
        seed=0,
    )
    assert found.test.to_list() == ["p0", "p1"]
    assert found.train.to_list() == ["p2", "p3", "p4"]


def test_what_answers_queries_of_both_splits_is_in_the_test():
    found = split_products(
        products(["a", "b"]),
        QUERIES,
        judged(("u", "p0", 2), ("t", "p0", 2), ("t", "p1", 2)),
        seed=0,
    )
    assert found.test.to_list() == ["p0"]


def test_products_that_no_query_asks_for_are_split_in_halves_by_their_group():
    many = products(["asked", "known", *(f"g{n // 2}" for n in range(400))])
    found = split_products(many, QUERIES, judged(("u", "p0", 2), ("t", "p1", 2)), seed=0)
    assert 140 < len(found.test) < 260
    groups = dict(many.select("product_id", "group_id").iter_rows())
    assert not {groups[p] for p in found.test} & {groups[p] for p in found.train}


def test_a_picture_of_the_test_is_not_learnt_from_in_another_product():
    found = split_products(
        products(["a", "b", "c"], ["same", "same", "other"]),
        QUERIES,
        judged(("u", "p0", 2), ("t", "p1", 2), ("t", "p2", 2)),
        seed=0,
    )
    assert found == (found.test, found.train, 1)
    assert found.train.to_list() == ["p2"]


def test_a_test_without_answers_or_a_training_without_products_is_refused():
    with pytest.raises(ValueError, match="no query of the test has an exact answer"):
        split_products(products(["a"]), QUERIES, judged(("t", "p0", 2)), seed=0)
    with pytest.raises(ValueError, match="no query of the test has an exact answer"):
        split_products(products(["a"]), QUERIES, judged(("u", "p0", 0)), seed=0)
    with pytest.raises(ValueError, match="nothing is left to learn from"):
        split_products(products(["a", "a"]), QUERIES, judged(("u", "p0", 2)), seed=0)


@given(
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 5)), min_size=2, max_size=30),
    st.lists(st.tuples(st.sampled_from("tu"), st.integers(0, 29), st.integers(0, 2)), min_size=1),
    st.integers(0, 3),
)
def test_parts_share_neither_products_nor_groups_nor_pictures(rows, pairs, seed):
    known = products([group for group, _ in rows], [f"c{content}" for _, content in rows])
    answers = judged(*((q, f"p{n % len(rows)}", grade) for q, n, grade in pairs)).unique(
        ["query_id", "item_id"], keep="first", maintain_order=True
    )
    try:
        found = split_products(known, QUERIES, answers, seed=seed)
    except ValueError:
        return
    in_test = known.filter(pl.col("product_id").is_in(found.test.implode()))
    in_train = known.filter(pl.col("product_id").is_in(found.train.implode()))
    for column in ("product_id", "group_id", "content"):
        assert not set(in_test[column]) & set(in_train[column])
    assert len(found.test) + len(found.train) + found.left_out == known.height
    best = answers.filter(relevance=answers["relevance"].max(), query_id="u")
    assert set(best["item_id"]) <= set(found.test)
