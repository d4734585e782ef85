"""Erasing rows for good: from what stands, and from all that the lake keeps of what stood.

A DELETE hides rows; their Parquet files stay for time travel, and the catalog keeps the least and
the greatest value of each column. So the partitions that hold such rows are written anew without
them, the snapshots that could still show the old files are expired, the files are deleted, and the
catalog's statistics and freed pages are cleaned. Each step may be done again.

Which file was seen by which snapshot is read from DuckLake's own catalog, whose tables are part of
its specification.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import duckdb
import polars as pl

from imgassets.object_store import open_root
from imgassets.warehouse.connection import ALIAS, WarehouseError, transaction
from imgassets.warehouse.contracts import Contract
from imgassets.warehouse.files import (
    CATALOG,
    History,
    content,
    content_by_name,
    data_files,
    history_of,
    known_names,
    parquet_files,
)
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from imgassets.warehouse.partitions import quote
from imgassets.warehouse.retrying import retried
from imgassets.warehouse.schema import refuse_other_schema

_ORPHAN_SECONDS = 3600.0
"""Age from which a file that no snapshot names is no writer's any more."""


@dataclass(frozen=True)
class Erasure:
    """What is to be erased from one table.

    Attributes:
        contract: the table.
        gone: SQL condition on its columns: rows to erase.
        blank: columns that become null where a condition holds.
    """

    contract: type[Contract]
    gone: str
    blank: Mapping[str, str] = field(default_factory=dict)

    def concerns(self) -> str:
        """Return the condition of rows that say something to be erased."""
        return " OR ".join(f"coalesce({part}, false)" for part in (self.gone, *self.blank.values()))


def rows_ever(
    warehouse: Warehouse, contract: type[Contract], where: str, columns: Sequence[str]
) -> pl.DataFrame:
    """Return distinct rows that a table holds, or held at a snapshot that is kept.

    Args:
        warehouse: whose.
        contract: the table.
        where: SQL condition on its columns.
        columns: those to return.
    """
    select = ", ".join(f'"{name}"' for name in columns)
    with warehouse.connect() as connection:
        files = data_files(connection, warehouse.data_path, [contract])
        source = content(connection, contract, files["path"].to_list())
        found = connection.execute(f"SELECT DISTINCT {select} {source} WHERE {where}").pl()
    schema = contract.create_empty().schema
    return found.cast({name: schema[name] for name in columns}).sort(columns)


def count_rows(warehouse: Warehouse, erasures: Iterable[Erasure]) -> dict[str, int]:
    """Return how many standing rows of each table would be erased, where there are any."""
    counts = {
        e.contract.table_name(): warehouse.read(
            e.contract, where=f"coalesce({e.gone}, false)", columns=e.contract.column_names()[:1]
        ).height
        for e in erasures
    }
    return {table: count for table, count in counts.items() if count}


def erase_rows(
    warehouse: Warehouse,
    erasures: Sequence[Erasure],
    also: Sequence[Replacement],
    message: CommitMessage,
) -> None:
    """Write the partitions that hold such rows anew without them, in one transaction.

    That is also done where the rows are deleted already, but their file still stands.

    Args:
        warehouse: whose.
        erasures: what to erase.
        also: further scopes that lose their rows in the same transaction.
        message: kept with the snapshot.

    Raises:
        WarehouseError: the lock or the catalog stays busy.
    """
    contracts = [e.contract for e in erasures] + [change.contract for change in also]
    tables = [contract.table_name() for contract in contracts]

    def once() -> int:
        with warehouse.commit_lock(*tables), warehouse.connect(read_only=False) as connection:
            scopes = [(e, _scopes(connection, warehouse.data_path, e)) for e in erasures]
            if not any(scope for _, scope in scopes):
                return 0
            with transaction(connection, message.author, f"write {message.asset}", message.extra()):
                refuse_other_schema(connection, warehouse.release)
                for erasure, scope in scopes:
                    _rewrite(connection, erasure, scope)
                for change in also:
                    table = change.contract.table_name()
                    connection.execute(f"DELETE FROM {table} WHERE {change.predicate()}")
            return 0

    retried(once, message.asset)


