"""Figures to places on a drawing: scales, ticks, lines and bands of the impact pages' charts.

Templates draw what is computed here as SVG; colours are the style sheet's, for light and dark.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

PANEL_WIDTH, PANEL_HEIGHT = 960, 220
"""Of one panel of a cell's three, in drawing units."""

_LEFT, _RIGHT, _TOP, _BOTTOM = 66.0, 12.0, 12.0, 24.0

Row = dict[str, Any]


@dataclass(frozen=True)
class Scale:
    """A linear scale from values to places on a drawing.

    Attributes:
        low: value at ``start``.
        high: value at ``end``.
        start: place in drawing units.
        end: likewise; less than ``start`` where values grow upwards.
    """

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the place of a value; what lies outside is put on the edge."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def holds(self, value: float) -> bool:
        """Return whether a value lies on the scale."""
        return self.low <= value <= self.high


@dataclass(frozen=True)
class Tick:
    """A mark of an axis."""

    place: float
    label: str


@dataclass(frozen=True)
class Whisker:
    """An interval with its middle; ends beyond the scale are cut and say so."""

    low: float
    high: float
    middle: float
    is_cut_low: bool
    is_cut_high: bool


@dataclass(frozen=True)
class Panel:
    """One panel over days: paths in SVG's notation.

    Attributes:
        title: what it shows.
        lines: (class of the style sheet, path) in the order of drawing.
        band: path of the interval's area.
        start: place of the intervention on the x axis.
        zero: place of zero on the y axis, where it is shown.
    """

    title: str
    lines: list[tuple[str, str]]
    band: str
    start: float
    zero: float | None
    x_ticks: list[Tick]
    y_ticks: list[Tick]


def is_known(*values: float | None) -> bool:
    """Return whether all values are finite numbers."""
    return all(value is not None and math.isfinite(value) for value in values)


def around_zero(
    values: Iterable[float | None], start: float, end: float, part: float = 1.0
) -> Scale:
    """Return a symmetric scale that holds this part of some values, and 2 % at least.

    Less than all where a few very wide intervals would squeeze all others into a dot.
    """
    sizes = sorted(abs(value) for value in values if value is not None and math.isfinite(value))
    reach = max(0.02, sizes[math.ceil(part * len(sizes)) - 1] if sizes else 0)
    return Scale(-1.1 * reach, 1.1 * reach, start, end)


def ticks(scale: Scale, count: int, label: Callable[[float], str]) -> list[Tick]:
    """Return about so many marks at round values (1, 2 or 5 times a power of ten)."""
    rough = (scale.high - scale.low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * n for n in (1, 2, 5, 10) if power * n >= rough * 0.999)
    first, last = math.ceil(scale.low / step - 1e-9), math.floor(scale.high / step + 1e-9)
    return [Tick(scale(n * step), label(n * step)) for n in range(first, last + 1)]


def whisker(scale: Scale, row: Row, low: str, high: str, middle: str) -> Whisker | None:
    """Return an interval's places; None where it is not known."""
    if not is_known(row[low], row[high], row[middle]):
        return None
    return Whisker(
        scale(row[low]),
        scale(row[high]),
        scale(row[middle]),
        not scale.holds(row[low]),
        not scale.holds(row[high]),
    )


def percent_tick(value: float) -> str:
    """Write a share as a tick's label."""
    return f"{100 * value:+g} %" if value else "0"


def panels(series: pl.DataFrame) -> list[Panel]:
    """Return the three panels of a cell.

    Args:
        series: rows of contract ``ImpactSeries`` in order of ``tau``, at least two.
    """
    rows = series.with_columns(
        effect=pl.col("actual") - pl.col("expected"),
        effect_lower=pl.col("actual") - pl.col("expected_upper"),
        effect_upper=pl.col("actual") - pl.col("expected_lower"),
    )
    columns = [
        ("Observed, and expected without the new sets, a day", "expected", ("actual",)),
        ("Effect, a day", "effect", ()),
        ("Effect, summed since the intervention", "cumulative_effect", ()),
    ]
    return [_panel(rows, title, name, further) for title, name, further in columns]


