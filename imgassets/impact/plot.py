"""Three panels of an estimate: the series beside what was expected, the effect, and its sum."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS = ("original", "pointwise", "cumulative")
"""Panels as R's package names them."""

_TITLES = {
    "original": "observed, and expected without the intervention",
    "pointwise": "effect at each time point",
    "cumulative": "effect, summed since the intervention",
}

_OBSERVED, _EXPECTED = "black", "tab:blue"


def plot_inferences(
    inferences: pl.DataFrame,
    start: Any,  # noqa: ANN401  the index is of the user's type: a date, a number
    panels: Sequence[str] = PANELS,
    title: str = "",
) -> Figure:
    """Draw the estimate of a single series.

    Args:
        inferences: one row per time point, with the columns index, response, point_pred,
            point_effect and cum_effect, the last three also with ``_lower`` and ``_upper``, in
            units of the series. Nulls and NaN are gaps.
        start: label of the first point after the intervention; a dashed line marks it.
        panels: which to draw, of ``PANELS``, from above.
        title: above the first panel.

    Raises:
        ValueError: a panel is unknown, or none is given.
    """
    columns = {
        "original": ("point_pred", "point_pred_lower", "point_pred_upper"),
        "pointwise": ("point_effect", "point_effect_lower", "point_effect_upper"),
        "cumulative": ("cum_effect", "cum_effect_lower", "cum_effect_upper"),
    }
    return _draw(inferences, "index", "response", columns, start, panels, title)


def plot_series(series: pl.DataFrame, panels: Sequence[str] = PANELS, title: str = "") -> Figure:
    """Draw the estimate of a cell.

    Args:
        series: rows of contract ``ImpactSeries`` of one cell, in order of ``tau``: daily counts;
            bands are the calibrated ones.
        panels: as for :func:`plot_inferences`.
        title: above the first panel.

    Raises:
        ValueError: a panel is unknown, or none is given.
    """
    effects = series.with_columns(
        effect=pl.col("actual") - pl.col("expected"),
        effect_lower=pl.col("actual") - pl.col("expected_upper"),
        effect_upper=pl.col("actual") - pl.col("expected_lower"),
    )
    columns = {
        "original": ("expected", "expected_lower", "expected_upper"),
        "pointwise": ("effect", "effect_lower", "effect_upper"),
        "cumulative": ("cumulative_effect", "cumulative_lower", "cumulative_upper"),
    }
    return _draw(effects, "tau", "actual", columns, 0, panels, title, "days since the intervention")


def png(figure: Figure) -> bytes:
    """Return a figure as a PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()


def _draw(
    rows: pl.DataFrame,
    index: str,
    observed: str,
    columns: dict[str, tuple[str, str, str]],
    start: object,
    panels: Sequence[str],
    title: str,
    label: str = "",
) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    unknown = [name for name in panels if name not in PANELS]
    if unknown or not panels:
        raise ValueError(f"panels are {', '.join(PANELS)}, not {', '.join(unknown) or 'none'}")
    figure = Figure(figsize=(9, 1.2 + 2.4 * len(panels)), layout="constrained")
    FigureCanvasAgg(figure)
    found = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    x = rows[index].to_numpy()
    for axes, name in zip(found, panels, strict=True):
        middle, lower, upper = (
            rows[column].cast(pl.Float64).fill_null(float("nan")).to_numpy()
            for column in columns[name]
        )
        axes.fill_between(
            x, lower, upper, color=_EXPECTED, alpha=0.22, linewidth=0, label="interval"
        )
        if name == "original":
            axes.plot(x, middle, "--", color=_EXPECTED, linewidth=1.2, label="expected")
            actual = rows[observed].cast(pl.Float64).fill_null(float("nan")).to_numpy()
            axes.plot(x, actual, color=_OBSERVED, linewidth=1.1, label="observed")
            axes.legend(loc="upper left", frameon=False, ncols=3, fontsize=8)
        else:
            axes.plot(x, middle, color=_EXPECTED, linewidth=1.2)
            axes.axhline(0, color=_OBSERVED, linewidth=0.7)
        _frame(axes, start, _TITLES[name])
    found[-1].set_xlabel(label)
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


def _frame(axes: Axes, start: Any, title: str) -> None:  # noqa: ANN401
    """Mark the intervention, and take away what is no data."""
    axes.axvline(start, color="grey", linestyle="--", linewidth=1)
    axes.set_title(title, loc="left", fontsize=9)
    axes.grid(axis="y", alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.01)
