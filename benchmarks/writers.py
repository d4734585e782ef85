"""Processes that write partitions all at once, beside readers: what they get done, and what fails.

    python benchmarks/writers.py [--minutes 5] [--writers 16] [--readers 8] sqlite|postgres

Each writer replaces a partition of two tables again and again; each reader asks for all partitions
and looks whether every one is whole and of one commit. At the end what stands is compared with what
each writer knows it committed. Exit code 1 if a row was lost or doubled, a reader saw a mixture, or
an error reached a caller. PostgreSQL is started for the time of the measurement.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from imgassets.warehouse.lake import Warehouse, WarehouseError
from imgassets.warehouse.migrations import PRESENT
from tests.faults.ledger import CONTEXT, ROWS
from tests.faults.writers import busy_writers
from tests.servers import postgres

_MIXED = f"""
SELECT count(*) AS mixed FROM (
    SELECT o.category FROM supplier_offers AS o JOIN partition_state AS s USING (day, category)
    GROUP BY ALL HAVING count(*) <> {ROWS} OR count(DISTINCT title) <> 1
        OR min(title) <> min(fingerprint)
)
"""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("catalog", choices=["sqlite", "postgres"])
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--writers", type=int, default=16)
    parser.add_argument("--readers", type=int, default=8)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = postgres(Path(folder, "pg")) if arguments.catalog == "postgres" else nullcontext()
        with server as dsn:
            catalog = f"ducklake:postgres:{dsn}" if dsn else f"ducklake:sqlite:{folder}/c.sqlite"
            return measure(catalog, f"{folder}/data", arguments)


def measure(catalog: str, data: str, arguments: argparse.Namespace) -> int:
    """Let them write and read; print what happened, and return the exit code."""
    stop, says = CONTEXT.Event(), CONTEXT.Queue()
    with busy_writers(catalog, data, arguments.writers, PRESENT) as told:
        readers = [
            CONTEXT.Process(target=keep_reading, args=(catalog, data, stop, says))
            for _ in range(arguments.readers)
        ]
        for reader in readers:
            reader.start()
        started, already = time.monotonic(), len(told.seconds)
        time.sleep(arguments.minutes * 60)
        stop.set()
        read = [says.get(timeout=300) for _ in readers]
        wall = time.monotonic() - started
    for reader in readers:
        reader.join()
    found = told.outcome(Warehouse(catalog, data))
    commits, seconds = len(told.seconds) - already, np.array(told.seconds[already:])
    queries, mixed = sum(r["queries"] for r in read), sum(r["mixed"] for r in read)
    errors = told.errors + [error for r in read for error in r["errors"]]
    waits = np.concatenate([r["seconds"] for r in read])
    print(
        f"{arguments.catalog}: {arguments.writers} writers and {arguments.readers} readers, "
        f"{wall:.0f} s"
    )
    print(f"  commits            {commits:8}  {commits / wall:8.1f} a second")
    print(
        f"  seconds a commit   {np.median(seconds):8.2f}  {np.quantile(seconds, 0.95):8.2f} (p95)"
    )
    print(f"  queries            {queries:8}  {queries / wall:8.1f} a second")
    print(f"  seconds a query    {np.median(waits):8.2f}  {np.quantile(waits, 0.95):8.2f} (p95)")
    print(f"  failures seen      {len(errors):8}")
    print(f"  rows lost          {found.lost:8}")
    print(f"  rows doubled       {found.doubled:8}")
    print(f"  mixtures read      {mixed:8}")
    for error in sorted(set(errors))[:10]:
        print(f"    {error}")
    return 1 if found.lost or found.doubled or mixed or errors else 0


def keep_reading(catalog: str, data: str, stop: Any, says: Any) -> None:
    """Ask again and again whether all partitions are whole; the body of a process."""
    warehouse = Warehouse(catalog, data)
    seconds: list[float] = []
    errors: list[str] = []
    mixed = 0
    while not stop.is_set():
        started = time.monotonic()
        try:
            mixed += int(warehouse.sql(_MIXED)["mixed"][0])
        except WarehouseError as error:
            errors.append(str(error))
        seconds.append(time.monotonic() - started)
    says.put({"queries": len(seconds), "mixed": mixed, "errors": errors, "seconds": seconds})


if __name__ == "__main__":
    sys.exit(main())
