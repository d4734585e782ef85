from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from imgassets.selection.comparator import (
    closeness,
    describe,
    distances,
    ensemble_says_same,
    may_be_same,
)

LIMITS = (10, 12, 0.4)
GATE = (20, 20, 0.5)


@pytest.fixture
def compare(make_signals):
    def pair(**changed):
        zero = dict.fromkeys(("phash", "dhash", "object_phash", "edge_dhash"), "0" * 16)
        frame = pl.concat(
            [
                make_signals({"name": "a"} | zero),
                make_signals({"name": "b", "source": "a"} | zero | changed),
            ]
        )
        return distances(describe(frame), np.array([0]), np.array([1]))

    return pair


def bits(count: int) -> str:
    return f"{(1 << count) - 1:016x}"


def halves(shared: float) -> list[float]:
    histogram = [0.0] * 128
    histogram[0], histogram[1] = shared, 1 - shared
    return histogram


def test_identical_pictures(compare) -> None:
    found = compare()
    assert (found.phash, found.edge_dhash, found.hsv, found.shape, found.edges) == (0,) * 5
    assert ensemble_says_same(found, *LIMITS).all()
    assert may_be_same(found, *GATE).all()
    assert closeness(found, *LIMITS) == 0


@pytest.mark.parametrize(
    "changed",
    [{"object_phash": bits(11)}, {"edge_dhash": bits(13)}, {"hsv_histogram": halves(0.0)}],
)
def test_each_of_the_three_has_a_veto(compare, changed) -> None:
    assert not ensemble_says_same(compare(**changed), *LIMITS).any()


def test_limits_are_inclusive(compare) -> None:
    found = compare(object_phash=bits(10), edge_dhash=bits(12))
    assert (found.phash, found.edge_dhash) == (10, 12)
    assert ensemble_says_same(found, *LIMITS).all()
    assert compare(object_phash=bits(64)).phash == 64


def test_the_gate_takes_the_nearer_of_object_and_whole_picture(compare) -> None:
    padded = compare(phash=bits(40), edge_dhash=bits(40))
    assert (padded.shape, padded.edges) == (0, 0)
    assert may_be_same(padded, *GATE).all()
    assert not may_be_same(compare(phash=bits(21), object_phash=bits(21)), *GATE).any()
    assert not may_be_same(compare(dhash=bits(21), edge_dhash=bits(21)), *GATE).any()
    assert not may_be_same(compare(hsv_histogram=halves(0.0)), *GATE).any()


def test_limits_may_differ_by_pair(make_signals) -> None:
    frame = make_signals({"name": "a"}, {"name": "b", "source": "a"})
    both = distances(describe(frame), np.array([0, 0]), np.array([1, 1]))
    assert may_be_same(both, 0, 0, np.array([-1.0, 0.0])).tolist() == [False, True]


def test_chi_square_of_disjoint_histograms_is_two(make_signals) -> None:
    frame = make_signals(
        {"name": "a", "hsv_histogram": halves(1.0)}, {"name": "b", "hsv_histogram": halves(0.0)}
    )
    found = distances(describe(frame), np.array([0]), np.array([1]))
    assert found.hsv == pytest.approx(2.0)


def test_a_grayscale_copy_is_judged_by_shape_more_strictly(compare) -> None:
    gray = {"colourfulness": 0.0, "hsv_histogram": halves(0.0)}
    assert ensemble_says_same(compare(**gray), *LIMITS).all()
    assert compare(**gray).hsv == 0
    assert not ensemble_says_same(compare(**gray, object_phash=bits(6)), *LIMITS).any()


def test_no_pairs(make_signals) -> None:
    none = np.empty(0, np.int64)
    found = distances(describe(make_signals({"name": "a"}).clear()), none, none)
    assert may_be_same(found, *GATE).shape == (0,)
