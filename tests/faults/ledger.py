"""What the writers of a drill write, what they know they committed, and what then stands."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import signal
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from imgassets.warehouse.contracts import PartitionState, SupplierOffers
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from imgassets.warehouse.migrations import Release
from imgassets.warehouse.partitions import Partition
from imgassets.warehouse.schema_contracts import SchemaMigrations

RELEASE = Release(contracts=(SupplierOffers, PartitionState, SchemaMigrations), views=tuple)
"""As many tables as the drills need: a new warehouse is there in a moment."""

DAY = dt.date(2026, 1, 5)
ROWS = 20
"""Offers of a partition."""

CONTEXT = multiprocessing.get_context("forkserver")
"""Real processes, without the second that each would need to import polars and DuckDB."""
CONTEXT.set_forkserver_preload(["tests.faults.ledger"])


@dataclass(frozen=True)
class Outcome:
    """What a drill did to the warehouse.

    Attributes:
        tries: times that the fault was made to happen.
        lost: rows that were committed and are not there.
        doubled: rows that are there twice, or of two commits at once.
        manual: steps that a person had to take, besides starting again what had been killed.
        failed: writes that ended in an error although they might have been tried again.
    """

    tries: int = 0
    lost: int = 0
    doubled: int = 0
    manual: int = 0
    failed: int = 0

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(
            self.tries + other.tries,
            self.lost + other.lost,
            self.doubled + other.doubled,
            self.manual + other.manual,
            self.failed + other.failed,
        )

    @property
    def harmless(self) -> bool:
        """Tell whether no row was lost or doubled, and nobody had to do anything."""
        return self.tries > 0 and not (self.lost or self.doubled or self.manual)


def cell(number: int) -> Partition:
    """Return the partition that belongs to one writer."""
    return Partition(DAY, f"c{number}")


def write(warehouse: Warehouse, partition: Partition, number: int) -> int:
    """Replace a partition of two tables by rows that say a number, in one transaction."""
    day, category = partition
    offers = pl.DataFrame(
        {
            "product_id": [f"p{n}" for n in range(ROWS)],
            "supplier_id": "s", "image_url": "u", "image_location": "u", "position": 1,
            "title": str(number), "description": None, "is_curated": False, "feed_file": "f",
            "feed_row": range(1, ROWS + 1), "day": day, "category": category,
        }
    )  # fmt: skip
    state = pl.DataFrame(
        {"day": [day], "category": category, "stage": "offers", "fingerprint": str(number)}
    )
    scope = frozenset([partition])
    return warehouse.replace(
        [Replacement(SupplierOffers, offers, scope), Replacement(PartitionState, state, scope)],
        CommitMessage("drill"),
    )


def damage(warehouse: Warehouse, known: Mapping[Partition, Collection[int]]) -> Outcome:
    """Compare what stands with what the writers know.

    Args:
        warehouse: whose.
        known: the numbers of which one must stand, by partition: the last that was committed, and
            the one that was being written when the fault came.
    """
    offers = warehouse.read(SupplierOffers, columns=["category", "product_id", "title"])
    states = dict(warehouse.read(PartitionState, columns=["category", "fingerprint"]).iter_rows())
    lost = 0
    for partition, numbers in known.items():
        number = states.get(partition.category)
        of_cell = offers.filter(pl.col("category") == partition.category)
        whole = of_cell.filter(pl.col("title") == str(number))["product_id"].n_unique()
        right = number in {str(wanted) for wanted in numbers}
        lost += ROWS - whole if right else ROWS
    doubled = offers.height - offers.select("category", "product_id").n_unique()
    return Outcome(lost=lost, doubled=doubled)


def kill(pids: Iterable[int]) -> None:
    """Send SIGKILL to processes that may have ended."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
