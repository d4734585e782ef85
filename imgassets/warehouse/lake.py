"""The DuckLake connection: reads, and atomic replacement of partitions.

DuckLake keeps its catalog in SQLite (one machine) or PostgreSQL (several) and its rows in Parquet
files. Commits are serialised: all to a SQLite catalog, in PostgreSQL those to the same table. Work
is computed first; a connection is opened, written, committed and closed within a moment.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from imgassets.warehouse.catalog_string import POSTGRES, without_password
from imgassets.warehouse.connection import (
    ALIAS,
    CATALOG,
    Database,
    QueryError,
    Unreachable,
    WarehouseError,
    database,
    latest_snapshot,
    transaction,
)
from imgassets.warehouse.contracts import Contract
from imgassets.warehouse.locks import catalog_lock, table_locks
from imgassets.warehouse.migrations import PRESENT, Release
from imgassets.warehouse.partitions import Partition, partition_predicate, quote
from imgassets.warehouse.retrying import cause, is_busy, may_pass, retried
from imgassets.warehouse.schema import difference, pending_ddl, refuse_other_schema
from imgassets.warehouse.views import install_views

_VACUUM_SECONDS = 60.0
_STATISTICS = ("ducklake_file_column_stats", "ducklake_table_column_stats")


@dataclass(frozen=True)
class Replacement:
    """New rows of one table for one scope; the scope's old rows are deleted.

    The scope is the given partitions, narrowed by ``equals``; with ``partitions=None`` it is
    ``equals`` alone (nothing given: the whole table).
    """

    contract: type[Contract]
    frame: pl.DataFrame
    partitions: frozenset[Partition] | None = None
    equals: Mapping[str, object] = field(default_factory=dict)

    def predicate(self) -> str:
        """Return the WHERE clause of the scope."""
        parts = [f'"{name}" = {quote(value)}' for name, value in sorted(self.equals.items())]
        if self.partitions is not None:
            parts.append(f"({partition_predicate(self.partitions)})")
        return " AND ".join(parts) or "true"


@dataclass(frozen=True)
class Addition:
    """Rows to add to a table; those whose key it already holds are left out."""

    contract: type[Contract]
    frame: pl.DataFrame


@dataclass(frozen=True)
class Upsert:
    """Rows that stand for those of the same key, or are added: other writers' rows stay.

    The table has the columns ``day`` and ``category``.
    """

    contract: type[Contract]
    frame: pl.DataFrame

    def predicate(self) -> str:
        """Return the WHERE clause of the rows that ``new_rows`` stand for."""
        table = self.contract.table_name()
        same = " AND ".join(
            f'{table}."{name}" = new_rows."{name}"' for name in self.contract.primary_key()
        )
        cells = self.frame.select("day", "category").unique().iter_rows()
        within = partition_predicate(Partition(*cell) for cell in cells)
        return f"{within} AND EXISTS (SELECT 1 FROM new_rows WHERE {same})"


@dataclass(frozen=True)
class CommitMessage:
    """Who wrote a snapshot and why; kept in DuckLake's snapshot history."""

    asset: str
    run_id: str = ""
    code_version: str = ""
    author: str = "imgassets"

    def extra(self) -> str:
        """Return the machine-readable part, as JSON."""
        return json.dumps(
            {"run_id": self.run_id, "asset": self.asset, "code_version": self.code_version},
            sort_keys=True,
        )


