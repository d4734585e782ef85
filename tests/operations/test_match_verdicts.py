"""Look-alikes of different products are laid over each other: with a real warehouse and store."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterator

import cv2
import numpy as np
import polars as pl
import pytest
from PIL import Image

from imgassets.ingest.store import ImageStore
from imgassets.operations.image_matches import shared_images
from imgassets.operations.match_verdicts import Verified, verify_matches
from imgassets.settings import DedupSettings, Settings, VisionSettings
from imgassets.warehouse.contracts import (
    AggregatedImages,
    ImageMatches,
    ImageSetChanges,
    MatchVerdicts,
)
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from tests.marketplaces.conftest import aggregated_rows
from tests.set_rows import change_rows

DAY = dt.date(2026, 11, 20)


def encoded(recoloured: bool, quality: int) -> bytes:
    rng = np.random.default_rng(1)
    picture = np.full((300, 240, 3), 255, np.uint8)
    cv2.rectangle(picture, (40, 30), (200, 270), (150, 60, 60), -1)
    for _ in range(14):
        centre = (int(rng.integers(50, 190)), int(rng.integers(40, 260)))
        cv2.circle(picture, centre, int(rng.integers(5, 22)), rng.integers(0, 255, 3).tolist(), -1)
    if recoloured:
        cv2.circle(picture, (120, 150), 28, (20, 200, 60), -1)
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG", quality=quality)
    return out.getvalue()


@pytest.fixture
def catalog(lake: Warehouse, tmp_path) -> Iterator[tuple[Warehouse, ImageStore, list[str]]]:
    """Three products show a photo, a copy of it, and the same with a part in another colour."""
    store = ImageStore(str(tmp_path / "images"))
    ids = [store.put(data) for data in (encoded(False, 92), encoded(False, 60), encoded(True, 92))]
    shown = [
        {"day": DAY, "category": "bags", "product_id": f"p{n}", "image_id": image}
        for n, image in enumerate(ids)
    ]
    changes = change_rows((DAY, "bags", f"p{n}") for n in range(3))
    pairs = [tuple(sorted((ids[a], ids[b]))) for a, b in ((0, 1), (0, 2), (1, 2))]
    matches = [
        {"left_image_id": one, "right_image_id": other, "phash_distance": 0,
         "edge_dhash_distance": 0, "hsv_distance": 0.01, "signals_version": "test"}
        for one, other in pairs
    ]  # fmt: skip
    lake.replace(
        [
            Replacement(AggregatedImages, aggregated_rows(*shown)),
            Replacement(ImageSetChanges, changes),
            Replacement(ImageMatches, pl.DataFrame(matches)),
            Replacement(MatchVerdicts, MatchVerdicts.create_empty()),
        ],
        CommitMessage(asset="test"),
    )
    yield lake, store, ids
    tables = (AggregatedImages, ImageSetChanges, ImageMatches, MatchVerdicts)
    lake.replace(
        [Replacement(table, table.create_empty()) for table in tables], CommitMessage(asset="test")
    )


def verify(catalog, tmp_path, **dedup) -> Verified:
    warehouse, store, _ = catalog
    settings = Settings(
        home=tmp_path, dedup=DedupSettings(**dedup), vision=VisionSettings(workers=1)
    )
    return verify_matches(warehouse, store, settings)


def test_what_pixels_tell_apart_leaves_the_view(catalog, tmp_path) -> None:
    warehouse, _, ids = catalog
    view = "SELECT DISTINCT image_id FROM same_image_in_products ORDER BY ALL"
    assert warehouse.sql(view)["image_id"].to_list() == sorted(ids)
    assert verify(catalog, tmp_path) == Verified(compared=3, waiting=0)
    assert warehouse.sql(view)["image_id"].to_list() == sorted(ids[:2])
    assert shared_images(warehouse).near == 2
    (row,) = warehouse.sql("FROM look_alikes").rows(named=True)
    assert row["probability"] > 0.9


def test_a_run_does_so_many_and_the_next_goes_on(catalog, tmp_path) -> None:
    warehouse, _, _ = catalog
    assert verify(catalog, tmp_path, catalog_pairs=2) == Verified(compared=2, waiting=1)
    assert verify(catalog, tmp_path, catalog_pairs=2) == Verified(compared=1, waiting=0)
    assert verify(catalog, tmp_path) == Verified(compared=0, waiting=0)
    assert warehouse.read(MatchVerdicts).height == 3
