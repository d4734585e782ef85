"""The main weakness of a photo in words, and the baselines that rest on the same measures."""

from __future__ import annotations

import polars as pl
import pytest

from imgassets.reviews.baselines import (
    AESTHETIC,
    BASELINES,
    RANDOM,
    RESOLUTION,
    RULES,
    TECHNICAL,
    baseline_scores,
)
from imgassets.reviews.prompt import builtin_limits
from imgassets.reviews.weakness import COLOURLESS, weaknesses
from tests.review_rows import signals


def test_the_worst_problem_is_named_with_its_advice() -> None:
    rows = signals(4).with_columns(
        sharpness=pl.Series([0.45, 0.2, 0.32, 0.45]),
        bright=pl.Series([230.0, 150.0, 60.0, 230.0]),
        colourfulness=pl.Series([30.0, 30.0, 0.2, 0.2]),
    )
    found = weaknesses(rows, builtin_limits())
    assert found["weakness"].to_list() == ["", "blurry", "dark", COLOURLESS]
    assert found["weakness_text"][2] == builtin_limits()["dark"].advice
    assert found["rule_score"].to_list() == pytest.approx([1, 0.139, 0.08, 1], abs=0.01)


def test_baselines_need_no_model_but_name_nimas_where_there_is_one() -> None:
    rows = signals(5).with_columns(width=pl.Series([10, 20, 30, 40, 50], dtype=pl.Int32))
    plain = baseline_scores(rows, builtin_limits(), 0)
    assert set(plain.columns) == set(BASELINES) - {AESTHETIC, TECHNICAL}
    assert plain[RESOLUTION].to_list() == [12e3, 24e3, 36e3, 48e3, 60e3]
    assert plain[RULES].to_list() == [1.0] * 5
    assert plain[RANDOM].equals(baseline_scores(rows, builtin_limits(), 0)[RANDOM])
    rated = rows.with_columns(aesthetic=pl.lit(5.0), technical=pl.lit(None, pl.Float64))
    assert list(baseline_scores(rated, builtin_limits(), 0).columns) == list(BASELINES)
