"""What makes hundreds of small warehouses in one process cheap.

A new catalog is about nine hundred statements, and each DuckDB reads its extensions whole to verify
their signatures: together three seconds of a processor for every test with a warehouse of its own.
Only the first one is made so. Threads that wait for each other double what a small query costs: one
does it. The processes that tests start do everything as any user's process does.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.migrations import PRESENT


@contextmanager
def copied_warehouses(folder: Path) -> Iterator[None]:
    """For the time of a ``with`` block, make new warehouses as copies of an empty one.

    Only those with a SQLite catalog and this release's tables.

    Args:
        folder: where the empty one is kept.
    """
    template = Warehouse(f"ducklake:sqlite:{folder}/catalog.sqlite", f"{folder}/data/")
    views = template.install()
    install, connect = Warehouse._install, duckdb.connect

    def copied(self: Warehouse) -> list[str]:
        if self.sqlite_file is None or self.release is not PRESENT:
            return install(self)
        with self.commit_lock():
            if not self.sqlite_file.exists():
                _copy(template, self)
                return list(views)
        return install(self)

    def quick(*args: Any, config: dict[str, Any] | None = None, **options: Any) -> Any:
        # The template's DuckDB has verified the extensions in this process.
        ours = {"allow_unsigned_extensions": "true", "threads": "1"}
        return connect(*args, config={**ours, **(config or {})}, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Warehouse, "_install", copied)
        patch.setattr(duckdb, "connect", quick)
        yield


def _copy(template: Warehouse, warehouse: Warehouse) -> None:
    """Copy a catalog, whose data are then elsewhere and whose snapshots are of now."""
    assert template.sqlite_file is not None
    assert warehouse.sqlite_file is not None
    Path(warehouse.data_path).mkdir(parents=True, exist_ok=True)
    with (
        closing(sqlite3.connect(template.sqlite_file)) as source,
        closing(sqlite3.connect(warehouse.sqlite_file)) as target,
    ):
        source.backup(target)
        target.execute(
            "UPDATE ducklake_metadata SET value = ? WHERE key = 'data_path'", [warehouse.data_path]
        )
        now = datetime.now(UTC).isoformat(" ")
        target.execute("UPDATE ducklake_snapshot SET snapshot_time = ?", [now])
        target.commit()
