"""Panels: daily figures of products as arrays, by calendar day or by day since the intervention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imgassets.warehouse.impact_contracts import METRICS

Floats = NDArray[np.float64]

MIN_OBSERVED = 0.5
"""Smallest share of the treated products' usual volume that must be known on a day."""


@dataclass(frozen=True)
class Panel:
    """Daily figures of some products.

    Attributes:
        first_day: of the first row.
        products: of the columns, sorted.
        values: [metrics, days, products], NaN where a figure is not known.
    """

    first_day: date
    products: tuple[str, ...]
    values: Floats

    @property
    def last_day(self) -> date:
        """Day of the last row."""
        return self.first_day + timedelta(days=self.values.shape[1] - 1)

    def columns(self, products: Sequence[str]) -> NDArray[np.int64]:
        """Return the columns of those of the products that have any."""
        place = {product: column for column, product in enumerate(self.products)}
        return np.array([place[p] for p in products if p in place], dtype=np.int64)


def read_panel(engagement: pl.DataFrame) -> Panel | None:
    """Return a category's figures as an array, or None where there are none.

    Negative and infinite figures are taken for unknown.

    Args:
        engagement: rows of one category, at most one per product and day.
    """
    if engagement.is_empty():
        return None
    figures = [pl.col(metric).cast(pl.Float64) for metric in METRICS]
    rows = engagement.select("product_id", "day", *figures)
    products = rows["product_id"].unique().sort()
    first: date = rows["day"].min()  # type: ignore[assignment]
    last: date = rows["day"].max()  # type: ignore[assignment]
    column = rows["product_id"].replace_strict(
        products, pl.int_range(len(products), eager=True), return_dtype=pl.Int64
    )
    row = rows["day"].to_physical() - (first - date(1970, 1, 1)).days
    values = np.full((len(METRICS), (last - first).days + 1, len(products)), np.nan)
    for index, metric in enumerate(METRICS):
        figure = rows[metric].fill_null(float("nan")).to_numpy()
        figure = np.where(np.isfinite(figure) & (figure >= 0), figure, np.nan)
        values[index, row.to_numpy(), column.to_numpy()] = figure
    return Panel(first, tuple(products), values)


def shifted(values: Floats, rows: NDArray[np.int64], before: int, after: int) -> Floats:
    """Return series in event time, each shifted to a row of its own.

    Args:
        values: [days, products].
        rows: [products], row of each one's intervention.
        before: days wanted before it.
        after: days wanted from it on.

    Returns:
        [before + after, products]; NaN outside the data.
    """
    wanted = rows[None, :] + np.arange(-before, after)[:, None]
    inside = (wanted >= 0) & (wanted < len(values))
    taken = np.take_along_axis(values, np.clip(wanted, 0, len(values) - 1), axis=0)
    return np.where(inside, taken, np.nan)


def shifted_controls(
    values: Floats, rows: NDArray[np.int64], weights: Floats, before: int, after: int
) -> Floats:
    """Return series in event time, the mean over the interventions they are compared with.

    Args:
        values: [days, products] without gaps.
        rows: [dates], row of each date on which sets went live; all wanted days are inside.
        weights: [dates], share of the treated products of each date.
        before: days wanted before it.
        after: days wanted from it on.

    Returns:
        [before + after, products].
    """
    total = np.zeros((before + after, values.shape[1]))
    for row, weight in zip(rows, weights, strict=True):
        total += weight * values[row - before : row + after]
    return total


def scaled_total(series: Floats, n_pre: int) -> Floats:
    """Return the sum over products of each day, made good for products without a figure that day.

    The sum of the known is multiplied by (usual volume of all) / (usual volume of the known); the
    usual volume is a product's mean before the intervention. A product that has none counts when
    its figures are known. A day on which less than half of the volume is known is NaN.

    Args:
        series: [days, products], NaN where a figure is not known.
        n_pre: days before the intervention.
    """
    known = np.isfinite(series)
    values = np.where(known, series, 0.0)
    pre = known[:n_pre].sum(axis=0)
    usual = values[:n_pre].sum(axis=0) / np.maximum(pre, 1)
    total = usual.sum()
    if total == 0:
        return np.where(known.any(axis=1), values.sum(axis=1), np.nan)
    share = known @ usual / total
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = values.sum(axis=1) / share
    return np.where(share >= MIN_OBSERVED, scaled, np.nan)
