"""The nearest vectors, exactly, and several rankings as one."""

from __future__ import annotations

import numpy as np
import pytest

from imgassets.search import vectors as module
from imgassets.search.fusion import DAMPING, fuse
from imgassets.search.vectors import nearest


def drawn(n, dimension=16, seed=0):
    found = np.random.default_rng(seed).normal(size=(n, dimension)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


@pytest.mark.parametrize("rows", [7, 64, 10_000])
def test_the_nearest_are_those_of_a_full_sort(rows, monkeypatch):
    monkeypatch.setattr(module, "_ROWS", rows)
    monkeypatch.setattr(module, "_QUERIES", 3)
    vectors, queries = drawn(500), drawn(10, seed=1)
    found = nearest(queries, vectors, 20)
    scores = queries @ vectors.T
    expected = np.argsort(-scores, axis=1)[:, :20]
    assert (found.places == expected).all()
    assert found.scores == pytest.approx(np.take_along_axis(scores, expected, 1), abs=1e-6)


def test_of_equal_ones_the_earlier_comes_first(monkeypatch):
    monkeypatch.setattr(module, "_ROWS", 8)
    vectors = np.tile(drawn(3), (20, 1))
    (places,) = nearest(vectors[:1], vectors, 5).places
    assert places.tolist() == [0, 3, 6, 9, 12]


def test_only_rows_among_those_asked_for_are_found(monkeypatch):
    monkeypatch.setattr(module, "_ROWS", 8)
    vectors = drawn(100)
    among = np.arange(1, 100, 3)
    (places,) = nearest(vectors[:1], vectors, 10, among).places
    expected = among[np.argsort(-(vectors[among] @ vectors[0]))[:10]]
    assert places.tolist() == expected.tolist()


def test_more_than_there_are_gives_all():
    vectors = drawn(5)
    assert sorted(nearest(vectors[:1], vectors, 100).places[0].tolist()) == [0, 1, 2, 3, 4]
    assert nearest(vectors[:2], vectors, 3, np.zeros(0, np.int64)).places.shape == (2, 0)
    assert nearest(vectors[:1], vectors[:0], 3).places.shape == (1, 0)


@pytest.mark.parametrize(
    ("queries", "k", "says"),
    [
        (drawn(1), 0, "at least 1"),
        (drawn(1, 8), 1, "do not fit"),
        (drawn(1)[0], 1, "do not fit"),
        (np.full((1, 16), np.nan, np.float32), 1, "no number"),
    ],
)
def test_what_cannot_be_searched_is_said(queries, k, says):
    with pytest.raises(ValueError, match=says):
        nearest(queries, drawn(5), k)


def test_fusion_adds_reciprocal_ranks():
    fused = fuse([["a", "b", "c"], ["b", "d"]])
    assert [thing for thing, _ in fused] == ["b", "a", "d", "c"]
    assert dict(fused)["b"] == pytest.approx(1 / (DAMPING + 2) + 1 / (DAMPING + 1))
    assert fuse([]) == []
    assert fuse([["x", "y"], ["y", "x"]])[0][0] == "x", "of equal ones the earlier named"
