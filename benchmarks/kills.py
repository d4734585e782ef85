"""Kill a backfill again and again: the rows must end as those of an undisturbed run.

    python benchmarks/kills.py [--kills 20] [--styles 2] [--seed 0]

Fills one warehouse in peace, then another one whose backfill is sent SIGKILL after a random time,
--kills times, and is then left to finish. Compares every derived table row by row. Exit code 1 and
the names of the tables where they differ.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl

from imgassets.sample import SampleCatalog, write_sample_catalog
from imgassets.settings import Settings
from imgassets.warehouse.contracts import CONTRACTS, Contract, FeedFiles, ModelVersions
from imgassets.warehouse.lake import Warehouse

# Registries: they name files' times and MLflow runs, which no two warehouses share.
COMPARED = [c for c in CONTRACTS if c not in (FeedFiles, ModelVersions)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--styles", type=int, default=2, help="of each category of the sample")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        sample = write_sample_catalog(Path(folder, "sample"), styles=arguments.styles)
        peaceful, killed = Path(folder, "peaceful"), Path(folder, "killed")
        for home in (peaceful, killed):
            imgassets(home, "ingest", str(sample.feeds), "--image-base", str(sample.folder))
        started = time.monotonic()
        imgassets(peaceful, "backfill")
        whole = time.monotonic() - started
        print(f"an undisturbed backfill takes {whole:.1f} s", flush=True)
        landed = tries = 0
        while landed < arguments.kills:
            # What an earlier try finished is done again, so that every kill meets work.
            landed += kill(
                killed, rng.uniform(0.0, whole), "--force" if tries % 2 else "--no-force"
            )
            tries += 1
        print(f"{landed} kills landed in {tries} tries", flush=True)
        imgassets(killed, "backfill")
        return report(peaceful, killed, sample)


def report(peaceful: Path, killed: Path, sample: SampleCatalog) -> int:
    """Print what differs between the two warehouses; return the exit code."""
    different = []
    for contract in COMPARED:
        first, second = (
            comparable_rows(open_warehouse(home), contract) for home in (peaceful, killed)
        )
        if first.equals(second):
            print(f"  {contract.table_name():22} {first.height:5} rows, equal")
        else:
            different.append(contract.table_name())
            print(f"  {contract.table_name():22} {first.height} and {second.height} rows, DIFFER")
    print(f"{sample.n_references} references; differing tables: {', '.join(different) or 'none'}")
    return 1 if different else 0


def comparable_rows(warehouse: Warehouse, contract: type[Contract]) -> pl.DataFrame:
    """Return a table's rows, sorted, without the moment of the ingest: each home has its own."""
    rows = warehouse.read(contract).drop("decided_at", strict=False)
    return rows.sort(contract.primary_key() or rows.columns)


def kill(home: Path, after: float, force: str) -> bool:
    """Start a backfill and SIGKILL its process group after some seconds; False: it had ended."""
    process = subprocess.Popen(
        [sys.executable, "-m", "imgassets", "backfill", force],
        env=environment(home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        process.wait(timeout=after)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False


def imgassets(home: Path, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "imgassets", *arguments],
        env=environment(home),
        check=True,
        stdout=subprocess.DEVNULL,
    )


def environment(home: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("IMGASSETS_", "DAGSTER"))}
    return {**kept, "IMGASSETS_HOME": str(home)}


def open_warehouse(home: Path) -> Warehouse:
    settings = Settings(home=home)
    return Warehouse(settings.warehouse, settings.warehouse_data)


if __name__ == "__main__":
    sys.exit(main())
