"""Files of a folder or an object store, and what its clock says."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from imgassets.object_store import open_root


@dataclass(frozen=True)
class Stored:
    """One file.

    Attributes:
        path: with its protocol, if its store has one.
        bytes: its size.
        modified: when it was written, as its store says, in seconds since 1970.
    """

    path: str
    bytes: int
    modified: float

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rsplit("/", 1)[-1]


def stored_files(root: str) -> Iterator[Stored]:
    """Yield the files below a folder or prefix, with the protocol that ``root`` has.

    Raises:
        OSError: the store cannot be read.
    """
    fs, path = open_root(root)
    fs.invalidate_cache()
    for found, info in fs.find(path, detail=True).items():
        full = fs.unstrip_protocol(found) if "://" in root else found
        yield Stored(full, int(info["size"]), modified_at(info))


def modified_at(info: Mapping[str, Any]) -> float:
    """Return when a file was written, in seconds since 1970, by what fsspec tells of it."""
    # Local files, S3, Google Cloud Storage and Azure spell it so.
    told = next(
        info[key]
        for key in ("mtime", "LastModified", "updated", "last_modified", "created")
        if info.get(key) is not None
    )
    if isinstance(told, datetime):
        return told.replace(tzinfo=told.tzinfo or UTC).timestamp()
    if isinstance(told, str):
        return datetime.fromisoformat(told).timestamp()
    return float(told)


def probe_store(root: str) -> float:
    """Write a file, read it back and remove it; return the store's clock less this machine's.

    Ages are told by the store's clock, as files' times are: a machine's clock that is a day ahead
    must not make a file that was written just now look old.

    Args:
        root: folder or object-store prefix.

    Returns:
        Seconds.

    Raises:
        OSError: the store cannot be written, or does not give back what was written.
    """
    fs, path = open_root(root)
    probe = f"{path.rstrip('/')}/.probe-{uuid.uuid4().hex}"
    fs.makedirs(path, exist_ok=True)
    begun = time.time()
    fs.pipe_file(probe, b"imgassets")
    try:
        ended = time.time()
        if fs.cat_file(probe) != b"imgassets":
            raise OSError(f"{root} does not give back what was written")
        return modified_at(fs.info(probe)) - (begun + ended) / 2
    finally:
        fs.rm_file(probe)
