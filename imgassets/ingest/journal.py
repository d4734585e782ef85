"""What was downloaded, remembered at once: a killed run goes on where it stopped."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from imgassets.ingest.probe import Probe
from imgassets.ingest.transports import Validators

_VERSION = 1
"""Of the table's columns; a journal of another version is thrown away."""

_BUSY_SECONDS = 30.0
_CHUNK = 500
"""Locations in one query: SQLite limits the number of parameters."""

_FACTS = tuple(field.name for field in fields(Probe))
_COLUMNS = ("location", "image_id", "etag", "last_modified", "checked_at", *_FACTS)


@dataclass(frozen=True, slots=True)
class Entry:
    """One download.

    Attributes:
        image_id: SHA-256 of the bytes, which the image store holds.
        validators: the server's version of the file.
        checked_at: when the server was last asked, in seconds since 1970.
        probe: what the file is.
    """

    image_id: str
    validators: Validators
    checked_at: float
    probe: Probe


class JournalBusy(RuntimeError):
    """The file cannot be written anew while another process is at work with it."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is busy: run the same command again when nothing is fetched")


class FetchJournal:
    """A SQLite file with one row per location; safe for threads and for processes of one machine.

    It is a cache: without it, files are only downloaded again. Each entry is durable against the
    death of this process when :meth:`remember` returns (of the machine, a little later).

    Args:
        path: the file; made with its folder where it does not exist.

    Raises:
        OSError: the folder cannot be made.
        sqlite3.Error: the file cannot be opened or is no database.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._lock = threading.Lock()
        self._database = sqlite3.connect(
            path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._prepare()

    def __enter__(self) -> FetchJournal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def find(self, locations: Sequence[str]) -> dict[str, Entry]:
        """Return the entries of those locations that have one."""
        found: dict[str, Entry] = {}
        for at in range(0, len(locations), _CHUNK):
            chunk = locations[at : at + _CHUNK]
            places = ", ".join("?" * len(chunk))
            query = f"SELECT {', '.join(_COLUMNS)} FROM fetches WHERE location IN ({places})"
            with self._lock:
                rows = self._database.execute(query, chunk).fetchall()
            for location, image_id, etag, last_modified, checked_at, *facts in rows:
                version = Validators(etag, last_modified)
                found[location] = Entry(image_id, version, checked_at, Probe(*facts))
        return found

    def remember(self, location: str, entry: Entry) -> None:
        """Write down a download, or that it was checked again."""
        row = (
            location, entry.image_id, *entry.validators, entry.checked_at, *astuple(entry.probe),
        )  # fmt: skip
        places = ", ".join("?" * len(_COLUMNS))
        with self._lock:
            self._database.execute(f"INSERT OR REPLACE INTO fetches VALUES ({places})", row)

    def forget(self, locations: Sequence[str], image_ids: Sequence[str]) -> int:
        """Forget downloads for good, by place or by content; return how many there were.

        The file is written anew: neither its free pages nor its log keep them.

        Raises:
            JournalBusy: another process is at work with the file.
        """
        gone = 0
        with self._lock:
            for column, values in (("location", locations), ("image_id", image_ids)):
                for at in range(0, len(values), _CHUNK):
                    chunk = values[at : at + _CHUNK]
                    places = ", ".join("?" * len(chunk))
                    statement = f"DELETE FROM fetches WHERE {column} IN ({places})"
                    gone += self._database.execute(statement, chunk).rowcount
            try:
                self._database.execute("VACUUM")
                (blocked, *_) = self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            except sqlite3.OperationalError as error:
                raise JournalBusy(self._path) from error
        if blocked:
            raise JournalBusy(self._path)
        return gone

    def _prepare(self) -> None:
        with self._transaction():
            (version,) = self._database.execute("PRAGMA user_version").fetchone()
            if version == _VERSION:
                return
            self._database.execute("DROP TABLE IF EXISTS fetches")
            columns = ", ".join(_COLUMNS)
            self._database.execute(
                f"CREATE TABLE fetches ({columns}, PRIMARY KEY (location)) WITHOUT ROWID"
            )
            self._database.execute(f"PRAGMA user_version = {_VERSION}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")
