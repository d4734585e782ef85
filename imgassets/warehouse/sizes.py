"""What the tables and the catalog take, and what their database would be better for."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import duckdb
import polars as pl

from imgassets.warehouse.connection import ALIAS, CATALOG
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import quote

_MIN_DEAD = 1_000
_DEAD_SHARE = 0.2
"""Dead rows from which a table of the catalog should be vacuumed: PostgreSQL's default share."""

_FREE_SHARE = 0.25
_MIN_FREE_BYTES = 8 * 2**20

_TABLES = f"""
SELECT t.table_name AS name,
    sum(d.record_count) FILTER (d.end_snapshot IS NULL)
        - coalesce(sum(r.delete_count) FILTER (d.end_snapshot IS NULL), 0) AS rows,
    count(*) FILTER (d.end_snapshot IS NULL) AS files,
    sum(d.file_size_bytes) FILTER (d.end_snapshot IS NULL) AS bytes,
    count(*) FILTER (d.end_snapshot IS NOT NULL) AS past_files,
    sum(d.file_size_bytes) FILTER (d.end_snapshot IS NOT NULL) AS past_bytes
FROM {CATALOG}.ducklake_table AS t
JOIN {CATALOG}.ducklake_data_file AS d USING (table_id)
LEFT JOIN {CATALOG}.ducklake_delete_file AS r
    ON r.data_file_id = d.data_file_id AND r.end_snapshot IS NULL
WHERE t.end_snapshot IS NULL GROUP BY ALL ORDER BY ALL
"""

_DEAD_ROWS = """
SELECT quote_ident(schemaname) || '.' || quote_ident(relname) AS name,
    n_live_tup AS live, n_dead_tup AS dead, pg_total_relation_size(relid) AS bytes
FROM pg_stat_user_tables WHERE relname LIKE 'ducklake%' ORDER BY relname
"""


def table_sizes(warehouse: Warehouse) -> pl.DataFrame:
    """Return what each table takes that has any file.

    Returns:
        name, rows, files, bytes, past_files, past_bytes (of files that only the past shows).
    """
    counts = ("rows", "files", "bytes", "past_files", "past_bytes")
    with warehouse.connect() as connection:
        found = connection.execute(_TABLES).pl()
    return found.with_columns(pl.col(counts).fill_null(0).cast(pl.Int64))


def catalog_size(warehouse: Warehouse) -> tuple[int, int]:
    """Return the number of snapshots, and the bytes of the catalog's database."""
    with warehouse.connect() as connection:
        row = connection.execute(f"SELECT count(*) FROM {ALIAS}.snapshots()").fetchone()
        snapshots = int(row[0]) if row else 0
        if (file := warehouse.sqlite_file) is None:
            return snapshots, sum(size for *_, size in _postgres(connection, _DEAD_ROWS))
    parts = [Path(f"{file}{end}") for end in ("", "-wal")]
    return snapshots, sum(part.stat().st_size for part in parts if part.exists())


def vacuum_advice(warehouse: Warehouse) -> list[str]:
    """Return the statements that would make the catalog's database smaller or quicker, with why.

    Returns:
        Of PostgreSQL: lines for psql. Of SQLite: what `imgassets maintain --apply` does itself.
    """
    if (file := warehouse.sqlite_file) is not None:
        free, size = _free_bytes(file)
        if free < max(_MIN_FREE_BYTES, _FREE_SHARE * size):
            return []
        return [f"VACUUM;  -- {free} of {size} bytes are free pages"]
    with warehouse.connect() as connection:
        tables = _postgres(connection, _DEAD_ROWS)
        off = _postgres(connection, "SELECT setting FROM pg_settings WHERE name = 'autovacuum'")
    advice = [
        f"VACUUM (ANALYZE) {name};  -- {dead} dead rows beside {live}, {size} bytes"
        for name, live, dead, size in tables
        if dead > max(_MIN_DEAD, _DEAD_SHARE * live)
    ]
    if off == [("off",)]:
        advice.append(
            "ALTER SYSTEM SET autovacuum = on; SELECT pg_reload_conf();  -- it is switched off"
        )
    return advice


def _postgres(connection: duckdb.DuckDBPyConnection, query: str) -> Sequence[tuple]:
    """Return the rows of a query that PostgreSQL itself answers."""
    return connection.execute(f"FROM postgres_query('{CATALOG}', {quote(query)})").fetchall()


def _free_bytes(catalog: Path) -> tuple[int, int]:
    """Return how many bytes of a SQLite file are free, and how many there are."""
    with closing(sqlite3.connect(f"file:{catalog}?mode=ro", uri=True)) as connection:
        free, page, pages = (
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("freelist_count", "page_size", "page_count")
        )
    return free * page, pages * page
