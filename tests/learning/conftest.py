from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from imgassets.learning.registry import ModelRegistry

CLASSES = ("front", "back", "closeup", "none")


def registry_at(folder: Path) -> ModelRegistry:
    return ModelRegistry(f"sqlite:///{folder}/mlflow.db", folder / "artifacts")


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a SQLite store that MLflow has set up: its migrations take seconds."""
    folder = tmp_path_factory.mktemp("store")
    (folder / "mlflow.db").touch()  # an absent file would be answered without MLflow
    assert registry_at(folder).champion("any") is None
    return folder / "mlflow.db"


@pytest.fixture
def new_registry(tmp_path: Path) -> ModelRegistry:
    """Return a registry whose store does not exist yet."""
    return registry_at(tmp_path / "mlflow")


@pytest.fixture
def registry(tmp_path: Path, empty_store: Path) -> ModelRegistry:
    """Return a registry with an empty store."""
    (tmp_path / "mlflow").mkdir()
    shutil.copy(empty_store, tmp_path / "mlflow" / "mlflow.db")
    return registry_at(tmp_path / "mlflow")


@pytest.fixture(scope="session")
def make_labelled():
    """Return a function that draws labelled images: a Gaussian cloud per class, 24 numbers each."""

    def make(n_groups: int = 40, noise: float = 0.6, seed: int = 0, flipped: float = 0.0):
        rng = np.random.default_rng(seed)
        centres = np.random.default_rng(99).normal(size=(len(CLASSES), 24))
        rows = []
        for group in range(n_groups):
            for i, name in enumerate(CLASSES):
                label = CLASSES[(i + 1) % len(CLASSES)] if rng.random() < flipped else name
                vector = centres[i] + noise * rng.normal(size=24)
                rows.append(
                    {
                        "product_id": f"p{group}",
                        "image_id": f"{group * 10 + i:064x}",
                        "category": ("tees", "pants")[group % 2],
                        "image_type": label,
                        "group_id": f"s{group // 2}",
                        "embedding": vector.tolist(),
                    }
                )
        return pl.DataFrame(rows, schema_overrides={"embedding": pl.List(pl.Float32)})

    return make
