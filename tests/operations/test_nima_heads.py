"""Training NIMA's heads: on a file of ratings, and on distorted photos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image, ImageFilter

from imgassets.ingest.store import ImageStore
from imgassets.learning.nima.heads import heads_of
from imgassets.learning.nima.targets import Targets
from imgassets.learning.registry import ModelRegistry
from imgassets.operations import nima
from imgassets.operations.models import TrainingError, open_registry
from imgassets.operations.nima import rated_images, train_head
from imgassets.operations.ranking_examples import Examples
from imgassets.settings import RankingSettings, Settings, VisionSettings
from imgassets.warehouse.contracts import ModelVersions
from imgassets.warehouse.lake import Warehouse


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", vision=VisionSettings(workers=1))


@pytest.fixture
def warehouse(settings: Settings) -> Warehouse:
    return Warehouse(settings.warehouse, settings.warehouse_data)


@pytest.fixture
def registry(settings: Settings) -> ModelRegistry:
    return open_registry(settings)


@pytest.fixture
def store(settings: Settings) -> ImageStore:
    return ImageStore(settings.image_store)


@pytest.fixture
def rated(tmp_path: Path) -> tuple[Path, Path]:
    """24 photos, blurred more and more; who rates them likes sharp ones."""
    folder = tmp_path / "photos"
    folder.mkdir()
    lines = ["image,mean,std,group"]
    rng = np.random.default_rng(0)
    for n in range(24):
        radius = 3 * (n % 4)
        noise = rng.integers(0, 256, (64, 64, 3), np.uint8)
        Image.fromarray(noise).filter(ImageFilter.GaussianBlur(radius)).save(folder / f"{n}.png")
        lines.append(f"{n}.png,{8 - 2 * (n % 4)},1.3,shoot{n % 6}")
    (folder / "broken.png").write_bytes((folder / "0.png").read_bytes()[:60])
    (tmp_path / "outside.png").write_bytes((folder / "0.png").read_bytes())
    lines += ["broken.png,5,1.3,", "gone.png,5,1.3,", "../outside.png,5,1.3,", "0.png,99,1.3,"]
    file = tmp_path / "ratings.csv"
    file.write_text("\n".join(lines) + "\n")
    return file, folder


def test_ratings_make_a_champion_that_rates(rated, warehouse, registry, store, settings) -> None:
    seen: list[tuple[int, int]] = []
    report = train_head(
        "technical", warehouse, registry, store, settings,
        ratings=(str(rated[0]), str(rated[1])), progress=lambda *done: seen.append(done),
    )  # fmt: skip
    assert report.promoted
    assert report.source == "ratings"
    assert (report.n_train + report.n_test, seen[-1]) == (24, (25, 25))
    assert report.notes == (
        "3 rows of the file of ratings were left out",
        "1 rated images cannot be decoded",
    )
    heads = heads_of(settings, registry)
    assert (heads["aesthetic"], heads.version) == (None, "nima_technical-1")
    assert heads["technical"] is not None
    assert warehouse.read(ModelVersions)["model"].to_list() == ["nima_technical"]


def test_rows_are_refused_by_name(rated) -> None:
    refused = rated_images(*rated).refused
    assert [reason.partition(":")[0] for reason in refused] == [
        "row 28 (0.png)", "gone.png", "../outside.png",
    ]  # fmt: skip
    assert refused[1].endswith("there is no such file")
    assert refused[2].endswith("the path leads out of the folder")
    with pytest.raises(TrainingError, match="none of the 27 rated images is a file in"):
        rated_images(rated[0], rated[0].parent)


def test_distorted_photos_are_learnt_from_where_nobody_rated(
    warehouse, registry, store, settings, monkeypatch
) -> None:
    kinds = [("", 0.0), ("gaussian_blur", 0.333), ("gaussian_blur", 1.0), ("rotation", 1.0)]
    examples = pl.DataFrame(
        [(f"{n}", "s", "g", "hats", *kind, [1.0, 2.0]) for n, kind in enumerate(kinds)],
        schema=["example_id", "source_image_id", "group_id", "category", "family", "severity",
                "nima"],
        orient="row",
    )  # fmt: skip
    monkeypatch.setattr(
        "imgassets.operations.ranking_examples.ranking_examples",
        lambda *_: Examples(examples, frozenset()),
    )
    taught: list[Targets] = []

    def train(kind: str, targets: Targets, *_: object, **__: object) -> None:
        taught.append(targets)

    monkeypatch.setattr(nima, "train_nima", train)
    train_head("technical", warehouse, registry, store, settings)
    assert (taught[0].source, taught[0].features_version) == ("distortions", "nima:embedded-2")
    assert taught[0].rows["example_id"].to_list() == ["0", "1", "2"]


def test_what_has_nothing_to_train_says_so(
    warehouse, registry, store, settings, tmp_path, monkeypatch
) -> None:
    files = [tmp_path / "a.hdf5", tmp_path / "t.hdf5"]
    for file in files:
        file.touch()
    ranking = RankingSettings(aesthetic_weights=files[0], technical_weights=files[1])
    named = settings.model_copy(update={"ranking": ranking})
    with pytest.raises(TrainingError, match="whose heads answer: there is nothing to train"):
        train_head("technical", warehouse, registry, store, named)
    with pytest.raises(TrainingError, match="at least two products"):
        train_head("technical", warehouse, registry, store, settings)
    assert not nima.has_review_photos(warehouse)
