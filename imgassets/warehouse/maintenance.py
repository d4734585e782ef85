"""Keeping the lake small: old snapshots expire, small files are merged, what nobody names goes.

Each step is a short transaction of its own and may be done again; a run killed between two of them
leaves a lake that is whole. No row that stands changes, nor one of a snapshot that is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import duckdb

from imgassets.object_store import open_root
from imgassets.storage import Stored
from imgassets.warehouse.connection import ALIAS, CATALOG, transaction
from imgassets.warehouse.files import History, history_of, known_names, parquet_files
from imgassets.warehouse.lake import CommitMessage, Warehouse
from imgassets.warehouse.partitions import quote
from imgassets.warehouse.retrying import retried

_DELETED_SHARE = 0.2
"""A file of whose rows so many are deleted is written anew without them."""

_MERGED_AT_ONCE = 200
"""Files that one transaction writes: other writers of the table wait meanwhile."""

_FRAGMENTS = f"""
WITH live AS (
    SELECT t.table_name, d.record_count, coalesce(r.delete_count, 0) AS deleted, (
        SELECT string_agg(v.partition_value, '/' ORDER BY v.partition_key_index)
        FROM {CATALOG}.ducklake_file_partition_value AS v WHERE v.data_file_id = d.data_file_id
    ) AS cell
    FROM {CATALOG}.ducklake_data_file AS d
    JOIN {CATALOG}.ducklake_table AS t ON t.table_id = d.table_id AND t.end_snapshot IS NULL
    LEFT JOIN {CATALOG}.ducklake_delete_file AS r
        ON r.data_file_id = d.data_file_id AND r.end_snapshot IS NULL
    WHERE d.end_snapshot IS NULL
), cells AS (
    SELECT table_name, count(*) AS files,
        count(*) FILTER (deleted >= {_DELETED_SHARE} * record_count) AS holed
    FROM live GROUP BY table_name, cell
)
SELECT table_name, sum(if(files > 1, files, holed))::BIGINT AS files FROM cells
GROUP BY table_name HAVING files > 0 ORDER BY table_name
"""


@dataclass(frozen=True)
class Compacted:
    """What compacting a table did.

    Attributes:
        table: the table.
        read: files that were written anew.
        written: files that stand for them.
    """

    table: str
    read: int
    written: int


def old_history(warehouse: Warehouse, before: datetime) -> History:
    """Return the snapshots that :func:`expire_history` would expire; none of them is changed."""
    with warehouse.connect() as connection:
        return history_of(connection, _old_snapshots(connection, before))


def expire_history(warehouse: Warehouse, before: datetime) -> History:
    """Expire the snapshots that were made before a moment, all but the latest.

    A clock that was wrong for a while made snapshots whose times are not in their order: only those
    go that no younger one comes before.

    Returns:
        What went.

    Raises:
        WarehouseError: the catalog stays busy.
    """

    def once() -> History:
        with warehouse.commit_lock(), warehouse.connect(read_only=False) as connection:
            doomed = _old_snapshots(connection, before)
            gone = history_of(connection, doomed)
            if doomed:
                versions = ", ".join(map(str, doomed))
                connection.execute(
                    f"CALL ducklake_expire_snapshots('{ALIAS}', versions => [{versions}])"
                )
        return gone

    return retried(once, "the history")


def _old_snapshots(connection: duckdb.DuckDBPyConnection, before: datetime) -> list[int]:
    rows = connection.execute(
        f"SELECT snapshot_id, snapshot_time FROM {ALIAS}.snapshots() ORDER BY snapshot_id"
    ).fetchall()
    old = []
    for number, time in rows[:-1]:
        if time >= before:
            break
        old.append(number)
    return old


def fragments(warehouse: Warehouse) -> dict[str, int]:
    """Return how many files of each table :func:`compact` would look at, where there are any.

    They are several of one partition, or hold many deleted rows.
    """
    with warehouse.connect() as connection:
        return dict(connection.execute(_FRAGMENTS).fetchall())


def compact(warehouse: Warehouse, table: str, message: CommitMessage) -> Compacted:
    """Write a table's small files as larger ones, and without rows that are deleted.

    What stood at snapshots that are kept is read as before. The old files are scheduled for
    deletion (:func:`delete_old_files`): a reader may be at one of them.

    Raises:
        WarehouseError: the catalog stays busy.
    """
    read = written = 0
    steps = (
        f"CALL ducklake_rewrite_data_files('{ALIAS}', '{table}', "
        f"delete_threshold => {_DELETED_SHARE})",
        f"CALL ducklake_merge_adjacent_files('{ALIAS}', '{table}', "
        f"max_compacted_files => {_MERGED_AT_ONCE})",
    )

    def once(call: str) -> tuple[int, int]:
        with warehouse.commit_lock(table), warehouse.connect(read_only=False) as connection:
            told = message.author, f"write {message.asset}", message.extra()
            with transaction(connection, *told):
                rows = connection.execute(call).fetchall()
        return sum(row[2] for row in rows), sum(row[3] for row in rows)

    for step in steps:
        while True:
            files, larger = retried(partial(once, step), table)
            read, written = read + files, written + larger
            if files <= larger:
                break
    return Compacted(table, read, written)


def old_files(warehouse: Warehouse, before: datetime) -> list[str]:
    """Return the files that no snapshot shows any more since before a moment."""
    with warehouse.connect(read_only=False) as connection:
        return _clean(connection, before, dry_run=True)


def delete_old_files(warehouse: Warehouse, before: datetime) -> list[str]:
    """Delete what :func:`old_files` names; return it.

    Raises:
        WarehouseError: the catalog stays busy.
    """

    def once() -> list[str]:
        with warehouse.commit_lock(), warehouse.connect(read_only=False) as connection:
            return _clean(connection, before, dry_run=False)

    return retried(once, "the schedule of deletions")


def _clean(connection: duckdb.DuckDBPyConnection, before: datetime, *, dry_run: bool) -> list[str]:
    rows = connection.execute(
        f"CALL ducklake_cleanup_old_files('{ALIAS}', dry_run => {quote(dry_run)}, "
        f"older_than => TIMESTAMPTZ {quote(before.isoformat())})"
    ).fetchall()
    return [path for (path,) in rows]


def waiting_files(warehouse: Warehouse) -> int:
    """Return how many files no snapshot shows any more, and a reader may still be at."""
    with warehouse.connect() as connection:
        row = connection.execute(
            f"SELECT count(*) FROM {CATALOG}.ducklake_files_scheduled_for_deletion"
        ).fetchone()
    return int(row[0]) if row else 0


def unknown_files(warehouse: Warehouse, before: float) -> list[Stored]:
    """Return the Parquet files of killed writers: the catalog names them nowhere.

    Args:
        warehouse: whose.
        before: in seconds since 1970 by the store's clock; younger ones may be a writer's at work.
    """
    files = parquet_files(warehouse.data_path)
    with warehouse.connect() as connection:
        named = known_names(connection)
    return [file for file in files if file.name not in named and file.modified < before]


def delete_files(files: Sequence[Stored]) -> None:
    """Delete files; those that have gone meanwhile are no error.

    Raises:
        OSError: the store cannot be written.
    """
    for file in files:
        fs, path = open_root(file.path)
        try:
            fs.rm_file(path)
        except FileNotFoundError:
            continue
