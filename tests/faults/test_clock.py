"""A clock that jumps: snapshots whose times are not in their order."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from imgassets.warehouse.contracts import PartitionState
from imgassets.warehouse.history import AsOf, latest_snapshot, snapshot_at, writes
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.maintenance import expire_history, old_history
from tests.faults.ledger import RELEASE, Outcome, cell, damage, write

_JUMPS = (timedelta(hours=2), timedelta(days=-400), timedelta(minutes=1), timedelta())
"""What the writer's clock was off by at each of its commits."""


def jumped(folder: Path) -> tuple[Warehouse, list[int], datetime]:
    """Write while the clock jumps; return the warehouse, its commits and the true time."""
    warehouse = Warehouse(f"ducklake:sqlite:{folder}/c.sqlite", f"{folder}/d", RELEASE)
    commits = [write(warehouse, cell(0), number) for number, _ in enumerate(_JUMPS)]
    now = datetime.now(UTC)
    with closing(sqlite3.connect(folder / "c.sqlite")) as catalog, catalog:
        for snapshot, off in zip(commits, _JUMPS, strict=True):
            catalog.execute(
                "UPDATE ducklake_snapshot SET snapshot_time = ? WHERE snapshot_id = ?",
                [f"{now + off:%Y-%m-%d %H:%M:%S.%f}+00", snapshot],
            )
    return warehouse, commits, now


def drill(folder: Path) -> Outcome:
    """Expire all history that may go, and write on."""
    warehouse, commits, now = jumped(folder)
    before = now + timedelta(days=1)
    planned = old_history(warehouse, before)
    assert expire_history(warehouse, before).snapshots == planned.snapshots
    found = damage(warehouse, {cell(0): {len(commits) - 1}})
    write(warehouse, cell(0), len(commits))
    return found + damage(warehouse, {cell(0): {len(commits)}}) + Outcome(tries=len(_JUMPS))


def test_what_stands_is_the_last_commit_whatever_its_time(tmp_path: Path) -> None:
    warehouse, commits, now = jumped(tmp_path)
    assert latest_snapshot(warehouse).snapshot_id == commits[-1]
    assert [found.snapshot_id for found in writes(warehouse, PartitionState)] == commits[::-1]
    assert snapshot_at(warehouse, now + timedelta(hours=3)).snapshot_id == commits[-1]
    for number, snapshot in enumerate(commits):
        then = AsOf(warehouse, snapshot).read(PartitionState)
        assert then["fingerprint"].to_list() == [str(number)]


def test_expiry_never_takes_what_stands_and_writers_go_on(tmp_path: Path) -> None:
    assert drill(tmp_path).harmless
