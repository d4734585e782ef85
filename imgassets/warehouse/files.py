"""Which Parquet files the lake consists of, and at which snapshots each was seen.

That is read from DuckLake's own catalog, whose tables are part of its specification.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb
import polars as pl

from imgassets.storage import Stored, stored_files
from imgassets.warehouse.connection import ALIAS, CATALOG
from imgassets.warehouse.contracts import Contract
from imgassets.warehouse.partitions import quote

_FILES = f"""
WITH places AS (
    SELECT DISTINCT t.table_id, t.table_name,
        if(s.path_is_relative::BOOLEAN, {{data}} || s.path, s.path) AS of_schema,
        t.path AS of_table, t.path_is_relative::BOOLEAN AS is_relative
    FROM {CATALOG}.ducklake_table AS t JOIN {CATALOG}.ducklake_schema AS s USING (schema_id)
)
SELECT p.table_name, d.begin_snapshot, d.end_snapshot,
    if(d.path_is_relative::BOOLEAN,
        if(p.is_relative, p.of_schema || p.of_table, p.of_table) || d.path, d.path) AS path
FROM {CATALOG}.ducklake_data_file AS d JOIN places AS p USING (table_id)
"""


@dataclass(frozen=True)
class History:
    """What of the warehouse's past goes, or went.

    Attributes:
        snapshots: number of snapshots.
        first: time of the first of them, in UTC; None where there is none.
        last: likewise of the last.
        kept: number of snapshots that stay.
    """

    snapshots: int
    first: datetime | None
    last: datetime | None
    kept: int


def data_files(
    connection: duckdb.DuckDBPyConnection, data_path: str, contracts: Iterable[type[Contract]]
) -> pl.DataFrame:
    """Return the data files of tables: table_name, begin_snapshot, end_snapshot, path."""
    names = ", ".join(quote(contract.table_name()) for contract in contracts)
    query = _FILES.format(data=quote(data_path))
    return connection.execute(f"SELECT * FROM ({query}) WHERE table_name IN ({names})").pl()


def content(
    connection: duckdb.DuckDBPyConnection, contract: type[Contract], paths: Sequence[str]
) -> str:
    """Return a FROM clause of all rows of some files, deleted ones too; ``filename`` names them.

    A column has its present name also in files from before it was renamed: they number it.
    """
    table = contract.table_name()
    typed = f"SELECT *, NULL::VARCHAR AS filename FROM {table} LIMIT 0"
    if not paths:
        return f"FROM ({typed})"
    numbered = connection.execute(
        f"""
        SELECT c.column_id, c.column_name, d.data_type
        FROM {CATALOG}.ducklake_table AS t JOIN {CATALOG}.ducklake_column AS c USING (table_id)
        JOIN duckdb_columns() AS d ON d.database_name = {quote(ALIAS)}
            AND d.table_name = t.table_name AND d.column_name = c.column_name
        WHERE t.table_name = {quote(table)} AND t.end_snapshot IS NULL
            AND c.end_snapshot IS NULL AND c.parent_column IS NULL
        ORDER BY c.column_order
        """
    ).fetchall()
    columns = ", ".join(
        f"{number}: {{name: {quote(name)}, type: {quote(dtype)}, default_value: NULL}}"
        for number, name, dtype in numbered
    )
    listed = ", ".join(quote(path) for path in paths)
    read = (
        f"FROM read_parquet([{listed}], filename => true, hive_partitioning => false, "
        f"schema => MAP {{{columns}}})"
    )
    return f"FROM (({typed}) UNION ALL BY NAME ({read}))"


def content_by_name(contract: type[Contract], path: str) -> str:
    """Return a FROM clause of a file's rows by the names that its columns have in it.

    For a file that the catalog does not know: another program may have written it, without numbers.
    """
    typed = f"SELECT * FROM {contract.table_name()} LIMIT 0"
    read = f"FROM read_parquet([{quote(path)}], hive_partitioning => false)"
    return f"FROM (({typed}) UNION ALL BY NAME ({read}))"


def known_names(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Return the names (they are unique) of the files that the catalog knows."""
    tables = ("ducklake_data_file", "ducklake_delete_file", "ducklake_files_scheduled_for_deletion")
    rows = connection.execute(
        " UNION ALL ".join(f"SELECT path FROM {CATALOG}.{table}" for table in tables)
    ).fetchall()
    return {path.rsplit("/", 1)[-1] for (path,) in rows}


def parquet_files(data_path: str, table: str = "") -> list[Stored]:
    """Return the Parquet files that lie where the lake's are, of one table or of all.

    List them before asking for :func:`known_names`: what is committed in between is then known.
    """
    place = f"{data_path.rstrip('/')}/main/{table}".rstrip("/")
    return [found for found in stored_files(place) if found.name.endswith(".parquet")]


def history_of(connection: duckdb.DuckDBPyConnection, doomed: Sequence[int]) -> History:
    """Return what goes with some snapshots, and what stays."""
    listed = ", ".join(map(str, doomed)) or "NULL"
    row = connection.execute(
        f"SELECT min(snapshot_time) FILTER (snapshot_id IN ({listed})), "
        f"max(snapshot_time) FILTER (snapshot_id IN ({listed})), "
        f"count(*) FROM {ALIAS}.snapshots()"
    ).fetchone()
    assert row is not None
    first, last = (None if t is None else t.astimezone(UTC) for t in row[:2])
    return History(len(doomed), first, last, row[2] - len(doomed))
