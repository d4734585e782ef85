"""Resources: settings, the warehouse, the image store, the model registry, and the IO manager."""

from __future__ import annotations

from typing import Any

from imgassets.defs.io_manager import WarehouseIOManager
from imgassets.defs.step_files import StepFiles
from imgassets.ingest.store import ImageStore
from imgassets.operations.models import open_registry
from imgassets.settings import Settings
from imgassets.warehouse.lake import Warehouse


def open_warehouse(settings: Settings) -> Warehouse:
    """Return the warehouse that the settings name."""
    return Warehouse(settings.warehouse, settings.warehouse_data)


def build_resources(settings: Settings) -> dict[str, Any]:
    """Return every resource of the code location; nothing is opened before it is used."""
    warehouse = open_warehouse(settings)
    return {
        "settings": settings,
        "warehouse": warehouse,
        "store": ImageStore(settings.image_store),
        "registry": open_registry(settings),
        "io_manager": WarehouseIOManager(warehouse),
        "step_files": StepFiles(f"{settings.signal_shards}/steps"),
    }
