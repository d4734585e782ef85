"""kill -9 of a writer at every step of a partition's replacement."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from imgassets.warehouse.lake import Warehouse
from tests.faults.doom import Doom, DoomedWarehouse
from tests.faults.ledger import CONTEXT, RELEASE, Outcome, cell, damage, write
from tests.servers import postgres

DOOMS = (
    Doom("before", "BEGIN"),
    Doom("before", "DELETE FROM supplier_offers"),
    Doom("after", "DELETE FROM supplier_offers"),
    Doom("after", "INSERT INTO supplier_offers"),
    Doom("after", "DELETE FROM partition_state"),
    Doom("after", "INSERT INTO partition_state"),
    Doom("before", "COMMIT"),
    Doom("in", "COMMIT"),
    Doom("after", "COMMIT"),
)
_LONGEST_COMMIT = 0.1
"""Seconds that a commit takes, about: a kill in it comes at a random moment of them."""


def write_and_die(catalog: str, data: str, doom: Doom) -> None:
    """Replace the partition by number 2; the body of a process."""
    doomed = DoomedWarehouse(catalog, data, RELEASE)
    doomed._initialised = True  # its death is to come in the replacement
    doomed.doom = doom
    write(doomed, cell(0), 2)


def drill(catalog: str, data: str, rng: random.Random, dooms: Sequence[Doom] = DOOMS) -> Outcome:
    """Kill a writer once at each step; after each kill another one must be able to write."""
    warehouse = Warehouse(catalog, data, RELEASE)
    outcome = Outcome()
    for doom in dooms:
        write(warehouse, cell(0), 1)
        write(warehouse, cell(1), 1)
        meets = Doom(doom.when, doom.begins, rng.uniform(0, _LONGEST_COMMIT))
        process = CONTEXT.Process(target=write_and_die, args=(catalog, data, meets))
        process.start()
        process.join(120)
        assert process.exitcode == -9 or doom.when == "in", (str(doom), process.exitcode)
        allowed = {"before": {1}, "after": {2} if doom.begins == "COMMIT" else {1}, "in": {1, 2}}
        found = damage(warehouse, {cell(0): allowed[doom.when], cell(1): {1}})
        outcome += found + Outcome(tries=1)
    return outcome


def test_between_two_tables_and_in_the_commit(tmp_path: Path) -> None:
    chosen = ("after INSERT INTO supplier_offers", "in COMMIT")
    dooms = [doom for doom in DOOMS if str(doom) in chosen]
    catalog = f"ducklake:sqlite:{tmp_path}/c.sqlite"
    assert drill(catalog, f"{tmp_path}/d", random.Random(0), dooms).harmless


@pytest.mark.soak
def test_on_sqlite(tmp_path: Path) -> None:
    assert drill(f"ducklake:sqlite:{tmp_path}/c.sqlite", f"{tmp_path}/d", random.Random(0)).harmless


@pytest.mark.soak
def test_on_postgres(tmp_path: Path) -> None:
    with postgres(tmp_path / "pg") as dsn:
        found = drill(f"ducklake:postgres:{dsn}", f"{tmp_path}/d", random.Random(0))
    assert found.harmless
