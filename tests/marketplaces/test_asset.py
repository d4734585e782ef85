"""The asset in a real Dagster run, on tables that earlier steps would have written."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import dagster as dg
import pytest

from imgassets.definitions import defs
from imgassets.defs.resources import open_warehouse
from imgassets.defs.runner import add_categories, run_rectangle
from imgassets.settings import Settings
from imgassets.warehouse.contracts import (
    AggregatedImages,
    FetchedImages,
    ImageSignals,
    MarketplaceCompliance,
)
from imgassets.warehouse.lake import CommitMessage, Replacement
from imgassets.warehouse.partitions import Partition
from tests.marketplaces.conftest import aggregated_rows, reference_rows, signal_rows

FIRST, SECOND = dt.date(2026, 1, 5), dt.date(2026, 1, 6)


def test_a_partition_is_judged_with_the_references_of_earlier_days(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMGASSETS_HOME", str(tmp_path))
    warehouse = open_warehouse(Settings(home=tmp_path))
    warehouse.replace(
        [
            # The second day's feed says something else of the product; its image is the first's.
            Replacement(AggregatedImages, aggregated_rows({"day": SECOND})),
            Replacement(ImageSignals, signal_rows({"day": SECOND})),
            Replacement(
                FetchedImages,
                reference_rows({"day": FIRST, "image_location": "https://h/a.jpg?v=1"}),
            ),
        ],
        CommitMessage(asset="test"),
    )
    with dg.instance_for_test() as instance:
        add_categories(instance, ["sofas"])
        result = run_rectangle(
            defs(), instance, [Partition(SECOND, "sofas")], ["marketplace_compliance"]
        )
    rows = warehouse.read(MarketplaceCompliance, where="status = 'fail'")
    assert rows.select("day", "rule_id", "measured").rows() == [
        (SECOND, "walmart_url_query", "?v=1")
    ]
    checks = result.get_asset_check_evaluations()
    assert {check.check_name for check in checks} == {"contract", "no_orphan_images"}
    assert all(check.passed for check in checks)
    (event,) = result.asset_materializations_for_node("marketplace_compliance")
    assert event.metadata["required_and_failed"].value == "walmart_url_query 1"


def test_a_partition_is_marked_complete_only_after_it() -> None:
    graph = defs().resolve_asset_graph()
    for marks in ("ordered_image_sets", "image_set_changes"):
        assert dg.AssetKey("marketplace_compliance") in graph.get(dg.AssetKey(marks)).parent_keys
