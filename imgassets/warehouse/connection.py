"""What every connection to the lake needs: extensions, the attached DuckDB, transactions."""

from __future__ import annotations

import functools
import importlib.util
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar

import duckdb
from pydantic import SecretStr

from imgassets.object_store import S3, S3Access, S3Login, StoreError
from imgassets.warehouse.partitions import quote

ALIAS = "lake"
CATALOG = f"__ducklake_metadata_{ALIAS}"
"""Schema of the catalog's own tables, once the lake is attached."""


class WarehouseError(RuntimeError):
    """The warehouse cannot be opened or written; the message says what to do."""


class Unreachable(WarehouseError):
    """The catalog or object store does not answer just now, or another writer was first."""


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


class S3Secret:
    """What DuckDB reaches a prefix of an object store with: a secret in its memory, for it alone.

    Args:
        prefix: ``s3://bucket/…/``.

    Raises:
        WarehouseError: there are no credentials.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._given: S3Access | None = None
        try:
            self._login = S3Login()
        except StoreError as error:
            raise WarehouseError(f"The warehouse's data at {prefix}: {error}") from error

    def renew(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Give DuckDB the credentials of this moment, where they are others than before.

        Raises:
            WarehouseError: they ended and cannot be renewed.
        """
        try:
            access = self._login.access()
        except StoreError as error:
            raise WarehouseError(f"The warehouse's data at {self._prefix}: {error}") from error
        if access == self._given:
            return
        connection.execute(
            f"""
            CREATE OR REPLACE SECRET {ALIAS}_data (
                TYPE s3, SCOPE {quote(self._prefix)}, ENDPOINT {quote(access.endpoint)},
                USE_SSL {quote(access.use_ssl)}, REGION {quote(access.region)},
                URL_STYLE {quote("path" if access.path_style else "vhost")},
                KEY_ID {quote(access.key_id)}, SECRET {quote(access.secret)},
                SESSION_TOKEN {quote(access.token)}
            )
            """
        )
        self._given = access


class Database:
    """One in-memory DuckDB with the lake's extensions, its attachment, and the lock of both.

    Attaching reads the schema of every table from the catalog: a tenth of a second, and most of the
    time of a small query. A SQLite catalog therefore stays attached until its file is another one;
    every transaction sees what other processes have committed. A connection to PostgreSQL may break
    while nobody looks: it is made anew each time.
    """

    _reached: ClassVar[set[str]] = set()

    def __init__(
        self,
        catalog: str,
        data_path: str,
        password: SecretStr | None = None,
        **options: str | int,
    ) -> None:
        offline = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
        self.connection = duckdb.connect(config={**offline, **options})
        load_extension(self.connection, "ducklake")
        sqlite = catalog.startswith("ducklake:sqlite:")
        load_extension(self.connection, "sqlite_scanner" if sqlite else "postgres_scanner")
        if password is not None:
            secret = quote(password.get_secret_value())
            self.connection.execute(f"CREATE SECRET (TYPE postgres, PASSWORD {secret})")
        if "://" in data_path:
            load_extension(self.connection, "httpfs")
        self._s3 = S3Secret(data_path) if data_path.startswith(S3) else None
        self.lock = threading.RLock()
        self._catalog = catalog
        self._attached: tuple[int, ...] | None = None

    def attach(self, statement: str, file: Path | None) -> None:
        """Attach the lake, unless this very file of a SQLite catalog is attached.

        Raises:
            WarehouseError: there is nothing to reach the object store with.
        """
        if self._s3 is not None:
            self._s3.renew(self.connection)
        if self._attached and self._attached == _identity(file):
            return
        self.detach()
        self.connection.execute(statement)
        self._attached = _identity(file)
        self._reached.add(self._catalog)

    @property
    def was_reached(self) -> bool:
        """Whether this process has attached the catalog before: then it may come back."""
        return self._catalog in self._reached

    def detach(self) -> None:
        """Let go of the catalog."""
        self._attached = None
        self.connection.execute(f"DETACH DATABASE IF EXISTS {ALIAS}")


def _identity(file: Path | None) -> tuple[int, ...]:
    """Return what tells a file from another of the same path; () where there is none."""
    if file is None or not file.exists():
        return ()
    found = file.stat()
    return found.st_dev, found.st_ino


@functools.lru_cache(maxsize=16)
def database(catalog: str, data_path: str, password: SecretStr | None, read_only: bool) -> Database:
    """Open the process's DuckDB for a lake, one for readers and one for writers.

    Loading the extensions takes a good part of a second.
    """
    return Database(catalog, data_path, password)


def latest_snapshot(connection: duckdb.DuckDBPyConnection) -> int:
    """Return the id of the latest snapshot that a connection sees."""
    # Of the catalog's own table: snapshots() would read the whole schema once more.
    row = connection.execute(f"SELECT max(snapshot_id) FROM {CATALOG}.ducklake_snapshot").fetchone()
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
        # A COMMIT that failed has ended the transaction: its error is the one to tell.
        with suppress(duckdb.Error):
            connection.execute("ROLLBACK")
        raise
