"""The plain sampler that the fast one is checked with, against R's own long chains."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.impact.plain_gibbs import Prior, SdPrior, sample, slab_precision

DRAWS = 2000


@pytest.mark.parametrize("name", ["google", "comparison", "nocov"])
def test_agrees_with_r(name: str, shared: Callable[[str], Path]) -> None:
    folder = shared("reference") / "causal"
    case = json.loads((folder / "reference.json").read_text())["cases"][name]
    table = pl.read_csv(folder / case["csv"], infer_schema_length=None)
    data = table[:, 1:].cast(pl.Float64).to_numpy()
    n_pre, days = case["pre"][1] + 1, case["post"][1] - case["pre"][1]
    mean, sd = data[:n_pre].mean(axis=0), data[:n_pre].std(axis=0, ddof=1)
    y, controls = np.split((data - mean) / sd, [1], axis=1)
    prior = (
        Prior(first_level=y[0, 0], slab=slab_precision(controls))
        if controls.shape[1]
        else Prior(first_level=y[0, 0], noise=SdPrior(1.0, 0.01, 1.2))
    )
    drawn = sample(y[:, 0], controls, n_pre, prior, draws=DRAWS, burn=200, seed=1)
    r = case["r_original"]["long_niter50000"]
    sums = drawn.post_sum * sd[0] + mean[0] * days
    # A mean of n independent draws errs by 1/sqrt(n) sd, a 2.5 % quantile by 2.7/sqrt(n).
    assert sums.mean() == pytest.approx(r["pred_cum"], abs=4 / np.sqrt(DRAWS) * r["pred_cum_sd"])
    bounds = np.quantile(sums, [0.025, 0.975])
    near = 4 * 2.7 / np.sqrt(DRAWS) * r["pred_cum_sd"]
    assert bounds == pytest.approx([r["pred_cum_lo"], r["pred_cum_hi"]], abs=near)
    assert drawn.noise_sd.mean() == pytest.approx(r["sigma"], rel=0.02)
    if controls.shape[1]:
        chances = case["r_original"]["incl_prob_long"][1:]
        assert drawn.included.mean(axis=0) == pytest.approx(chances, abs=0.06)
