from __future__ import annotations

import math
import tomllib
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgassets.selection.labelled_pairs import LabelledPair, PairDistances
from imgassets.selection.thresholds import read_thresholds
from imgassets.selection.tuned_limits import tune, write_limits
from imgassets.selection.tuning import (
    TooFewPairs,
    best_limit,
    best_limits,
    covering_limit,
    pairs_needed,
    precision_bound,
    safe_limit,
    score,
)

T, F = True, False


def array(*values: object) -> np.ndarray:
    return np.array(values)


def test_scores() -> None:
    found = score(array(T, T, T, F, F), array(T, T, F, T, F))
    assert found == (2 / 3, 2 / 3, 2 / 3, 3, 2)
    assert score(array(F, F), array(T, F))[:3] == (1, 0, 0)


@pytest.mark.parametrize(
    ("distances", "same", "limit"),
    [
        ((1, 2, 3, 4), (T, T, F, F), 2),
        ((4, 3, 2, 1), (F, F, T, T), 2),
        ((1, 1, 1, 9), (T, T, F, F), 1),  # equal distances stay together
        ((1, 5, 2, 9), (T, T, F, F), 5),
        ((0.0, 0.0, 0.5), (T, T, F), 0),
        # F1 is 2/3 at 1 and at 3: the largest is taken.
        ((1, 2, 2.5, 3), (T, F, F, T), 3),
        ((0.12345, 0.2), (T, F), 0.13),  # few decimals, below the middle
        ((0.12345, 0.12355), (T, F), 0.12345),
        ((0.1, 0.0), (T, F), 0.1),
    ],
)
def test_the_limit_with_the_best_f1(distances, same, limit) -> None:
    assert best_limit(array(*distances).astype(float), array(*same)) == limit


labelled = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 6), st.floats(0, 2), st.booleans()),
    min_size=2,
    max_size=30,
).filter(lambda rows: len({row[3] for row in rows}) == 2)


@given(labelled)
def test_no_limit_has_a_better_f1(rows) -> None:
    distances = array(*(row[2] for row in rows))
    same = array(*(row[3] for row in rows))
    found = score(distances <= best_limit(distances, same), same).f1
    assert found == max(score(distances <= limit, same).f1 for limit in distances)


@given(labelled)
def test_no_three_limits_have_a_better_f1(rows) -> None:
    distances = np.array([row[:3] for row in rows], float)
    same = array(*(row[3] for row in rows))
    limits = best_limits(distances, same)
    every = product(*(np.unique(column) for column in distances.T))
    best = max(score((distances <= np.array(three)).all(axis=1), same).f1 for three in every)
    assert score((distances <= np.array(limits)).all(axis=1), same).f1 == pytest.approx(best)


def test_the_bound_is_that_of_clopper_and_pearson() -> None:
    # Without an error it is the root of the doubt; Brown, Cai, DasGupta (2001) has the others.
    assert precision_bound(20, 20, 0.95) == pytest.approx(0.05 ** (1 / 20))
    assert precision_bound(0, 5, 0.95) == 0
    bound = float(precision_bound(18, 20, 0.95))
    as_good = sum(math.comb(20, k) * bound**k * (1 - bound) ** (20 - k) for k in (18, 19, 20))
    assert as_good == pytest.approx(0.05)
    assert (pairs_needed(0.99, 0.8), pairs_needed(0.99, 0.95)) == (161, 299)


def test_precision_must_be_proven() -> None:
    # 300 the same from 1 to 300, one other among the last ten, others far beyond.
    distances = np.concatenate([np.arange(1.0, 301), [294.5], np.arange(1000.0, 1300)])
    same = np.arange(601) < 300
    # Without the other, and those of the 294 that 300 pairs cannot tell from the best.
    assert safe_limit(distances, same, 0.995, 0.7) == 292
    # With it: 299 of 300 may be luck for 0.995, not for 0.98.
    assert safe_limit(distances, same, 0.98, 0.7) == 299
    with pytest.raises(TooFewPairs, match=r"takes 299 pairs .* and here are 294"):
        safe_limit(distances[:301], np.arange(301) < 294, 0.99, 0.95)


def test_one_duplicate_far_beyond_the_others_moves_no_limit() -> None:
    distances = np.concatenate([np.linspace(0, 0.2, 299), [0.9], np.linspace(0.95, 1, 300)])
    same = np.arange(600) < 300
    assert best_limit(distances, same) == 0.9
    assert 0.199 < safe_limit(distances, same, 0.99, 0.8) <= 0.2


def test_the_gate_lets_all_the_same_pass() -> None:
    assert covering_limit(array(1.0, 7, 3, 9), array(T, T, F, F)) == 7
    assert covering_limit(array(1.0, 7, 7, 2), array(T, T, F, F)) == 7
    assert covering_limit(array(1.0, 8, 9, 2), array(T, T, F, F), slack=0.5) == 12


