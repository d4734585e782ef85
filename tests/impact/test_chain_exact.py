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


def exact(series: Series) -> tuple[np.ndarray, float, float]:
    """Return inclusion probabilities, mean and standard deviation of the sum after training."""
    y, x = series.columns[:, 0], series.columns[:, 1:]
    train = np.flatnonzero(series.observed[:TRAIN])
    post = TRAIN + np.flatnonzero(series.observed[TRAIN:])
    step = np.minimum.outer(np.arange(ROWS), np.arange(ROWS)).astype(float)
    likely = np.arange(-9.0, -4.0, 0.5)
    noises = np.exp(np.linspace(np.log(0.05), np.log(1.5), 30))
    weights, sets, means, variances = [], [], [], []
    for ratio, noise, chosen in product(
        np.exp(likely), noises, product((False, True), repeat=x.shape[1])
    ):
        inside = np.flatnonzero(chosen)
        slab = series.precision[1:, 1:][np.ix_(inside, inside)]
        part = x[:, inside]
        # the first level's variance is 1, whatever the noise's; all is one normal given both
        covariance = noise * (np.eye(ROWS) + ratio * step) + 1.0
        covariance += noise * part @ np.linalg.inv(slab) @ part.T if inside.size else 0.0
        block = covariance[np.ix_(train, train)]
        ahead = np.linalg.solve(block, covariance[np.ix_(train, post)])
        left = covariance[np.ix_(post, post)] - covariance[np.ix_(post, train)] @ ahead
        squares = series.noise_ss + series.state_ss[0] / ratio
        df = series.noise_df + series.state_df[0]
        weights.append(
            np.where(chosen, series.log_odds, 0.0).sum()
            - 0.5 * np.linalg.slogdet(block)[1]
            - 0.5 * y[train] @ np.linalg.solve(block, y[train])
            - 0.5 * df * np.log(noise)
            - 0.5 * squares / noise
            - 0.5 * series.state_df[0] * np.log(ratio)
        )
        sets.append(chosen)
        means.append((y[train] @ ahead).sum())
        variances.append(left.sum())
    share = np.exp(np.array(weights) - max(weights))
    share /= share.sum()
    mean = share @ np.array(means)
    variance = share @ (np.array(variances) + (np.array(means) - mean) ** 2)
    return share @ np.array(sets, dtype=float), mean, float(np.sqrt(variance))


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.soak)])
def test_the_chain_finds_the_exact_posterior(seed: int) -> None:
    y, controls = made(seed)
    model = kernel_model(ModelOptions(niter=30_000))
    series = standardised(y, controls, TRAIN, np.array([ROWS]), model)
    lattice = new_lattice(model, 7, 1, ROWS - TRAIN)
    draws = new_draws(12_000, 6, 1, 0)

    run_chain(series, lattice, 30_000, 6_000, 2, 5, draws)

    inclusion, mean, deviation = exact(series)
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
