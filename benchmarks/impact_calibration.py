"""How often intervals hold the truth where nothing happened, and how often they see what did.

    python benchmarks/impact_calibration.py [--cells 1000] [--world NAME …] [--days 30 …]
        [--pool 0 …] [--peer PYTHON …] [--peer-cells 100] [--seed 0]

The worlds are those of `impact_worlds.py`. Each cell's controls are chosen, the model is fitted to
120 days, and placebos of its own pre-period are run, as for real cells. For each number of days
after the set it prints the share of cells whose truth lies in the calibrated interval, and in the
model's own ("raw"), with exact 95 % binomial bounds; the mean ratio of their widths; the half width
of the calibrated one as a share of the prediction; and power: the share of cells whose interval
tells that the series, multiplied by 1.05, 1.10 or 1.20 after the set, rose. `--pool 40` calibrates
by the placebos of 40 cells each instead of all of a world's.

Each PYTHON is the interpreter of an environment with pycausalimpact or tfp-causalimpact (they share
a module's name, so one each). They are given the first --peer-cells cells of each world with the
control series that were chosen for ours, and asked for the last horizon; ours are shown on the same
cells. Packages fit with their defaults.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from impact_worlds import DAYS, POST_DAYS, PRE_DAYS, WORLDS, Floats, simulate
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.stats import binomtest

from imgassets.impact.cells import CellEstimates, estimate_cells
from imgassets.impact.controls import choose_controls, fill_missing
from imgassets.impact.options import ImpactOptions

LIFTS = (0.05, 0.10, 0.20)
PEER = Path(__file__).with_name("impact_peer.py")
console = Console(width=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--world", nargs="+", default=list(WORLDS), choices=list(WORLDS))
    parser.add_argument("--days", type=int, nargs="+", default=[POST_DAYS])
    parser.add_argument("--pool", type=int, nargs="+", default=[0])
    parser.add_argument("--peer", type=Path, nargs="+", default=[])
    parser.add_argument("--peer-cells", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    own = Table(
        "world", "days", "pool", "calibrated holds", "raw holds", "width ×", "± of prediction",
        *(f"sees +{lift:.0%}" for lift in LIFTS), title="ours", title_justify="left",
    )  # fmt: skip
    others = Table(
        "world", "package", "cells", "holds", "± of prediction",
        *(f"sees +{lift:.0%}" for lift in LIFTS), "s a cell", title="side by side, the same cells",
        title_justify="left",
    )  # fmt: skip
    for world in arguments.world:
        cells = simulate(world, arguments.cells, arguments.seed)
        ends = np.tile(PRE_DAYS + np.array(arguments.days), (arguments.cells, 1))
        for size in arguments.pool:
            pool = np.arange(arguments.cells) // (size or arguments.cells)
            started = time.process_time()
            estimates = estimate_cells(
                cells.y, cells.candidates, PRE_DAYS, ends, ImpactOptions(), pool
            )
            seconds = time.process_time() - started
            for horizon, days in enumerate(arguments.days):
                own.add_row(world, str(days), str(size or "all"), *own_figures(estimates, horizon))
        if arguments.peer:
            subset = slice(0, arguments.peer_cells)
            add_side_by_side(others, world, cells.y[subset], cells.candidates[subset],
                             estimates, seconds / arguments.cells, arguments.peer)  # fmt: skip
        console.print(
            f"{world}: {seconds:.1f} s of processor time for {arguments.cells} cells",
            highlight=False,
        )
    console.print(own)
    if arguments.peer:
        console.print(others)


def own_figures(estimates: CellEstimates, horizon: int) -> list[str]:
    """Return the cells of a row of the first table."""
    fits = estimates.fits
    actual = fits.actual[:, horizon]
    lower, upper = estimates.predicted_lower[:, horizon], estimates.predicted_upper[:, horizon]
    raw_lower, raw_upper = fits.predicted_lower[:, horizon], fits.predicted_upper[:, horizon]
    wider = ((upper - lower) / (raw_upper - raw_lower)).mean()
    return [
        coverage(actual, lower, upper),
        coverage(actual, raw_lower, raw_upper),
        f"{wider:.2f}",
        *sharpness(actual, lower, upper),
    ]


def coverage(actual: Floats, lower: Floats, upper: Floats) -> str:
    """Return the share of intervals that hold the truth, with its 95 % bounds."""
    held = binomtest(int(((lower <= actual) & (actual <= upper)).sum()), len(actual))
    bounds = held.proportion_ci()
    return f"{held.statistic:.3f} [{bounds.low:.3f}, {bounds.high:.3f}]"


def sharpness(actual: Floats, lower: Floats, upper: Floats) -> list[str]:
    """Return the median half width over the prediction, and the power at each lift."""
    half = np.median((upper - lower) / (upper + lower))
    return [f"{half:.1%}", *(f"{(actual * (1 + lift) > upper).mean():.2f}" for lift in LIFTS)]


def add_side_by_side(
    table: Table,
    world: str,
    y: Floats,
    candidates: Floats,
    estimates: CellEstimates,
    seconds: float,
    peers: list[Path],
) -> None:
    """Add rows of ours and of every package, on the same cells, at the last horizon."""
    n, fits = len(y), estimates.fits
    actual = fits.actual[:n, -1]
    for name, lower, upper in (
        ("ours, calibrated", estimates.predicted_lower, estimates.predicted_upper),
        ("ours, raw", fits.predicted_lower, fits.predicted_upper),
    ):
        bounds = lower[:n, -1], upper[:n, -1]
        held, sharp = coverage(actual, *bounds), sharpness(actual, *bounds)
        table.add_row(world, name, str(n), held, *sharp, f"{seconds:.4f}")
    end = PRE_DAYS + int(fits.days[0, -1])
    for python in peers:
        name, bounds, spent = ask_peer(python, y[:, :end], controls_of(y, candidates)[:, :end])
        known = np.isfinite(bounds).all(axis=1)
        lower, upper = bounds[known].T * (end - PRE_DAYS)
        held, sharp = coverage(actual[known], lower, upper), sharpness(actual[known], lower, upper)
        table.add_row(world, name, str(known.sum()), held, *sharp, f"{spent:.2f}")


def controls_of(y: Floats, candidates: Floats) -> Floats:
    """Return the control series that ours chose, [cells, days, series]."""
    filled, missing = fill_missing(candidates)
    no_line = np.zeros(len(y), dtype=bool)
    count = ImpactOptions().n_control_series
    return choose_controls(y, filled, missing, PRE_DAYS, count, no_line).series[:, :, :count]


def ask_peer(python: Path, y: Floats, controls: Floats) -> tuple[str, NDArray[np.float64], float]:
    """Fit cells in another environment: its name, bounds of the average day, seconds a cell."""
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder) / "given.npz", Path(folder) / "made.npz"
        np.savez(given, y=y, controls=controls, n_pre=PRE_DAYS)
        subprocess.run([python, PEER, given, made], check=True, capture_output=True)
        with np.load(made) as found:
            return str(found["name"]), found["bounds"], float(found["seconds"])


if __name__ == "__main__":
    assert DAYS == PRE_DAYS + POST_DAYS
    main()
