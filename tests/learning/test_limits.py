from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgassets.learning.limits import NEVER, Limits, choose_limits, measures


def limits(truth, p, real=None, *, discards=0.0, precision=0.95, rejections=1) -> Limits:
    truth = np.array(truth, dtype=bool)
    return choose_limits(
        truth,
        np.array(p, dtype=np.float64),
        np.ones(len(truth), dtype=bool) if real is None else np.array(real, dtype=bool),
        max_false_discards=discards,
        reject_precision=precision,
        min_rejections=rejections,
    )


def test_the_limit_stands_in_the_middle_of_the_gap() -> None:
    found = limits([1, 1, 0, 0], [0.9, 0.8, 0.2, 0.1])
    assert found.flag == pytest.approx(0.5)
    assert found.reject == pytest.approx(0.5)
    assert found.review == pytest.approx(0.5)


def test_order_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    truth, p = rng.random(80) < 0.4, rng.random(80)
    order = rng.permutation(80)
    assert limits(truth, p, discards=0.1) == limits(truth[order], p[order], discards=0.1)


class TestFalseDiscards:
    truth = np.array([1, 1, 0, 1, 1, 1, 0, 0, 0, 0], bool)
    p = np.array([0.95, 0.9, 0.8, 0.7, 0.65, 0.6, 0.3, 0.2, 0.1, 0.05])

    def test_no_good_image_may_go(self) -> None:
        assert limits(self.truth, self.p).flag == pytest.approx(0.85)

    def test_one_in_five_may_go(self) -> None:
        assert limits(self.truth, self.p, discards=0.2).flag == pytest.approx(0.45)

    def test_a_synthetic_negative_is_no_supplier_s_image(self) -> None:
        real = np.ones(10, bool)
        real[2] = False
        assert limits(self.truth, self.p, real).flag == pytest.approx(0.45)

    def test_nothing_is_flagged_where_every_flag_would_be_wrong(self) -> None:
        """A synthetic negative is on top, a real one keeps the positives below out of reach."""
        found = limits([0, 0, 1, 1], [0.9, 0.8, 0.4, 0.3], [False, True, True, True])
        assert found.flag == found.reject == NEVER


class TestReject:
    truth = np.array([1, 1, 1, 1, 0, 1, 0, 0], bool)
    p = np.array([0.9, 0.85, 0.8, 0.75, 0.6, 0.5, 0.3, 0.1])

    def test_wants_precision(self) -> None:
        found = limits(self.truth, self.p, discards=1.0, precision=0.95, rejections=3)
        assert found.flag == pytest.approx(0.4), "best F1 takes the mistake at 0.6 in"
        assert found.reject == pytest.approx(0.675)
        lax = limits(self.truth, self.p, discards=1.0, precision=0.8, rejections=3)
        assert lax.reject == lax.flag

    def test_never_with_too_few_rejections(self) -> None:
        assert limits(self.truth, self.p, precision=0.95, rejections=5).reject == NEVER

    def test_never_without_precision(self) -> None:
        found = limits([0, 1, 1], [0.9, 0.5, 0.4], discards=1.0, precision=0.95)
        assert found.reject == NEVER


class TestReview:
    def test_shows_people_the_positives_that_the_flag_misses(self) -> None:
        """A good image at 0.5 keeps the flag above it; four positives lie just below."""
        truth = np.repeat([True, False, True, False], [36, 1, 4, 100])
        p = np.concatenate([np.linspace(0.9, 0.6, 36), [0.5], [0.45] * 4, np.linspace(0.3, 0, 100)])
        found = limits(truth, p)
        assert found.flag == pytest.approx(0.55)
        assert found.review == pytest.approx(0.375)

    def test_asks_about_few_of_the_negatives(self) -> None:
        rng = np.random.default_rng(2)
        truth, p = rng.random(1000) < 0.3, rng.random(1000)
        found = limits(truth, p)
        assert np.mean(p[~truth] >= found.review) <= 0.05


def test_equal_probabilities_tell_nothing_apart() -> None:
    found = limits([1, 0, 1, 0], [0.5] * 4)
    assert found == Limits(NEVER, NEVER, NEVER)
    assert limits([1, 0], [0.0, 0.0], discards=1.0) == Limits(NEVER, NEVER, NEVER)
    assert limits([1, 0, 1, 0], [0.5] * 4, discards=1.0).flag == pytest.approx(0.25)


@st.composite
def answers(draw):
    n = draw(st.integers(1, 30))
    rows = st.lists(st.booleans(), min_size=n, max_size=n)
    truth = np.array(draw(rows))
    truth[draw(st.integers(0, n - 1))] = True
    # Few different values make ties; any float makes neighbours that have no middle.
    value = st.sampled_from([0.0, 0.1, 0.5, 0.9]) | st.floats(0, 1 - 1e-6)
    p = np.array(draw(st.lists(value, min_size=n, max_size=n)))
    return truth, p, np.array(draw(rows))


@given(answers(), st.floats(0, 1), st.floats(0.01, 1), st.integers(1, 5))
def test_limits_keep_their_promises(case, discards, precision, rejections) -> None:
    truth, p, real = case
    found = limits(truth, p, real, discards=discards, precision=precision, rejections=rejections)
    assert 0 < found.review <= found.flag <= found.reject <= NEVER
    at_flag = measures(truth, p >= found.flag, real)
    assert at_flag.false_discards <= discards
    for cut in p[p > 0]:
        other = measures(truth, p >= cut, real)
        assert other.false_discards > discards or other.f1 <= at_flag.f1 + 1e-9
    rejected = p >= found.reject
    if found.reject not in (NEVER, found.flag):
        assert truth[rejected].mean() >= precision - 1e-12
        assert truth[rejected].sum() >= rejections


def test_measures() -> None:
    truth = np.array([1, 1, 1, 0, 0, 0], bool)
    given_ = np.array([1, 1, 0, 1, 1, 0], bool)
    real = np.array([1, 1, 1, 1, 0, 1], bool)
    found = measures(truth, given_, real)
    assert (found.n, found.positives) == (6, 3)
    assert found.precision == pytest.approx(0.5)
    assert found.recall == pytest.approx(2 / 3)
    assert found.f1 == pytest.approx(4 / 7)
    assert found.false_discards == pytest.approx(0.5), "one of two real negatives"
    assert found.flat("tuned_")["tuned_f1"] == found.f1


@pytest.mark.parametrize("n", [0, 3])
def test_measures_of_nothing_are_zero(n) -> None:
    nothing = np.zeros(n, bool)
    assert set(measures(nothing, nothing, nothing).flat().values()) == {0.0, float(n)}