def _panel(rows: pl.DataFrame, title: str, name: str, further: Sequence[str]) -> Panel:
    stem = name.removesuffix("_effect")
    low, high = f"{stem}_lower", f"{stem}_upper"
    days = rows["tau"].to_list()
    x = Scale(min(days), max(days), _LEFT, PANEL_WIDTH - _RIGHT)
    drawn = {column: _places(rows[column]) for column in (name, low, high, *further)}
    values = [v for places in drawn.values() for v in places if math.isfinite(v)]
    least, most = (min(values), max(values)) if values else (0.0, 1.0)
    if not further:
        least, most = min(least, 0.0), max(most, 0.0)
    margin = 0.06 * (most - least) or 1.0
    y = Scale(least - margin, most + margin, PANEL_HEIGHT - _BOTTOM, _TOP)
    return Panel(
        title=title,
        lines=[
            *((column, _line(x, y, days, drawn[column])) for column in further),
            ("expected" if further else "effect", _line(x, y, days, drawn[name])),
        ],
        band=_band(x, y, days, drawn[low], drawn[high]),
        start=x(0),
        zero=None if further else y(0),
        x_ticks=_days(rows, x),
        y_ticks=ticks(y, 4, lambda value: f"{value:,.6g}"),
    )


def _places(column: pl.Series) -> list[float]:
    return column.cast(pl.Float64).fill_null(math.nan).to_list()


def _days(rows: pl.DataFrame, x: Scale) -> list[Tick]:
    """Return marks every fourth week, and at the intervention; dates where there is one for all."""
    dates = dict(zip(rows["tau"], rows["date"], strict=True))
    marks = [tau for tau in dates if tau % 28 == 0]
    return [Tick(x(tau), f"{dates[tau]}" if dates[tau] else f"day {tau}") for tau in marks]


def _runs(keep: Sequence[bool]) -> list[list[int]]:
    """Return the indices of unbroken runs."""
    runs: list[list[int]] = []
    for place, kept in enumerate(keep):
        if kept and runs and runs[-1][-1] == place - 1:
            runs[-1].append(place)
        elif kept:
            runs.append([place])
    return runs


def _line(x: Scale, y: Scale, days: Sequence[int], values: Sequence[float]) -> str:
    """Return a path that breaks where a value is missing."""
    return " ".join(
        "M" + " L".join(f"{x(days[i])} {y(values[i])}" for i in run)
        for run in _runs([math.isfinite(v) for v in values])
    )


def _band(
    x: Scale, y: Scale, days: Sequence[int], low: Sequence[float], high: Sequence[float]
) -> str:
    """Return the path of the area between two bounds, broken where one is missing."""
    areas = []
    known = [math.isfinite(a) and math.isfinite(b) for a, b in zip(low, high, strict=True)]
    for run in _runs(known):
        there = [f"{x(days[i])} {y(high[i])}" for i in run]
        back = [f"{x(days[i])} {y(low[i])}" for i in reversed(run)]
        areas.append(f"M{' L'.join(there + back)} Z")
    return " ".join(areas)


@dataclass(frozen=True)
class Spark:
    """An effect over horizons, small: paths in SVG's notation, and places of its points."""

    line: str
    band: str
    points: list[tuple[float, float]]
    zero: float


def spark(horizons: Sequence[Row], width: float, height: float, reach: Scale) -> Spark:
    """Return how an effect goes on with the weeks.

    Args:
        horizons: rows with horizon_weeks, relative_effect, lower and upper, the shortest first.
        width: of the drawing.
        height: likewise.
        reach: whose range of values the drawing's height stands for.
    """
    weeks = [row["horizon_weeks"] for row in horizons]
    x = Scale(min(weeks), max(max(weeks), min(weeks) + 1), 5, width - 5)
    y = Scale(reach.low, reach.high, height - 2, 2)
    middle, low, high = (
        [math.nan if row[name] is None else row[name] for row in horizons]
        for name in ("relative_effect", "lower", "upper")
    )
    return Spark(
        line=_line(x, y, weeks, middle),
        band=_band(x, y, weeks, low, high),
        points=[(x(w), y(v)) for w, v in zip(weeks, middle, strict=True) if math.isfinite(v)],
        zero=y(0),
    )
