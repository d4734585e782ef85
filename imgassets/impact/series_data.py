"""One series with its controls, read from the frames that analysts have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imgassets.impact.kernels.fitting import LEAST_ROWS, training_scale


@dataclass(frozen=True)
class SeriesData:
    """A series from the first row of its pre-period to the last one of its post-period.

    Attributes:
        index: label of each row, [rows].
        y: the series, [rows]; NaN where it is not known, and between the periods.
        controls: [rows, k].
        names: of the controls.
        n_pre: rows up to the last one of the pre-period.
        in_periods: rows that belong to a period, [rows].
    """

    index: list[Any]
    y: NDArray[np.float64]
    controls: NDArray[np.float64]
    names: list[str]
    n_pre: int
    in_periods: NDArray[np.bool_]

    def flat_controls(self) -> list[str]:
        """Return the controls without variance in the pre-period."""
        return [
            name
            for name, values in zip(self.names, self.controls.T, strict=True)
            if training_scale(np.ascontiguousarray(values), self.n_pre)[2] == 0.0
        ]


def read_series(data: Any, pre_period: Sequence[Any], post_period: Sequence[Any]) -> SeriesData:  # noqa: ANN401
    """Read a series, its controls and its periods.

    Args:
        data: polars or pandas frame, or array; see
            :class:`imgassets.impact.causal_impact.CausalImpact`.
        pre_period: first and last row, both included: labels of the index, or row numbers.
        post_period: likewise.

    Raises:
        ValueError: see :class:`imgassets.impact.causal_impact.CausalImpact`.
    """
    index, frame = _split(data)
    values = _numbers(frame)
    begin, last_pre = _rows(pre_period, index, "pre_period")
    first_post, last_post = _rows(post_period, index, "post_period")
    if first_post <= last_pre:
        raise ValueError(
            f"post_period begins at {post_period[0]}, pre_period ends at {pre_period[1]}: "
            "the post-period must come after the pre-period"
        )
    rows = np.arange(values.shape[0])
    y = np.where((rows > last_pre) & (rows < first_post), np.nan, values[:, 0])
    y, controls = y[begin : last_post + 1], values[begin : last_post + 1, 1:]
    _check(y, controls, last_pre + 1 - begin, frame.columns)
    rows = rows[begin : last_post + 1]
    return SeriesData(
        index=index[begin : last_post + 1],
        y=np.ascontiguousarray(y),
        controls=np.ascontiguousarray(controls),
        names=frame.columns[1:],
        n_pre=last_pre + 1 - begin,
        in_periods=(rows <= last_pre) | (rows >= first_post),
    )


def _split(data: Any) -> tuple[list[Any], pl.DataFrame]:  # noqa: ANN401
    """Return the index and the columns of numbers."""
    if isinstance(data, pl.DataFrame):
        frame, index = data, None
    elif isinstance(data, np.ndarray):
        table = data[:, None] if data.ndim == 1 else data
        names = ["y", *(f"x{place}" for place in range(1, table.shape[1]))]
        frame, index = pl.DataFrame(table, schema=names), None
    elif hasattr(data, "index") and hasattr(data, "columns"):
        frame = pl.DataFrame({str(name): data[name].to_numpy() for name in data.columns})
        index = data.index.tolist()
    else:
        raise ValueError(f"data is a {type(data).__name__}; give a polars or pandas frame or array")
    if index is None and frame.width and not frame.dtypes[0].is_numeric():
        labels, frame = frame.to_series(0), frame[:, 1:]
        if labels.dtype == pl.String:
            dates = labels.str.to_date("%Y-%m-%d", strict=False)
            labels = labels if dates.null_count() > labels.null_count() else dates
        index = labels.to_list()
    if not frame.width or not frame.height:
        raise ValueError("data has no column of numbers, or no rows")
    return index if index is not None else list(range(frame.height)), frame


def _numbers(frame: pl.DataFrame) -> NDArray[np.float64]:
    words = [name for name, dtype in frame.schema.items() if not dtype.is_numeric()]
    if words:
        raise ValueError(f"not a column of numbers: {', '.join(words)}")
    values: NDArray[np.float64] = frame.cast(pl.Float64).fill_null(np.nan).to_numpy().copy()
    if np.isinf(values).any():
        raise ValueError("data has infinite values")
    return values


def _rows(period: Sequence[Any], index: list[Any], name: str) -> tuple[int, int]:
    """Return the first and last row of a period."""
    if len(period) != 2:
        raise ValueError(f"{name} has {len(period)} values; it needs two, its first and last row")
    places = []
    for label in period:
        place = _place(label, index)
        if place is None:
            raise ValueError(f"{name}: {label} is not in the data, from {index[0]} to {index[-1]}")
        places.append(place)
    if places[0] > places[1]:
        raise ValueError(f"{name} ends before it begins: {period[0]} to {period[1]}")
    return places[0], places[1]


def _place(label: Any, index: list[Any]) -> int | None:  # noqa: ANN401
    """Return the row of a label: as it stands, as a date, else as a row number."""
    if label in index:
        return index.index(label)
    if isinstance(label, str):
        try:
            moment = datetime.fromisoformat(label)
        except ValueError:
            return None
        days = [_day(value) for value in index]
        return days.index(moment) if moment in days else None
    if isinstance(label, date) and _day(label) in (days := [_day(value) for value in index]):
        return days.index(_day(label))
    if isinstance(label, int) and not isinstance(index[0], int | float):
        return label if 0 <= label < len(index) else None
    return None


def _day(value: Any) -> datetime | None:  # noqa: ANN401
    """Return a label as a moment, if it is one."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            return None
    return None


def _check(
    y: NDArray[np.float64], controls: NDArray[np.float64], n_pre: int, names: list[str]
) -> None:
    """Refuse what no model can be fitted to, with the remedy."""
    known, _, deviation, _ = training_scale(np.ascontiguousarray(y), n_pre)
    if known < LEAST_ROWS:
        raise ValueError(
            f"{names[0]} has {known} known values in the pre-period; at least {LEAST_ROWS} are "
            "needed, and some weeks to learn anything"
        )
    if deviation == 0.0:
        raise ValueError(f"{names[0]} is constant in the pre-period: there is nothing to learn")
    if not np.isfinite(y[n_pre:]).any():
        raise ValueError(f"{names[0]} has no known value in the post-period")
    missing = np.isnan(controls).sum(axis=0)
    if missing.any():
        shown = ", ".join(
            f"{name} ({count})" for name, count in zip(names[1:], missing, strict=True) if count
        )
        raise ValueError(f"controls with missing values: {shown}; fill them or leave them out")
