"""Releases change over old data: kill -9 at each step of a migration, up and back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import dataframely as dy
import polars as pl
import pytest

from imgassets.warehouse.contract import Partitioned
from imgassets.warehouse.lake import Addition, CommitMessage, Warehouse
from imgassets.warehouse.migrating import migrate
from imgassets.warehouse.migrations import (
    ChangeRule,
    DropColumn,
    Migration,
    Release,
    RenameColumn,
)
from tests.faults.doom import Doom, DoomedWarehouse
from tests.faults.ledger import CONTEXT, DAY, RELEASE, ROWS, Outcome

CAMERA = "phone"


class Shots(Partitioned):
    """One photo, as the old release describes it."""

    photo_id = dy.String(primary_key=True, description="Photo.")
    person = dy.String(description="Whose it is.")
    camera = dy.String(description="What took it.")
    score = dy.Int32(description="0 … 100.")


OLD = Release("1.0.0", (Shots, *RELEASE.contracts), (), views=tuple)
NEW = Release(
    "2.0.0",
    RELEASE.contracts,
    (
        Migration(
            1,
            "photos say customer",
            (
                RenameColumn("shots", "person", "customer"),
                DropColumn("shots", "camera"),
                ChangeRule("shots", "score >= 0", "score <= 1", {"score": "2"}, {"score": "50"}),
            ),
        ),
    ),
    views=tuple,
)
DOOMS = (
    Doom("after", 'ALTER TABLE shots RENAME COLUMN "'),
    Doom("after", "ALTER TABLE shots ALTER"),
    Doom("after", "UPDATE shots"),
    Doom("after", "DELETE FROM partition_state"),
    Doom("before", "COMMIT"),
    Doom("in", "COMMIT", 0.01),
    Doom("after", "COMMIT"),
)


def migrate_and_die(catalog: str, data: str, to: int, doom: Doom) -> None:
    """Migrate; the body of a process."""
    doomed = DoomedWarehouse(catalog, data, NEW)
    doomed.doom = doom
    migrate(doomed, to)


def drill(folder: Path, dooms: Sequence[Doom] = DOOMS) -> Outcome:
    """Kill a migration at each step, up and then back; then let it come to its end."""
    catalog, data = f"ducklake:sqlite:{folder}/c.sqlite", f"{folder}/d"
    old = Warehouse(catalog, data, OLD)
    rows = pl.DataFrame(
        {
            "day": [DAY] * ROWS, "category": "tee", "photo_id": [f"p{n}" for n in range(ROWS)],
            "person": "ann", "camera": CAMERA, "score": 50,
        }
    )  # fmt: skip
    old.replace([Addition(Shots, rows)], CommitMessage("shots"))
    outcome = Outcome()
    for to, columns in ((1, ("customer", "retired_camera")), (0, ("person", "camera"))):
        for doom in dooms:
            process = CONTEXT.Process(target=migrate_and_die, args=(catalog, data, to, doom))
            process.start()
            process.join(120)
            outcome += Outcome(tries=1) + _damage(old)
        done = migrate(Warehouse(catalog, data, NEW), to)
        assert done.after == to
        found = old.sql(f"SELECT DISTINCT {', '.join(columns)} FROM shots")
        assert found.rows() == [("ann", CAMERA)]
    assert old.read(Shots).height == ROWS
    return outcome


def _damage(warehouse: Warehouse) -> Outcome:
    """Return what is lost: all columns are of one schema, and every row has its values."""
    present = set(warehouse.sql("DESCRIBE shots")["column_name"])
    of_old, of_new = {"person", "camera"}, {"customer", "retired_camera"}
    assert of_old <= present or of_new <= present
    assert not (of_old & present and of_new & present)
    names = of_old if of_old <= present else of_new
    whole = " AND ".join(f"{name} IS NOT NULL" for name in sorted(names))
    found = warehouse.sql(
        f"SELECT count(DISTINCT photo_id) FILTER ({whole}) AS whole, count(*) AS n FROM shots"
    )
    return Outcome(lost=ROWS - found["whole"][0], doubled=found["n"][0] - ROWS)


def test_a_migration_killed_half_way_can_be_run_again(tmp_path: Path) -> None:
    assert drill(tmp_path, [Doom("after", "ALTER TABLE shots ALTER")]).harmless


@pytest.mark.soak
def test_a_killed_migration_is_done_or_not(tmp_path: Path) -> None:
    assert drill(tmp_path).harmless
