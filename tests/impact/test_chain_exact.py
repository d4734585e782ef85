"""The chain against the exact posterior, by adding up every set of controls and lattice point."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from imgassets.impact.batch import kernel_model
from imgassets.impact.detail import fit_in_detail
from imgassets.impact.kernels.chain import new_draws, run_chain
from imgassets.impact.kernels.fitting import new_lattice, standardised
from imgassets.impact.kernels.lattice import Series
from imgassets.impact.structural import ModelOptions

ROWS, TRAIN = 40, 30


def made(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a series and five controls of which two say much the same; some rows are missing."""
    rng = np.random.default_rng(seed)
    controls = rng.normal(size=(ROWS, 5))
    controls[:, 1] = controls[:, 0] + 0.3 * rng.normal(size=ROWS)
    y = 50 + 4 * controls[:, 0] + 1.5 * controls[:, 2] + rng.normal(size=ROWS) * 3
    y[[3, 11, 12, 35]] = np.nan
    return y, controls


def exact(series: Series, start: float) -> tuple[np.ndarray, float, float]:
    """Return inclusion probabilities, mean and standard deviation of the sum after training."""
    y, x = series.columns[:, 0], series.columns[:, 1:]
    train = np.flatnonzero(series.observed[:TRAIN])
    post = TRAIN + np.flatnonzero(series.observed[TRAIN:])
    step = np.minimum.outer(np.arange(ROWS), np.arange(ROWS)).astype(float)
    weights, sets, means, variances = [], [], [], []
    for log_ratio in series.log_ratios[0]:
        ratio = np.exp(log_ratio)
        covariance = np.eye(ROWS) + start + ratio * step
        inverse = np.linalg.inv(covariance[np.ix_(train, train)])
        ahead = covariance[np.ix_(post, train)] @ inverse
        left = covariance[np.ix_(post, post)] - ahead @ covariance[np.ix_(train, post)]
        for chosen in product((False, True), repeat=x.shape[1]):
            inside = np.flatnonzero(chosen)
            slab = series.precision[1:, 1:][np.ix_(inside, inside)]
            part = x[np.ix_(train, inside)]
            precision = part.T @ inverse @ part + slab
            target = part.T @ inverse @ y[train]
            beta = np.linalg.solve(precision, target)
            squares = y[train] @ inverse @ y[train] - target @ beta
            rate = 0.5 * (series.noise_ss + squares + series.state_ss[0] / ratio)
            log_weight = (
                np.where(chosen, series.log_odds, 0.0).sum()
                + 0.5 * (np.linalg.slogdet(slab)[1] - np.linalg.slogdet(precision)[1])
                + 0.5 * np.linalg.slogdet(inverse)[1]
                - series.shape * np.log(rate)
                - 0.5 * series.state_df[0] * log_ratio
            )
            gap = (x[np.ix_(post, inside)] - ahead @ part).sum(axis=0)
            weights.append(log_weight)
            sets.append(chosen)
            means.append((ahead @ y[train]).sum() + gap @ beta)
            spread = left.sum() + gap @ np.linalg.solve(precision, gap)
            variances.append(rate / (series.shape - 1) * spread)
    share = np.exp(np.array(weights) - max(weights))
    share /= share.sum()
    mean = share @ np.array(means)
    variance = share @ (np.array(variances) + (np.array(means) - mean) ** 2)
    return share @ np.array(sets, dtype=float), mean, float(np.sqrt(variance))


@pytest.mark.parametrize("seed", [1, 2])
def test_the_chain_finds_the_exact_posterior(seed: int) -> None:
    y, controls = made(seed)
    model = kernel_model(ModelOptions(niter=30_000))
    series = standardised(y, controls, TRAIN, np.array([ROWS]), model)
    lattice = new_lattice(model, 7, 1, ROWS - TRAIN)
    draws = new_draws(12_000, 6, 1, 0)

    start = run_chain(series, lattice, 30_000, 6_000, 2, 5, draws)

    inclusion, mean, deviation = exact(series, start)
    np.testing.assert_allclose(draws.inclusion, inclusion, atol=0.02)
    assert draws.means.mean() == pytest.approx(mean, abs=0.02 * deviation)
    spread = np.sqrt(draws.variances.mean() + draws.means.var())
    assert spread == pytest.approx(deviation, rel=0.01)


@pytest.mark.parametrize(
    "options", [{}, {"trend": True}, {"nseasons": 7}, {"nseasons": 3, "season_duration": 4}]
)
def test_drawn_paths_are_distributed_as_the_exact_mixture_says(options: dict[str, int]) -> None:
    y, controls = made(3)
    detail = fit_in_detail(y, controls, TRAIN, ModelOptions(niter=8_000, **options), 0.05)  # type: ignore[arg-type]

    known = TRAIN + np.flatnonzero(np.isfinite(y[TRAIN:]))
    sums = detail.samples[:, known].sum(axis=1)
    mean, lower, upper = detail.cumulative[:, -1]
    assert sums.mean() == pytest.approx(mean, abs=0.05 * sums.std())
    assert np.mean((sums > lower) & (sums < upper)) == pytest.approx(0.95, abs=0.01)
    day = detail.samples[:, -1]
    assert np.mean((day > detail.point[1, -1]) & (day < detail.point[2, -1])) == pytest.approx(
        0.95, abs=0.01
    )
