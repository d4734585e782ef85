"""Getting one file's bytes: what every transport offers, and the one for local files."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, Protocol

from imgassets.ingest.locations import local_file
from imgassets.ingest.refusal import Refused


class Validators(NamedTuple):
    """What a server said about the version of a file it sent; empty where it said nothing."""

    etag: str = ""
    last_modified: str = ""


class Fetched(NamedTuple):
    """A file's bytes and its version."""

    data: bytes
    validators: Validators = Validators()


class Unreachable(Refused):
    """A refusal that says nothing about the file: another time it may well be had."""


class Transport(Protocol):
    """Gets the bytes at a location, within the settings' limits."""

    async def fetch(self, location: str, known: Validators | None = None) -> Fetched | None:
        """Return the file, or None where it is still the version that ``known`` names.

        Raises:
            Refused: it cannot be had; the refusal says why.
        """
        ...


def too_large(size: int, limit: int) -> Refused:
    """Return the refusal of a file of at least `size` bytes."""
    return Refused(
        "too_large", f"≥ {size} bytes", f"≤ {limit} bytes", "The file is larger than is accepted."
    )


class FileTransport:
    """Reads local files that lie under one of the allowed roots."""

    def __init__(self, roots: Iterable[str], max_bytes: int) -> None:
        paths = (local_file(root) for root in roots if root.strip())
        self._roots = [path.expanduser().resolve() for path in paths if path is not None]
        self._max_bytes = max_bytes

    async def fetch(self, location: str, known: Validators | None = None) -> Fetched | None:
        """Return a file's bytes; see :class:`Transport`."""
        return Fetched(await asyncio.to_thread(self._read, location))

    def _read(self, location: str) -> bytes:
        path = local_file(location)
        try:
            resolved = path.resolve() if path is not None else None
        except (OSError, ValueError, RuntimeError) as error:
            raise self._missing(location, error) from error
        # Checked before anything is said about the file, so that feeds cannot probe the disk.
        if resolved is None or not any(resolved.is_relative_to(root) for root in self._roots):
            raise Refused(
                "forbidden_path",
                location,
                "a path under " + (", ".join(map(str, self._roots)) or "no folder at all"),
                "The file lies outside the folders that references may point into.",
            )
        return self._read_allowed(resolved, location)

    def _read_allowed(self, path: Path, location: str) -> bytes:
        try:
            status = path.stat()
            # Opening a pipe or a device could block for ever.
            if not stat.S_ISREG(status.st_mode):
                raise OSError("not a regular file")
            if status.st_size > self._max_bytes:
                raise too_large(status.st_size, self._max_bytes)
            with path.open("rb") as file:
                data = file.read(self._max_bytes + 1)
        except OSError as error:
            raise self._missing(location, error) from error
        if len(data) > self._max_bytes:
            raise too_large(len(data), self._max_bytes)
        return data

    @staticmethod
    def _missing(location: str, error: Exception) -> Refused:
        reason = getattr(error, "strerror", None) or str(error)
        return Refused("missing_file", location, "a readable file", f"Cannot read it: {reason}.")
