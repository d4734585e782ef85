"""A warehouse whose process kills itself at a statement of a transaction."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from imgassets.warehouse.lake import Warehouse


@dataclass(frozen=True)
class Doom:
    """When a process dies.

    Attributes:
        when: 'before' a statement, 'after' it, or 'in' it, some time after it began.
        begins: how the statement begins.
        delay: seconds after its begin, for 'in'.
    """

    when: str
    begins: str
    delay: float = 0.0

    def __str__(self) -> str:
        return f"{self.when} {self.begins}"


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class _Watched:
    """A connection that sees its statements."""

    def __init__(self, connection: Any, doom: Doom) -> None:
        self._connection = connection
        self._doom = doom

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, statement: str, *parameters: Any) -> Any:
        met = statement.lstrip().startswith(self._doom.begins)
        if met and self._doom.when == "before":
            _die()
        if met and self._doom.when == "in":
            threading.Timer(self._doom.delay, _die).start()
        result = self._connection.execute(statement, *parameters)
        if met and self._doom.when == "after":
            _die()
        return result


class DoomedWarehouse(Warehouse):
    """A warehouse whose writer meets its doom."""

    doom: Doom

    @contextmanager
    def connect(self, *, read_only: bool = True) -> Iterator[Any]:
        with super().connect(read_only=read_only) as connection:
            yield connection if read_only else _Watched(connection, self.doom)
