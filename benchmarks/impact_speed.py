"""How fast series are fitted and cells estimated, on one core, in how much memory.

    python benchmarks/impact_speed.py [--series 1000] [--cells 10000] [--peer PYTHON …]
        [--peer-series 10] [--repeats 8] [--seed 0]

Three measurements, each pinned to one core; seconds are of its processor time:

- fits a second of 150 days (120 to train on) with ten control series, of the well specified world
  of `impact_worlds.py`, with a level, a week, a trend and both; and the Monte-Carlo error of the
  predicted mean: the sd over --repeats seeds over the posterior sd, its root mean square over
  cells. Each PYTHON is the interpreter of an environment with pycausalimpact or tfp-causalimpact,
  which fit the first --peer-series of the same series in the same run;
- cells estimated in batches of 500, each of one world: controls chosen, fits for three horizons
  (1, 2 and 4 weeks), placebos with controls of their own, intervals calibrated: seconds, and the
  largest resident memory of a process that does nothing else but draw the series, which is not
  timed;
- whether two processes give the same bits, whatever the cells' order.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from impact_calibration import ask_peer, controls_of
from impact_worlds import DAYS, PRE_DAYS, WORLDS, Cells, Floats, simulate
from rich.console import Console
from rich.table import Table

from imgassets.impact.batch import Fits, fit_many
from imgassets.impact.cells import CellEstimates, estimate_cells
from imgassets.impact.options import ImpactOptions
from imgassets.impact.structural import ModelOptions

MODELS = {
    "level, as cells are fitted": ImpactOptions().model,
    "level": ModelOptions(),
    "level and week": ModelOptions(nseasons=7),
    "trend": ModelOptions(trend=True),
    "trend and week": ModelOptions(nseasons=7, trend=True),
}
ERROR_SERIES = 200
BATCH = 500
HORIZONS = (7, 14, 28)
SAME_BITS_CELLS = 200
console = Console(width=130)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--series", type=int, default=1000)
    parser.add_argument("--cells", type=int, default=10_000)
    parser.add_argument("--peer", type=Path, nargs="+", default=[])
    parser.add_argument("--peer-series", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only-cells", action="store_true", help="print what a child process does")
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    if arguments.only_cells:
        print(json.dumps(estimate(arguments.cells, arguments.seed)))
        return
    console.print(f"load average at the start: {os.getloadavg()[0]:.1f}", highlight=False)
    cells = simulate("well specified", arguments.series, arguments.seed)
    time_fits(cells, arguments)
    report_cells(arguments)
    report_bits(arguments.seed)


def time_fits(cells: Cells, arguments: argparse.Namespace) -> None:
    """Print fits a second and their Monte-Carlo error, by model and by package."""
    controls = controls_of(cells.y, cells.candidates)
    table = Table(
        "fit", "iterations", "series", "fits/s", "ms a fit", "Monte-Carlo error of the mean, in sd"
    )
    for name, options in MODELS.items():
        fit(cells.y[:2], controls[:2], options)  # compiled
        started = time.process_time()
        fit(cells.y, controls, options)
        spent = (time.process_time() - started) / len(cells.y)
        error = monte_carlo_error(cells.y[:ERROR_SERIES], controls[:ERROR_SERIES], options,
                                  arguments.repeats)  # fmt: skip
        table.add_row(
            name,
            str(options.niter),
            str(len(cells.y)),
            f"{1 / spent:,.0f}",
            f"{1000 * spent:.2f}",
            f"{error:.3f}",
        )
    for python in arguments.peer:
        asked = slice(0, arguments.peer_series)
        name, bounds, spent = ask_peer(python, cells.y[asked], controls[asked])
        known = str(np.isfinite(bounds).all(axis=1).sum())
        table.add_row(name, "", known, f"{1 / spent:,.2f}", f"{1000 * spent:,.0f}", "")
    console.print(table)


def fit(y: Floats, controls: Floats, options: ModelOptions, seed: int = 1) -> Fits:
    """Fit series, for all of their days after the training rows."""
    n = len(y)
    return fit_many(
        y, controls, np.full(n, PRE_DAYS), np.full((n, 1), DAYS), options,
        seeds=np.full(n, seed, dtype=np.uint64),
    )  # fmt: skip


def monte_carlo_error(y: Floats, controls: Floats, options: ModelOptions, repeats: int) -> float:
    """Return the root mean square over series of the mean's sd over seeds, in posterior sd."""
    fits = [fit(y, controls, options, seed) for seed in range(1, repeats + 1)]
    means = np.stack([found.predicted[:, 0] for found in fits])
    sds = np.stack([found.predicted_sd[:, 0] for found in fits])
    return float(np.sqrt((means.var(axis=0, ddof=1) / sds.mean(axis=0) ** 2).mean()))


def report_cells(arguments: argparse.Namespace) -> None:
    """Print what many cells take."""
    found = child(arguments.cells, arguments.seed)
    console.print(
        f"{arguments.cells:,} cells × {len(HORIZONS)} horizons, {found['placebos']:,} placebos: "
        f"{found['seconds']:.1f} s of one core, at most {found['megabytes']:.0f} MB "
        f"({found['before']:.0f} MB before the first cell)",
        highlight=False,
    )


def report_bits(seed: int) -> None:
    """Print whether estimates repeat themselves."""
    first, second = (child(SAME_BITS_CELLS, seed)["bits"] for _ in range(2))
    console.print(f"two processes give the same bits: {'yes' if first == second else 'NO'}")
    (cells,) = batches(SAME_BITS_CELLS, seed)
    turned = Cells(cells.y[::-1], cells.candidates[::-1])
    forward, backward = estimate_batch(cells), estimate_batch(turned)
    same = all(
        np.array_equal(getattr(forward.fits, name), getattr(backward.fits, name)[::-1], True)
        for name in ("predicted", "predicted_lower", "predicted_upper", "tail_probability")
    )
    console.print(f"so do the fits of cells in another order: {'yes' if same else 'NO'}")


def child(cells: int, seed: int) -> dict[str, float]:
    """Estimate cells in a process of its own."""
    command = [sys.executable, __file__, "--only-cells", "--cells", str(cells), "--seed", str(seed)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def estimate(cells: int, seed: int) -> dict[str, float | str]:
    """Estimate cells batch by batch: seconds, megabytes, placebos and a digest of the results."""
    estimate_batch(next(batches(2, seed)))  # compiled
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds, placebos = 0.0, 0
    digest = hashlib.sha256()
    for batch in batches(cells, seed):
        started = time.process_time()
        found = estimate_batch(batch)
        seconds += time.process_time() - started
        placebos += int((found.placebos.train_rows > 0).sum())
        for values in (found.predicted_lower, found.predicted_upper, found.p):
            digest.update(values.tobytes())
    return {
        "seconds": seconds,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "before": before,
        "placebos": placebos,
        "bits": digest.hexdigest(),
    }


def batches(cells: int, seed: int) -> Iterator[Cells]:
    """Yield cells in batches, of all worlds in turn."""
    for number, start in enumerate(range(0, cells, BATCH)):
        world = list(WORLDS)[number % len(WORLDS)]
        yield simulate(world, min(BATCH, cells - start), seed + number)


def estimate_batch(cells: Cells) -> CellEstimates:
    """Choose controls, fit, run placebos and calibrate, as for the cells of a day."""
    ends = np.tile(PRE_DAYS + np.array(HORIZONS), (len(cells.y), 1))
    return estimate_cells(cells.y, cells.candidates, PRE_DAYS, ends, ImpactOptions())


if __name__ == "__main__":
    main()
