"""Frames of one image that keeps every rule of every marketplace, to be changed one fact a time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import polars as pl
import pytest

from imgassets.marketplaces.compliance import judge_images
from imgassets.settings import MarketplaceSettings
from imgassets.warehouse.contracts import AggregatedImages, FetchedImages, ImageSignals

IMAGE = "a" * 64
URL = "https://shop.example/images/sofa.jpg"

AGGREGATED = {
    "day": dt.date(2026, 11, 20),
    "category": "sofas",
    "product_id": "p1",
    "image_id": IMAGE,
    "suppliers": ["acme"],
    "image_urls": ["sofa.jpg"],
    "best_position": 1,
    "is_curated": False,
    "format": "JPEG",
    "width": 2200,
    "height": 2200,
    "byte_size": 400_000,
    "mode": "rgb",
    "bit_depth": 8,
    "frames": 1,
    "first_seen": dt.date(2026, 11, 20),
}
REFERENCE = {
    "supplier_id": "acme",
    "image_url": "sofa.jpg",
    "image_location": URL,
    "extension": "jpg",
    "extension_matches": True,
}
SIGNALS = {
    "signals_version": "test",
    "phash": "0" * 16,
    "dhash": "0" * 16,
    "object_phash": "0" * 16,
    "edge_dhash": "0" * 16,
    "hsv_histogram": [1.0],
    "sharpness": 0.4,
    "foreground_fraction": 0.8,
    "background_whiteness": 1.0,
    "background_pure_white": 1.0,
    "object_extent": 0.9,
    "detail": 0.8,
    "colourfulness": 30.0,
    "embedding": [1.0],
}

Judge = Callable[..., pl.DataFrame]


def aggregated_rows(*changes: dict[str, object]) -> pl.DataFrame:
    rows = [{k: (AGGREGATED | c)[k] for k in AggregatedImages.column_names()} for c in changes]
    return AggregatedImages.conform(pl.DataFrame(rows))


def signal_rows(*changes: dict[str, object]) -> pl.DataFrame:
    names = ImageSignals.column_names()
    rows = [{k: (AGGREGATED | SIGNALS | c)[k] for k in names} for c in changes]
    return ImageSignals.conform(pl.DataFrame(rows))


def reference_rows(*changes: dict[str, object]) -> pl.DataFrame:
    names = FetchedImages.column_names()
    rows = [{k: (AGGREGATED | REFERENCE | c)[k] for k in names} for c in changes]
    return FetchedImages.conform(pl.DataFrame(rows))


@pytest.fixture
def judge() -> Judge:
    """Return a function that judges the good image with some facts changed."""

    def judged(**changes: object) -> pl.DataFrame:
        return judge_images(
            aggregated_rows(changes),
            signal_rows(changes),
            reference_rows(changes),
            MarketplaceSettings(),
        )

    return judged
