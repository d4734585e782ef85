import datetime as dt
import io
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image
from polars.testing import assert_frame_equal

from imgassets.ingest.store import ImageStore
from imgassets.operations.signals import (
    Measured,
    collect_signals,
    infer_signals,
    open_shards,
    plan_signals,
)
from imgassets.settings import Settings, VisionSettings
from imgassets.warehouse.contracts import ImageSignals, Quarantine
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse

DAY = dt.date(2026, 1, 5)
WRITE = CommitMessage(asset="test")


class Killed(BaseException):
    """Stands for a signal that ends the process."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, vision=VisionSettings(workers=1, batch_size=2))


@pytest.fixture
def warehouse(settings: Settings) -> Warehouse:
    lake = Warehouse(settings.warehouse, settings.warehouse_data)
    lake.initialise()
    return lake


@pytest.fixture
def store(settings: Settings) -> ImageStore:
    return ImageStore(settings.image_store)


@pytest.fixture
def aggregated(store: ImageStore) -> pl.DataFrame:
    """Six images of one partition; the last is broken."""
    contents = []
    for seed in range(5):
        noise = np.random.default_rng(seed).integers(0, 256, (60, 60, 3), np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(noise).save(buffer, "PNG")
        contents.append(buffer.getvalue())
    ids = [store.put(data) for data in [*contents, contents[0][:200]]]
    return pl.DataFrame(
        {
            "day": DAY,
            "category": "hat",
            "product_id": [f"p{n}" for n in range(6)],
            "image_id": ids,
            "image_urls": [[f"{n}.png"] for n in range(6)],
        }
    )


def commit(warehouse: Warehouse, measured: Measured) -> None:
    warehouse.replace(
        [
            Replacement(ImageSignals, measured.signals),
            Replacement(Quarantine, measured.quarantine, None, {"stage": "signals"}),
        ],
        WRITE,
    )


def test_every_image_is_a_row_or_in_quarantine(aggregated, warehouse, store, settings) -> None:
    plan = plan_signals(aggregated, warehouse, settings)
    assert plan["image_id"].to_list() == sorted(aggregated["image_id"])
    seen: list[tuple[int, int]] = []
    infer_signals(plan, store, settings, lambda done, total: seen.append((done, total)))
    assert seen == [(2, 6), (4, 6), (6, 6)]
    measured = collect_signals(aggregated, warehouse, settings)
    assert measured.signals.height == 5
    assert measured.quarantine.select("stage", "product_id", "rule_id").rows() == [
        ("signals", "p5", "undecodable")
    ]


def test_what_a_killed_run_had_finished_is_not_computed_again(
    aggregated, warehouse, store, settings, monkeypatch
) -> None:
    monkeypatch.setattr("imgassets.operations.signal_shards.SHARD_ROWS", 2)
    whole = plan_signals(aggregated, warehouse, settings)

    def kill(done: int, total: int) -> None:
        if done == 4:
            raise Killed

    with pytest.raises(Killed):
        infer_signals(whole, store, settings, kill)
    rest = plan_signals(aggregated, warehouse, settings)
    computed = set(whole["image_id"]) - set(rest["image_id"])
    assert len(computed) in (3, 4)  # a refused image is tried again
    infer_signals(rest, store, settings)
    resumed = collect_signals(aggregated, warehouse, settings)

    other = settings.model_copy(update={"signal_shards": f"{settings.home}/elsewhere"})
    infer_signals(whole, store, other)
    undisturbed = collect_signals(aggregated, warehouse, other)
    assert_frame_equal(resumed.signals, undisturbed.signals, check_exact=True)
    assert_frame_equal(resumed.quarantine, undisturbed.quarantine)


def test_committed_shards_are_purged_and_known_rows_reused(
    aggregated, warehouse, store, settings
) -> None:
    infer_signals(plan_signals(aggregated, warehouse, settings), store, settings)
    first = collect_signals(aggregated, warehouse, settings)
    ids = aggregated.select("image_id")
    assert open_shards(settings).read(ids).height == 6
    commit(warehouse, first)
    again = plan_signals(aggregated, warehouse, settings)
    assert again["image_id"].to_list() == first.quarantine["image_id"].to_list()
    assert open_shards(settings).read(ids).height == 0
    infer_signals(again, store, settings)
    assert_frame_equal(collect_signals(aggregated, warehouse, settings).signals, first.signals)


def test_another_version_shares_nothing(aggregated, warehouse, store, settings, shared) -> None:
    infer_signals(plan_signals(aggregated, warehouse, settings), store, settings)
    backbone = str(shared("weights") / "mobilenet_v2_1.0_224")
    other = settings.model_copy(update={"vision": VisionSettings(backbone=backbone)})
    assert plan_signals(aggregated, warehouse, other).height == 6


def test_an_image_without_outcome_is_an_error_with_the_remedy(
    aggregated, warehouse, settings
) -> None:
    with pytest.raises(RuntimeError, match=r"6 of 6 images have no signals yet.*again"):
        collect_signals(aggregated, warehouse, settings)
