"""The doctor: what keeps an installation from working, each with its remedy."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from packaging.requirements import Requirement

from imgassets import __version__
from imgassets.ingest.store import ImageStore
from imgassets.learning.registered import RegistryUnavailable
from imgassets.object_store import StoreError, store_failed
from imgassets.operations.maintenance import CLOCK_SECONDS
from imgassets.operations.models import open_registry
from imgassets.settings import Settings
from imgassets.storage import probe_store
from imgassets.vision.device import describe_device
from imgassets.warehouse.contracts import FetchedImages
from imgassets.warehouse.health import catalog_state, load_extensions
from imgassets.warehouse.lake import Warehouse, WarehouseError

Status = Literal["ok", "warn", "fail"]

_SAMPLE = 20
_LOW, _EMPTY = 10 * 2**30, 2**30
"""Bytes free on a disk: below the first it is a warning, below the second a failure."""


@dataclass(frozen=True)
class Finding:
    """What one look found.

    Attributes:
        what: what was looked at.
        status: ok; warn: it works, or is not needed yet; fail.
        told: what was found.
        remedy: what to do; empty where all is well.
    """

    what: str
    status: Status
    told: str
    remedy: str = ""


def examine(settings: Settings, warehouse: Warehouse) -> Iterator[Finding]:
    """Look at everything that imgassets needs; nothing is changed, but for files it removes again.

    Args:
        settings: the settings.
        warehouse: that they name.

    Yields:
        A finding after each look. A look that fails is a finding, too.
    """
    store = ImageStore(settings.image_store)
    looks: list[tuple[str, Callable[[], Finding]]] = [
        ("versions", _versions),
        ("extensions", lambda: _extensions(warehouse)),
        ("catalog", lambda: _catalog(warehouse)),
        ("tables' files", lambda: _writable("tables' files", warehouse.data_path)),
        ("image store", lambda: _writable("image store", settings.image_store)),
        ("feeds' copies", lambda: _writable("feeds' copies", settings.landing)),
        ("waiting signals", lambda: _writable("waiting signals", settings.signal_shards)),
        ("images", lambda: _images(warehouse, store)),
        ("models", lambda: _models(settings)),
        ("device", lambda: _device(settings)),
        ("engine", lambda: _engine(settings)),
        ("disk", lambda: _disk(settings)),
    ]
    for what, look in looks:
        try:
            yield look()
        except (WarehouseError, StoreError) as error:
            yield Finding(what, "fail", str(error), "the message says what to set or start")
        except Exception as error:
            if not store_failed(error):
                raise
            yield Finding(what, "fail", f"{type(error).__name__}: {error}", _reach(what))


def _reach(what: str) -> str:
    return f"see that the place of {what} exists, is reached and may be read and written"


def _versions() -> Finding:
    """Compare what is installed with what this release was made for."""
    wrong = []
    for line in importlib.metadata.requires("imgassets") or ():
        needed = Requirement(line)
        if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
            continue
        try:
            found = importlib.metadata.version(needed.name)
        except importlib.metadata.PackageNotFoundError:
            found = "absent"
        if found == "absent" or not needed.specifier.contains(found, prereleases=True):
            wrong.append(f"{needed.name} is {found}, not {needed.specifier or 'installed'}")
    python = ".".join(map(str, sys.version_info[:3]))
    if wrong:
        remedy = "pip install -c constraints.txt imgassets, in a virtual environment of its own"
        return Finding("versions", "fail", "; ".join(wrong), remedy)
    parts = (
        f"{name} {importlib.metadata.version(name)}" for name in ("dagster", "duckdb", "torch")
    )
    return Finding(
        "versions", "ok", f"imgassets {__version__}, Python {python}, {', '.join(parts)}"
    )


def _extensions(warehouse: Warehouse) -> Finding:
    names = load_extensions(warehouse)
    return Finding("extensions", "ok", f"{', '.join(names)} of DuckDB load")


def _catalog(warehouse: Warehouse) -> Finding:
    what = "catalog"
    file = warehouse.sqlite_file
    if file is not None and not file.exists():
        return Finding(what, "warn", f"none at {file} yet", "run `imgassets demo` or `ingest`")
    state = catalog_state(warehouse)
    told = f"{state.snapshots} snapshots, {state.tables} tables, and rows can be read"
    if abs(state.clock) > CLOCK_SECONDS:
        return Finding(
            what, "fail", f"its clock differs from this machine's by {state.clock:+.0f} s",
            "set the clocks of both (NTP): ages and schedules go by them",
        )  # fmt: skip
    if state.schema:
        return Finding(what, "fail", state.schema, "docs/faults.md tells of migrations")
    if state.missing:
        return Finding(
            what, "warn", f"{told}; not there yet: {', '.join(state.missing)}",
            "the next command that writes makes them",
        )  # fmt: skip
    return Finding(what, "ok", told)


def _writable(what: str, root: str) -> Finding:
    """Write a file, read it and remove it."""
    difference = probe_store(root)
    if abs(difference) > CLOCK_SECONDS:
        return Finding(
            what, "fail", f"{root}: its clock differs from this machine's by {difference:+.0f} s",
            "set this machine's clock (NTP): maintenance refuses to work like this",
        )  # fmt: skip
    return Finding(what, "ok", f"{root} can be written and read")


def _images(warehouse: Warehouse, store: ImageStore) -> Finding:
    """Look for the bytes of a few images that rows name."""
    what = "images"
    try:
        rows = warehouse.sql(
            f"SELECT DISTINCT image_id FROM {FetchedImages.table_name()} "
            f"ORDER BY image_id LIMIT {_SAMPLE}"
        )
    except WarehouseError:
        return Finding(what, "warn", "no rows yet", "run `imgassets demo` or `ingest`")
    missing = [image_id for image_id in rows["image_id"] if not store.exists(image_id)]
    if missing:
        return Finding(
            what, "fail", f"{len(missing)} of {rows.height} images with rows are not in the store, "
            f"e.g. {missing[0]}",
            "set IMGASSETS_IMAGE_STORE to where they are, or fetch them again with "
            "`imgassets backfill --force`",
        )  # fmt: skip
    return Finding(what, "ok", f"the bytes of {rows.height} images with rows are there")


def _models(settings: Settings) -> Finding:
    """Ask the registry which models answer."""
    what = "models"
    try:
        models = open_registry(settings).overview()
    except RegistryUnavailable as error:
        return Finding(
            what, "fail", str(error),
            "start MLflow, or set IMGASSETS_MLFLOW_TRACKING_URI; rows are still made with the "
            "champions that were loaded last",
        )  # fmt: skip
    answering = sorted(m.name for m in models if m.champion is not None)
    without = sorted(m.name for m in models if m.champion is None)
    if without:
        return Finding(
            what, "warn", f"without a champion: {', '.join(without)}",
            "`imgassets models list` shows why none was promoted",
        )  # fmt: skip
    if not answering:
        return Finding(
            what, "warn", "none is trained yet: types stay 'untyped'", "run `imgassets train`"
        )
    return Finding(what, "ok", f"champions: {', '.join(answering)}")


def _device(settings: Settings) -> Finding:
    try:
        return Finding("device", "ok", describe_device(settings.vision.device))
    except RuntimeError as error:
        return Finding(
            "device", "fail", str(error),
            "set IMGASSETS_VISION__DEVICE=cpu, or install a CUDA build of the same torch",
        )  # fmt: skip


def _engine(settings: Settings) -> Finding:
    if settings.engine == "ray" and importlib.util.find_spec("ray") is None:
        return Finding("engine", "fail", "Ray is not installed", "pip install 'imgassets[ray]'")
    return Finding("engine", "ok", settings.engine)


def _disk(settings: Settings) -> Finding:
    """Look at the disk of the home; object stores have no end."""
    place = next(p for p in (settings.home, *settings.home.parents) if p.exists())
    free = shutil.disk_usage(place).free
    told = f"{free / 2**30:.1f} GiB free at {place}"
    if free >= _LOW:
        return Finding("disk", "ok", told)
    return Finding(
        "disk", "fail" if free < _EMPTY else "warn", told,
        "free some: `imgassets maintain` says what could go",
    )  # fmt: skip
