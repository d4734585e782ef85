"""Small registered models for the registry's tests."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from imgassets.learning import type_net
from imgassets.learning.cards import ModelCard
from imgassets.learning.registry import ModelRegistry
from imgassets.learning.type_net import TypeNet

TAGS = {"metric": "f1", "value": "0.9", "n_train": "8", "n_test": "2", "snapshot_id": "3"}


def register(
    registry: ModelRegistry, name: str = "blurry", bias: float = 0.0, **more: object
) -> int:
    """Register a small head with one file in a subfolder; return its version."""
    folder = registry.artifact_root.parent / "made"
    shutil.rmtree(folder, ignore_errors=True)
    values = np.full((4, 2), bias, np.float32)
    head = TypeNet("logistic", ["no", "yes"], [(values, values[0])], [], "v1", {})
    head.save(folder)
    head.save(folder / "evaluated")
    made = registry.log_and_register(
        name,
        folder=folder,
        code=Path(type_net.__file__),
        inputs={"embedding": "floats", "category": "string"},
        params={"bias": bias},
        metrics={"f1": 0.9},
        plots={},
        **{"tags": TAGS, **more},  # type: ignore[arg-type]
    )
    return made.version


def bias_of(folder: Path) -> float:
    return float(TypeNet.load(folder).layers[0][1][0])


def weights(registry: ModelRegistry, version: int, name: str = "blurry") -> Path:
    """Return the weights' file of a version in a local registry's own artifacts."""
    return registry.download(name, version) / "net.safetensors"


def spoil(path: Path) -> None:
    path.write_bytes(b"\0" * path.stat().st_size)


def card(**changes: object) -> ModelCard:
    made = ModelCard(
        model="blurry",
        purpose="Is it blurry?",
        approach="logistic",
        signals_version="v1",
        data=pl.DataFrame({"label": ["yes"], "split": ["train"], "source": ["drawn"], "n": [8]}),
        how_split="By product.",
        metrics={"f1": 0.9},
        measured_on="the held-out part",
        metrics_by_category=pl.DataFrame({"category": ["mugs"], "n": [2], "f1": [0.9]}),
    )
    return replace(made, **changes)  # type: ignore[arg-type]
