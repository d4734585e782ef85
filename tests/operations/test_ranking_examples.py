from __future__ import annotations

import datetime as dt
import io
from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest
from PIL import Image, ImageFilter

from imgassets.ingest.store import ImageStore
from imgassets.learning.ranking import examples as planning
from imgassets.learning.registry import ModelRegistry
from imgassets.operations import ranking_examples as operation
from imgassets.operations.models import TrainingError
from imgassets.operations.ranking_examples import Examples, ranking_examples, ranking_sources
from imgassets.sample.products import products
from imgassets.settings import Settings, VisionSettings
from imgassets.vision.photo_schema import PHOTO_SCHEMA
from imgassets.vision.photo_version import photo_signals_version
from imgassets.vision.schema import split
from imgassets.warehouse.contracts import (
    AggregatedImages,
    FetchedReviewImages,
    ImageLabels,
    OrderedImageSets,
    RankingEvaluations,
    RankingExamples,
    ReviewImages,
    ReviewSignals,
)
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from imgassets.warehouse.partitions import quote

DAY, CELL = dt.date(2026, 1, 7), {"day": dt.date(2026, 1, 7), "category": "shirts"}
STUDIO = ("labelled", "styled", "plain")
REVIEWS = {"r1": "styled", "r2": "other", "r3": "other"}
BLURRED = "r3"


def png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def picture(place: int, view: str, side: int) -> Image.Image:
    return Image.fromarray(products(1)[place].photograph(view, 0, side).picture)


@dataclass(frozen=True)
class World:
    settings: Settings
    warehouse: Warehouse
    store: ImageStore
    ids: dict[str, str]


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> World:
    """Three studio images of three products, two good review photos and a blurred one."""
    folder = tmp_path_factory.mktemp("world")
    settings = Settings(home=folder / "home", vision=VisionSettings(workers=2, batch_size=8))
    store = ImageStore(str(folder / "images"))
    pictures = {name: picture(i, "front", 600) for i, name in enumerate(STUDIO)}
    pictures |= {name: picture(i, "lifestyle", 300) for i, name in enumerate(REVIEWS)}
    pictures[BLURRED] = pictures[BLURRED].filter(ImageFilter.GaussianBlur(6))
    ids = {name: store.put(png(one)) for name, one in pictures.items()}
    warehouse = Warehouse(settings.warehouse, settings.warehouse_data)
    sizes = {name: one.size for name, one in pictures.items()}
    tables = [
        (OrderedImageSets, pl.DataFrame([ordered(n, ids[n], 1) for n in STUDIO]
                                        + [ordered("bypassed", ids["r1"], None)])),
        (AggregatedImages, pl.DataFrame([aggregated(n, ids[n], sizes[n]) for n in STUDIO]
                                        + [aggregated("bypassed", ids["r1"], sizes["r1"])])),
        (ImageLabels, pl.DataFrame([label("labelled", "style-of-labels"),
                                    label("plain", "plain")])),
        (ReviewImages, pl.DataFrame([review(n, p) for n, p in REVIEWS.items()])),
        (FetchedReviewImages, pl.DataFrame([fetched(n, p, ids[n], sizes[n])
                                            for n, p in REVIEWS.items()])),
        (ReviewSignals, signals([ids[n] for n in REVIEWS], store, settings)),
    ]  # fmt: skip
    warehouse.replace(
        [Replacement(contract, contract.conform(rows)) for contract, rows in tables],
        CommitMessage(asset="test"),
    )
    return World(settings, warehouse, store, ids)


def ordered(product: str, image_id: str, policy_rank: int | None) -> dict:
    return {
        **CELL, "product_id": product, "rank": 1, "image_id": image_id, "image_type": "front",
        "is_hero": True, "reason": "", "policy_rank": policy_rank,
        "click_rank": None, "click_rate": None, "ordered_by": "policy",
    }  # fmt: skip


def aggregated(product: str, image_id: str, size: tuple[int, int]) -> dict:
    return {
        **CELL, "product_id": product, "image_id": image_id, "suppliers": ["a"],
        "image_urls": ["u"], "best_position": 1, "is_curated": False, "format": "PNG",
        "width": size[0], "height": size[1], "byte_size": 9, "mode": "rgb", "bit_depth": 8,
        "frames": 1, "first_seen": DAY,
    }  # fmt: skip


def label(product: str, group: str) -> dict:
    return {"product_id": product, "image_url": "u", "image_type": "front", "group_id": group,
            "source": "labels.csv"}  # fmt: skip


def review(name: str, product: str) -> dict:
    return {
        **CELL, "review_id": name, "product_id": product, "style": f"style-of-{product}",
        "image_url": name, "image_location": name, "submitted_at": None, "helpful_votes": None,
        "impressions": None, "feed_file": "f", "feed_row": 1,
    }  # fmt: skip


def fetched(name: str, product: str, image_id: str, size: tuple[int, int]) -> dict:
    return {
        **CELL, "review_id": name, "product_id": product, "image_location": name,
        "image_id": image_id, "format": "PNG", "width": size[0], "height": size[1],
        "byte_size": 9, "mode": "rgb", "bit_depth": 8, "frames": 1, "extension": None,
        "extension_matches": None,
    }  # fmt: skip


def signals(ids: list[str], store: ImageStore, settings: Settings) -> pl.DataFrame:
    from imgassets.vision.photo_signals import photo_outcomes

    found = split(pl.concat(photo_outcomes(ids, store.get, settings)), PHOTO_SCHEMA).signals
    return found.with_columns(day=pl.lit(DAY), category=pl.lit("shirts"))


