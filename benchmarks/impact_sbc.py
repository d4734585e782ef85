"""Simulation-based calibration of the structural model's sampler (Talts et al. 2018).

    python benchmarks/impact_sbc.py [--fits 2000] [--iterations 1000] [--seed 0]

Parameters are drawn from the priors and a series from the parameters, then the series is fitted.
If the sampler draws from the posterior, the truth's place in it is uniform between 0 and 1: of the
sum of the first day after training, of the sum of all of them, and of the noise's variance. It is
tested by Kolmogorov and Smirnov, and by chi-square over twenty bins. A control that was in the
model must have been given its inclusion probability as often as that says: the sum of (in the model
or not) - probability over its standard deviation is a z-score.

One row per kind of model: a level, a week, a trend, some days missing, no controls. Priors are
R's, but those which are too vague to draw from get 3 degrees of freedom: of slope and season, and
of the noise where there are no controls.
Exit status 1 if a p-value is under 0.001 divided by the number of tests.
"""

from __future__ import annotations

import argparse
import sys
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.special import gammaincc, ndtr
from scipy.stats import chisquare, kstest, norm

from imgassets.impact.batch import kernel_model
from imgassets.impact.kernels.chain import new_draws, run_chain
from imgassets.impact.kernels.fitting import new_lattice, standardised
from imgassets.impact.kernels.lattice import Series
from imgassets.impact.structural import ModelOptions

PRE_ROWS, POST_ROWS = 60, 20
ROWS = PRE_ROWS + POST_ROWS
VAGUE_DF, VAGUE_SD = 3.0, 0.02
BINS = 20
SMALLEST_P = 0.001

Floats = NDArray[np.float64]


class Kind(NamedTuple):
    """A kind of model and of data."""

    controls: int = 4
    trend: bool = False
    nseasons: int = 1
    missing: float = 0.0


KINDS = {
    "level": Kind(),
    "level, no controls": Kind(controls=0),
    "level, 30 % of the days missing": Kind(missing=0.3),
    "week": Kind(nseasons=7),
    "trend": Kind(trend=True),
    "trend and week, 10 % missing": Kind(trend=True, nseasons=7, missing=0.1),
}


class Truth(NamedTuple):
    """What a series was drawn with: controls in the model, noise, sums of both windows."""

    included: NDArray[np.bool_]
    noise_variance: float
    sums: Floats


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fits", type=int, default=2000)
    parser.add_argument("--iterations", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    table = Table("model", "test of", "Kolmogorov-Smirnov p", "chi-square p", "z")
    p_values = []
    for number, (name, kind) in enumerate(KINDS.items()):
        places, surprise = calibrate(kind, arguments, number)
        for what, place in places.items():
            observed = np.histogram(place, BINS, (0, 1))[0]
            p = kstest(place, "uniform").pvalue, chisquare(observed).pvalue
            table.add_row(name, what, f"{p[0]:.3f}", f"{p[1]:.3f}", "")
            p_values += p
        if kind.controls:
            table.add_row(name, "inclusion", "", "", f"{surprise:+.2f}")
            p_values.append(2 * norm.sf(abs(surprise)))
    Console(width=110).print(table)
    limit = SMALLEST_P / len(p_values)
    print(f"{len(p_values)} tests of {arguments.fits} fits each, smallest p {min(p_values):.2g}")
    if min(p_values) < limit:
        sys.exit(f"a p-value is under {limit:.2g}: the sampler does not draw from the posterior")


def calibrate(
    kind: Kind, arguments: argparse.Namespace, number: int
) -> tuple[dict[str, Floats], float]:
    """Return the truths' places in their posteriors, [fits] each, and the inclusions' z-score."""
    options = ModelOptions(niter=arguments.iterations, trend=kind.trend, nseasons=kind.nseasons)
    model = kernel_model(options)._replace(weak_df=VAGUE_DF, weak_sd=VAGUE_SD)
    lattice = new_lattice(model, kind.controls + 2, 2, POST_ROWS)
    kept = -(-(model.niter - model.burn) // model.thin)
    ends = np.array([PRE_ROWS + 1, ROWS])
    places: dict[str, list[float]] = {"first day": [], "sum": [], "noise": []}
    excess, variance = 0.0, 0.0
    for fit in range(arguments.fits):
        rng = np.random.default_rng((arguments.seed, number, fit))
        known = rng.uniform(size=ROWS) >= kind.missing
        known[PRE_ROWS] = True  # the day that is looked at alone
        any_values = np.where(known, rng.standard_normal(ROWS), np.nan)
        controls = rng.standard_normal((ROWS, kind.controls))
        series = standardised(any_values, controls, PRE_ROWS, ends, model)
        truth = draw(series, rng)
        draws = new_draws(kept, kind.controls + 1, len(ends), 0)
        first = run_chain(series, lattice, model.niter, model.burn, model.thin, fit, draws)
        below = ndtr((truth.sums - draws.means) / np.sqrt(draws.variances)).mean(axis=0)
        places["first day"].append(below[0])
        places["sum"].append(below[1])
        shape = series.shape - first.df / 2
        rate = draws.noise * (shape - 1)
        places["noise"].append(gammaincc(shape, rate / truth.noise_variance).mean())
        probability = draws.inclusion[1:]
        excess += float((truth.included[1:] - probability).sum())
        variance += float((probability * (1 - probability)).sum())
    score = excess / np.sqrt(variance) if variance else 0.0
    return {name: np.array(values) for name, values in places.items()}, score


def draw(series: Series, rng: np.random.Generator) -> Truth:
    """Draw parameters from the priors of a series, and give it values drawn from them."""
    noise_variance = series.noise_ss / 2 / rng.gamma(series.noise_df / 2)
    step_sd = np.array([
        np.sqrt(ss / 2 / rng.gamma(df / 2)) if df else 0.0
        for df, ss in zip(series.state_df, series.state_ss, strict=True)
    ])  # fmt: skip
    x, slab = series.columns[:, 1:], series.precision[1:, 1:]
    included = rng.uniform(size=x.shape[1]) < 1 / (1 + np.exp(-series.log_odds))
    beta = np.zeros(len(included))
    if included.any():
        root = np.linalg.cholesky(slab[np.ix_(included, included)] / noise_variance)
        beta[included] = np.linalg.solve(root.T, rng.standard_normal(included.sum()))
    y = states(series, step_sd, rng) + x @ beta
    y += np.sqrt(noise_variance) * rng.standard_normal(ROWS)
    series.columns[:, 0] = np.where(series.observed, y, 0.0)
    sums = np.array([series.columns[PRE_ROWS:end, 0].sum() for end in series.ends])
    return Truth(included, noise_variance, sums)


def states(series: Series, step_sd: Floats, rng: np.random.Generator) -> Floats:
    """Return level and season of each row; all first states are standard normal."""
    level, slope = rng.standard_normal(2) * (1.0, float(series.trend))
    season = rng.standard_normal(max(series.nseasons - 1, 0))
    values = np.empty(ROWS)
    for row in range(ROWS):
        values[row] = level + season[:1].sum()
        level += slope + step_sd[0] * rng.standard_normal()
        slope += step_sd[1] * rng.standard_normal()
        if season.size:
            newest = -season.sum() + step_sd[2] * rng.standard_normal()
            season = np.concatenate([[newest], season[:-1]])
    return values


if __name__ == "__main__":
    main()
