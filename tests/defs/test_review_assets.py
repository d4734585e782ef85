"""Review photos in Dagster: files are seen, photos fetched, and nothing names a review."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from imgassets.defs.checks import table_checks
from imgassets.defs.io_manager import WarehouseIOManager
from imgassets.defs.partitions import CATEGORY
from imgassets.defs.reviews.assets import fetched_review_images
from imgassets.defs.reviews.sensors import new_review_files
from imgassets.settings import Settings
from imgassets.warehouse.contracts import FetchedReviewImages
from tests.review_home import ReviewHome

SECRET = "secret-review-id"


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


def look(home: ReviewHome, instance: dg.DagsterInstance) -> dg.SensorResult | dg.SkipReason:
    settings = home.settings.model_copy(
        update={"review_photos": str(home.folder), "image_base": str(home.folder)}
    )
    context = dg.build_sensor_context(
        instance=instance, resources={"settings": settings, "warehouse": home.warehouse}
    )
    found = new_review_files(context)
    assert isinstance(found, dg.SensorResult | dg.SkipReason)
    return found


def test_from_a_new_file_to_fetched_photos(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    home = ReviewHome(tmp_path / "home", tmp_path / "shop")
    home.folder.mkdir()
    home.photo("a.png", 1)
    home.write(
        "2026-01-05/a.csv", f"{SECRET},p,bags,a.png,,1,2", f"{SECRET}-2,p,bags,none.png,,1,2"
    )
    found = look(home, instance)
    assert isinstance(found, dg.SensorResult)
    (event,) = found.asset_events
    assert event.asset_key == dg.AssetKey("review_images")
    (request,) = found.dynamic_partitions_requests or []
    assert request.partition_keys == ["bags"]
    (asked,) = found.run_requests or []
    assert str(asked.partition_key) == "bags|2026-01-05"
    # Until it has run, it is asked for by the same key: Dagster runs it once.
    again = look(home, instance)
    assert isinstance(again, dg.SensorResult)
    assert [r.run_key for r in again.run_requests or []] == [asked.run_key]
    # A late file changes that day's ranks: another version, another run.
    home.photo("b.png", 2)
    home.write("2026-01-04/a.csv", "other,p,bags,b.png,,1,2")
    late = look(home, instance)
    assert isinstance(late, dg.SensorResult)
    keys = {str(r.partition_key): r.run_key for r in late.run_requests or []}
    assert set(keys) == {"bags|2026-01-04", "bags|2026-01-05"}
    assert keys["bags|2026-01-05"] != asked.run_key

    instance.add_dynamic_partitions(CATEGORY.name or "", ["bags"])
    result = dg.materialize(
        [fetched_review_images, table_checks],
        instance=instance,
        partition_key=asked.partition_key,
        resources={
            "settings": home.settings, "warehouse": home.warehouse, "store": home.store,
            "io_manager": WarehouseIOManager(home.warehouse),
        },
        selection=dg.AssetSelection.assets("fetched_review_images"),
    )  # fmt: skip
    assert result.success
    (written,) = result.asset_materializations_for_node("fetched_review_images")
    assert written.metadata["refused_by_rule"].value == "missing_file 1"
    checks = {check.check_name: check.passed for check in result.get_asset_check_evaluations()}
    assert checks == {"contract": True, "no_review_vanished": True}
    assert home.warehouse.read(FetchedReviewImages)["review_id"].to_list() == [SECRET]
    for entry in instance.all_logs(result.run_id):
        assert SECRET not in repr(entry)


def test_the_sensor_without_a_folder_says_so(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    home = ReviewHome(tmp_path / "home", tmp_path)
    context = dg.build_sensor_context(
        instance=instance,
        resources={"settings": Settings(home=tmp_path / "home"), "warehouse": home.warehouse},
    )
    found = new_review_files(context)
    assert isinstance(found, dg.SkipReason)
    assert "IMGASSETS_REVIEW_PHOTOS" in str(found.skip_message)
