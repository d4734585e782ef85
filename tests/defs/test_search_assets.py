"""image_features and image_attributes in Dagster: a partition from its images to attributes."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import numpy as np
import polars as pl
import pytest
from PIL import Image

from imgassets.defs.checks import table_checks
from imgassets.defs.partitions import CATEGORY, DAY_CATEGORY, to_key
from imgassets.defs.resources import build_resources
from imgassets.defs.search import attributes as module
from imgassets.defs.search.attributes import image_attributes
from imgassets.defs.search.features import image_features
from imgassets.learning.search.champion import SearchChampion
from imgassets.settings import Settings, VisionSettings
from imgassets.vision.record import FEATURES_VERSION
from imgassets.warehouse.contracts import (
    AggregatedImages,
    Contract,
    ImageAttributes,
    ImageEmbeddings,
    ImageFeatures,
    ImageSignals,
)
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from imgassets.warehouse.partitions import Partition
from tests.set_rows import DAY

UPSTREAM = [
    dg.AssetSpec(name, partitions_def=DAY_CATEGORY)
    for name in ("image_signals", "image_embeddings")
]
SEARCH = SimpleNamespace(
    heads=SimpleNamespace(
        heads=[SimpleNamespace(attribute="colour", values=("navy", "red"), categories=("tees",))]
    ),
    features_version=FEATURES_VERSION,
    attributes=lambda vectors, frame: {"colour": np.array([[0.2, 0.8]], np.float32)},
)


def red_square() -> bytes:
    drawn = np.full((96, 72, 3), 255, np.uint8)
    drawn[20:76, 16:56] = (210, 18, 46)
    buffer = io.BytesIO()
    Image.fromarray(drawn).save(buffer, "PNG")
    return buffer.getvalue()


def write(warehouse: Warehouse, contract: type[Contract], **row: object) -> None:
    """Write a row; what is not named is the least that the contract takes."""
    least = {pl.String: "0" * 16, pl.List: [], pl.Date: DAY, pl.Boolean: False}
    schema = contract.create_empty().schema
    filled = {
        name: row.get(name, least.get(dtype.base_type(), 1)) for name, dtype in schema.items()
    }
    frame = pl.DataFrame([filled | {"day": DAY, "category": "tees"}], schema)
    warehouse.replace([Replacement(contract, frame)], CommitMessage(asset="test"))


def test_a_partition_from_its_images_to_their_attributes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path, vision=VisionSettings(workers=1))
    resources = build_resources(settings)
    warehouse = resources["warehouse"]
    warehouse.initialise()
    red = resources["store"].put(red_square())
    write(warehouse, AggregatedImages, image_id=red, mode="rgb")
    write(warehouse, ImageSignals, image_id=red)
    write(warehouse, ImageEmbeddings, image_id=red, encoder_version="dual-1", embedding=[1.0])
    champion = SearchChampion(SEARCH, "product_search-1", "dual-1")  # type: ignore[arg-type]
    monkeypatch.setattr(module, "load_search_model", lambda *_: champion)
    with dg.instance_for_test() as instance:
        instance.add_dynamic_partitions(CATEGORY.name or "", ["tees"])
        result = dg.materialize(
            [*UPSTREAM, image_features, image_attributes, table_checks],
            selection=dg.AssetSelection.assets("image_features", "image_attributes"),
            instance=instance,
            partition_key=to_key(Partition(DAY, "tees")),
            resources=resources,
        )
    checks = {(c.asset_key.path[-1], c.check_name): c.passed
              for c in result.get_asset_check_evaluations()}  # fmt: skip
    assert checks == {
        (table, check): True
        for table in ("image_features", "image_attributes")
        for check in ("contract", "no_orphan_images")
    }
    (features,) = warehouse.read(ImageFeatures).to_dicts()
    assert (features["box_source"], features["colours"][0]["name"]) == ("plain", "red")
    (attributes,) = warehouse.read(ImageAttributes).to_dicts()
    assert (attributes["attribute"], attributes["value"]) == ("colour", "red")
    (written,) = result.asset_materializations_for_node("image_attributes")
    assert written.metadata["by_attribute"].value == "colour 1"
