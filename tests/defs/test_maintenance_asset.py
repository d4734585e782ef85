"""Maintenance as an asset: it says what went, and draws what is left."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from imgassets.defs.maintenance.assets import storage_maintenance, weekly_maintenance
from imgassets.defs.resources import build_resources
from imgassets.settings import Settings
from imgassets.warehouse.contracts import StorageSizes


def test_it_measures_draws_and_counts(tmp_path: Path) -> None:
    resources = build_resources(Settings(home=tmp_path))
    stray = resources["store"].put(b"a new file that no row names yet")
    needed = {name: resources[name] for name in ("settings", "warehouse", "store")}
    with dg.instance_for_test() as instance:
        result = dg.materialize([storage_maintenance], instance=instance, resources=needed)
        (event,) = result.asset_materializations_for_node("storage_maintenance")
    told = {name: value.value for name, value in event.metadata.items()}
    assert told["images_deleted"] == 0
    assert resources["store"].exists(stray)
    assert told["dagster/row_count"] == resources["warehouse"].read(StorageSizes).height > 0
    assert told["bytes"] > 0
    assert "data:image/png;base64," in told["sizes_over_time"]
    assert told["catalog_advice"] == "none"
    assert weekly_maintenance.cron_schedule == "0 1 * * 0"
