"""A disk that fills up under a writer: the catalog's, that of the tables, and that of images."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from imgassets.ingest.store import ImageStore
from imgassets.warehouse.lake import Warehouse, WarehouseError
from tests.faults.ledger import RELEASE, Outcome, cell, damage, write


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Mount a file system of 2 MiB on a folder; only root can.

    Raises:
        PermissionError: it cannot be mounted; the message says why.
    """
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], capture_output=True, text=True
    )
    if mounted.returncode:
        raise PermissionError(mounted.stderr.strip())
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    try:
        with small_disk(tmp_path / "disk") as folder:
            yield folder
    except PermissionError as refused:
        pytest.skip(f"no small disk can be mounted here: {refused}")


def fill(disk: Path) -> Path:
    """Fill a disk to the last byte; return the file that does."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(b"\0" * 4096):
                pass
        except OSError:
            return filler
    raise AssertionError("unreachable")


def drill(catalog_folder: Path, data_folder: Path, disk: Path) -> Outcome:
    """Fill the disk, write, make room, write again."""
    warehouse = Warehouse(f"ducklake:sqlite:{catalog_folder}/c.sqlite", f"{data_folder}/d", RELEASE)
    write(warehouse, cell(0), 1)
    filler = fill(disk)
    with pytest.raises(WarehouseError, match=r"the disk is full, .*run the same command again"):
        write(warehouse, cell(0), 2)
    filler.unlink()  # without any room SQLite cannot even be read
    found = damage(warehouse, {cell(0): {1}})
    write(warehouse, cell(0), 3)
    return found + damage(warehouse, {cell(0): {3}}) + Outcome(tries=1)


def test_the_disk_of_the_tables(tmp_path: Path, disk: Path) -> None:
    assert drill(tmp_path, disk, disk).harmless


def test_the_disk_of_the_catalog(tmp_path: Path, disk: Path) -> None:
    assert drill(disk, tmp_path, disk).harmless


def test_the_disk_of_the_images(disk: Path) -> None:
    store = ImageStore(str(disk / "images"))
    kept = store.put(b"kept")
    filler = fill(disk)
    with pytest.raises(OSError, match="No space left"):
        store.put(b"\1" * 100_000)
    assert store.get(kept) == b"kept"
    assert [file for file in disk.rglob("*.tmp") if file.is_file()] == []
    filler.unlink()
    image = store.put(b"\1" * 100_000)
    assert store.get(image) == b"\1" * 100_000
