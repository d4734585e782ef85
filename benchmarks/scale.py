"""Time, memory, bytes and files of a catalog of 10^4, 10^5 and 10^6 products.

    python benchmarks/scale.py [--products 1e4 1e5 1e6] [--per-category 10000] [--days 5]
        [--home FOLDER] [--out FILE.jsonl] [--steps STEP …]

A catalog is generated (`benchmarks/scale_catalog.py`), with what its pictures would measure;
everything else is the product's own code, called as its assets call it, a run's rectangle of
partitions at a time. Steps whose rows are generated are marked with a star: their time is that of
making up and writing rows. Each step is a process of its own. Measured: seconds of the wall and of
all cores; the peak of the resident memory of the whole tree of processes; rows of the step; bytes
and files of the warehouse after it. Exponents are the slopes of log(CPU seconds) by log(products):
1 is linear.

With `--steps … sets* matches changes engagement* impact` the steps that look at one partition at a
time, from quality to order, are left out: changes of sets are generated instead.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from scale_catalog import Catalog
from scale_steps import STEPS, WHOLE, Bench

_SAMPLE_SECONDS = 0.2


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--products", type=float, nargs="+", default=[1e4, 1e5, 1e6])
    parser.add_argument("--per-category", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=5)
    parser.add_argument("--home", type=Path, help="kept, and its steps resumed; for one size")
    parser.add_argument("--out", type=Path, help="also append each step's figures as JSON")
    parser.add_argument("--steps", nargs="+", choices=list(STEPS), default=WHOLE)
    parser.add_argument("--step", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        print(json.dumps(run_step(options)), flush=True)
        return
    figures: list[dict[str, Any]] = []
    for products in map(int, options.products):
        print(
            f"\n{products:,} products\n{'step':>12} {'wall s':>9} {'CPU s':>9} {'peak MB':>8} "
            f"{'rows':>11} {'MB':>9} {'files':>7} {'catalog MB':>10}",
            flush=True,
        )
        with tempfile.TemporaryDirectory() as scratch:
            home = options.home or Path(scratch)
            for name in options.steps:
                found = {"products": products, **measure(name, products, home, options)}
                figures.append(found)
                if options.out:
                    with options.out.open("a") as file:
                        file.write(json.dumps(found) + "\n")
                print(
                    f"{name:>12} {found['wall']:>9.1f} {found['cpu']:>9.1f} {found['peak']:>8.0f} "
                    f"{found['rows']:>11,} {found['bytes'] / 1e6:>9.1f} {found['files']:>7,} "
                    f"{found['catalog'] / 1e6:>10.1f}",
                    flush=True,
                )
    print_exponents(figures)


def run_step(options: argparse.Namespace) -> dict[str, Any]:
    """Do one step in this process."""
    catalog = Catalog(int(options.products[0]), options.per_category, options.days)
    bench = Bench(options.home, catalog)
    bench.warehouse.initialise()
    bench.start()
    rows = STEPS[options.step](bench)
    wall, cpu = bench.stop()
    return {"rows": rows, "wall": wall, "cpu": cpu}


def measure(name: str, products: int, home: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Run one step as a process; return its figures and what the warehouse then takes."""
    command = [
        sys.executable, __file__, "--step", name, "--products", str(products), "--home", str(home),
        "--per-category", str(options.per_category), "--days", str(options.days),
    ]  # fmt: skip
    with tempfile.TemporaryFile("w+") as told:
        process = subprocess.Popen(command, stdout=told, text=True)
        peak = peak_memory(process)
        if process.returncode:
            raise SystemExit(f"{name} of {products:,} products failed: {process.returncode}")
        told.seek(0)
        found = json.loads(told.read().splitlines()[-1])
    files = [file.stat().st_size for file in (home / "warehouse" / "data").rglob("*.parquet")]
    catalog = sum(file.stat().st_size for file in (home / "warehouse").glob("catalog*"))
    sizes = {"bytes": sum(files), "files": len(files), "catalog": catalog}
    return {"step": name, **found, "peak": peak / 1e6, **sizes}


def peak_memory(process: subprocess.Popen[str]) -> int:
    """Wait for a process; return the largest resident memory of its tree, in bytes."""
    watched, peak = psutil.Process(process.pid), 0
    while process.poll() is None:
        try:
            tree = [watched, *watched.children(recursive=True)]
            peak = max(peak, sum(member.memory_info().rss for member in tree))
        except psutil.NoSuchProcess:
            pass
        time.sleep(_SAMPLE_SECONDS)
    return peak


def print_exponents(figures: list[dict[str, Any]]) -> None:
    """Print each step's slope of log(CPU seconds) and log(peak memory) by log(products)."""
    sizes = sorted({found["products"] for found in figures})
    if len(sizes) < 2:
        return
    print(f"\n{'step':>12} {'CPU exponent':>12} {'memory exponent':>15}")
    for name in dict.fromkeys(found["step"] for found in figures):
        of_step = [found for found in figures if found["step"] == name]
        x = np.log([found["products"] for found in of_step])
        slopes = [
            np.polyfit(x, np.log([max(found[key], 1e-3) for found in of_step]), 1)[0]
            for key in ("cpu", "peak")
        ]
        print(f"{name:>12} {slopes[0]:>12.2f} {slopes[1]:>15.2f}")


if __name__ == "__main__":
    main()
