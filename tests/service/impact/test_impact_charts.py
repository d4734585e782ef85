"""Places on a drawing: what the numbers say, no more."""

from __future__ import annotations

import itertools

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgassets.service.impact_charts import Scale, around_zero, panels, spark, ticks, whisker


def test_a_scale_puts_what_lies_outside_on_its_edge():
    scale = Scale(-1, 1, 0, 100)
    assert [scale(v) for v in (-9, -1, 0, 0.5, 1, 9)] == [0, 0, 50, 75, 100, 100]
    assert not scale.holds(1.01)


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(2, 8))
def test_marks_are_round_equally_apart_and_on_the_scale(low, length, count):
    scale = Scale(low, low + length, 0, 1000)
    values: list[float] = []
    found = ticks(scale, count, lambda value: values.append(value) or "")
    assert len(found) <= 2.6 * count + 1
    steps = [b - a for a, b in itertools.pairwise(values)]
    assert all(step == pytest.approx(steps[0], rel=1e-6, abs=1e-9) for step in steps)
    assert all(-0.1 <= tick.place <= 1000.1 for tick in found)


def test_a_cell_that_has_only_days_before_is_drawn():
    nothing = pl.Series([None] * 30, dtype=pl.Float64)
    series = pl.DataFrame(
        {
            "tau": range(-30, 0), "date": pl.Series([None] * 30, dtype=pl.Date),
            "actual": [7.0] * 30, "expected": [7.0] * 30, "expected_lower": [7.0] * 30,
            "expected_upper": [7.0] * 30, "cumulative_effect": nothing,
            "cumulative_lower": nothing, "cumulative_upper": nothing,
        }
    )  # fmt: skip
    original, _, summed = panels(series)
    assert dict(original.lines)["actual"].count("L") == 29
    assert (summed.band, dict(summed.lines)["effect"]) == ("", "")
    assert original.start == 948, "the intervention is still to come"


def test_a_few_wide_intervals_do_not_squeeze_the_others():
    scale = around_zero([0.05] * 18 + [None, 3.0, float("nan"), -0.04], 0, 100, part=0.9)
    assert scale.high == pytest.approx(0.055)
    row = {"lower": -0.01, "upper": 3.0, "relative_effect": 0.02}
    cut = whisker(scale, row, "lower", "upper", "relative_effect")
    assert cut is not None
    assert (cut.is_cut_low, cut.is_cut_high, cut.high) == (False, True, 100)


def test_an_unknown_interval_has_no_place():
    row = {"lower": None, "upper": 0.1, "relative_effect": 0.02}
    assert whisker(around_zero([], 0, 1), row, "lower", "upper", "relative_effect") is None


def test_a_spark_leaves_out_horizons_that_are_not_over():
    known = {"relative_effect": 0.05, "lower": 0.0, "upper": 0.1}
    unknown = dict.fromkeys(known)
    rows = [{"horizon_weeks": n, **(known if n < 3 else unknown)} for n in (1, 2, 3)]
    drawn = spark(rows, 110, 30, Scale(-0.1, 0.1, 0, 1))
    assert drawn.points == [(5, 8.5), (55, 8.5)]
    assert drawn.line.count("L") == 1
    assert drawn.zero == 15


def test_panels_break_at_gaps_and_mark_the_intervention():
    days = list(range(-28, 29))
    seen = [None if day in (-10, 5) else 100.0 + (day >= 0) * 10 for day in days]
    series = pl.DataFrame(
        {
            "tau": days, "date": pl.Series([None] * 57, dtype=pl.Date), "actual": seen,
            "expected": [100.0] * 57, "expected_lower": [95.0] * 57, "expected_upper": [105.0] * 57,
            "cumulative_effect": [10.0 * max(day + 1, 0) for day in days],
            "cumulative_lower": [0.0] * 57, "cumulative_upper": [600.0] * 57,
        }
    )  # fmt: skip
    original, effect, summed = panels(series)
    paths = dict(original.lines)
    assert paths["actual"].count("M") == 3
    assert paths["expected"].count("M") == 1
    assert original.band.count("Z") == 1
    assert effect.band.count("Z") == 3
    assert (original.zero, effect.zero is None, summed.zero is None) == (None, False, False)
    assert [tick.label for tick in original.x_ticks] == ["day -28", "day 0", "day 28"]
    assert original.start == original.x_ticks[1].place
    assert original.start == pytest.approx((66 + 948) / 2, abs=0.1)
