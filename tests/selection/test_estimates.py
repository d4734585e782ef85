"""Estimates from a sample: intervals that hold as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from imgassets.selection.estimates import Estimate, per_item, share


def test_a_shares_interval_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(1000):
        found = share(int(rng.binomial(200, 0.1)), 200)
        hits += found.lower <= 0.1 <= found.upper
    assert hits / 1000 >= 0.93


def test_a_share_of_none_is_not_certain() -> None:
    found = share(0, 20)
    assert found.value == 0
    assert 0.1 < found.upper < 0.25


def test_an_amount_per_item_is_a_ratio_of_sums() -> None:
    assert per_item([10, 2], [4, 2], seed=0).value == 2.0


def test_its_interval_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    hits = 0
    for trial in range(300):
        items = rng.integers(5, 15, 40)
        found = per_item(items * rng.gamma(4.0, 0.5, 40), items, seed=trial)
        hits += found.lower <= 2.0 <= found.upper
    assert hits / 300 >= 0.88


def test_it_repeats_with_its_seed() -> None:
    amounts, items = [3.0, 1.0, 2.0], [1, 2, 1]
    assert per_item(amounts, items, seed=5) == per_item(amounts, items, seed=5)


def test_multiples() -> None:
    assert Estimate(1.0, 0.5, 2.0).times(10) == Estimate(10.0, 5.0, 20.0)


@pytest.mark.parametrize("call", [lambda: share(0, 0), lambda: per_item([], [], seed=0)])
def test_no_items_are_refused(call) -> None:
    with pytest.raises(ValueError, match="items"):
        call()
