"""Intervals as wide as placebos say they must be.

Errors of placebos in units of the model's own standard deviation are pooled over like cells (the
same metric and horizon). Their size gives the factor by which the model's interval is widened, as
in split conformal prediction (Lei et al. 2018, "Distribution-free predictive inference for
regression"), where many are known; where few are, a Student t interval around zero does, with a
prior that the model's own interval is somewhat too narrow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats  # type: ignore[import-untyped]

from imgassets.impact.placebos import Placebos

Floats = NDArray[np.float64]

PRIOR_SCALE = 1.7
"""Scale to expect before any placebo was seen: intervals of this model cover 53 to 90 % instead of
95 % in simulated worlds, which scales of 1.2 to 2.7 would put right."""

PRIOR_PLACEBOS = 2.0
"""Placebos that the prior scale counts as."""

OVERLAP = 0.5
"""Placebos of one cell overlap by half: two count as one."""

MANY = 200.0
"""Placebos at which the empirical quantile counts as much as the t interval."""

FLOOR = 1.0
"""Smallest scale: placebos widen the model's interval and never narrow it."""

LINE_GAIN = 0.95
"""Width with a straight line ÷ width without, below which the line is used: what is less may be
chance."""

MAX_DF = 30.0
"""Degrees of freedom at most: errors of real series have heavier tails than the normal."""


@dataclass(frozen=True)
class Scale:
    """How much wider the model's interval must be.

    Attributes:
        value: factor on the half widths; 1 leaves them.
        placebos: errors that it was made of.
        df: degrees of freedom of the Student t distribution that p values take.
    """

    value: float
    placebos: int
    df: float


def placebo_scale(z: Floats, alpha: float) -> Scale:
    """Return the scale that errors of placebos ask for.

    Args:
        z: errors in posterior standard deviations, any shape; NaN are left out.
        alpha: intervals hold 1 - alpha.
    """
    known = np.abs(z[np.isfinite(z)])
    independent = OVERLAP * known.size
    df = PRIOR_PLACEBOS + independent
    spread = np.sqrt((PRIOR_PLACEBOS * PRIOR_SCALE**2 + OVERLAP * (known**2).sum()) / df)
    normal = stats.norm.ppf(1 - alpha / 2)
    value = float(stats.t.ppf(1 - alpha / 2, df) * spread / normal)
    rank = int(np.ceil((known.size + 1) * (1 - alpha)))
    if rank <= known.size:
        quantile = float(np.partition(known, rank - 1)[rank - 1] / normal)
        weight = known.size / (known.size + MANY)
        value = quantile**weight * value ** (1 - weight)
    return Scale(max(value, FLOOR), known.size, min(df, MAX_DF))


def line_helps(without: Placebos, with_line: Placebos, alpha: float) -> bool:
    """Tell whether like cells are predicted better with a straight line among their controls.

    It helps where the treated series drift away from the controls for good, and harms where a drift
    comes and goes: placebos tell which. What is compared is the width of the calibrated interval,
    as a share of the prediction, at the longest horizon.

    Args:
        without: placebos of some cells without a line.
        with_line: placebos of the same cells with one.
        alpha: intervals hold 1 - alpha.
    """
    known = np.isfinite(without.z) & np.isfinite(with_line.z)
    known &= (without.predicted > 0) & (with_line.predicted > 0)
    horizons = np.flatnonzero(known.any(axis=(0, 1)))
    if not len(horizons):
        return False
    at = known[:, :, horizons[-1]]
    widths = []
    for found in (without, with_line):
        z = found.z[:, :, horizons[-1]][at]
        relative = (found.predicted_sd / found.predicted)[:, :, horizons[-1]][at]
        widths.append(placebo_scale(z, alpha).value * relative.mean())
    return bool(widths[1] < LINE_GAIN * widths[0])


def calibrated_interval(
    predicted: Floats, lower: Floats, upper: Floats, scale: Floats
) -> tuple[Floats, Floats]:
    """Return bounds of a prediction with both half widths multiplied by the scale."""
    return predicted - scale * (predicted - lower), predicted + scale * (upper - predicted)


def two_sided_p(
    actual: Floats, predicted: Floats, lower: Floats, upper: Floats, df: Floats, alpha: float
) -> Floats:
    """Return p values that agree with an interval: below alpha exactly where it is left.

    Args:
        actual: what came.
        predicted: what was predicted without effect.
        lower: calibrated lower bound of the prediction.
        upper: calibrated upper bound.
        df: degrees of freedom of the tails.
        alpha: the interval holds 1 - alpha.
    """
    effect = actual - predicted
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.where(effect >= 0, effect / (upper - predicted), effect / (lower - predicted))
    p: Floats = 2.0 * stats.t.sf(distance * stats.t.ppf(1 - alpha / 2, df), df)
    return p
