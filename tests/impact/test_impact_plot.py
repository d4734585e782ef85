"""The three panels: they show the figures they are given, and break where a day is missing."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from imgassets.impact.plot import PANELS, plot_inferences, plot_series, png

DAYS = [dt.date(2026, 1, 1) + dt.timedelta(days=n) for n in range(6)]
EXPECTED = [10.0, 11, 10, 11, 10, 11]
SEEN = [10.0, None, 10, 13, 12, 13]


def bounds(name: str, values: list[float | None], half: float) -> dict[str, list[float | None]]:
    return {
        name: values,
        f"{name}_lower": [None if v is None else v - half for v in values],
        f"{name}_upper": [None if v is None else v + half for v in values],
    }


@pytest.fixture
def inferences() -> pl.DataFrame:
    effects = [None if s is None else s - e for s, e in zip(SEEN, EXPECTED, strict=True)]
    summed = [0, 0, 0, 2, 4, 6]
    return pl.DataFrame(
        {"index": DAYS, "response": SEEN}
        | bounds("point_pred", EXPECTED, 1)
        | bounds("point_effect", effects, 1)
        | bounds("cum_effect", summed, 2)
    )


def drawn(axes, place: int) -> list[float]:
    """The y values of one line of a panel."""
    return [float(v) for v in axes.lines[place].get_ydata()]


def test_the_panels_show_what_they_are_given(inferences):
    figure = plot_inferences(inferences, DAYS[3])
    original, pointwise, cumulative = figure.axes
    assert drawn(original, 0) == EXPECTED
    assert drawn(original, 1) == pytest.approx([float("nan") if v is None else v for v in SEEN],
                                               nan_ok=True)  # fmt: skip
    assert drawn(pointwise, 0)[3:] == [2, 2, 2]
    assert drawn(cumulative, 0) == [0, 0, 0, 2, 4, 6]
    for axes in figure.axes:
        assert axes.lines[-1].get_xdata()[0] == DAYS[3], "a line marks the intervention"
    band = original.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == (9, 12)


def test_a_missing_day_breaks_the_band(inferences):
    band = plot_inferences(inferences, DAYS[3]).axes[1].collections[0]
    assert len(band.get_paths()) == 2


def test_a_cells_series_is_drawn_in_days_since_the_intervention(inferences):
    series = inferences.select(
        tau=pl.Series([-3, -2, -1, 0, 1, 2]), actual="response", expected="point_pred",
        expected_lower="point_pred_lower", expected_upper="point_pred_upper",
        cumulative_effect="cum_effect", cumulative_lower="cum_effect_lower",
        cumulative_upper="cum_effect_upper",
    )  # fmt: skip
    figure = plot_series(series, title="tablet, orders")
    assert drawn(figure.axes[1], 0)[3:] == [2, 2, 2]
    band = figure.axes[1].collections[0].get_paths()[-1].vertices[:, 1]
    assert (band.min(), band.max()) == (-1, 3)
    assert figure.axes[0].lines[-1].get_xdata()[0] == 0
    assert figure.get_suptitle() == "tablet, orders"


@pytest.mark.parametrize("panels", [("original",), ("cumulative", "pointwise"), PANELS])
def test_any_of_the_panels_can_be_chosen(inferences, panels):
    assert len(plot_inferences(inferences, DAYS[3], panels=panels).axes) == len(panels)


@pytest.mark.parametrize("panels", [(), ("original", "sideways")])
def test_other_panels_are_refused(inferences, panels):
    with pytest.raises(ValueError, match="original, pointwise, cumulative"):
        plot_inferences(inferences, DAYS[3], panels=panels)


def test_a_figure_becomes_a_picture(inferences):
    import io

    from PIL import Image

    with Image.open(io.BytesIO(png(plot_inferences(inferences, DAYS[3])))) as picture:
        assert picture.format == "PNG"
        assert np.asarray(picture.convert("L")).min() < 50, "nothing is drawn"
