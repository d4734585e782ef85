"""What is looked at before any fit: cells with too little data, and days that cannot be right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgassets.impact.medians import masked_median
from imgassets.impact.options import ImpactOptions

Floats = NDArray[np.float64]

OUTLIER_FACTOR = 5.0
"""Times its neighbours that a day must be, or a part of them, when the controls do not move so."""

OUTLIER_NOISE = 8.0
"""Times the noise of a count, √expected, that it must be away as well."""

MIN_NONZERO_DAYS = 10
"""Fewest days before the intervention with a figure other than zero."""

MIN_POST_SHARE = 0.7
"""Smallest share of a horizon's days with a figure."""

_NEIGHBOURS = 7
"""Days on either side that a day is compared with: as many of each weekday."""


@dataclass(frozen=True)
class Screened:
    """What is known of a cell before it is fitted.

    Attributes:
        n_treated: treated products with data.
        n_controls: untreated products that can be compared with.
        pre_days: observed days before the intervention.
        nonzero_days: of these, days with a figure other than zero.
    """

    n_treated: int
    n_controls: int
    pre_days: int
    nonzero_days: int


def refusal(cell: Screened, options: ImpactOptions) -> str:
    """Return why a cell cannot be estimated, with the measured value and the limit; '' if it can.

    Args:
        cell: what is known of it.
        options: the limits.
    """
    rules = [
        (cell.n_treated, options.min_treated, "treated products with data"),
        (cell.pre_days, options.min_pre_days, "days with data before the intervention"),
        (
            cell.nonzero_days,
            MIN_NONZERO_DAYS,
            "days before the intervention with a figure other than 0",
        ),
        (cell.n_controls, options.min_controls, "untreated products to compare with"),
    ]
    for measured, least, what in rules:
        if measured < least:
            return f"{measured} {what}; at least {least} are needed"
    return ""


def outliers(y: Floats, comparison: Floats) -> NDArray[np.bool_]:
    """Find days that neither their neighbours nor the controls explain.

    A day counts as one when it lies, after what the controls did that day, a factor
    :data:`OUTLIER_FACTOR` above or below the median of the seven days on either side, by more than
    the noise of a count. The rule is the same before and after the intervention.

    Args:
        y: [T] or [T, C] series, NaN where there is no figure.
        comparison: [T], the controls' movement; NaN or zero where it is not known.

    Returns:
        True on such days, in the shape of ``y``.
    """
    series = y if y.ndim == 2 else y[:, None]
    found = np.zeros(series.shape, dtype=bool)
    usual = masked_median(series.T, np.isfinite(series.T))
    with np.errstate(invalid="ignore"):
        far = np.abs(series - usual) > OUTLIER_NOISE * np.sqrt(np.maximum(usual, 1.0))
        far &= (series > 2.0 * usual) | (series < 0.5 * usual)
    for day, column in zip(*np.nonzero(far), strict=True):
        expected = _expected(series[:, column], comparison, int(day))
        value = series[day, column]
        noisy = abs(value - expected) <= OUTLIER_NOISE * np.sqrt(max(expected, 1.0))
        outside = value > OUTLIER_FACTOR * expected or value < expected / OUTLIER_FACTOR
        found[day, column] = outside and not noisy
    return found if y.ndim == 2 else found[:, 0]


def _expected(series: Floats, comparison: Floats, day: int) -> float:
    """Return the median of a day's neighbours, moved as the comparison moved."""
    around = np.r_[max(day - _NEIGHBOURS, 0) : day, day + 1 : day + 1 + _NEIGHBOURS]
    around = around[around < len(series)]
    near = series[around]
    if not np.isfinite(near).any():
        return float(series[day])
    level = float(np.nanmedian(near))
    with np.errstate(invalid="ignore"):
        others = comparison[around]
    if not np.isfinite(comparison[day]) or not np.isfinite(others).any():
        return level
    usual = float(np.nanmedian(others))
    return level * float(comparison[day]) / usual if usual > 0 and comparison[day] > 0 else level
