"""From engagement and interventions to rows of ``causal_impact``: all cells as of a day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import islice

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imgassets.impact.calibration import line_helps
from imgassets.impact.cells import TRIAL_CELLS, CellEstimates, calibrate, join, join_placebos
from imgassets.impact.cohorts import form_cohorts
from imgassets.impact.comparison import compare
from imgassets.impact.groups import Group, fit_group, screen, try_lines
from imgassets.impact.market import Market
from imgassets.impact.options import ImpactOptions
from imgassets.impact.placebos import enough_windows
from imgassets.impact.rows import Corrected, GroupResult, ImpactFrames, frames_of
from imgassets.impact.verdicts import false_discovery
from imgassets.warehouse.impact_contracts import METRICS

Floats = NDArray[np.float64]

PLACEBO_METRIC = METRICS.index("impressions")
"""What a set cannot change: its cells are no discoveries, but say whether comparisons hold."""


def estimate_impact(
    engagement: Mapping[str, pl.DataFrame],
    interventions: pl.DataFrame,
    categories: Sequence[str],
    as_of: date,
    options: ImpactOptions,
) -> ImpactFrames:
    """Estimate what new sets did, as of a day.

    Every cohort in the data is estimated, for placebos and the correction for many cells are of all
    of them; only those of the wanted categories are told of. So give all categories whatever is
    wanted: then a category's rows do not depend on which others are wanted with it.

    Args:
        engagement: category → its rows of contract ``EngagementDaily``
            (:func:`imgassets.impact.market.by_category`). Days after ``as_of`` are not looked at,
            nor those before ``options.first_data_day(as_of)``.
        interventions: rows of contract ``Interventions``, of any categories and days.
        categories: whose rows are returned.
        as_of: last day that is known.
        options: how cells are formed, compared, calibrated and judged.

    Returns:
        Frames in the contracts ``CausalImpact``, ``ImpactControls``, ``ImpactSeries`` and
        ``ImpactPlacebos``, sorted by key.
    """
    known = form_cohorts(interventions, as_of, options)
    market = Market(engagement, known.treated, options.first_data_day(as_of), as_of)
    windows = enough_windows(len(known.cohorts), options.placebo_windows)
    fitted = replace(options, placebo_windows=windows)
    wanted = set(categories)

    def screened() -> Iterator[Group]:
        # One at a time: a cohort's candidates take megabytes, and there may be thousands.
        return (screen(compare(cohort, market, options), options) for cohort in known.cohorts)

    line = _lines(screened(), fitted)
    groups = [
        fit_group(group, line, fitted, detailed=group.data.cohort.category in wanted)
        for group in screened()
    ]
    estimates = _calibrated(groups, options.alpha)
    corrected = _corrected(groups, estimates, options)
    return frames_of(
        [
            GroupResult(group, estimate, q)
            for group, estimate, q in zip(groups, estimates, corrected, strict=True)
            if group.data.cohort.category in wanted
        ],
        as_of,
        options,
    )


def _lines(groups: Iterable[Group], options: ImpactOptions) -> NDArray[np.bool_]:
    """Tell for which metrics a straight line among the controls helps, [metrics]."""
    line = np.zeros(len(METRICS), dtype=bool)
    fitting = islice((group for group in groups if len(group.metrics)), TRIAL_CELLS)
    tried = [(group.metrics, try_lines(group, options)) for group in fitting]
    if not tried:
        return line
    without, with_line = (join_placebos([found[side] for _, found in tried]) for side in (0, 1))
    metrics = np.concatenate([metrics for metrics, _ in tried])
    for metric in np.unique(metrics):
        cells = metrics == metric
        line[metric] = line_helps(without.part(cells), with_line.part(cells), options.alpha)
    return line


def _calibrated(groups: Sequence[Group], alpha: float) -> list[CellEstimates | None]:
    """Calibrate the cells of all groups by metric; None of a group without any."""
    parts = [group.cells for group in groups if group.cells is not None]
    if not parts:
        return [None] * len(groups)
    metrics = np.concatenate([group.metrics for group in groups])
    estimates = calibrate(join(parts), metrics, alpha)
    found: list[CellEstimates | None] = []
    start = 0
    for group in groups:
        stop = start + len(group.metrics)
        found.append(estimates.part(slice(start, stop)) if group.cells is not None else None)
        start = stop
    return found


def _corrected(
    groups: Sequence[Group], estimates: Sequence[CellEstimates | None], options: ImpactOptions
) -> list[Corrected]:
    """Correct p values for the number of cells, each horizon by itself.

    Impressions are a family of their own.
    """
    horizons = len(options.horizons)
    p = np.full((len(groups), len(METRICS), horizons), np.nan)
    for place, (group, estimate) in enumerate(zip(groups, estimates, strict=True)):
        if estimate is not None:
            p[place, group.metrics] = np.where(group.usable(options), estimate.p, np.nan)
    q = np.full(p.shape, np.nan)
    cells = np.zeros(p.shape, dtype=np.int64)
    placebo = np.arange(len(METRICS)) == PLACEBO_METRIC
    for family in (placebo, ~placebo):
        for horizon in range(horizons):
            values = p[:, family, horizon]
            q[:, family, horizon] = false_discovery(values.ravel()).reshape(values.shape)
            cells[:, family, horizon] = np.isfinite(values).sum()
    return [
        Corrected(q[place], cells[place], q[place, PLACEBO_METRIC]) for place in range(len(groups))
    ]
