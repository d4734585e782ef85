"""Signals of review photos: planned, inferred into shards, collected, forgotten."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image
from polars.testing import assert_frame_equal

from imgassets.ingest.store import ImageStore
from imgassets.operations.review_signals import (
    collect_review_signals,
    forget_signals,
    infer_review_signals,
    plan_review_signals,
)
from imgassets.settings import Settings, VisionSettings
from imgassets.vision.decode import Undecodable
from imgassets.vision.photo_version import photo_signals_version
from imgassets.warehouse.contracts import Quarantine, ReviewSignals
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse

DAY = dt.date(2026, 1, 5)


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


def photo(seed: int) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 256, (40, 60, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def fetched(store: ImageStore) -> pl.DataFrame:
    """Four reviews: two show one photo, and one photo is broken."""
    ids = [store.put(data) for data in (photo(0), photo(0), photo(1), photo(1)[:200])]
    return pl.DataFrame(
        {
            "day": DAY,
            "category": "hat",
            "review_id": [f"r{n}" for n in range(4)],
            "product_id": ["p0", "p1", "p1", "p2"],
            "image_location": [f"/photos/{n}.png" for n in range(4)],
            "image_id": ids,
        }
    )


def test_a_photo_is_computed_once_and_known_ever_after(fetched, warehouse, store, settings) -> None:
    plan = plan_review_signals(fetched, warehouse, settings)
    with pytest.raises(RuntimeError, match=r"3 of 3 images .* materialize review_signals again"):
        collect_review_signals(fetched, warehouse, settings)
    assert plan["image_id"].to_list() == sorted(set(fetched["image_id"]))
    infer_review_signals(plan, store, settings)
    found = collect_review_signals(fetched, warehouse, settings)
    assert ReviewSignals.conform(found.signals).height == 2
    assert found.signals["signals_version"].unique().to_list() == [photo_signals_version(settings)]
    assert found.signals.select("width", "height").unique().rows() == [(60, 40)]
    refused = found.quarantine.select("stage", "product_id", "image_url", "rule_id")
    assert refused.rows() == [("review_signals", "p2", "/photos/3.png", "undecodable")]
    assert (found.n_images, found.quarantine.columns) == (3, Quarantine.column_names())

    warehouse.replace(
        [
            Replacement(ReviewSignals, found.signals),
            Replacement(Quarantine, found.quarantine, None, {"stage": "review_signals"}),
        ],
        CommitMessage(asset="test"),
    )
    later = fetched.head(3).with_columns(day=pl.lit(DAY + dt.timedelta(days=1)))
    assert plan_review_signals(later, warehouse, settings).is_empty()
    again = collect_review_signals(later, warehouse, settings).signals
    assert_frame_equal(again.drop("day"), found.signals.drop("day"), check_exact=True)


def test_a_forgotten_photo_leaves_no_file(fetched, settings) -> None:
    ids = fetched.select("image_id").unique()
    forgotten, *others = sorted(ids["image_id"])
    root = Path(settings.signal_shards)
    for name in ("version/shard.parquet", "steps/run/plan_review_signals/result.parquet"):
        (root / name).parent.mkdir(parents=True)
        ids.write_parquet(root / name)
    pl.DataFrame({"other": [1]}).write_parquet(root / "steps/run/other.parquet")
    forget_signals([forgotten], settings)
    kept = [pl.read_parquet(file) for file in sorted(root.rglob("*.parquet"))]
    named = [sorted(frame["image_id"]) for frame in kept if "image_id" in frame.columns]
    assert (len(kept), named) == (3, [others, others])


def test_one_photo_is_measured_while_somebody_waits(settings) -> None:
    from imgassets.operations.photo_reader import PhotoReader

    with PhotoReader(settings) as reader:
        reader.start()
        row = reader.signals(photo(3))
        assert isinstance(row, pl.DataFrame)
        assert row.select("image_id", "width", "height", "longer_side").rows() == [("", 60, 40, 60)]
        refused = reader.signals(b"<html>")
        assert isinstance(refused, Undecodable)
