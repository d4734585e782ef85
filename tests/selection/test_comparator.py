from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from imgassets.selection.comparator import are_duplicates, closeness, describe, distances
from imgassets.settings import DedupSettings

LIMITS = DedupSettings(max_phash_distance=10, max_edge_dhash_distance=12, max_hsv_distance=0.4)


@pytest.fixture
def compare(make_signals):
    def pair(**changed):
        frame = pl.concat(
            [
                make_signals({"name": "a", "object_phash": "0" * 16, "edge_dhash": "0" * 16}),
                make_signals(
                    {"name": "b", "source": "a", "object_phash": "0" * 16, "edge_dhash": "0" * 16}
                    | changed
                ),
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
    assert (found.phash, found.edge_dhash, found.hsv) == (0, 0, 0)
    assert are_duplicates(found, LIMITS).all()
    assert closeness(found, LIMITS) == 0


@pytest.mark.parametrize(
    "changed",
    [{"object_phash": bits(11)}, {"edge_dhash": bits(13)}, {"hsv_histogram": halves(0.0)}],
)
def test_each_of_the_three_has_a_veto(compare, changed) -> None:
    assert not are_duplicates(compare(**changed), LIMITS).any()


def test_limits_are_inclusive(compare) -> None:
    found = compare(object_phash=bits(10), edge_dhash=bits(12))
    assert (found.phash, found.edge_dhash) == (10, 12)
    assert are_duplicates(found, LIMITS).all()
    assert compare(object_phash=bits(64)).phash == 64


def test_chi_square_of_disjoint_histograms_is_two(make_signals) -> None:
    frame = make_signals(
        {"name": "a", "hsv_histogram": halves(1.0)}, {"name": "b", "hsv_histogram": halves(0.0)}
    )
    found = distances(describe(frame), np.array([0]), np.array([1]))
    assert found.hsv == pytest.approx(2.0)


def test_a_grayscale_copy_is_judged_by_shape_more_strictly(compare) -> None:
    gray = {"colourfulness": 0.0, "hsv_histogram": halves(0.0)}
    assert are_duplicates(compare(**gray), LIMITS).all()
    assert compare(**gray).hsv == 0
    assert not are_duplicates(compare(**gray, object_phash=bits(6)), LIMITS).any()


def test_no_pairs(make_signals) -> None:
    none = np.empty(0, np.int64)
    found = distances(describe(make_signals({"name": "a"}).clear()), none, none)
    assert are_duplicates(found, LIMITS).shape == (0,)
