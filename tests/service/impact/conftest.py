"""A service over a warehouse with estimates of causal impact."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from imgassets.ingest.store import ImageStore
from imgassets.settings import Settings
from imgassets.warehouse.contracts import ReviewTasks
from imgassets.warehouse.lake import Warehouse
from tests.impact_rows import write_impact
from tests.service.conftest import Shop, Threaded


@pytest.fixture(scope="package")
def estimated(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A home folder with estimates and nothing else."""
    settings = Settings(home=tmp_path_factory.mktemp("estimated"))
    warehouse = Warehouse(settings.warehouse, settings.warehouse_data)
    warehouse.initialise()
    write_impact(warehouse)
    return Shop(settings, warehouse, ImageStore(settings.image_store), ReviewTasks.create_empty())


@pytest.fixture(scope="module")
def impact_service(estimated: Shop) -> Iterator[Threaded]:
    with Threaded(estimated) as running:
        yield running


@pytest.fixture(scope="module")
def impact_client(impact_service: Threaded) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=impact_service.url, timeout=60) as session:
        yield session
