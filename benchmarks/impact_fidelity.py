"""The engine against R's CausalImpact on the reference cases, in units of R's posterior.

    python benchmarks/impact_fidelity.py REFERENCE [--seeds 40] [--iterations 1000]

REFERENCE is a folder with reference.json and the cases' tables (its README says what they hold).
For each case the sum that would have come without the set is estimated with --seeds seeds, and
compared with R's chain of 50,000 draws: difference of the mean and of both bounds over R's
posterior sd, averaged over the seeds, ± the sd between seeds (our Monte-Carlo error), and the
largest of any seed. The limits are 0.07 for a mean and 0.12 for a bound, of every seed.

A second table compares with figures that were published. They come from 1,000 draws of R, some 900
after burn-in, whose predictions are as good as independent (the most of their variance is fresh
noise): their Monte-Carlo error is sd/√900 of a mean, 2.7 sd/√900 of a bound (√(0.025 × 0.975) over
the normal density there), √(p(1 − p)/900) of a tail probability, and half a unit of the last digit
printed. It shows the difference in those errors; three are within what chance does.

Exit status 1 if a limit is passed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from imgassets.impact.batch import Fits, fit_many
from imgassets.impact.structural import ModelOptions

MEAN_LIMIT, BOUND_LIMIT, ERRORS_LIMIT = 0.07, 0.12, 3.0
R_DRAWS = 900
BOUND_FACTOR = 2.7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("reference", type=Path)
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--iterations", type=int, default=ModelOptions().niter)
    arguments = parser.parse_args()
    cases = json.loads((arguments.reference / "reference.json").read_text())["cases"]
    options = ModelOptions(niter=arguments.iterations)
    fits = {
        name: fit(arguments.reference, case, arguments.seeds, options)
        for name, case in cases.items()
    }
    console = Console(width=150)
    within = True
    table = Table("case", "mean", "lower", "upper", "largest", "p, R's", "relative", "R's")
    for name, case in cases.items():
        cells, ok = against_long_chain(case["r_original"]["long_niter50000"], fits[name])
        table.add_row(name, *cells)
        within &= ok
    console.print(table)
    table = Table("case", "figure", "published", "ours", "Monte-Carlo error", "errors apart")
    for name, case in cases.items():
        for cells, ok in against_published(case, fits[name]):
            table.add_row(name, *cells)
            within &= ok
    console.print(table)
    if not within:
        sys.exit("a limit is passed")


def fit(folder: Path, case: dict[str, Any], seeds: int, options: ModelOptions) -> Fits:
    """Fit a case with several seeds."""
    table = pl.read_csv(folder / case["csv"], infer_schema_length=None, null_values=["NA"])
    data = table[:, 1:].cast(pl.Float64).to_numpy()
    return fit_many(
        np.repeat(data[None, :, 0], seeds, axis=0),
        np.repeat(data[None, :, 1:], seeds, axis=0),
        np.full(seeds, case["pre"][1] + 1),
        np.full((seeds, 1), case["post"][1] + 1),
        options,
        seeds=np.arange(1, seeds + 1, dtype=np.uint64),
    )


def against_long_chain(r: dict[str, float], fits: Fits) -> tuple[list[str], bool]:
    """Return a row of the first table, and whether every seed is within the limits."""
    sd = r["pred_cum_sd"]
    apart = [
        (fits.predicted[:, 0] - r["pred_cum"]) / sd,
        (fits.predicted_lower[:, 0] - r["pred_cum_lo"]) / sd,
        (fits.predicted_upper[:, 0] - r["pred_cum_hi"]) / sd,
    ]
    largest = [float(np.abs(values).max()) for values in apart]
    relative = np.mean([fits.relative, fits.relative_lower, fits.relative_upper], axis=(1, 2))
    cells = [
        *(f"{values.mean():+.3f} ± {values.std():.3f}" for values in apart),
        f"{largest[0]:.3f} | {max(largest[1:]):.3f}",
        f"{fits.tail_probability.mean():.5f}, {r['p']:.5f}",
        "{:.2%} [{:.2%}, {:.2%}]".format(*relative),
        "{rel:.2%} [{rel_lo:.2%}, {rel_hi:.2%}]".format(**r),
    ]
    return cells, largest[0] < MEAN_LIMIT and max(largest[1:]) < BOUND_LIMIT


def against_published(case: dict[str, Any], fits: Fits) -> Iterator[tuple[list[str], bool]]:
    """Yield rows of the second table, and whether each is within three errors."""
    if "published" not in case:
        return
    r = case["published"]
    sd = r["pred_cum_sd"]
    error = sd / np.sqrt(R_DRAWS)
    low, high = r["pred_cum_ci"]
    p = max(float(fits.tail_probability.mean()), 1 / (R_DRAWS + 1))
    for figure, printed, ours, about, rounded in (
        ("prediction", r["pred_cum"], fits.predicted.mean(), error, 0.5),
        ("lower", low, fits.predicted_lower.mean(), BOUND_FACTOR * error, 0.5),
        ("upper", high, fits.predicted_upper.mean(), BOUND_FACTOR * error, 0.5),
        ("effect", r["abs_cum"], (fits.actual - fits.predicted).mean(), error, 0.5),
        ("p", r["p"], p, np.sqrt(p * (1 - p) / R_DRAWS), 5e-6),
    ):
        errors = max(abs(ours - printed) - rounded, 0.0) / about
        digits = 5 if figure == "p" else 2
        numbers = (f"{value:,.{digits}f}" for value in (printed, ours, about))
        cells = [figure, *numbers, f"{errors:.1f}"]
        yield cells, bool(errors < ERRORS_LIMIT)


if __name__ == "__main__":
    main()
