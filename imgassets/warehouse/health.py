"""Whether the warehouse can be used: DuckDB's extensions, the catalog, its clock."""

from __future__ import annotations

import time
from dataclasses import dataclass

import duckdb

from imgassets.warehouse.connection import ALIAS, CATALOG, load_extension
from imgassets.warehouse.contracts import CONTRACTS
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.schema import difference


@dataclass(frozen=True)
class CatalogState:
    """What the catalog says.

    Attributes:
        snapshots: number of them.
        tables: tables that stand.
        missing: tables of this release that do not stand yet.
        schema: how its schema differs from this release's, and what to do; '' if it does not.
        clock: PostgreSQL's clock less this machine's; of SQLite the latest snapshot's time less
            this machine's clock where it lies ahead, else 0; seconds.
    """

    snapshots: int
    tables: int
    missing: tuple[str, ...]
    schema: str
    clock: float


def load_extensions(warehouse: Warehouse) -> list[str]:
    """Load the extensions that a warehouse needs into a new DuckDB; return their names.

    Raises:
        WarehouseError: one cannot be loaded; the message says what to install.
    """
    names = ["ducklake", "sqlite_scanner" if warehouse.locks_writers else "postgres_scanner"]
    if "://" in warehouse.data_path:
        names.append("httpfs")
    with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as connection:
        for name in names:
            load_extension(connection, name)
    return names


def catalog_state(warehouse: Warehouse) -> CatalogState:
    """Read the catalog, and a row of a table at the latest snapshot.

    Raises:
        WarehouseError: there is no warehouse yet, or it cannot be opened.
    """
    with warehouse.connect() as connection:
        row = connection.execute(
            f"SELECT count(*), epoch(max(snapshot_time)) FROM {ALIAS}.snapshots()"
        ).fetchone()
        assert row is not None
        tables = {
            name
            for (name,) in connection.execute(
                f"SELECT table_name FROM duckdb_tables() WHERE database_name = '{ALIAS}'"
            ).fetchall()
        }
        if "partition_state" in tables:
            connection.execute("FROM partition_state LIMIT 1").fetchall()
        ahead = max(0.0, row[1] - time.time()) if row[1] else 0.0
        if not warehouse.locks_writers:
            (now,) = connection.execute(
                f"FROM postgres_query('{CATALOG}', "
                "'SELECT extract(epoch FROM clock_timestamp())::float8')"
            ).fetchone() or (time.time(),)
            ahead = now - time.time()
        schema = difference(connection, warehouse.release)
    missing = sorted({c.table_name() for c in CONTRACTS} - tables)
    return CatalogState(row[0], len(tables), tuple(missing), schema, ahead)
