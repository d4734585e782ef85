"""Writes that are tried again: on a conflict with another writer, and while a server is away."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from typing import TypeVar

import duckdb

from imgassets.warehouse.connection import Unreachable, WarehouseError

_Result = TypeVar("_Result")

_PATIENCE = 120.0
"""Seconds for which a write is tried again: PostgreSQL is back from a crash by then."""

_LONGEST_PAUSE = 4.0
_FULL = re.compile("No space left|Disk quota exceeded|disk is full|disk I/O error", re.I)
_REFUSED = re.compile("permission denied|read-only", re.I)
_BUSY = re.compile("locked|too many clients|starting up|recovery mode", re.I)
_SERVER_ERROR = re.compile(r"ERROR:\s*([^\n]+)")
_LONGEST_CAUSE = 300


def retried(commit: Callable[[], _Result], written: str) -> _Result:
    """Return what a commit returns; where another try may help, try it again with jitter.

    A commit whose answer was lost may have happened: it must be one that may happen twice.

    Args:
        commit: writes and commits.
        written: what it writes, for the message of a failure.

    Raises:
        WarehouseError: it cannot be written, or fails again and again.
    """
    started = time.monotonic()
    attempt = 0
    while True:
        attempt += 1
        try:
            return commit()
        except (duckdb.Error, Unreachable) as error:
            told = f"{error} {error.__cause__ or ''}"
            if _FULL.search(told):
                raise WarehouseError(
                    f"Writing {written} failed, and nothing of it was kept: the disk is full, or "
                    "fails. Free some space and run the same command again."
                ) from error
            if _REFUSED.search(told):
                raise WarehouseError(
                    f"Writing {written} failed: this role may not write the warehouse: "
                    f"{cause(error)}"
                ) from error
            if not may_pass(error):
                raise
            if time.monotonic() - started > _PATIENCE:
                raise WarehouseError(
                    f"Writing {written} failed {attempt} times in a row: {cause(error)}"
                ) from error
            time.sleep(min(random.uniform(0.1, 0.5) * attempt, _LONGEST_PAUSE))


def may_pass(error: Exception) -> bool:
    """Tell whether an error may not come again: a conflict, or a server or file out of reach.

    DuckLake hands on what the catalog says as an error of no particular kind.
    """
    return isinstance(error, duckdb.OperationalError | Unreachable) or type(error) is duckdb.Error


def is_busy(error: Exception) -> bool:
    """Tell whether a catalog that this process has not reached yet is there, but busy."""
    return _BUSY.search(str(error)) is not None


def cause(error: Exception) -> str:
    """Return what an error of DuckLake is about, on one line.

    Its own message repeats all SQL that was sent to the catalog.
    """
    text = str(error)
    said = _SERVER_ERROR.findall(text)
    line = said[-1] if said else " ".join(text.split())
    if len(line) <= _LONGEST_CAUSE:
        return line
    half = _LONGEST_CAUSE // 2
    return f"{line[:half]} … {line[-half:]}"  # what was tried stands first, what failed last
