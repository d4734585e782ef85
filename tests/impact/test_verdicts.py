from __future__ import annotations

import numpy as np
import pytest

from imgassets.impact.verdicts import MAX_SCALE, MIN_R2, Judged, false_discovery, verdict

SURE = {"status": "estimated", "effect": 5.0, "p_value": 0.001, "q_value": 0.01, "cells": 48}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, "rise"),
        ({"effect": -5.0}, "fall"),
        ({"q_value": 0.06}, "rise, but not after correcting for 48 cells"),
        ({"q_value": 0.06, "effect": -5.0}, "fall, but not after correcting for 48 cells"),
        ({"p_value": 0.06, "q_value": 0.2}, "no effect shown"),
        ({"p_value": float("nan"), "q_value": float("nan")}, "no effect shown"),
        ({"placebo_q": 0.04}, "comparison does not hold"),
        ({"placebo_q": 0.06}, "rise"),
        ({"scale": MAX_SCALE + 0.1}, "comparison does not hold"),
        ({"scale": MAX_SCALE}, "rise"),
        ({"r2": MIN_R2 - 0.1}, "comparison does not hold"),
        ({"r2": MIN_R2}, "rise"),
        ({"p_value": 0.5, "placebo_q": 0.01}, "comparison does not hold"),
        ({"status": "refused"}, "refused"),
        ({"status": "not yet", "placebo_q": 0.01}, "not yet"),
    ],
)
def test_words_follow_from_numbers(changed: dict[str, float], words: str) -> None:
    found, reason = verdict(Judged(**(SURE | changed)), 0.05)
    assert found == words
    assert bool(reason) == (words == "comparison does not hold")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"placebo_q": 0.012}, "q 0.012, limit 0.05"),
        ({"scale": 7.25}, "7.2 times as much"),
        ({"r2": -0.75}, "R² -0.75, limit -0.5"),
    ],
)
def test_why_a_comparison_does_not_hold(changed: dict[str, float], said: str) -> None:
    assert said in verdict(Judged(**(SURE | changed)), 0.05)[1]


def test_q_values_are_benjamini_and_hochbergs() -> None:
    p = np.array([0.01, np.nan, 0.04, 0.03, 0.5])
    np.testing.assert_allclose(false_discovery(p), [0.04, np.nan, 0.16 / 3, 0.16 / 3, 0.5])
    assert np.isnan(false_discovery(np.array([np.nan]))).all()