class Warehouse:
    """All tables of one DuckLake.

    Args:
        catalog: ``ducklake:sqlite:<path>`` or ``ducklake:postgres:<libpq string>``; a password in
            it is kept apart and never shown.
        data_path: folder or object-store prefix of the Parquet files, ending in a slash.
        release: whose tables it holds; a warehouse of another schema can only be read.

    Attributes:
        sqlite_file: the catalog's file; None where it is a PostgreSQL.
    """

    def __init__(self, catalog: str, data_path: str, release: Release = PRESENT) -> None:
        catalog, self.password = without_password(catalog)
        if not catalog.startswith(("ducklake:sqlite:", POSTGRES)):
            scheme = ":".join(catalog.split(":")[:2])[:40]
            raise WarehouseError(
                f"Warehouse catalog '{scheme}…' is neither 'ducklake:sqlite:<path>' nor "
                "'ducklake:postgres:<connection string>': set IMGASSETS_WAREHOUSE."
            )
        self.catalog = catalog
        self.release = release
        self.data_path = data_path if data_path.endswith("/") else f"{data_path}/"
        self.sqlite_file = (
            Path(catalog.removeprefix("ducklake:sqlite:"))
            if catalog.startswith("ducklake:sqlite:")
            else None
        )
        self._initialised = False

    def attach_statement(self, *, read_only: bool = True) -> str:
        """Return the ``ATTACH`` line that opens this warehouse in any DuckDB client."""
        options = [f"DATA_PATH {quote(self.data_path)}"]
        if self.sqlite_file is not None:
            options += ["META_JOURNAL_MODE 'WAL'", "META_BUSY_TIMEOUT 10000"]
        # Small inserts kept inside the catalog would make it the bottleneck of every reader.
        options.append("DATA_INLINING_ROW_LIMIT 0")
        if read_only:
            options.append("READ_ONLY")
        return f"ATTACH {quote(self.catalog)} AS {ALIAS} ({', '.join(options)})"

    @contextmanager
    def connect(self, *, read_only: bool = True) -> Iterator[duckdb.DuckDBPyConnection]:
        """Attach the lake as the default database for the time of a ``with`` block.

        Raises:
            WarehouseError: a read-only caller finds no warehouse yet, or it cannot be attached.
        """
        if self.sqlite_file is not None and not self.sqlite_file.exists():
            if read_only:
                raise WarehouseError(
                    f"No warehouse at {self.sqlite_file}: run `imgassets ingest` first, "
                    "or set IMGASSETS_HOME."
                )
            self.sqlite_file.parent.mkdir(parents=True, exist_ok=True)
            if "://" not in self.data_path:
                Path(self.data_path).mkdir(parents=True, exist_ok=True)
        opened = database(self.catalog, self.data_path, self.password, read_only)
        with self.attached(opened, read_only=read_only) as connection:
            yield connection

    @contextmanager
    def attached(
        self, database: Database, *, read_only: bool
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """Attach the lake to a DuckDB as its default database for the time of a ``with`` block.

        Raises:
            WarehouseError: it cannot be attached, or is lost in the block.
        """
        with database.lock, database.connection.cursor() as connection:
            try:
                database.attach(self.attach_statement(read_only=read_only), self.sqlite_file)
                connection.execute(f"USE {ALIAS}")
                # DuckDB draws progress bars where no script runs: in a notebook, under `python -c`.
                connection.execute("SET enable_progress_bar = false")
            except duckdb.Error as error:
                waits = may_pass(error) and (database.was_reached or is_busy(error))
                kind = Unreachable if waits else WarehouseError
                raise kind(f"Cannot open the warehouse {self.catalog}: {cause(error)}") from error
            try:
                yield connection
            except duckdb.Error as error:
                if not may_pass(error):
                    raise
                raise Unreachable(cause(error)) from error
            finally:
                # Where the catalog is lost these fail too; what has failed first is told.
                with suppress(duckdb.Error):
                    connection.execute("USE memory")
                with suppress(duckdb.Error):
                    if self.sqlite_file is None:
                        database.detach()

    def commit_lock(self, *tables: str) -> AbstractContextManager[Any]:
        """Return what a writer of some tables holds around its short commit.

        A SQLite catalog has one writer at a time, whatever it writes. With PostgreSQL those of the
        same table wait for each other; a commit that names none waits for nobody, and is done again
        if it meets another one.
        """
        if self.sqlite_file is not None:
            return catalog_lock(self.sqlite_file)
        if not tables:
            return nullcontext()
        opened = database(self.catalog, self.data_path, self.password, False)
        return table_locks(opened, self.catalog.removeprefix(POSTGRES), tables)

    @property
    def locks_writers(self) -> bool:
        """Whether a writer keeps all others out, and not only those of its tables."""
        return self.sqlite_file is not None

    def vacuum(self) -> None:
        """Write the catalog's pages anew, so that none holds what was deleted; hold the lock.

        Raises:
            WarehouseError: another process keeps the catalog busy.
        """
        if self.sqlite_file is None:
            with self.connect(read_only=False) as connection:
                for table in _STATISTICS:
                    connection.execute(
                        f"CALL postgres_execute('{CATALOG}', "
                        f"'VACUUM FULL {table}', use_transaction => false)"
                    )
            return
        busy = WarehouseError(
            f"{self.sqlite_file} is busy, so its freed pages stay: run the same command again"
        )
        with closing(
            sqlite3.connect(self.sqlite_file, timeout=_VACUUM_SECONDS, isolation_level=None)
        ) as catalog:
            try:
                catalog.execute("VACUUM")
                (blocked, *_) = catalog.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            except sqlite3.OperationalError as error:
                raise busy from error
        if blocked:
            raise busy

    def initialise(self) -> None:
        """Create missing tables, columns and views; costs nothing from the second time on."""
        if not self._initialised:
            self.install()

    def install(self) -> list[str]:
        """Create missing tables and columns, (re)install the views; cheap when nothing is new.

        Returns:
            The names of the views that were missing, or of another text.
        """
        views = retried(self._install, "the tables")
        self._initialised = True
        return views

    def _install(self) -> list[str]:
        with self.commit_lock(), self.connect(read_only=False) as connection:
            refuse_other_schema(connection, self.release)
            statements = pending_ddl(connection, self.release)
            if statements:
                with transaction(connection, "imgassets", "create tables"):
                    for statement in statements:
                        connection.execute(statement)
            return install_views(connection, self.release.views())

    def read(
        self,
        contract: type[Contract],
        *,
        partitions: Iterable[Partition] | None = None,
        where: str = "true",
        columns: Sequence[str] | None = None,
    ) -> pl.DataFrame:
        """Return a table's rows, sorted by key.

        Args:
            contract: the table.
            partitions: only these (day, category) partitions; None reads all.
            where: further SQL condition on the table's columns.
            columns: only these columns (others are not read from disk); None reads all.
        """
        names = list(columns) if columns is not None else contract.column_names()
        clauses = [f"({where})"]
        if partitions is not None:
            clauses.append(f"({partition_predicate(partitions)})")
        order = [name for name in contract.primary_key() if name in names] or names
        select = ", ".join(f'"{name}"' for name in names)
        by = ", ".join(f'"{name}"' for name in order)
        query = (
            f"SELECT {select} FROM {contract.table_name()} "
            f"WHERE {' AND '.join(clauses)} ORDER BY {by}"
        )
        schema = contract.create_empty().schema
        return self.sql(query).cast({name: schema[name] for name in names})

    def sql(self, query: str, **tables: pl.DataFrame) -> pl.DataFrame:
        """Run one read-only query; ``tables`` are frames it may name as tables.

        Raises:
            QueryError: DuckDB refuses the query; the message is DuckDB's.
        """
        with self.connect() as connection:
            for name, frame in tables.items():
                connection.register(name, frame.to_arrow())
            try:
                return connection.execute(query).pl()
            except (duckdb.BinderException, duckdb.CatalogException) as error:
                told = difference(connection, self.release)
                raise QueryError(f"{error}; {told}" if told else str(error)) from error
            except duckdb.Error as error:
                raise QueryError(str(error)) from error
            finally:
                for name in tables:
                    connection.unregister(name)

    def replace(
        self, replacements: Sequence[Replacement | Addition | Upsert], message: CommitMessage
    ) -> int:
        """Replace scopes or rows of one or several tables, or add to them, in ONE transaction.

        A process killed at any moment leaves the old rows or the new ones, never a mixture. On a
        conflict with another writer the whole transaction is tried again with jitter.

        Returns:
            The snapshot id of the commit.

        Raises:
            dataframely.exc.ValidationError: rows break their contract; nothing is written.
            WarehouseError: the lock or the catalog stays busy.
        """
        prepared = [(r, r.contract.conform(r.frame)) for r in replacements]
        tables = [r.contract.table_name() for r in replacements]
        self.initialise()

        def once() -> int:
            with self.commit_lock(*tables), self.connect(read_only=False) as connection:
                return self._replace_once(connection, prepared, message)

        return retried(once, message.asset)

    def _replace_once(
        self,
        connection: duckdb.DuckDBPyConnection,
        prepared: Sequence[tuple[Replacement | Addition | Upsert, pl.DataFrame]],
        message: CommitMessage,
    ) -> int:
        told = message.author, f"write {message.asset}", message.extra()
        with transaction(connection, *told):
            refuse_other_schema(connection, self.release)
            for change, frame in prepared:
                table = change.contract.table_name()
                if isinstance(change, Replacement):
                    connection.execute(f"DELETE FROM {table} WHERE {change.predicate()}")
                if frame.is_empty():
                    continue
                connection.register("new_rows", frame.to_arrow())
                columns = ", ".join(f'"{name}"' for name in frame.columns)
                rows = f"SELECT {columns} FROM new_rows"
                if isinstance(change, Replacement):
                    _refuse_rows_outside(connection, change, message)
                elif isinstance(change, Upsert):
                    connection.execute(f"DELETE FROM {table} WHERE {change.predicate()}")
                else:
                    key = ", ".join(f'"{name}"' for name in change.contract.primary_key())
                    rows += f" ANTI JOIN {table} USING ({key})"
                connection.execute(f"INSERT INTO {table} ({columns}) {rows}")
                connection.unregister("new_rows")
        return latest_snapshot(connection)

    def snapshot_id(self) -> int:
        """Return the id of the latest snapshot."""
        return int(self.sql(f"SELECT max(snapshot_id) AS id FROM {ALIAS}.snapshots()")["id"][0])


def _refuse_rows_outside(
    connection: duckdb.DuckDBPyConnection, change: Replacement, message: CommitMessage
) -> None:
    """Raise if ``new_rows`` holds rows that the replacement would not have deleted."""
    outside = connection.execute(
        f"SELECT count(*) FROM new_rows WHERE NOT ({change.predicate()})"
    ).fetchone()
    if outside and outside[0]:
        raise WarehouseError(
            f"{outside[0]} rows for {change.contract.table_name()} lie outside the partitions "
            f"being replaced by {message.asset}"
        )
