"""What every connection to the lake needs: extensions, the attached DuckDB, transactions."""

from __future__ import annotations

import functools
import importlib.util
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from imgassets.warehouse.partitions import quote

ALIAS = "lake"
_ATTEMPTS = 8


class WarehouseError(RuntimeError):
    """The warehouse cannot be opened or written; the message says what to do."""


class QueryError(WarehouseError):
    """A query is wrong, or would write."""


def _extension_file(name: str) -> str | None:
    """Return the path of a DuckDB extension that a wheel brought, or None."""
    spec = importlib.util.find_spec(f"duckdb_extension_{name}")
    if spec is None or spec.origin is None:
        return None
    version = f"v{duckdb.__version__}"
    path = Path(spec.origin).parent / "extensions" / version / f"{name}.duckdb_extension"
    return str(path) if path.exists() else None


def load_extension(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Load an extension from its wheel, else from DuckDB's own repository."""
    path = _extension_file(name)
    try:
        if path:
            connection.execute(f"LOAD {quote(path)}")
        else:
            connection.execute(f"INSTALL {name}; LOAD {name}")
    except duckdb.Error as error:
        wheel = f"duckdb-extension-{name.replace('_', '-')}=={duckdb.__version__}"
        raise WarehouseError(
            f"DuckDB extension '{name}' cannot be loaded: install the wheel {wheel} ({error})"
        ) from error


class Database:
    """One in-memory DuckDB with the lake's extensions, its attachment, and the lock of both.

    Attaching reads the schema of every table from the catalog: a tenth of a second, and most of the
    time of a small query. A SQLite catalog therefore stays attached until its file is another one;
    every transaction sees what other processes have committed. A connection to PostgreSQL may break
    while nobody looks: it is made anew each time.
    """

    def __init__(self, catalog: str, data_path: str, **options: str | int) -> None:
        offline = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
        self.connection = duckdb.connect(config={**offline, **options})
        load_extension(self.connection, "ducklake")
        sqlite = catalog.startswith("ducklake:sqlite:")
        load_extension(self.connection, "sqlite_scanner" if sqlite else "postgres_scanner")
        if "://" in data_path:
            load_extension(self.connection, "httpfs")
        self.lock = threading.RLock()
        self._attached: tuple[int, ...] | None = None

    def attach(self, statement: str, file: Path | None) -> None:
        """Attach the lake, unless this very file of a SQLite catalog is attached."""
        if self._attached and self._attached == _identity(file):
            return
        self.detach()
        self.connection.execute(statement)
        self._attached = _identity(file)

    def detach(self) -> None:
        """Let go of the catalog."""
        if self._attached is not None:
            self._attached = None
            self.connection.execute(f"DETACH {ALIAS}")


def _identity(file: Path | None) -> tuple[int, ...]:
    """Return what tells a file from another of the same path; () where there is none."""
    if file is None or not file.exists():
        return ()
    found = file.stat()
    return found.st_dev, found.st_ino


@functools.lru_cache(maxsize=16)
def database(catalog: str, data_path: str, read_only: bool) -> Database:
    """Open the process's DuckDB for a lake, one for readers and one for writers.

    Loading the extensions takes a good part of a second.
    """
    return Database(catalog, data_path)


def retried(commit: Callable[[], int], written: str) -> int:
    """Return what a commit returns; on a conflict with another writer try it again with jitter.

    Args:
        commit: writes and commits.
        written: what it writes, for the message of a failure.

    Raises:
        WarehouseError: it fails again and again.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return commit()
        except (duckdb.TransactionException, duckdb.IOException) as error:
            if attempt == _ATTEMPTS:
                raise WarehouseError(
                    f"Writing {written} failed {attempt} times in a row: {error}"
                ) from error
            time.sleep(random.uniform(0.1, 0.5) * attempt)
    raise AssertionError("unreachable")


def latest_snapshot(connection: duckdb.DuckDBPyConnection) -> int:
    """Return the id of the latest snapshot that a connection sees."""
    row = connection.execute(f"SELECT max(snapshot_id) FROM {ALIAS}.snapshots()").fetchone()
    return int(row[0]) if row else 0


@contextmanager
def transaction(
    connection: duckdb.DuckDBPyConnection, author: str, message: str, extra: str = ""
) -> Iterator[None]:
    """Commit what is executed in a ``with`` block as one snapshot, or nothing of it."""
    connection.execute("BEGIN")
    try:
        yield
        told = f"{quote(author)}, {quote(message)}"
        if extra:
            told += f", extra_info => {quote(extra)}"
        connection.execute(f"CALL {ALIAS}.set_commit_message({told})")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
