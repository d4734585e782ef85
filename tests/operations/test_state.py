import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from imgassets.operations import state
from imgassets.settings import Settings
from imgassets.warehouse.contracts import FeedFiles, PartitionState
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from imgassets.warehouse.partitions import Partition

FIRST, SECOND = (Partition(dt.date(2026, 1, d), "tablet") for d in (5, 6))
WRITE = CommitMessage(asset="test")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def warehouse(settings: Settings) -> Warehouse:
    lake = Warehouse(settings.warehouse, settings.warehouse_data)
    feeds = pl.DataFrame(
        [
            {
                "day": p.day, "supplier_id": "acme", "category": p.category, "feed_file": "f",
                "landed_as": "l", "sha256": "s", "source_key": "k", "image_base": "",
                "n_rows": 1, "content_hash": str(p.day),
            }
            for p in (FIRST, SECOND)
        ]
    )  # fmt: skip
    lake.replace([Replacement(FeedFiles, feeds)], WRITE)
    return lake


def save(warehouse: Warehouse, marks: pl.DataFrame, stage: str, *partitions: Partition) -> None:
    scope = Replacement(PartitionState, marks, frozenset(partitions), {"stage": stage})
    warehouse.replace([scope], WRITE)


def run(warehouse: Warehouse, settings: Settings, partition: Partition) -> list[str]:
    """Take a partition through its stages; return the stages it is marked with."""
    cells = frozenset([partition])
    feeds, offers = state.loaded(warehouse, settings, cells)
    save(warehouse, feeds, "feeds", partition)
    save(warehouse, offers, "offers", partition)
    fetched = state.advanced(warehouse, cells, "feeds", "fetched")
    save(warehouse, fetched, "fetched", partition)
    whole = state.aggregated(warehouse, settings, cells)
    save(warehouse, whole, "aggregated", partition)
    complete = state.advanced(warehouse, cells, "aggregated", "complete")
    save(warehouse, complete, "complete", partition)
    return warehouse.read(PartitionState, partitions=[partition])["stage"].to_list()


def test_days_run_in_order_are_complete(warehouse: Warehouse, settings: Settings) -> None:
    everything = ["aggregated", "complete", "feeds", "fetched", "offers"]
    assert run(warehouse, settings, FIRST) == everything
    assert run(warehouse, settings, SECOND) == everything


def test_a_day_run_before_its_predecessor_is_not_complete(
    warehouse: Warehouse, settings: Settings
) -> None:
    assert run(warehouse, settings, SECOND) == ["feeds", "fetched", "offers"]
    assert "complete" in run(warehouse, settings, FIRST)
    assert "complete" in run(warehouse, settings, SECOND)
