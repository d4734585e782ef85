"""Causal impact of an intervention on one series, as users of R's CausalImpact know it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl

from imgassets.impact.batch import fit_many
from imgassets.impact.detail import Detail, fit_in_detail
from imgassets.impact.plot import PANELS, plot_inferences
from imgassets.impact.report import report_text, summary_text
from imgassets.impact.series_data import SeriesData, read_series
from imgassets.impact.structural import ModelOptions, SummaryRow

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

Label = date | str | int | float
"""A place in the data: a label of their index, or a row number."""

_DEFAULT = ModelOptions()


class CausalImpact:
    """What an intervention did to a series, judged by series it left alone.

    Brodersen et al. (2015); priors and defaults are those of R's package 1.4.

    Example:
        >>> impact = CausalImpact(data, ["2026-01-01", "2026-03-01"], ["2026-03-02", "2026-03-31"])
        >>> print(impact.summary())
        >>> print(impact.summary("report"))
        >>> impact.plot("impact.png")

    Attributes:
        inferences: one row per row of the data from the pre-period on: ``index``, ``response``,
            ``cum_response``, ``point_pred``, ``cum_pred``, ``point_effect`` and ``cum_effect``,
            the last four also with ``_lower`` and ``_upper``. Sums begin with the post-period and
            leave out rows whose response is not known; rows between the periods and after them
            are left out too.
        summary_data: the figures of the average row and of the sum of the post-period.
        inclusion: posterior probability that each control belongs into the regression.
        dropped_controls: controls without variance in the pre-period: they were left out.
        samples: draws of the series without effect, [draws, rows of ``inferences``].
        alpha: intervals hold 1 - alpha.
    """

    inferences: pl.DataFrame
    summary_data: dict[str, SummaryRow]
    inclusion: dict[str, float]
    dropped_controls: list[str]
    samples: np.ndarray[Any, np.dtype[np.float64]]

    def __init__(
        self,
        data: pl.DataFrame | pd.DataFrame | np.ndarray[Any, Any],
        pre_period: Sequence[Label],
        post_period: Sequence[Label],
        *,
        alpha: float = 0.05,
        options: ModelOptions = _DEFAULT,
    ) -> None:
        """Fit the model.

        Args:
            data: the series, then its controls. A first column of dates or text is the index, as
                is a pandas index; without one, rows are numbered from 0.
            pre_period: first and last row before the intervention, both included.
            post_period: first and last row after it, both included.
            alpha: intervals hold 1 - alpha.
            options: of the model.

        Raises:
            ValueError: the periods are not in the data or in the wrong order, alpha is not between
                0 and 1, a value is not a number, a control has missing values, or the response has
                fewer than three known values before the intervention, none after it, or is
                constant.
        """
        if not 0 < alpha < 1:
            raise ValueError(f"alpha is {alpha}; it must lie between 0 and 1, such as 0.05")
        given = read_series(data, pre_period, post_period)
        self.alpha = alpha
        self.dropped_controls = given.flat_controls()
        if self.dropped_controls:
            warnings.warn(
                "controls without variance in the pre-period were left out: "
                + ", ".join(self.dropped_controls),
                stacklevel=2,
            )
        detail = fit_in_detail(given.y, given.controls, given.n_pre, options, alpha)
        self.samples = detail.samples
        self.inferences = _inferences(given, detail)
        self.summary_data, self.inclusion = _summarise(given, options, alpha)
        self._post_start = given.index[given.n_pre]

    def summary(self, output: Literal["summary", "report"] = "summary", digits: int = 2) -> str:
        """Return the figures as a table ("summary") or in sentences ("report").

        Raises:
            ValueError: there is no such output.
        """
        if output == "summary":
            return summary_text(self.summary_data, digits)
        if output == "report":
            return report_text(self.summary_data, digits)
        raise ValueError(f"output is '{output}'; there are 'summary' and 'report'")

    def plot(self, path: str | Path | None = None, panels: Sequence[str] = PANELS) -> Figure:
        """Draw the series with what was expected, the effect of each row, and their sum.

        Args:
            path: also write the picture to this file; the suffix tells the format.
            panels: any of "original", "pointwise" and "cumulative".
        """
        figure = plot_inferences(self.inferences, self._post_start, panels)
        if path is not None:
            figure.savefig(path)
        return figure

    def __repr__(self) -> str:
        return f"CausalImpact\n{self.summary()}"


def _inferences(given: SeriesData, detail: Detail) -> pl.DataFrame:
    """Return the figures of each row; sums run over known rows of the post-period."""
    post = np.arange(given.y.size) >= given.n_pre
    known = np.isfinite(given.y)
    counted = np.where(post & known, given.y, 0.0)
    total = np.cumsum(counted)
    total[~post] = np.nan
    columns: dict[str, Any] = {
        "index": given.index,
        "response": given.y,
        "cum_response": total,
    }
    for name, observed, figures in (
        ("point", given.y, detail.point),
        ("cum", total, detail.cumulative),
    ):
        mean, lower, upper = figures
        columns |= {
            f"{name}_pred": mean,
            f"{name}_pred_lower": lower,
            f"{name}_pred_upper": upper,
            f"{name}_effect": observed - mean,
            f"{name}_effect_lower": observed - upper,
            f"{name}_effect_upper": observed - lower,
        }
    frame = pl.DataFrame(columns).with_columns(pl.col(pl.Float64).fill_nan(None))
    return frame.filter(pl.Series(given.in_periods))


def _summarise(
    given: SeriesData, options: ModelOptions, alpha: float
) -> tuple[dict[str, SummaryRow], dict[str, float]]:
    fits = fit_many(
        given.y[None],
        given.controls[None],
        np.array([given.n_pre]),
        np.array([[given.y.size]]),
        options,
        alpha=alpha,
    )
    first = (0, 0)
    days = int(fits.days[first])
    actual, predicted = float(fits.actual[first]), float(fits.predicted[first])
    lower, upper = float(fits.predicted_lower[first]), float(fits.predicted_upper[first])
    rows = {}
    for name, share in (("average", 1 / days), ("cumulative", 1.0)):
        rows[name] = SummaryRow(
            actual=actual * share,
            predicted=predicted * share,
            predicted_lower=lower * share,
            predicted_upper=upper * share,
            predicted_sd=float(fits.predicted_sd[first]) * share,
            effect=(actual - predicted) * share,
            effect_lower=(actual - upper) * share,
            effect_upper=(actual - lower) * share,
            effect_sd=float(fits.predicted_sd[first]) * share,
            relative=float(fits.relative[first]),
            relative_lower=float(fits.relative_lower[first]),
            relative_upper=float(fits.relative_upper[first]),
            relative_sd=float(fits.relative_sd[first]),
            p=float(fits.tail_probability[first]),
            alpha=alpha,
        )
    inclusion = {
        name: float(value)
        for name, value in zip(given.names, fits.inclusion[0], strict=True)
        if np.isfinite(value)
    }
    return rows, inclusion
