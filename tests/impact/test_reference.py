"""What the engine says of R's reference cases, beside what R says of them.

Monte-Carlo errors: R's printed figures come from 1,000 draws, some 900 of them after burn-in. The
predictions of one draw hardly depend on the draw before, most of their variance being fresh noise,
so that they count as independent: a mean errs by sd/sqrt(900); a 2.5 % quantile by
sqrt(0.025 × 0.975 / 900) over the normal density there, 0.058/sd, that is 2.7 sd/sqrt(900); a tail
probability p by sqrt(p (1 - p) / 900), and nothing under 1/901 can be printed. (In blocks of 900
draws of `plain_gibbs.sample` these errors are 0.031-0.039, 0.079-0.097 sd and 0.014 at p = 0.19.)
The long chains have 50,000 draws: a seventh of that.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest

from imgassets.impact.batch import Fits, fit_many
from imgassets.impact.causal_impact import CausalImpact

CASES = ["google", "comparison", "arma", "vignette", "bench", "bench_missing", "nocov"]
PUBLISHED = ["google", "comparison", "arma"]
R_DRAWS = 900
SEEDS = np.arange(1, 7, dtype=np.uint64)
MEAN_LIMIT, BOUND_LIMIT = 0.07, 0.12


class Case(NamedTuple):
    """A reference case: what R says, its table, and its fits with several seeds."""

    r: dict[str, Any]
    table: pl.DataFrame
    fits: Fits


@pytest.fixture(scope="module")
def case(request: pytest.FixtureRequest, shared: Callable[[str], Path]) -> Case:
    folder = shared("reference") / "causal"
    r = json.loads((folder / "reference.json").read_text())["cases"][request.param]
    table = pl.read_csv(folder / r["csv"], infer_schema_length=None, null_values=["NA"])
    data = table[:, 1:].cast(pl.Float64).to_numpy()
    n = len(SEEDS)
    fits = fit_many(
        np.repeat(data[None, :, 0], n, axis=0),
        np.repeat(data[None, :, 1:], n, axis=0),
        np.full(n, r["pre"][1] + 1),
        np.full((n, 1), r["post"][1] + 1),
        seeds=SEEDS,
    )
    return Case(r, table, fits)


@pytest.mark.parametrize("case", CASES, indirect=True)
def test_every_seed_is_near_r_with_50000_draws(case: Case) -> None:
    r, fits = case.r["r_original"]["long_niter50000"], case.fits
    sd = r["pred_cum_sd"]
    assert fits.actual[:, 0] == pytest.approx(case.r["actual_cum"])
    assert np.abs(fits.predicted - r["pred_cum"]).max() < MEAN_LIMIT * sd
    assert np.abs(fits.predicted_lower - r["pred_cum_lo"]).max() < BOUND_LIMIT * sd
    assert np.abs(fits.predicted_upper - r["pred_cum_hi"]).max() < BOUND_LIMIT * sd
    assert fits.predicted_sd[:, 0] == pytest.approx(sd, rel=0.03)
    error = np.sqrt(r["p"] * (1 - r["p"]) / 50_000)
    assert np.abs(fits.tail_probability - r["p"]).max() < 0.02 * r["p"] ** 0.5 + 4 * error
    assert fits.relative[:, 0] == pytest.approx(r["rel"], abs=0.05 * (r["rel_hi"] - r["rel_lo"]))


@pytest.mark.parametrize("case", [name for name in CASES if name != "nocov"], indirect=True)
def test_inclusion_is_what_r_says(case: Case) -> None:
    found = case.fits.inclusion.mean(axis=0)
    assert found == pytest.approx(case.r["r_original"]["incl_prob_long"][1:], abs=0.03)


@pytest.mark.parametrize("case", PUBLISHED, indirect=True)
def test_published_figures_are_within_their_monte_carlo_error(case: Case) -> None:
    r, fits = case.r["published"], case.fits
    sd = r["pred_cum_sd"]
    mean_error = sd / np.sqrt(R_DRAWS)
    bound_error = 2.7 * mean_error
    low, high = r["pred_cum_ci"]
    assert fits.predicted.mean() == pytest.approx(r["pred_cum"], abs=3 * mean_error + 0.5)
    assert fits.predicted_lower.mean() == pytest.approx(low, abs=3 * bound_error + 0.5)
    assert fits.predicted_upper.mean() == pytest.approx(high, abs=3 * bound_error + 0.5)
    p = max(float(fits.tail_probability.mean()), 1 / (R_DRAWS + 1))
    error = np.sqrt(p * (1 - p) / R_DRAWS)
    assert r["p"] == pytest.approx(p, abs=3 * error)


@pytest.mark.parametrize("case", CASES, indirect=True)
def test_single_series_interface_says_what_the_engine_says(case: Case) -> None:
    dated = case.table.dtypes[0] == pl.String
    labels = case.table[:, 0] if dated else range(case.table.height)
    periods = ([labels[row] for row in case.r[name]] for name in ("pre", "post"))
    impact = CausalImpact(case.table if dated else case.table[:, 1:], *periods)
    found, fits = impact.summary_data["cumulative"], case.fits
    assert found.predicted == fits.predicted[0, 0]
    assert found.predicted_lower == fits.predicted_lower[0, 0]
    assert found.p == fits.tail_probability[0, 0]
    r = case.r["r_original"]["long_niter50000"]
    last = impact.inferences.row(-1, named=True)
    effect = case.r["actual_cum"] - r["pred_cum"]
    assert last["cum_effect"] == pytest.approx(effect, abs=MEAN_LIMIT * r["pred_cum_sd"])
    bound = BOUND_LIMIT * r["pred_cum_sd"]
    assert last["cum_pred_lower"] == pytest.approx(r["pred_cum_lo"], abs=bound)
    assert last["cum_pred_upper"] == pytest.approx(r["pred_cum_hi"], abs=bound)