@pytest.mark.parametrize(
    ("distances", "same", "message"),
    [
        ((1.0, 2.0), (F, F), "is labelled as the same"),
        ((1.0, 2.0), (T, T), "is labelled as different"),
        ((1.0, math.nan), (T, F), "not finite"),
    ],
)
def test_what_cannot_be_tuned(distances, same, message) -> None:
    distances, same = array(*distances), array(*same)
    with pytest.raises(ValueError, match=message):
        best_limit(distances, same)
    with pytest.raises(ValueError, match=message):
        safe_limit(distances, same, 0.9, 0.8)
    with pytest.raises(ValueError, match=message):
        best_limits(np.stack([distances] * 3, axis=1), same)


def distances_of(same: np.ndarray, is_test: np.ndarray) -> PairDistances:
    """Distances that part the pairs to tune on, and none of the others."""
    good = np.where(same, 0.02, 0.6)
    good[is_test] = 0.6
    parts = np.stack([np.round(50 * good), np.round(60 * good), good], axis=1)
    pairs = [LabelledPair(k, Path("a"), Path("b"), bool(s), False) for k, s in enumerate(same)]
    return PairDistances(
        pairs, same, is_test,
        {"average_hash": np.round(40 * good), "registered": good},
        {"ensemble": parts, "paper_ensemble": parts, "gate": 2 * parts},
        [],
    )  # fmt: skip


def test_test_pairs_are_scored_and_not_tuned_on() -> None:
    same, is_test = np.arange(800) % 2 == 0, np.arange(800) % 4 > 1
    found = tune(distances_of(same, is_test), 0.99, 0.8)
    assert found.table == {
        "same_probability": 0.9,
        "gate": {"shape": 3, "edges": 3, "hsv": 0.06},
        "ensemble": {"phash": 1, "edge_dhash": 1, "hsv": 0.1},
        "distances": {
            "average_hash": 1.0, "paper_phash": 1.0, "paper_edge_dhash": 1.0, "paper_hsv": 0.1,
        },
    }  # fmt: skip
    assert not found.notes
    assert {limit.name for limit in found.limits} == {
        "average_hash", "registered", "ensemble", "paper_ensemble",
    }  # fmt: skip
    for limit in found.limits:
        assert limit.tuned.f1 == 1
        assert limit.test is not None
        assert limit.test.f1 == 0


def test_few_pairs_leave_alone_what_drops_pictures() -> None:
    same = np.arange(20) % 2 == 0
    found = tune(distances_of(same, np.zeros(20, bool)), 0.99, 0.8)
    assert sorted(found.table) == ["distances", "ensemble"]
    assert found.notes == [
        "gate: left as it is, 10 of 161 pairs of the same pictures",
        "same_probability: left as it is, no limit has a precision of 0.99 for sure (confidence "
        "0.8): that takes 161 pairs found the same without an error, and here are 10",
    ]
    assert all(limit.test is None for limit in found.limits)


def test_written_limits_are_read_again(tmp_path: Path) -> None:
    file = tmp_path / "thresholds.toml"
    three = {"phash": 12, "edge_dhash": 14, "hsv": 0.25}
    write_limits(file, None, {"same_probability": 0.93, "ensemble": three})
    write_limits(file, "watches", {"distances": {"embedding": 0.15}})
    gate = {"shape": 30, "edges": 28, "hsv": 0.9}
    write_limits(file, "men's tees", {"same_probability": 0.99, "gate": gate})
    text = file.read_text()
    assert text.startswith("# Limits of the comparators.")
    assert "[categories.watches.distances]\nembedding = 0.15\n" in text
    assert tomllib.loads(text) == {
        "default": {"same_probability": 0.93, "ensemble": three},
        "categories": {
            "watches": {"distances": {"embedding": 0.15}},
            "men's tees": {"same_probability": 0.99, "gate": gate},
        },
    }
    found = read_thresholds(file)
    assert found.default.ensemble.phash == 12
    assert found.of("watches").distances["embedding"] == 0.15
    assert found.of("men's tees").same_probability == 0.99
    assert list(tmp_path.iterdir()) == [file]


def test_what_else_a_file_has_stays(tmp_path: Path) -> None:
    file = tmp_path / "thresholds.toml"
    file.write_text(
        "# Ours.\n[default] # all\nsame_probability = 0.9\n\n"
        "[categories.watches] # dials\nsame_probability = 0.95\n"
    )
    write_limits(file, "watches", {"same_probability": 0.97})
    write_limits(file, "bags", {"distances": {"average_hash": 9.0}})
    assert file.read_text().startswith(
        "# Ours.\n[default] # all\nsame_probability = 0.9\n\n"
        "[categories.watches] # dials\nsame_probability = 0.97\n"
    )
    assert tomllib.loads(file.read_text())["categories"]["bags"] == {
        "distances": {"average_hash": 9.0}
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [("default = 3\n", "default is no table"), ("[default\n", "cannot be read as TOML")],
)
def test_a_file_of_something_else_is_left_alone(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "thresholds.toml"
    file.write_text(text)
    with pytest.raises(ValueError, match=message):
        write_limits(file, None, {"same_probability": 0.9})
    assert file.read_text() == text


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cannot write .*: No such file"):
        write_limits(tmp_path / "none" / "thresholds.toml", None, {"same_probability": 0.9})