def _scopes(connection: duckdb.DuckDBPyConnection, data_path: str, erasure: Erasure) -> list[str]:
    """Return the conditions of a table's partitions whose standing files hold such rows."""
    files = data_files(connection, data_path, [erasure.contract])
    standing = files.filter(pl.col("end_snapshot").is_null())["path"].to_list()
    by = erasure.contract.partitioning()
    source = content(connection, erasure.contract, standing)
    if not by:
        return ["true"] if _any(connection, f"{source} WHERE {erasure.concerns()}") else []
    cells = connection.execute(
        f"SELECT DISTINCT {', '.join(by)} {source} WHERE {erasure.concerns()} ORDER BY ALL"
    ).fetchall()
    return [
        " AND ".join(f"{name} = {quote(value)}" for name, value in zip(by, cell, strict=True))
        for cell in cells
    ]


def _rewrite(
    connection: duckdb.DuckDBPyConnection, erasure: Erasure, scopes: Sequence[str]
) -> None:
    table = erasure.contract.table_name()
    columns = ", ".join(
        f'if(coalesce({erasure.blank[name]}, false), NULL, "{name}") AS "{name}"'
        if name in erasure.blank
        else f'"{name}"'
        for name in erasure.contract.column_names()
    )
    for scope in scopes:
        kept = connection.execute(
            f"SELECT {columns} FROM {table} WHERE {scope} AND NOT coalesce({erasure.gone}, false)"
        ).to_arrow_table()
        connection.execute(f"DELETE FROM {table} WHERE {scope}")
        if kept.num_rows:
            connection.register("kept_rows", kept)
            connection.execute(f"INSERT INTO {table} BY NAME FROM kept_rows")
            connection.unregister("kept_rows")


def history_to_drop(warehouse: Warehouse, erasures: Sequence[Erasure]) -> History:
    """Return the snapshots that show such rows; none of them is changed.

    Of rows that stand, these are the snapshots since they came.
    """
    with warehouse.connect() as connection:
        return history_of(connection, _doomed(connection, warehouse.data_path, erasures))


def drop_history(warehouse: Warehouse, erasures: Sequence[Erasure]) -> History:
    """Expire the snapshots that still show such rows, and delete the files that none shows now.

    Raises:
        WarehouseError: rows stand that should have been erased, or the catalog stays busy.
    """
    with warehouse.commit_lock(), warehouse.connect(read_only=False) as connection:
        doomed = _doomed(connection, warehouse.data_path, erasures)
        latest = connection.execute(f"SELECT max(snapshot_id) FROM {ALIAS}.snapshots()").fetchone()
        if latest and latest[0] in doomed:
            raise WarehouseError(
                "Another process wrote rows that were being erased: run the same command again."
            )
        history = history_of(connection, doomed)
        if doomed:
            versions = ", ".join(map(str, doomed))
            connection.execute(
                f"CALL ducklake_expire_snapshots('{ALIAS}', versions => [{versions}])"
            )
        # Nothing that a snapshot shows is scheduled.
        connection.execute(f"CALL ducklake_cleanup_old_files('{ALIAS}', cleanup_all => true)")
    return history


def delete_orphans(warehouse: Warehouse, erasures: Sequence[Erasure]) -> int:
    """Delete the files of killed writers that hold such rows; return how many are too young yet.

    No snapshot has ever shown them. With SQLite no writer is at work while this has its lock;
    with PostgreSQL, a file counts as a killed writer's after an hour.
    """
    fs, _ = open_root(warehouse.data_path)
    left = 0
    with warehouse.commit_lock(), warehouse.connect() as connection:
        for erasure in erasures:
            files = parquet_files(warehouse.data_path, erasure.contract.table_name())
            named = known_names(connection)
            for file in files:
                if file.name in named or not _holds(connection, erasure, file.path):
                    continue
                if warehouse.locks_writers or time.time() - file.modified > _ORPHAN_SECONDS:
                    fs.rm_file(file.path)
                else:
                    left += 1
    return left


