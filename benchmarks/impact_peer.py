"""Fits of another package, run by the interpreter of its environment.

    PYTHON benchmarks/impact_peer.py GIVEN.npz MADE.npz

The other `impact_*` benchmarks start it. GIVEN holds y [cells, days], controls [cells, days, k] and
n_pre; MADE gets the package's name, for each cell the 95 % bounds of the average day it would have
expected after n_pre days, NaN where it failed, and the seconds of processor time a cell, the first
two left out: they pay for what is loaded or compiled once.
"""

import os
import sys
import time
import warnings
from importlib.metadata import version

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.simplefilter("ignore")

import causalimpact  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402


def main() -> None:
    given = np.load(sys.argv[1])
    n_pre = int(given["n_pre"])
    if hasattr(causalimpact, "fit_causalimpact"):
        name, fit = f"tfp-causalimpact {version('tfp-causalimpact')}", fit_tfp
    else:
        name, fit = f"pycausalimpact {version('pycausalimpact')}", fit_pycausalimpact
    bounds, times = [], []
    for y, controls in zip(given["y"], given["controls"], strict=True):
        table = pd.DataFrame(
            np.column_stack([y, controls]),
            columns=["y", *(f"x{i}" for i in range(controls.shape[1]))],
            index=pd.date_range("2025-01-01", periods=len(y)),
        )
        started = time.process_time()
        try:
            bounds.append(fit(table, n_pre))
        except (ValueError, np.linalg.LinAlgError) as error:
            print(error, file=sys.stderr)
            bounds.append((np.nan, np.nan))
        times.append(time.process_time() - started)
    np.savez(sys.argv[2], name=name, bounds=np.array(bounds), seconds=np.mean(times[2:]))


def fit_tfp(table: pd.DataFrame, n_pre: int) -> tuple[float, float]:
    """Return the bounds of the average day."""
    days = table.index
    found = causalimpact.fit_causalimpact(
        table, pre_period=(days[0], days[n_pre - 1]), post_period=(days[n_pre], days[-1])
    )
    average = found.summary.loc["average"]
    return average["predicted_lower"], average["predicted_upper"]


def fit_pycausalimpact(table: pd.DataFrame, n_pre: int) -> tuple[float, float]:
    """Return the bounds of the average day."""
    rows = table.reset_index(drop=True)
    found = causalimpact.CausalImpact(rows, [0, n_pre - 1], [n_pre, len(rows) - 1])
    average = found.summary_data["average"]
    return average["predicted_lower"], average["predicted_upper"]


if __name__ == "__main__":
    main()
