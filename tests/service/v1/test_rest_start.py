"""What stops the service before it starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from imgassets.ingest.store import ImageStore
from imgassets.operations.models import open_registry
from imgassets.service.app import create_app
from imgassets.settings import OrderingSettings, Settings
from imgassets.warehouse.lake import Warehouse


def test_a_wrong_file_of_policies_is_told_at_the_start(tmp_path: Path) -> None:
    wrong = tmp_path / "policies.toml"
    wrong.write_text("[default]\nmax_pictures = 4\n")
    settings = Settings(home=tmp_path, ordering=OrderingSettings(policies=wrong))
    warehouse = Warehouse(settings.warehouse, settings.warehouse_data)
    store = ImageStore(settings.image_store)
    with pytest.raises(ValueError, match="max_pictures"):
        create_app(settings, warehouse, store, open_registry(settings))
