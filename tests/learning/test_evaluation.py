from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from imgassets.learning.evaluation import evaluate, group_split, luck_of_win


def groups(n: int, each: int = 3) -> pl.DataFrame:
    return pl.DataFrame({"group_id": [f"g{i}" for i in range(n) for _ in range(each)]})


def test_split_never_shares_a_group() -> None:
    frame = groups(200)
    train, held = group_split(frame, 0.2, seed=1)
    assert not set(train["group_id"]) & set(held["group_id"])
    assert train.height + held.height == frame.height
    assert 0.12 < held.height / frame.height < 0.28


def test_split_keeps_sides_when_labels_are_added_or_shuffled() -> None:
    _, before = group_split(groups(100))
    _, after = group_split(groups(150, each=5).sample(fraction=1, shuffle=True, seed=0))
    assert set(before["group_id"]) == {g for g in after["group_id"] if int(g[1:]) < 100}


def test_split_depends_on_the_seed() -> None:
    held = [set(group_split(groups(100), seed=s)[1]["group_id"]) for s in (0, 1)]
    assert held[0] != held[1]


@pytest.mark.parametrize("holdout", [0.0001, 0.9999])
def test_split_leaves_no_side_empty(holdout: float) -> None:
    train, held = group_split(groups(2), holdout)
    assert train.height == held.height == 3


def test_one_group_cannot_be_split() -> None:
    with pytest.raises(ValueError, match="labels of 1 groups cannot be split"):
        group_split(groups(1))


def test_measures() -> None:
    found = evaluate(["a", "a", "a", "b", "c"], ["a", "a", "b", "b", "a"])
    assert found.accuracy == pytest.approx(0.6)
    assert found.per_class["a"] == pytest.approx(
        {"precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3, "support": 3}
    )
    assert found.macro_f1 == pytest.approx((2 / 3 + 2 / 3 + 0) / 3)
    np.testing.assert_array_equal(found.confusion, [[2, 1, 0], [0, 1, 0], [1, 0, 0]])
    assert found.metrics()["recall_b"] == 1.0


def test_only_scored_classes_count() -> None:
    found = evaluate(["a", "b", "side"], ["a", "b", "a"], scored=["a", "b", "absent"])
    assert found.scored == ("a", "b")
    assert found.macro_f1 == pytest.approx((2 / 3 + 1) / 2)
    assert found.accuracy == pytest.approx(2 / 3)


def test_nothing_to_compare() -> None:
    with pytest.raises(ValueError, match="no held-out labels"):
        evaluate([], [])


def test_a_win_may_be_luck() -> None:
    labels = ["a"] * 10
    right, wrong = ["a"] * 10, ["b"] * 10
    assert luck_of_win(labels, right, right) == 1.0
    assert luck_of_win(labels, wrong, wrong) == 1.0
    assert luck_of_win(labels, right, wrong) == pytest.approx(0.5**10)
    one_win = ["b", *right[1:]]
    assert luck_of_win(labels, right, one_win) == pytest.approx(0.5)
    assert luck_of_win(labels, one_win, right) == 1.0
    # Five wins, one defeat: 7 of the 64 ways in which six fair coins can fall.
    assert luck_of_win(labels, one_win, ["a", *wrong[:5], *right[:4]]) == pytest.approx(7 / 64)


def test_plot_is_a_png() -> None:
    png = evaluate(["a", "b"], ["a", "a"]).confusion_plot("title")
    assert png.startswith(b"\x89PNG")
