"""The cells of one cohort: one per metric, refused or fitted with all that is told of them."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from imgassets.impact.batch import Fits
from imgassets.impact.cells import CellFits, fit_cells, try_line
from imgassets.impact.comparison import Comparison
from imgassets.impact.controls import ControlSeries, Fate, match_candidates
from imgassets.impact.diagnostics import (
    PreFit,
    UntreatedRun,
    pre_fit,
    sensitivity,
    untreated_run,
)
from imgassets.impact.options import ImpactOptions
from imgassets.impact.placebos import Placebos
from imgassets.impact.screening import MIN_POST_SHARE, Screened, refusal

Floats = NDArray[np.float64]

MIN_UNTREATED = 10
"""Fewest untreated products of a cohort's own category for A/A runs."""


@dataclass(frozen=True)
class Details:
    """What is told of fitted cells beyond the estimate, n cells of one cohort.

    Attributes:
        fits: with what is expected of each row.
        chosen: the controls.
        line: [n], whose controls include a straight line.
        pre: fit before the intervention.
        low, high: relative effects with halves of the controls, [n, H].
        untreated: A/A runs.
    """

    fits: Fits
    chosen: ControlSeries
    line: NDArray[np.bool_]
    pre: PreFit
    low: Floats
    high: Floats
    untreated: tuple[UntreatedRun, ...]


@dataclass(frozen=True)
class Group:
    """The cells of one cohort.

    Attributes:
        data: series of all metrics; without candidates once they are fitted.
        screened: of each metric.
        reasons: of each metric, why it is refused; '' if it is not.
        metrics: indices of the n metrics that are fitted.
        cells: their fits, without what is expected of each row; None if n is 0.
        details: of cohorts that are told of.
    """

    data: Comparison
    screened: tuple[Screened, ...]
    reasons: tuple[str, ...]
    metrics: NDArray[np.int64]
    cells: CellFits | None = None
    details: Details | None = None

    def usable(self, options: ImpactOptions) -> NDArray[np.bool_]:
        """Return which horizons of the fitted cells can be judged, [n, H]."""
        if self.cells is None:
            return np.zeros((0, len(options.horizons)), dtype=bool)
        days = 7 * np.array(options.horizons)
        fits = self.cells.fits
        return np.isfinite(fits.predicted) & (fits.days >= MIN_POST_SHARE * days)


def horizon_ends(n_pre: int, post_rows: int, options: ImpactOptions) -> NDArray[np.int64]:
    """Return the row after each horizon's last one, [H]; 0 where it is not over yet."""
    days = 7 * np.array(options.horizons)
    return np.where(days <= post_rows, n_pre + days, 0)


def screen(data: Comparison, options: ImpactOptions) -> Group:
    """Tell which cells of a cohort can be estimated; none is fitted yet.

    Args:
        data: series and candidate controls.
        options: limits and horizons.
    """
    screened = _screened(data)
    reasons = tuple(data.problem or refusal(cell, options) for cell in screened)
    metrics = np.array([m for m, reason in enumerate(reasons) if not reason], dtype=np.int64)
    over = horizon_ends(data.n_pre, data.post_rows, options).any()
    return Group(data, screened, reasons, metrics if over else metrics[:0])


def try_lines(group: Group, options: ImpactOptions) -> tuple[Placebos, Placebos]:
    """Run a cohort's placebos without a straight line among the controls, and with one.

    Args:
        group: screened, with metrics to be fitted.
        options: horizons, control series, placebos and model.
    """
    data, metrics = group.data, group.metrics
    return try_line(
        data.y[metrics], data.candidates[metrics], data.missing[metrics], data.n_pre,
        _all_ends(group, options), options,
    )  # fmt: skip


def fit_group(
    group: Group, line: NDArray[np.bool_], options: ImpactOptions, *, detailed: bool
) -> Group:
    """Fit the cells of a cohort that can be estimated.

    Args:
        group: screened.
        line: [metrics], whose controls include a straight line.
        options: control series, placebos and model.
        detailed: also measure what is told of cells beyond the estimate.
    """
    data, metrics = group.data, group.metrics
    told = replace(group, data=data.without_candidates())
    if not len(metrics):
        return told
    ends, straight = _all_ends(group, options), line[metrics]
    y, candidates, missing = data.y[metrics], data.candidates[metrics], data.missing[metrics]
    chosen, cells = fit_cells(
        y, candidates, missing, data.n_pre, ends, straight, options, pointwise=detailed
    )
    fitted = replace(told, cells=cells.without_rows())
    if not detailed:
        return fitted
    kept = chosen.match.fate == Fate.KEPT
    low, high = sensitivity(y, candidates, missing, kept, straight, data.n_pre, ends, options)
    details = Details(
        fits=cells.fits,
        chosen=chosen,
        line=straight,
        pre=pre_fit(y, cells.fits, data.n_pre),
        low=low,
        high=high,
        untreated=_untreated_runs(group, kept.any(axis=0), straight, ends, options),
    )
    return replace(fitted, details=details)


def _all_ends(group: Group, options: ImpactOptions) -> NDArray[np.int64]:
    ends = horizon_ends(group.data.n_pre, group.data.post_rows, options)
    return np.tile(ends, (len(group.metrics), 1))


def _screened(data: Comparison) -> tuple[Screened, ...]:
    pre = data.y[:, : data.n_pre]
    controls = np.zeros(len(data.y), dtype=np.int64)
    if data.names:
        match = match_candidates(data.y, data.candidates, data.missing, data.n_pre)
        controls = (match.fate == Fate.KEPT).sum(axis=1)
    return tuple(
        Screened(
            n_treated=data.n_treated,
            n_controls=int(controls[metric]),
            pre_days=int(np.isfinite(figures).sum()),
            nonzero_days=int((np.nan_to_num(figures) != 0).sum()),
        )
        for metric, figures in enumerate(pre)
    )


def _untreated_runs(
    group: Group,
    usable: NDArray[np.bool_],
    line: NDArray[np.bool_],
    ends: NDArray[np.int64],
    options: ImpactOptions,
) -> tuple[UntreatedRun, ...]:
    """Run A/A placebos on the untreated products of the cohort's own category."""
    data, metrics = group.data, group.metrics
    own = usable & (np.array(data.categories) == data.cohort.category)
    if own.sum() < MIN_UNTREATED:
        return ()
    name = f"{data.cohort.category} {data.cohort.start}"
    rng = np.random.default_rng((options.model.seed, zlib.crc32(name.encode())))
    candidates, missing = data.candidates[metrics], data.missing[metrics]
    return tuple(
        untreated_run(candidates, missing, own, line, data.n_pre, ends, options, rng)
        for _ in range(options.untreated_runs)
    )
