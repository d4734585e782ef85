from __future__ import annotations

import hashlib
from datetime import date

import numpy as np
import polars as pl
import pytest

from imgassets.selection.clusters import COLUMNS
from imgassets.warehouse.contracts import AggregatedImages, ImageSignals, ImageTypes

DAY = date(2026, 1, 5)
CELL = {"day": DAY, "category": "bags"}


def image_id(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


@pytest.fixture(scope="session")
def key():
    """Return a function from a short name to an image id."""
    return image_id


@pytest.fixture(scope="session")
def make_aggregated():
    """Return a maker of aggregated images: dicts of what differs from a good image."""

    def make(*images: dict) -> pl.DataFrame:
        rows = [
            CELL
            | {
                "product_id": "p1",
                "suppliers": ["acme"],
                "image_urls": [f"{image['name']}.jpg"],
                "best_position": 1,
                "is_curated": False,
                "format": "JPEG",
                "width": 800,
                "height": 1000,
                "byte_size": 1000,
                "mode": "rgb",
                "bit_depth": 8,
                "frames": 1,
                "first_seen": DAY,
                "image_id": image_id(image["name"]),
            }
            | {k: v for k, v in image.items() if k != "name"}
            for image in images
        ]
        return AggregatedImages.conform(pl.DataFrame(rows))

    return make


@pytest.fixture(scope="session")
def make_signals():
    """Return a maker of signals: each image's hashes are its own unless it names its source."""

    def make(*images: dict) -> pl.DataFrame:
        rows = []
        for image in images:
            seed = int(image_id(image.get("source", image["name"]))[:8], 16)
            rng = np.random.default_rng(seed)
            histogram = np.zeros(128)
            histogram[seed % 128] = 1.0
            hashes = [f"{h:016x}" for h in rng.integers(0, 2**64, 4, dtype=np.uint64)]
            row = CELL | {
                "image_id": image_id(image["name"]),
                "signals_version": "test",
                "phash": hashes[0],
                "dhash": hashes[1],
                "object_phash": hashes[2],
                "edge_dhash": hashes[3],
                "hsv_histogram": histogram.tolist(),
                "sharpness": 0.4,
                "foreground_fraction": 0.6,
                "background_whiteness": 1.0,
                "background_pure_white": 1.0,
                "object_extent": 0.8,
                "detail": 0.6,
                "colourfulness": 30.0,
                "embedding": [1.0],
            }
            rows.append(row | {k: v for k, v in image.items() if k not in ("name", "source")})
        return ImageSignals.conform(pl.DataFrame(rows))

    return make


@pytest.fixture(scope="session")
def to_cluster():
    """Return what joins images for the clustering; ``judged`` has their doubts and defects."""

    def join(
        typed: pl.DataFrame,
        signals: pl.DataFrame,
        aggregated: pl.DataFrame,
        judged: pl.DataFrame | None = None,
    ) -> pl.DataFrame:
        image = ["day", "category", "product_id", "image_id"]
        if judged is None:
            judged = typed.select(image).with_columns(
                doubts=pl.lit(0, pl.Int64), defect=pl.lit(0.1, pl.Float32)
            )
        return (
            typed.join(signals, on=["day", "category", "image_id"])
            .join(aggregated, on=image)
            .join(judged, on=[name for name in image if name in judged.columns])
            .select(COLUMNS)
        )

    return join


@pytest.fixture(scope="session")
def make_types():
    """Return a maker of image types: (product, image name, type)."""

    def make(*images: tuple[str, str, str]) -> pl.DataFrame:
        rows = [
            CELL
            | {
                "product_id": product,
                "image_id": image_id(name),
                "image_type": image_type,
                "probability": 0.9,
                "approach": "logistic",
                "answered_by": "global",
                "best_guess": "front",
                "model_version": "1",
            }
            for product, name, image_type in images
        ]
        return ImageTypes.conform(pl.DataFrame(rows, schema=ImageTypes.create_empty().schema))

    return make
