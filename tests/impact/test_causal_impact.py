"""The single-series interface: R's, with the errors of this project."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from imgassets.impact.causal_impact import CausalImpact
from imgassets.impact.structural import ModelOptions

OPTIONS = ModelOptions(niter=300)
DAYS = [date(2026, 1, 1) + timedelta(days=day) for day in range(90)]


def data(lift: float = 1.0) -> pl.DataFrame:
    rng = np.random.default_rng(5)
    x = 100 + rng.normal(size=90).cumsum()
    y = 1.2 * x + rng.normal(size=90)
    y[60:] *= lift
    return pl.DataFrame({"date": DAYS, "y": y, "x": x, "other": rng.normal(size=90)})


def test_labels_dates_and_row_numbers_mean_the_same() -> None:
    frame = data(1.1)
    by_date = CausalImpact(frame, [DAYS[0], DAYS[59]], [DAYS[60], DAYS[89]], options=OPTIONS)
    text = ["2026-01-01", "2026-03-01"], ["2026-03-02", "2026-03-31"]
    by_text = CausalImpact(frame, *text, options=OPTIONS)
    by_row = CausalImpact(frame, [0, 59], [60, 89], options=OPTIONS)
    spelt = frame.with_columns(pl.col("date").cast(pl.String))
    by_string = CausalImpact(spelt, *text, options=OPTIONS)
    array = CausalImpact(frame[:, 1:].to_numpy(), [0, 59], [60, 89], options=OPTIONS)
    pandas = CausalImpact(
        pd.DataFrame(frame[:, 1:].to_dict(as_series=False), index=pd.DatetimeIndex(DAYS)),
        *text, options=OPTIONS,
    )  # fmt: skip
    for other in (by_text, by_row, by_string, array, pandas):
        assert other.summary_data == by_date.summary_data
    assert by_date.inferences["index"].to_list() == DAYS


def test_figures_agree_with_each_other() -> None:
    impact = CausalImpact(data(1.1), [0, 59], [60, 89], options=OPTIONS)
    average, total = impact.summary_data["average"], impact.summary_data["cumulative"]
    last = impact.inferences.row(-1, named=True)
    assert total.relative == pytest.approx(0.1, abs=0.02)
    assert total.effect == pytest.approx(total.actual - total.predicted)
    assert average.effect == pytest.approx(total.effect / 30)
    assert last["cum_effect"] == pytest.approx(total.effect, abs=0.1 * total.effect_sd)
    assert last["cum_effect_lower"] == pytest.approx(total.effect_lower, abs=0.1 * total.effect_sd)
    assert impact.inferences["cum_effect"][:60].null_count() == 60
    # three controls are expected to matter, the level among them: of two, none is doubted
    assert impact.inclusion == {"x": 1.0, "other": 1.0}
    assert impact.samples.shape == (240, 90)
    assert "Posterior inference" in repr(impact)
    assert "%" in impact.summary("report")


def test_rows_between_and_outside_the_periods_count_nowhere() -> None:
    frame = data()
    wild = frame.with_columns(
        y=pl.when(pl.int_range(90).is_in([0, 1, 55, 56, 85])).then(9_999.0).otherwise("y")
    )
    periods = [2, 54], [57, 84]
    plain = CausalImpact(frame, *periods, options=OPTIONS)
    other = CausalImpact(wild, *periods, options=OPTIONS)
    assert plain.summary_data == other.summary_data
    assert plain.inferences.height == 53 + 28


def test_unknown_values_of_the_series_are_allowed_and_of_controls_not() -> None:
    frame = data(1.1)
    holes = pl.int_range(90).is_in([5, 6, 70])
    gaps = frame.with_columns(y=pl.when(holes).then(None).otherwise("y"))
    impact = CausalImpact(gaps, [0, 59], [60, 89], options=OPTIONS)
    assert impact.summary_data["cumulative"].relative == pytest.approx(0.1, abs=0.02)
    assert impact.inferences["point_effect"][70] is None
    assert impact.inferences["point_pred"][70] > 0
    with pytest.raises(ValueError, match=r"controls with missing values: x \(3\)"):
        CausalImpact(
            frame.with_columns(x=pl.when(holes).then(None).otherwise("x")), [0, 59], [60, 89]
        )


def test_a_flat_control_is_left_out_and_named() -> None:
    frame = data().with_columns(
        flat=pl.when(pl.int_range(90) < 60).then(7.0).otherwise(pl.int_range(90).cast(pl.Float64))
    )
    with pytest.warns(UserWarning, match="flat"):
        impact = CausalImpact(frame, [0, 59], [60, 89], options=OPTIONS)
    assert impact.dropped_controls == ["flat"]
    assert set(impact.inclusion) == {"x", "other"}


@pytest.mark.parametrize(
    ("pre", "post", "message"),
    [
        ([0, 59], [60, 95], "post_period: 95 is not in the data"),
        (["2025-12-01", "2026-02-01"], [60, 80], "pre_period: 2025-12-01 is not in the data"),
        ([0, 59], [50, 80], "must come after"),
        ([59, 0], [60, 80], "ends before it begins"),
        ([0], [60, 80], "needs two"),
        ([0, 1], [60, 80], "2 known values"),
    ],
)
def test_wrong_periods_are_told(pre: list[object], post: list[object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CausalImpact(data(), pre, post, options=OPTIONS)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (pl.lit(3.0), "constant"),
        (pl.when(pl.int_range(90) < 60).then("y"), "no known value in the post-period"),
        (pl.lit("many"), "column of numbers"),
        (pl.lit(float("inf")), "infinite"),
    ],
)
def test_series_that_say_nothing_are_refused(values: pl.Expr, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CausalImpact(data().with_columns(y=values), [0, 59], [60, 89], options=OPTIONS)


def test_unknown_outputs_panels_and_levels_are_told() -> None:
    impact = CausalImpact(data(), [0, 59], [60, 89], options=OPTIONS)
    with pytest.raises(ValueError, match="'summary' and 'report'"):
        impact.summary("table")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="alpha is 5"):
        CausalImpact(data(), [0, 59], [60, 89], alpha=5)
    with pytest.raises(ValueError, match="frame or array"):
        CausalImpact("data.csv", [0, 59], [60, 89])  # type: ignore[arg-type]


def test_the_plot_is_a_picture(tmp_path: Path) -> None:
    impact = CausalImpact(data(1.2), [0, 59], [60, 89], options=OPTIONS)
    figure = impact.plot(tmp_path / "impact.png")
    assert len(figure.axes) == 3
    assert (tmp_path / "impact.png").read_bytes().startswith(b"\x89PNG")
