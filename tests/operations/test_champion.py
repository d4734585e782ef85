"""Answering while the registry is down: rows, metadata and the warehouse's memory of champions."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from imgassets.defs.io_manager import AssetRows
from imgassets.defs.resources import open_registry
from imgassets.defs.selection.assets import image_types
from imgassets.ingest.store import ImageStore
from imgassets.learning.image_types import train_types
from imgassets.learning.registered import RegistryUnavailable
from imgassets.learning.registry import ModelRegistry
from imgassets.learning.type_scopes import GLOBAL
from imgassets.operations.models import answering_models, follow_registry
from imgassets.operations.planning import fingerprints
from imgassets.settings import Settings
from imgassets.vision.backbones import signals_version
from imgassets.warehouse.contracts import ComplianceFlags, FeedFiles, ModelVersions
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse

DAY = dt.date(2026, 1, 5)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def warehouse(settings: Settings) -> Warehouse:
    lake = Warehouse(settings.warehouse, settings.warehouse_data)
    feed = {
        "day": DAY, "supplier_id": "acme", "category": "mugs", "feed_file": "f", "landed_as": "l",
        "sha256": "s", "source_key": "k", "image_base": "", "n_rows": 1, "content_hash": "c",
    }  # fmt: skip
    lake.replace([Replacement(FeedFiles, pl.DataFrame([feed]))], CommitMessage(asset="test"))
    return lake


@pytest.fixture
def labelled() -> pl.DataFrame:
    """Return 24 labelled images of two views that are far apart."""
    rng = np.random.default_rng(0)
    return pl.DataFrame(
        [
            {
                "product_id": f"p{i // 2}",
                "image_id": f"{i:064x}",
                "category": "mugs",
                "image_type": ("front", "back")[i % 2],
                "group_id": f"p{i // 2}",
                "embedding": rng.normal([5 * (i % 2), -5 * (i % 2), 0, 1]).tolist(),
            }
            for i in range(24)
        ],
        schema_overrides={"embedding": pl.List(pl.Float32)},
    )


def train(labelled: pl.DataFrame, settings: Settings, snapshot: int) -> None:
    train_types(
        GLOBAL, labelled, open_registry(settings), settings,
        snapshot_id=snapshot, signals_version=signals_version(settings.vision),
    )  # fmt: skip


def answer(
    labelled: pl.DataFrame, settings: Settings, registry: ModelRegistry, warehouse: Warehouse
) -> AssetRows:
    """Materialise the asset's body on the labelled images."""
    version = signals_version(settings.vision)
    images = labelled.with_columns(day=pl.lit(DAY), passed=True, signals_version=pl.lit(version))
    rows = image_types(
        images.select("day", "category", "product_id", "image_id", "passed"),
        ComplianceFlags.create_empty(),
        images.select("day", "category", "image_id", "signals_version", "embedding"),
        settings=settings,
        registry=registry,
        warehouse=warehouse,
        store=ImageStore(settings.image_store),
    )
    assert isinstance(rows, AssetRows)
    return rows


def test_cached_champion_answers_and_says_so(
    settings: Settings, warehouse: Warehouse, labelled: pl.DataFrame
) -> None:
    registry = open_registry(settings)
    before_training = fingerprints(warehouse, settings)
    train(labelled, settings, 1)
    fresh = answer(labelled, settings, registry, warehouse)
    assert fresh.metadata["notes"] == "none"
    assert set(fresh.frame["model_version"]) == {"1"}
    versions = warehouse.read(ModelVersions)
    wanted = fingerprints(warehouse, settings)
    assert not wanted.equals(before_training)

    (settings.home / "mlflow" / "mlflow.db").write_bytes(b"no database" * 1000)
    stale = answer(labelled, settings, registry, warehouse)
    assert stale.frame.equals(fresh.frame)
    assert "using the cached champion 1 of" in stale.metadata["notes"]
    assert warehouse.read(ModelVersions).equals(versions)
    assert fingerprints(warehouse, settings).equals(wanted), "no partition becomes stale by it"
    with pytest.raises(RegistryUnavailable):
        follow_registry(warehouse, registry)
    with pytest.raises(RegistryUnavailable):
        train(labelled, settings, 2)


def test_down_from_the_start(settings: Settings, warehouse: Warehouse) -> None:
    (settings.home / "mlflow").mkdir()
    (settings.home / "mlflow" / "mlflow.db").write_bytes(b"no database" * 1000)
    with pytest.raises(RegistryUnavailable, match="no champion of image_type is cached"):
        answering_models(open_registry(settings), warehouse, ["mugs"], settings)
