"""The command that keeps the storage small."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imgassets.cli.common import console, open_warehouse, settings

if TYPE_CHECKING:
    from imgassets.operations.maintenance import Amount, Upkeep


def maintain(
    apply: Annotated[
        bool, typer.Option("--apply/--dry-run", help="Do it, or only say what it would do.")
    ] = False,
    plot: Annotated[
        Path | None, typer.Option(help="Write a picture (PNG) of the sizes over time here.")
    ] = None,
) -> None:
    """Say what maintenance would do; with `--apply`, do it and measure what the storage takes.

    Snapshots older than `maintenance.keep_snapshots_days` expire: what image sets were before can
    then no longer be shown. Small files are merged. Files that no snapshot shows any more and
    images that no row refers to are deleted once they are older than `maintenance.orphan_hours`.
    Writers and readers may be at work meanwhile; killed half-way, run it again.
    """
    from imgassets.ingest.store import ImageStore
    from imgassets.operations import maintenance
    from imgassets.operations.storage_plot import plot_sizes
    from imgassets.warehouse.contracts import StorageSizes

    of = settings()
    warehouse, store = open_warehouse(of), ImageStore(of.image_store)
    if apply:
        with console.status("maintaining") as status:
            done = maintenance.maintain(warehouse, store, of, progress=status.update)
        _tell(done, "")
    else:
        with console.status("looking"):
            planned = maintenance.plan_maintenance(warehouse, store, of)
        _tell(planned, "would be ")
        console.print("nothing was changed: `imgassets maintain --apply` does it")
    if plot is not None:
        plot.write_bytes(plot_sizes(warehouse.read(StorageSizes)))


def _tell(found: Upkeep, going: str) -> None:
    past = found.history
    span = "" if past.first is None else f", {past.first:%Y-%m-%d} to {past.last:%Y-%m-%d}"
    console.print(f"snapshots {going}expired: {past.snapshots}{span}; {past.kept} stay")
    merged = ", ".join(f"{files} of {table}" for table, files in found.merged.items()) or "none"
    console.print(f"files {going}merged: {merged}", soft_wrap=True)
    console.print(
        f"files of the past {going}deleted: {found.old_files}; {found.waiting_files} wait until "
        "no reader can be at them"
    )
    console.print(f"files of killed writers {going}deleted: {_amount(found.unknown)}")
    console.print(f"images without a row {going}deleted: {_amount(found.images)}")
    console.print(f"left signals {going}deleted: {_amount(found.signals)}")
    console.print(f"parsed copies of feeds {going}deleted: {_amount(found.parsed)}")
    for line in found.advice:
        console.print(f"catalog: {line}", soft_wrap=True, markup=False)


def _amount(of: Amount) -> str:
    return f"{of.files} ({of.bytes / 2**20:.1f} MiB)" if of.files else "none"
