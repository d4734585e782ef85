"""Processes that write without pause, and what each of them knows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty
from typing import Any

from imgassets.warehouse.lake import Warehouse, WarehouseError
from imgassets.warehouse.migrations import Release
from imgassets.warehouse.partitions import Partition
from tests.faults.ledger import CONTEXT, RELEASE, Outcome, cell, damage, write


@dataclass
class Told:
    """What the writers said.

    Attributes:
        committed: the last number that each of them committed.
        doubtful: numbers tried since, whose commit ended in an error: they may stand.
        seconds: of each commit.
        errors: what was said of failures.
    """

    committed: dict[Partition, int] = field(default_factory=dict)
    doubtful: dict[Partition, set[int]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def add(self, number: int, tried: int, seconds: float, error: str) -> None:
        """Note one write."""
        partition = cell(number)
        if error:
            self.errors.append(error)
            self.doubtful.setdefault(partition, set()).add(tried)
        else:
            self.committed[partition] = tried
            self.doubtful[partition] = set()
            self.seconds.append(seconds)

    def outcome(self, warehouse: Warehouse) -> Outcome:
        """Return what is damaged, and how many writes failed."""
        known = {
            partition: {number, *self.doubtful[partition]}
            for partition, number in self.committed.items()
        }
        return damage(warehouse, known) + Outcome(failed=len(self.errors))


def keep_writing(
    catalog: str, data: str, release: Release, number: int, stop: Any, says: Any
) -> None:
    """Write one partition again and again until told to stop; the body of a process."""
    warehouse = Warehouse(catalog, data, release)
    tried = 0
    while not stop.is_set():
        tried += 1
        started = time.monotonic()
        try:
            write(warehouse, cell(number), tried)
            error = ""
        except WarehouseError as failure:
            error = str(failure)
        says.put((number, tried, time.monotonic() - started, error))


@contextmanager
def busy_writers(catalog: str, data: str, count: int, release: Release = RELEASE) -> Iterator[Told]:
    """Let processes write during a ``with`` block; what they told is whole after it.

    The block begins when each has committed once.
    """
    Warehouse(catalog, data, release).initialise()
    stop, says = CONTEXT.Event(), CONTEXT.Queue()
    processes = [
        CONTEXT.Process(target=keep_writing, args=(catalog, data, release, number, stop, says))
        for number in range(count)
    ]
    told = Told()
    for process in processes:
        process.start()
    try:
        while len(told.committed) < count:
            told.add(*says.get(timeout=600))
        yield told
    finally:
        stop.set()
        while any(process.is_alive() for process in processes):
            _drain(says, told)
        _drain(says, told)
        for process in processes:
            process.join()


def _drain(says: Any, told: Told) -> None:
    try:
        while True:
            told.add(*says.get(timeout=0.5))
    except Empty:
        return
