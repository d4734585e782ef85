"""The fault drills, each several times: what they cost in rows and in people's work.

    python benchmarks/faults.py [--times 3] [--seed 0] [--long] [DRILL …]

Real processes are killed, real disks filled, real servers fail (tests/faults). Printed are the
times that each fault was made to happen; rows that were committed and are gone; rows that are there
twice or of two commits; steps that a person had to take besides starting again what had been
killed; and writes that ended in an error, of which the caller was told. The drills that run whole
backfills under Dagster take minutes each: --long. Exit code 1 if a row was lost or doubled or a
step needed.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.faults import (
    test_clock,
    test_full_disk,
    test_killed_daemon,
    test_killed_migration,
    test_killed_postgres,
    test_killed_writer,
    test_object_store,
    test_two_backfills,
)
from tests.faults.ledger import Outcome
from tests.servers import postgres


def writer_sqlite(folder: Path, rng: random.Random) -> Outcome:
    """Kill -9 of a writer at each step, SQLite."""
    return test_killed_writer.drill(f"ducklake:sqlite:{folder}/c.sqlite", f"{folder}/d", rng)


def writer_postgres(folder: Path, rng: random.Random) -> Outcome:
    """Kill -9 of a writer at each step, PostgreSQL."""
    with postgres(folder / "pg") as dsn:
        return test_killed_writer.drill(f"ducklake:postgres:{dsn}", f"{folder}/d", rng)


def migration(folder: Path, rng: random.Random) -> Outcome:
    """Kill -9 of a migration at each step, up and back."""
    return test_killed_migration.drill(folder)


def server(folder: Path, rng: random.Random) -> Outcome:
    """Kill -9 of PostgreSQL under two writers."""
    return test_killed_postgres.drill(folder, rng, kills=3)


def disk_tables(folder: Path, rng: random.Random) -> Outcome:
    """Full disk of the tables."""
    with test_full_disk.small_disk(folder / "disk") as disk:
        return test_full_disk.drill(folder, disk, disk)


def disk_catalog(folder: Path, rng: random.Random) -> Outcome:
    """Full disk of the SQLite catalog."""
    with test_full_disk.small_disk(folder / "disk") as disk:
        return test_full_disk.drill(disk, folder, disk)


def store_errors(folder: Path, rng: random.Random) -> Outcome:
    """Object store answers 500."""
    with test_object_store.faulty_store() as faults:
        filled = test_object_store.filled(folder)
        return test_object_store.drill(filled, faults, "error", rng.randint(1, 9))


def store_hangs(folder: Path, rng: random.Random) -> Outcome:
    """Object store does not answer."""
    with test_object_store.faulty_store() as faults:
        return test_object_store.drill(test_object_store.filled(folder), faults, "hang", 1)


def clock(folder: Path, rng: random.Random) -> Outcome:
    """Clock jumps by hours and a year, history expired."""
    return test_clock.drill(folder)


def backfills(folder: Path, rng: random.Random) -> Outcome:
    """Two backfills of the same partitions at once."""
    return test_two_backfills.drill(folder)


def daemon(folder: Path, rng: random.Random) -> Outcome:
    """Kill -9 of Dagster's daemon, code server and runs."""
    return test_killed_daemon.drill(*test_killed_daemon.deployments(folder), rng)


Drill = Callable[[Path, random.Random], Outcome]

SHORT: tuple[Drill, ...] = (
    writer_sqlite, writer_postgres, migration, server, disk_tables, disk_catalog, store_errors,
    store_hangs, clock,
)  # fmt: skip
LONG: tuple[Drill, ...] = (backfills, daemon)


def main() -> int:
    names = [drill.__name__ for drill in SHORT + LONG]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("drills", nargs="*", metavar="DRILL", help=", ".join(names))
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--long", action="store_true")
    arguments = parser.parse_args()
    if unknown := set(arguments.drills) - set(names):
        parser.error(f"no such drill: {', '.join(sorted(unknown))}")
    rng = random.Random(arguments.seed)
    print("| fault | times | rows lost | rows doubled | manual steps | errors told |")
    print("|---|---|---|---|---|---|", flush=True)
    harmless = True
    for drill in SHORT + LONG if arguments.long or arguments.drills else SHORT:
        if arguments.drills and drill.__name__ not in arguments.drills:
            continue
        found = Outcome()
        for _ in range(arguments.times):
            with tempfile.TemporaryDirectory() as folder:
                found += drill(Path(folder), rng)
        told = (drill.__doc__ or "").rstrip(".")
        print(
            f"| {told} | {found.tries} | {found.lost} | {found.doubled} | {found.manual} "
            f"| {found.failed} |",
            flush=True,
        )
        harmless &= found.harmless
    return 0 if harmless else 1


if __name__ == "__main__":
    sys.exit(main())
