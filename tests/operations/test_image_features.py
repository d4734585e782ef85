"""Features and attributes of images in the warehouse, and labels of products' attributes."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from PIL import Image

from imgassets.ingest.store import ImageStore
from imgassets.learning.search.champion import SearchChampion
from imgassets.operations.attribute_labels import import_attribute_labels
from imgassets.operations.image_attributes import attribute_rows
from imgassets.operations.image_features import collect_features, infer_features, plan_features
from imgassets.settings import Settings, VisionSettings
from imgassets.vision.custom_features import custom_features
from imgassets.vision.decode import decode
from imgassets.vision.record import FEATURES_VERSION
from imgassets.warehouse.contracts import (
    AttributeLabels,
    ImageAttributes,
    ImageEmbeddings,
    ImageFeatures,
    Quarantine,
)
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from tests.set_rows import DAY, A, B, write_set

RED, NAVY = A, B
NEXT_DAY = DAY + dt.timedelta(days=1)


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


def square(colour) -> bytes:
    drawn = np.full((96, 72, 3), 255, np.uint8)
    drawn[20:76, 16:56] = colour
    buffer = io.BytesIO()
    Image.fromarray(drawn).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def images(store: ImageStore) -> pl.DataFrame:
    """A red and a navy tee; the red one comes again the next day, with a broken file."""
    red, navy, broken = (
        store.put(data) for data in (square((210, 18, 46)), square((27, 42, 73)), b"no picture")
    )
    return pl.DataFrame(
        {
            "day": [DAY, DAY, NEXT_DAY, NEXT_DAY],
            "category": "tees",
            "image_id": [red, navy, red, broken],
        }
    )


def write(warehouse: Warehouse, *replacements: Replacement) -> None:
    warehouse.replace(list(replacements), CommitMessage(asset="test"))


def test_an_image_is_measured_once_and_a_broken_one_told(
    images, warehouse, store, settings
) -> None:
    plan = plan_features(images, warehouse, settings)
    assert plan.height == 3
    infer_features(plan, store, settings)
    found = collect_features(images, warehouse, settings)
    rows = ImageFeatures.conform(found.signals)
    assert rows.select("day", "image_id").height == 3
    assert rows["features_version"].unique().to_list() == [FEATURES_VERSION]
    leading = rows["colours"].list.first().struct.field("name")
    assert sorted(zip(rows["day"], leading, strict=True)) == [
        (DAY, "navy"), (DAY, "red"), (NEXT_DAY, "red"),
    ]  # fmt: skip
    (refused,) = Quarantine.conform(found.quarantine).to_dicts()
    assert (refused["stage"], refused["rule_id"], refused["day"]) == (
        "image_features", "not_an_image", NEXT_DAY,
    )  # fmt: skip
    write(warehouse, Replacement(ImageFeatures, rows), Replacement(Quarantine, found.quarantine))
    broken = images.filter(pl.col("image_id") == refused["image_id"])
    assert (
        plan_features(images, warehouse, settings)["image_id"].to_list()
        == broken["image_id"].to_list()
    ), "what was refused is tried again, the rest is known"


def champion(encoder="dual-1", version=FEATURES_VERSION):
    """A model that sees navy: by the vector's first number."""
    heads = [
        SimpleNamespace(attribute="colour", values=("navy", "red"), categories=("tees",)),
        SimpleNamespace(attribute="handle", values=("one", "two"), categories=("mugs",)),
    ]

    def attributes(vectors, frame):
        assert "box_left" in frame.columns
        assert "image_id" not in frame.columns
        navy = vectors[:, :1]
        p = np.hstack([navy, 1 - navy]).astype(np.float32)
        return {"colour": p, "handle": p}

    model = SimpleNamespace(
        heads=SimpleNamespace(heads=heads), attributes=attributes, features_version=version
    )
    return SearchChampion(model, "product_search-3", encoder)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def measured() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Features and embeddings of a red and a navy tee."""
    key = {"day": [DAY, DAY], "category": "tees", "image_id": [RED, NAVY]}
    found = [custom_features(decode(square(colour))) for colour in ((210, 18, 46), (27, 42, 73))]
    features = {name: [getattr(f, name) for f in found] for name in found[0]._fields}
    schemas = [c.create_empty().schema for c in (ImageFeatures, ImageEmbeddings)]
    vectors = {"encoder_version": "dual-1", "embedding": [[0.25, 0.0], [0.995, 0.1]]}
    return (
        pl.DataFrame({**key, "features_version": FEATURES_VERSION, **features}, schemas[0]),
        pl.DataFrame({**key, **vectors}, schemas[1]),
    )


def test_heads_say_what_images_of_their_categories_show(measured) -> None:
    found = attribute_rows(*measured, champion())
    rows = {row["image_id"]: row for row in ImageAttributes.conform(found.rows).to_dicts()}
    assert (len(rows), found.n_images, found.not_ready) == (2, 2, 0), "mugs alone have handles"
    red, navy = rows[RED], rows[NAVY]
    assert (red["attribute"], red["value"], red["probability"]) == ("colour", "red", 0.75)
    assert [one["value"] for one in red["probabilities"]] == ["red", "navy"]
    assert [one["value"] for one in navy["probabilities"]] == ["navy"], "under 1 %"
    assert navy["model_version"] == "product_search-3"
    assert navy["encoder_version"] == "dual-1"


@pytest.mark.parametrize(
    "other", [champion(encoder="dual-2"), champion(version="features-0"), SearchChampion()],
    ids=["another encoder", "other features", "no model"],
)  # fmt: skip
def test_images_that_the_model_has_not_seen_have_no_attributes(measured, other) -> None:
    found = attribute_rows(*measured, other)
    assert (found.rows.height, found.n_images, found.not_ready) == (0, 0, 2)


def test_labels_of_attributes_replace_those_before(tmp_path: Path, warehouse, settings) -> None:
    file = tmp_path / "labels.csv"
    file.write_text(
        "product_id,attribute,value\np1,colour,Navy Blue\np1,Handle,One\np2,colour,red\n"
    )
    first = import_attribute_labels(warehouse, settings, file)
    assert first == (3, 3, ("colour", "handle"))
    file.write_text("Product_ID,attribute,value,note\np2,colour,Burgundy,x\np2,colour,maroon,y\n")
    assert import_attribute_labels(warehouse, settings, file) == (1, 3, ("colour",))
    assert warehouse.read(AttributeLabels).drop("source").rows() == [
        ("p1", "colour", "navy"), ("p1", "handle", "one"), ("p2", "colour", "maroon"),
    ]  # fmt: skip


def test_analysts_see_colours_and_attributes_of_the_newest_sets(
    measured, warehouse, settings, tmp_path
) -> None:
    write_set(warehouse, "run", DAY, "tees", "p1", RED, NAVY)
    write(
        warehouse,
        Replacement(ImageFeatures, measured[0]),
        Replacement(ImageAttributes, attribute_rows(*measured, champion()).rows),
    )
    (tmp_path / "labels.csv").write_text("product_id,attribute,value\np1,colour,red\n")
    import_attribute_labels(warehouse, settings, tmp_path / "labels.csv")
    colours = warehouse.sql("SELECT rank, place, colour FROM image_colours")
    assert colours.rows() == [(1, 1, "red"), (2, 1, "navy")]
    (row,) = warehouse.sql("FROM product_attributes").to_dicts()
    assert (row["value"], row["images"], row["labelled"], row["agrees"]) == (
        "navy", 2, "red", False,
    )  # fmt: skip
    assert row["probability"] == pytest.approx((0.25 + 0.995) / 2, abs=1e-3)
