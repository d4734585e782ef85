"""What a writer holds while it commits: those who write the same do it one after another."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
from filelock import FileLock, Timeout

from imgassets.warehouse.connection import ALIAS, Database, WarehouseError
from imgassets.warehouse.partitions import quote

_SECONDS = 600.0
"""For so long a writer waits for the others."""


@contextmanager
def catalog_lock(sqlite_file: Path) -> Iterator[None]:
    """Hold the lock of all writers to a SQLite catalog for the time of a ``with`` block.

    Side by side they would run into "database is locked", and crawl.

    Raises:
        WarehouseError: another process does not let it go.
    """
    sqlite_file.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(f"{sqlite_file}.lock", timeout=_SECONDS)
    try:
        lock.acquire()
    except Timeout as error:
        raise WarehouseError(
            f"Nothing was written: another process holds {sqlite_file}.lock for more than "
            f"{_SECONDS / 60:.0f} minutes: see what it does (`fuser {sqlite_file}.lock`), and run "
            "the same command again"
        ) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def table_locks(database: Database, server: str, tables: Iterable[str]) -> Iterator[None]:
    """Hold PostgreSQL's advisory locks of some tables for the time of a ``with`` block.

    DuckLake lets the first of several commits to a table through, and the others do all of theirs
    again: with sixteen writers some would never be first. PostgreSQL lets them through in their
    order, and frees what a killed process held.

    Args:
        database: a DuckDB that can reach the server.
        server: libpq's connection string of the catalog.
        tables: names; all writers ask for them in the same order.

    Raises:
        duckdb.Error: the server is away, or a lock is not had in ten minutes.
    """
    own = f"{ALIAS}_locks_{uuid.uuid4().hex}"
    asked = "; ".join(
        f"SELECT pg_advisory_xact_lock(hashtext('imgassets'), hashtext({quote(table)}))"
        for table in sorted(set(tables))
    )
    limited = f"SET LOCAL lock_timeout = '{_SECONDS:.0f}s'; {asked}"
    with database.connection.cursor() as connection:
        try:
            connection.execute(f"ATTACH {quote(server)} AS {own} (TYPE postgres)")
            connection.execute("BEGIN")
            connection.execute(f"CALL postgres_execute('{own}', {quote(limited)})")
            yield
        finally:
            # Where the server is lost these fail too; what has failed first is told.
            for statement in ("ROLLBACK", f"DETACH DATABASE IF EXISTS {own}"):
                with suppress(duckdb.Error):
                    connection.execute(statement)