@pytest.fixture(scope="module", autouse=True)
def few():
    """Two families of the paper, one unseen, two severities: examples are soon made."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planning, "TRAINED", ("crop_vertical", "gaussian_blur"))
        patch.setattr(planning, "UNSEEN", ("jpeg",))
        patch.setattr(planning, "SEVERITIES", (0.5, 1.0))
        yield


def make(world: World, progress=None):
    return ranking_examples(world.warehouse, world.store, world.settings, progress)


def test_sources_of_both_origins_in_their_groups(world) -> None:
    found = ranking_sources(world.warehouse, world.settings)
    names = {image_id: name for name, image_id in world.ids.items()}
    rows = {
        names[row["image_id"]]: (row["origin"], row["group_id"], row["good"])
        for row in found.to_dicts()
    }
    assert rows == {
        "labelled": ("studio", "style-of-labels", True),
        "styled": ("studio", "style-of-styled", True),
        "plain": ("studio", "plain", True),
        "r1": ("review", "style-of-styled", True),
        "r2": ("review", "style-of-other", True),
        "r3": ("review", "style-of-other", False),
    }
    assert found.filter(pl.col("image_id") == world.ids["plain"])["width"].to_list() == [600]


@pytest.fixture(scope="module")
def made(world) -> tuple[Examples, list[tuple[int, int]]]:
    """The examples, and what their making told of its progress."""
    calls: list[tuple[int, int]] = []
    return make(world, lambda *call: calls.append(call)), calls


class TestExamples:
    def test_they_are_made_once(self, world, made) -> None:
        first, calls = made
        held = first.rows.filter(pl.col("group_id").is_in(list(first.held)))
        assert set(held["family"]) >= {"", "crop_vertical", "gaussian_blur", "jpeg"}
        assert "jpeg" not in set(first.rows.join(held, on="example_id", how="anti")["family"])
        assert calls[-1] == (first.rows.height, first.rows.height)
        assert set(first.rows["features_version"]) == {photo_signals_version(world.settings)}
        more: list[tuple[int, int]] = []
        again = make(world, lambda *call: more.append(call))
        assert again.rows.equals(first.rows)
        assert more == []

    def test_they_have_the_size_that_the_distorted_file_would_have(self, world, made) -> None:
        rows = made[0].rows
        of = rows.filter(pl.col("source_image_id") == world.ids["plain"])
        kept = of.filter(pl.col("family") != "crop_vertical")
        height = kept["height"].unique().item()
        assert kept["width"].unique().to_list() == [600]
        cropped = of.filter(pl.col("family") == "crop_vertical").sort("severity")
        assert cropped["width"].unique().to_list() == [600]
        assert height > cropped["height"][0] > cropped["height"][1]
        assert (of["longer_side"] == of.select(pl.max_horizontal("width", "height"))["width"]).all()

    def test_measures_tell_of_the_distortion(self, world, made) -> None:
        rows = made[0].rows.sort("severity")
        for source in (world.ids["plain"], world.ids["r1"]):
            of = rows.filter(pl.col("source_image_id") == source)
            blurred = of.filter(pl.col("family").is_in(["", "gaussian_blur"]))["sharpness"]
            assert blurred.to_list() == sorted(blurred, reverse=True)

    def test_a_killed_run_goes_on_where_it_stopped(self, world, monkeypatch) -> None:
        monkeypatch.setattr(operation, "_COMMIT_EVERY", 8)
        world.warehouse.replace(
            [Replacement(RankingExamples, RankingExamples.create_empty())],
            CommitMessage(asset="test"),
        )

        def killed(done: int, total: int) -> None:
            if done >= 16:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            make(world, killed)
        kept = world.warehouse.read(RankingExamples)
        assert kept.height == 16
        calls: list[tuple[int, int]] = []
        rows = make(world, lambda *call: calls.append(call)).rows
        assert calls[-1][1] == rows.height - 16
        assert kept.join(rows, on="example_id", how="semi").height == 16

    def test_a_source_that_is_gone_stops_with_its_name(self, world, tmp_path) -> None:
        from imgassets.ingest.store import ImageMissing

        of = world.settings.model_copy(update={"seed": 5})
        with pytest.raises(ImageMissing, match="is not in the image store"):
            ranking_examples(world.warehouse, ImageStore(str(tmp_path)), of)

    @pytest.mark.soak
    def test_the_ranker_is_trained_with_heads_and_its_figures_are_kept(
        self, world, tmp_path
    ) -> None:
        from imgassets.operations.ranker import train_ranker

        ranking = world.settings.ranking.model_copy(
            update={"pairs": 100, "epochs": 2, "holdout": 0.1}
        )
        of = world.settings.model_copy(update={"ranking": ranking})
        registry = ModelRegistry(f"sqlite:///{tmp_path}/mlflow.db", tmp_path / "artifacts")
        report = train_ranker(world.warehouse, registry, world.store, of)
        assert report.promoted
        assert not [note for note in report.notes if "no head" in note]
        assert {model.name for model in registry.overview()} == {
            "nima_aesthetic", "nima_technical", "review_ranker",
        }  # fmt: skip
        kept = world.warehouse.read(
            RankingEvaluations, where=f"model_version = {quote('review_ranker-1')}"
        )
        whole = kept.filter(pl.col("slice") == "all", pl.col("dataset") == "held-out pairs")
        assert whole["value"].null_count() == 0, "NIMA's heads are there"
        assert np.isfinite(whole["value"].to_numpy()).all()


def test_nothing_to_learn_from_says_what_to_do(tmp_path) -> None:
    settings = Settings(home=tmp_path)
    warehouse = Warehouse(settings.warehouse, settings.warehouse_data)
    with pytest.raises(TrainingError, match=r"at least two products.*imgassets backfill"):
        ranking_examples(warehouse, ImageStore(str(tmp_path)), settings)
