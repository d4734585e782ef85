"""The engine and the plain sampler say the same of series that neither was made for."""

import numpy as np
import pytest
from numpy.typing import NDArray

from imgassets.impact.batch import fit_many
from imgassets.impact.structural import ModelOptions
from tests.impact.plain_gibbs import Prior, sample, slab_precision

TRAIN, AFTER = 60, 15
DAYS = TRAIN + AFTER
SEEDS = np.arange(1, 9, dtype=np.uint64)
DRAWS, BATCHES = 2000, 10


def _series(missing: float, nseasons: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a series that follows two of three controls, and the controls."""
    rng = np.random.default_rng(5)
    x = 0.3 * rng.standard_normal((DAYS, 3)).cumsum(axis=0) + rng.standard_normal((DAYS, 3))
    y = 50 + x @ [2.0, 0.5, 0.0] + 1.5 * rng.standard_normal(DAYS)
    y += np.resize(2 * rng.standard_normal(nseasons), DAYS) * (nseasons > 1)
    y += np.cumsum(0.1 * rng.standard_normal(DAYS))
    y[:TRAIN][rng.uniform(size=TRAIN) < missing] = np.nan
    return y, x


# Not with a trend: its vague prior makes the plain chain wander for tens of thousands of draws.
# Simulation-based calibration covers it.
@pytest.mark.parametrize(("missing", "nseasons"), [(0.3, 1), (0.0, 7)])
def test_same_posterior(missing: float, nseasons: int) -> None:
    y, x = _series(missing, nseasons)
    n = len(SEEDS)
    fast = fit_many(
        np.repeat(y[None], n, axis=0), np.repeat(x[None], n, axis=0), np.full(n, TRAIN),
        np.full((n, 1), DAYS), ModelOptions(nseasons=nseasons), seeds=SEEDS,
    )  # fmt: skip
    mean, sd = np.nanmean(y[:TRAIN]), np.nanstd(y[:TRAIN], ddof=1)
    z, controls = (y - mean) / sd, (x - x[:TRAIN].mean(axis=0)) / x[:TRAIN].std(axis=0, ddof=1)
    plain = sample(
        z, controls, TRAIN,
        Prior(first_level=z[np.isfinite(z)][0], slab=slab_precision(controls)),
        draws=DRAWS, burn=500, seed=1, nseasons=nseasons,
    )  # fmt: skip
    unit = float(plain.post_sum.std()) * sd
    expected = sd * plain.post_mean + AFTER * mean
    of_batches = expected.reshape(BATCHES, -1).mean(axis=1)
    error = of_batches.std(ddof=1) / np.sqrt(BATCHES)
    assert fast.predicted.mean() == pytest.approx(expected.mean(), abs=4 * error + 0.02 * unit)
    # the error of an sd, by batches too, and what fixing the first states' variance may cost
    spreads = plain.post_sum.reshape(BATCHES, -1).std(axis=1).std(ddof=1) / np.sqrt(BATCHES) * sd
    assert fast.predicted_sd.mean() == pytest.approx(unit, abs=4 * spreads + 0.03 * unit)
    assert fast.inclusion.mean(axis=0) == pytest.approx(plain.included.mean(axis=0), abs=0.06)
    assert fast.sigma.mean() == pytest.approx(plain.noise_sd.mean(), rel=0.04)
