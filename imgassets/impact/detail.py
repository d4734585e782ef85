"""One series in full: what is expected of each row, with draws of whole paths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgassets.impact.batch import BURN_SHARE, kernel_model
from imgassets.impact.kernels.chain import new_draws, run_chain
from imgassets.impact.kernels.fitting import new_lattice, standardised, training_scale
from imgassets.impact.kernels.mixture import mixture_moments, mixture_quantile
from imgassets.impact.kernels.smoothing import draw_paths
from imgassets.impact.structural import ModelOptions

_PATH_SEED = 7919
"""Added to the seed for the paths, so that they do not repeat the chain's random numbers."""


@dataclass(frozen=True)
class Detail:
    """Mean, lower and upper bound of what is expected without effect.

    Attributes:
        point: of each row, [3, rows]; in the pre-period smoothed, as R prints it.
        cumulative: of the sum of known rows after the pre-period, [3, rows]; NaN in it.
        samples: draws of the series without effect, noise included, [draws, rows].
        sigma: draws of the noise's standard deviation, in standard deviations of y, [draws].
    """

    point: NDArray[np.float64]
    cumulative: NDArray[np.float64]
    samples: NDArray[np.float64]
    sigma: NDArray[np.float64]


def fit_in_detail(
    y: NDArray[np.float64],
    controls: NDArray[np.float64],
    n_pre: int,
    options: ModelOptions,
    alpha: float,
) -> Detail:
    """Fit one series and describe each of its rows.

    Args:
        y: [rows]; NaN where unknown.
        controls: [rows, k], finite.
        n_pre: training rows.
        options: the model.
        alpha: bounds hold 1 - alpha.
    """
    rows, k = controls.shape
    days = rows - n_pre
    model = kernel_model(options)
    ends = np.arange(n_pre + 1, rows + 1, dtype=np.int64)
    series = standardised(y, controls, n_pre, ends, model)
    lattice = new_lattice(model, k + 2, days, days)
    burn = options.niter // BURN_SHARE
    draws = new_draws(options.niter - burn, k + 1, days, days)
    states = run_chain(series, lattice, options.niter, burn, 1, options.seed, draws)
    fitted = np.empty((draws.noise.size, rows))
    samples, sigma = np.empty_like(fitted), np.empty(draws.noise.size)
    draw_paths(series, lattice, draws, states, options.seed + _PATH_SEED, fitted, samples, sigma)
    _, _, deviation, first = training_scale(y, n_pre)
    point, cumulative = np.full((3, rows), np.nan), np.full((3, rows), np.nan)
    point[0, :n_pre] = fitted[:, :n_pre].mean(axis=0)
    point[1:, :n_pre] = np.quantile(samples[:, :n_pre], (alpha / 2, 1 - alpha / 2), axis=0)
    known = np.cumsum(np.isfinite(y[n_pre:]))
    for day in range(days):
        point[:, n_pre + day] = _described(draws.day_means, draws.day_variances, day, alpha)
        if known[day]:
            cumulative[:, n_pre + day] = _described(draws.means, draws.variances, day, alpha)
    return Detail(
        point=first + deviation * point,
        cumulative=deviation * cumulative + first * np.concatenate([np.zeros(n_pre), known]),
        samples=first + deviation * samples,
        sigma=sigma,
    )


def _described(
    means: NDArray[np.float64], variances: NDArray[np.float64], place: int, alpha: float
) -> tuple[float, float, float]:
    """Return mean and bounds of a mixture of normals, one column of each array."""
    center = np.ascontiguousarray(means[:, place])
    spread = np.sqrt(variances[:, place])
    mean, deviation = mixture_moments(center, variances[:, place].copy())
    return (
        mean,
        mixture_quantile(alpha / 2, mean - 2 * deviation, center, spread),
        mixture_quantile(1 - alpha / 2, mean + 2 * deviation, center, spread),
    )
