"""Bulk work inside the warehouse: rows by the million, which never pass through Python.

A workspace is a DuckDB of its own with the lake attached, temporary tables, and a limit on memory:
what does not fit is spilled to files. A long computation there keeps nobody from reading or
writing; only the commit of its result takes the lock.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import polars as pl

from imgassets.warehouse.connection import (
    Database,
    QueryError,
    WarehouseError,
    latest_snapshot,
    transaction,
)
from imgassets.warehouse.contracts import Contract
from imgassets.warehouse.lake import CommitMessage, Warehouse
from imgassets.warehouse.retrying import retried
from imgassets.warehouse.schema import refuse_other_schema


class Workspace:
    """What :func:`open_workspace` opens."""

    def __init__(self, warehouse: Warehouse, connection: duckdb.DuckDBPyConnection) -> None:
        self._warehouse = warehouse
        self._connection = connection

    def execute(self, statement: str) -> None:
        """Run a statement, such as one that makes or fills a temporary table.

        Raises:
            QueryError: DuckDB refuses it, or it needs more memory than it may have.
        """
        self._run(statement)

    def sql(self, query: str) -> pl.DataFrame:
        """Return a query's rows: of results that are small.

        Raises:
            QueryError: DuckDB refuses it, or it needs more memory than it may have.
        """
        return self._run(query).pl()

    def replace(self, contract: type[Contract], query: str, message: CommitMessage) -> int:
        """Replace all rows of a table by a query's, in one transaction.

        Keys and columns that may not be null are checked; ranges and patterns are the query's duty.

        Returns:
            The snapshot id of the commit.

        Raises:
            QueryError: the query is wrong.
            WarehouseError: a key repeats, a null is where none may be, or the catalog stays busy;
                nothing is written.
        """
        table = contract.table_name()
        columns = ", ".join(f'"{name}"' for name in contract.column_names())
        key = ", ".join(f'"{name}"' for name in contract.primary_key())
        self.execute(f"CREATE OR REPLACE TEMP TABLE new_rows AS SELECT {columns} FROM ({query})")
        repeated = self.sql(
            f"SELECT {key} FROM new_rows GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL LIMIT 1"
        )
        if not repeated.is_empty():
            raise WarehouseError(f"two new rows for {table} have the key {repeated.row(0)}")

        def once() -> int:
            told = message.author, f"write {message.asset}", message.extra()
            with self._warehouse.commit_lock(table):
                with transaction(self._connection, *told):
                    refuse_other_schema(self._connection, self._warehouse.release)
                    self._connection.execute(f"DELETE FROM {table}")
                    self._connection.execute(
                        f"INSERT INTO {table} ({columns}) SELECT {columns} FROM new_rows"
                    )
                return latest_snapshot(self._connection)

        try:
            return retried(once, message.asset)
        except duckdb.ConstraintException as error:
            raise WarehouseError(f"new rows do not fit {table}: {error}") from error

    def _run(self, statement: str) -> duckdb.DuckDBPyConnection:
        try:
            return self._connection.execute(statement)
        except duckdb.Error as error:
            raise QueryError(str(error)) from error


@contextmanager
def open_workspace(warehouse: Warehouse, memory_limit: str) -> Iterator[Workspace]:
    """Open a workspace for the time of a ``with`` block; temporary tables end with it.

    Args:
        warehouse: whose tables it reads and writes.
        memory_limit: as DuckDB spells it, e.g. ``2GB``. Spilled data goes to the folder for
            temporary files (TMPDIR).
    """
    warehouse.initialise()
    spilled = tempfile.mkdtemp(prefix="imgassets-")
    try:
        database = Database(
            warehouse.catalog,
            warehouse.data_path,
            warehouse.password,
            memory_limit=memory_limit,
            temp_directory=spilled,
            preserve_insertion_order="false",  # which costs memory, and tables have no order
        )
        try:
            with warehouse.attached(database, read_only=False) as connection:
                yield Workspace(warehouse, connection)
        finally:
            database.connection.close()
    finally:
        shutil.rmtree(spilled, ignore_errors=True)
