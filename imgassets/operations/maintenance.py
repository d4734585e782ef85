"""Maintenance of the warehouse and the image store: what it would do, doing it, what it takes."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imgassets.ingest.parsed_feeds import parsed_root
from imgassets.ingest.store import ImageStore
from imgassets.settings import Settings
from imgassets.storage import Stored, probe_store, stored_files
from imgassets.warehouse.contracts import StorageSizes
from imgassets.warehouse.files import History
from imgassets.warehouse.image_references import image_keys, referenced_images
from imgassets.warehouse.lake import Addition, CommitMessage, Warehouse, WarehouseError
from imgassets.warehouse.maintenance import (
    compact,
    delete_files,
    delete_old_files,
    expire_history,
    fragments,
    old_files,
    old_history,
    unknown_files,
    waiting_files,
)
from imgassets.warehouse.sizes import catalog_size, table_sizes, vacuum_advice

CLOCK_SECONDS = 300.0
"""Difference of clocks from which ages cannot be told."""

_BATCH = 10_000


@dataclass(frozen=True)
class Amount:
    """A number of files and their bytes."""

    files: int = 0
    bytes: int = 0

    @classmethod
    def of(cls, files: Iterable[Stored]) -> Amount:
        """Return what some files are together."""
        sizes = [file.bytes for file in files]
        return cls(len(sizes), sum(sizes))


@dataclass(frozen=True)
class Upkeep:
    """What maintenance would do, or did.

    Attributes:
        history: snapshots that go.
        merged: files written anew as larger ones, by table; before it is done, those looked at.
        old_files: files that no snapshot shows any more, deleted.
        waiting_files: likewise, but a reader may still be at one: they go next time.
        unknown: Parquet files of killed writers.
        images: bytes in the image store that nothing refers to.
        signals: signals that no partition took in, and files between steps.
        parsed: parsed copies of landed feeds; one that is needed again is made anew.
        advice: statements that the catalog's database would be better for, with why.
    """

    history: History
    merged: dict[str, int]
    old_files: int
    waiting_files: int
    unknown: Amount
    images: Amount
    signals: Amount
    parsed: Amount
    advice: tuple[str, ...]


@dataclass(frozen=True)
class _Limits:
    """What counts as old: moments in time."""

    history: datetime
    files: datetime
    caches: datetime

    @classmethod
    def at(cls, settings: Settings, now: datetime) -> _Limits:
        kept = timedelta(days=settings.maintenance.keep_snapshots_days)
        grace = timedelta(hours=settings.maintenance.orphan_hours)
        # What a run found in the warehouse when it started must be there until it ends.
        past = now - max(kept, grace)
        return cls(past, now - grace, past)


def plan_maintenance(
    warehouse: Warehouse, store: ImageStore, settings: Settings, now: datetime | None = None
) -> Upkeep:
    """Return what :func:`maintain` would do; nothing is changed.

    Of images, those are counted that no row names at any snapshot that is kept today.

    Args:
        warehouse: the warehouse.
        store: the image store.
        settings: ages, and where signals and parsed feeds wait for runs.
        now: the present moment; default: what this machine's clock says.

    Raises:
        WarehouseError: there is no warehouse.
        OSError: a store cannot be read.
    """
    limits = _Limits.at(settings, now or datetime.now(UTC))
    return Upkeep(
        old_history(warehouse, limits.history),
        fragments(warehouse),
        len(old := old_files(warehouse, limits.files)),
        waiting_files(warehouse) - len(old),
        Amount.of(unknown_files(warehouse, limits.files.timestamp())),
        Amount.of(_orphans(warehouse, store, limits)),
        Amount.of(_left(settings.signal_shards, limits)),
        Amount.of(_left(parsed_root(settings.landing), limits)),
        tuple(vacuum_advice(warehouse)),
    )


def maintain(
    warehouse: Warehouse,
    store: ImageStore,
    settings: Settings,
    run_id: str = "",
    progress: Callable[[str], None] | None = None,
    now: datetime | None = None,
) -> Upkeep:
    """Expire old snapshots, merge small files, delete what nothing refers to; measure what is left.

    Writers and readers may be at work. Killed half-way, it may be run again.

    Args:
        warehouse: the warehouse.
        store: the image store.
        settings: ages, and where signals and parsed feeds wait for runs.
        run_id: kept with the snapshots that it makes.
        progress: called with each step's name before it is done.
        now: the present moment; default: what this machine's clock says.

    Raises:
        WarehouseError: the catalog stays busy; run the same again.
        OSError: a store cannot be written.
        RuntimeError: the clocks of this machine and of a store differ: nothing was changed.
    """
    tell = progress or (lambda _: None)
    limits = _Limits.at(settings, now or datetime.now(UTC))
    message = CommitMessage("storage_maintenance", run_id)
    warehouse.initialise()
    tell("comparing clocks")
    _compare_clocks(warehouse.data_path, store.root)
    tell("expiring old snapshots")
    history = expire_history(warehouse, limits.history)
    merged = {}
    for table in fragments(warehouse):
        tell(f"merging small files of {table}")
        merged[table] = compact(warehouse, table, message).read
    tell("deleting files of the past")
    old = delete_old_files(warehouse, limits.files)
    delete_files(unknown := unknown_files(warehouse, limits.files.timestamp()))
    tell("deleting images that nothing refers to")
    gone = [file for file in _orphans(warehouse, store, limits) if store.discard(file)]
    tell("deleting what waits for no run")
    delete_files(signals := _left(settings.signal_shards, limits))
    delete_files(parsed := _left(parsed_root(settings.landing), limits))
    if warehouse.locks_writers and vacuum_advice(warehouse):
        tell("freeing pages of the catalog")
        # Where a reader keeps the catalog busy, it is done next time: the advice stays.
        with contextlib.suppress(WarehouseError), warehouse.commit_lock():
            warehouse.vacuum()
    tell("measuring")
    measure(warehouse, store, settings, message)
    return Upkeep(
        history,
        {table: files for table, files in merged.items() if files},
        len(old),
        waiting_files(warehouse),
        Amount.of(unknown),
        Amount.of(gone),
        Amount.of(signals),
        Amount.of(parsed),
        tuple(vacuum_advice(warehouse)),
    )


def measure(
    warehouse: Warehouse, store: ImageStore, settings: Settings, message: CommitMessage
) -> pl.DataFrame:
    """Write to ``storage_sizes`` what tables, catalog, images and waiting signals take now.

    Returns:
        The rows.
    """
    snapshots, catalog = catalog_size(warehouse)
    images = Amount.of(store.files())
    signals = Amount.of(stored_files(settings.signal_shards))
    others = pl.DataFrame(
        [
            ("catalog", snapshots, 1, catalog),
            ("images", None, images.files, images.bytes),
            ("signals", None, signals.files, signals.bytes),
        ],
        schema={"kind": pl.String, "rows": pl.Int64, "files": pl.Int64, "bytes": pl.Int64},
        orient="row",
    ).with_columns(name=pl.lit(""), past_files=pl.lit(0, pl.Int64), past_bytes=pl.lit(0, pl.Int64))
    tables = table_sizes(warehouse).with_columns(kind=pl.lit("table"))
    rows = pl.concat([tables, others.select(tables.columns)]).with_columns(
        measured_at=pl.lit(datetime.now(UTC)).cast(pl.Datetime("us", "UTC"))
    )
    warehouse.replace([Addition(StorageSizes, rows)], message)
    return rows


def _compare_clocks(*roots: str) -> None:
    """Raise if a store tells another time than this machine: no age could be believed."""
    for root in roots:
        difference = probe_store(root)
        if abs(difference) > CLOCK_SECONDS:
            raise RuntimeError(
                f"this machine's clock differs by {-difference:+.0f} s from that of {root}: "
                "set it (NTP); nothing was changed"
            )


def _orphans(warehouse: Warehouse, store: ImageStore, limits: _Limits) -> list[Stored]:
    """Return the old files of the image store that nothing refers to."""
    before = limits.files.timestamp()
    old = (file for file in store.files() if file.modified < before)
    snapshot = warehouse.snapshot_id()
    referenced = referenced_images(warehouse)
    orphans = []
    while batch := list(itertools.islice(old, _BATCH)):
        orphans += _unnamed(batch, referenced)
    if orphans and warehouse.snapshot_id() != snapshot:  # rows came while the store was listed
        orphans = _unnamed(orphans, referenced_images(warehouse))
    return orphans


def _unnamed(files: list[Stored], referenced: NDArray[np.uint64]) -> list[Stored]:
    """Return the files of images that are not referred to, and of no image: unfinished ones."""
    names = [file.name for file in files]
    named = np.isin(image_keys("0" if n.startswith(".") else n for n in names), referenced)
    return [
        file
        for file, is_named in zip(files, named, strict=True)
        if file.name.startswith(".") or not is_named
    ]


def _left(root: str, limits: _Limits) -> list[Stored]:
    """Return the files of a cache that were not written for as long as the past is kept."""
    before = limits.caches.timestamp()
    return [file for file in stored_files(root) if file.modified < before]