def _holds(connection: duckdb.DuckDBPyConnection, erasure: Erasure, path: str) -> bool:
    sources = (
        content(connection, erasure.contract, [path]),
        content_by_name(erasure.contract, path),
    )
    try:
        return any(_any(connection, f"{source} WHERE {erasure.concerns()}") for source in sources)
    except duckdb.Error:  # cut off: what it holds cannot be told
        return True


def _any(connection: duckdb.DuckDBPyConnection, rows: str) -> bool:
    """Tell whether there are rows, given as a FROM clause."""
    return connection.execute(f"SELECT 1 {rows} LIMIT 1").fetchone() is not None


def clean_catalog(
    warehouse: Warehouse,
    contracts: Iterable[type[Contract]],
    touched: type[Contract],
    message: CommitMessage,
) -> None:
    """Forget values that only erased rows had: column statistics, and freed pages of the catalog.

    A table's statistics never narrow by themselves: they are set to what its files span now. Other
    processes keep the old ones, and would write them back, until a snapshot adds a file: one does.

    Args:
        warehouse: whose.
        contracts: tables that lost rows.
        touched: a small table that is not empty; it is written anew as it is.
        message: kept with the snapshot.

    Raises:
        WarehouseError: another process keeps the catalog busy.
    """
    names = ", ".join(quote(contract.table_name()) for contract in contracts)
    table = touched.table_name()
    with warehouse.commit_lock(table):
        with warehouse.connect(read_only=False) as connection:
            connection.execute(
                f"""
                UPDATE {CATALOG}.ducklake_table_column_stats AS s
                SET min_value = (SELECT min(f.min_value) FROM {CATALOG}.ducklake_file_column_stats
                        AS f WHERE f.table_id = s.table_id AND f.column_id = s.column_id),
                    max_value = (SELECT max(f.max_value) FROM {CATALOG}.ducklake_file_column_stats
                        AS f WHERE f.table_id = s.table_id AND f.column_id = s.column_id)
                WHERE (s.table_id, s.column_id) IN (
                    SELECT c.table_id, c.column_id FROM {CATALOG}.ducklake_column AS c
                    JOIN {CATALOG}.ducklake_table AS t USING (table_id)
                    WHERE t.table_name IN ({names}) AND lower(c.column_type) = 'varchar'
                )
                """
            )
            rows = connection.execute(f"FROM {table}").to_arrow_table()
            with transaction(connection, message.author, f"write {message.asset}", message.extra()):
                connection.register("same_rows", rows)
                connection.execute(f"DELETE FROM {table}")
                connection.execute(f"INSERT INTO {table} BY NAME FROM same_rows")
                connection.unregister("same_rows")
        warehouse.vacuum()


def _doomed(
    connection: duckdb.DuckDBPyConnection, data_path: str, erasures: Sequence[Erasure]
) -> list[int]:
    """Return the snapshots that show a file with such rows, deleted ones too, in order."""
    spans: set[tuple[int, int | None]] = set()
    for erasure in erasures:
        files = data_files(connection, data_path, [erasure.contract])
        source = content(connection, erasure.contract, files["path"].to_list())
        held = connection.execute(
            f"SELECT DISTINCT filename {source} WHERE {erasure.concerns()}"
        ).pl()
        tainted = files.join(held, left_on="path", right_on="filename", how="semi")
        spans |= set(tainted.select("begin_snapshot", "end_snapshot").iter_rows())
    snapshots = connection.execute(f"SELECT snapshot_id FROM {ALIAS}.snapshots()").fetchall()
    return sorted(
        number
        for (number,) in snapshots
        if any(first <= number and (end is None or number < end) for first, end in spans)
    )
