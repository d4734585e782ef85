"""How far an estimate can be trusted: fit before the intervention, other controls, A/A runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgassets.impact.batch import Fits
from imgassets.impact.controls import choose_controls
from imgassets.impact.fitting import fit_series
from imgassets.impact.options import ImpactOptions

Floats = NDArray[np.float64]

_WARM_UP = 7
"""First days whose predictions rest on the prior more than on data."""


class PreFit(NamedTuple):
    """How well one-day-ahead predictions fit before the intervention, [n] each.

    Attributes:
        mape: sum of absolute errors as a share of the sum of figures: it bears days with 0.
        r2: share of variance explained; 0 is the mean's, which knows all days.
        autocorrelation: of standardised errors, from one day to the next.
    """

    mape: Floats
    r2: Floats
    autocorrelation: Floats


@dataclass(frozen=True)
class UntreatedRun:
    """Untreated products taken for treated at the true date (A/A), n cells × H horizons.

    Attributes:
        actual: sum of what came, [n, H].
        predicted: sum predicted, [n, H].
        predicted_sd: its posterior standard deviation, [n, H].
    """

    actual: Floats
    predicted: Floats
    predicted_sd: Floats


def pre_fit(y: Floats, fits: Fits, n_pre: int) -> PreFit:
    """Measure the fit before the intervention.

    Args:
        y: [n, T] treated series, NaN where there is no figure.
        fits: made with ``pointwise``.
        n_pre: rows before the intervention.
    """
    span = slice(min(_WARM_UP, n_pre - 1), n_pre)
    seen, error = y[:, span], y[:, span] - fits.expected[:, span]
    standard = error / fits.expected_sd[:, span]
    with np.errstate(divide="ignore", invalid="ignore"):
        mape = np.nansum(np.abs(error), axis=1) / np.nansum(np.abs(seen), axis=1)
        centred = seen - np.nanmean(seen, axis=1, keepdims=True)
        r2 = 1.0 - np.nansum(error**2, axis=1) / np.nansum(centred**2, axis=1)
        pairs = standard[:, 1:] * standard[:, :-1]
        both = np.isfinite(pairs)
        power = np.nansum(standard**2, axis=1) / np.isfinite(standard).sum(axis=1)
        autocorrelation = np.nansum(pairs, axis=1) / both.sum(axis=1) / power
    return PreFit(mape, r2, np.clip(autocorrelation, -1.0, 1.0))


def sensitivity(
    y: Floats,
    candidates: Floats,
    missing: Floats,
    kept: NDArray[np.bool_],
    line: NDArray[np.bool_],
    n_pre: int,
    ends: NDArray[np.int64],
    options: ImpactOptions,
) -> tuple[Floats, Floats]:
    """Estimate again with halves of the controls.

    Args:
        y: [n, T] treated series, NaN where there is no figure.
        candidates: [n, T, C] without gaps.
        missing: [n, C] share of days that were filled.
        kept: [n, C], controls of the estimate itself; every second one goes to the other half.
        line: [n], whose controls include a straight line.
        n_pre: rows before the intervention.
        ends: [n, H], ends of the horizons.
        options: control series and model.

    Returns:
        Smallest and largest relative effect of the halves, [n, H] each.
    """
    turn = np.cumsum(kept, axis=1) % 2 == 1
    effects = []
    for half in (kept & turn, kept & ~turn):
        apart = np.where(half, missing, 1.0)
        chosen = choose_controls(y, candidates, apart, n_pre, options.n_control_series, line)
        fits = fit_series(y, chosen.series, n_pre, ends, line, options, alpha=0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            effects.append(np.where(fits.predicted > 0, fits.actual / fits.predicted - 1.0, np.nan))
    return np.fmin(*effects), np.fmax(*effects)


def untreated_run(
    candidates: Floats,
    missing: Floats,
    usable: NDArray[np.bool_],
    line: NDArray[np.bool_],
    n_pre: int,
    ends: NDArray[np.int64],
    options: ImpactOptions,
    rng: np.random.Generator,
) -> UntreatedRun:
    """Take a random half of the untreated products for treated, the other half for controls.

    Args:
        candidates: [n, T, C] without gaps.
        missing: [n, C] share of days that were filled.
        usable: [C], products that may be taken for treated.
        line: [n], whose controls include a straight line.
        n_pre: rows before the intervention.
        ends: [n, H], ends of the horizons.
        options: control series and model.
        rng: draws the half.
    """
    products = np.flatnonzero(usable)
    taken = np.zeros(len(usable), dtype=bool)
    taken[rng.permutation(products)[: len(products) // 2]] = True
    y = candidates[:, :, taken].sum(axis=2)
    others = np.where(taken, 1.0, missing)
    chosen = choose_controls(y, candidates, others, n_pre, options.n_control_series, line)
    fits = fit_series(y, chosen.series, n_pre, ends, line, options, alpha=0.0)
    return UntreatedRun(fits.actual, fits.predicted, fits.predicted_sd)
