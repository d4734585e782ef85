"""`imgassets models …` as a user types it, on a registry with two versions."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from imgassets.learning import type_net
from imgassets.learning.cards import ModelCard
from imgassets.learning.registry import ModelRegistry
from imgassets.learning.type_net import TypeNet
from imgassets.warehouse.lake import Warehouse
from tests.command import run_command

Run = Callable[..., subprocess.CompletedProcess[str]]


def warehouse_in(home: Path) -> Warehouse:
    folder = home / "warehouse"
    return Warehouse(f"ducklake:sqlite:{folder}/catalog.sqlite", f"{folder}/data/")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home whose registry holds two versions of `blurry`; the second has a card."""
    home = tmp_path_factory.mktemp("home")
    registry = ModelRegistry(f"sqlite:///{home}/mlflow/mlflow.db", home / "mlflow" / "artifacts")
    layer = np.ones((4, 2), np.float32), np.zeros(2, np.float32)
    TypeNet("logistic", ["no", "yes"], [layer], [], "v1", {}).save(home / "made")
    counts = pl.DataFrame({"label": ["yes"], "split": ["train"], "source": ["drawn"], "n": [8]})
    scores = pl.DataFrame({"category": ["mugs"], "n": [2], "f1": [0.75]})
    card = ModelCard(
        "blurry", "Blurry?", "A head.", "v1", counts, "By product.", {"f1": 0.75}, "mugs", scores
    )
    for value, known in (("0.5", None), ("0.75", card)):
        registry.log_and_register(
            "blurry",
            folder=home / "made",
            code=Path(type_net.__file__),
            inputs={"embedding": "floats", "category": "string"},
            params={},
            metrics={},
            plots={},
            tags={
                "metric": "f1", "value": value, "n_train": "8", "n_test": "2", "snapshot_id": "0",
            },
            card=known,
        )  # fmt: skip
    registry.promote("blurry", 2)
    warehouse_in(home).initialise()
    return home


@pytest.fixture(scope="module")
def imgassets(home: Path) -> Run:
    def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return run_command(*arguments, environment={"IMGASSETS_HOME": str(home), **more})

    return run


def test_list_and_promote(imgassets: Run, home: Path) -> None:
    done = imgassets("models", "list")
    assert done.returncode == 0, done.stderr
    first, second = [line for line in done.stdout.splitlines() if "blurry" in line]
    assert "champion" not in first
    assert "champion" in second
    assert "0.7500" in second

    done = imgassets("models", "promote", "blurry", "1")
    assert done.returncode == 0, done.stderr
    assert "blurry: version 1 is champion" in done.stdout
    champions = warehouse_in(home).sql(
        "SELECT model, version FROM model_versions WHERE is_champion"
    )
    assert champions.rows() == [("blurry", 1)]


def test_card(imgassets: Run) -> None:
    done = imgassets("models", "card", "blurry", "--version", "2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("# blurry\n\nBlurry?\n")
    assert "| mugs | 2 | 0.750 |" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("card", "weapon"), "model weapon has no champion (registered: blurry)"),
        (("card", "weapon", "--version", "1"), "no registered model weapon (registered: blurry)"),
        (("card", "blurry", "--version", "1"), "version 1 was registered without a card"),
        (("promote", "blurry", "7"), "model blurry has no version 7 (it has 1, 2)"),
    ],
)
def test_errors_are_one_line(imgassets: Run, arguments: tuple[str, ...], says: str) -> None:
    done = imgassets("models", *arguments)
    assert done.returncode == 1
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_nothing_is_promoted_without_a_warehouse(imgassets: Run, tmp_path: Path) -> None:
    done = imgassets("models", "promote", "blurry", "2", IMGASSETS_HOME=str(tmp_path))
    assert done.returncode == 1
    assert "No warehouse at" in done.stderr


def test_registry_that_is_down(imgassets: Run) -> None:
    done = imgassets("models", "list", IMGASSETS_MLFLOW_TRACKING_URI="http://127.0.0.1:9")
    assert done.returncode == 1
    assert len([line for line in done.stderr.splitlines() if "error:" in line]) == 1
    assert "registry http://127.0.0.1:9 did not answer" in done.stderr
    assert "Traceback" not in done.stderr
