"""Rows of image sets with nothing remarkable about them but what a test names."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import polars as pl

from imgassets.warehouse.contracts import (
    AggregatedImages,
    Contract,
    ImageSetChanges,
    OrderedImageSets,
    QualityScores,
    SupplierOffers,
)
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from imgassets.warehouse.partitions import Partition


def change_rows(products: Iterable[tuple[dt.date, str, str]]) -> pl.DataFrame:
    """Return rows of ``image_set_changes`` of products: day, category, product_id."""
    unremarkable = {
        "status": "changed", "before": [], "after": [], "added": [], "removed": [], "moved": [],
        "hero_changed": False, "missing_images": 0,
    }  # fmt: skip
    keys = ("day", "category", "product_id")
    return ImageSetChanges.conform(
        pl.DataFrame(
            [dict(zip(keys, product, strict=True)) | unremarkable for product in products],
            schema=ImageSetChanges.create_empty().schema,
        )
    )


def chosen_rows(images: Iterable[tuple[dt.date, str, str, int, str, str]]) -> pl.DataFrame:
    """Return rows of ``ordered_image_sets``: day, category, product_id, rank, image_id, type."""
    keys = ("day", "category", "product_id", "rank", "image_id", "image_type")
    return OrderedImageSets.conform(
        pl.DataFrame(
            [
                dict.fromkeys(OrderedImageSets.column_names())
                | dict(zip(keys, image, strict=True))
                | {"is_hero": image[3] == 1, "reason": "why", "policy_rank": image[3],
                   "ordered_by": "policy"}
                for image in images
            ],
            schema=OrderedImageSets.create_empty().schema,
        )
    )  # fmt: skip


DAY = dt.date(2026, 1, 5)
A, B, C = (letter * 64 for letter in "abc")


def _rows(
    contract: type[Contract], key: dict[str, Any], *rows: dict[str, Any]
) -> tuple[type[Contract], pl.DataFrame]:
    schema = contract.create_empty().schema
    return contract, pl.DataFrame([{**key, **row} for row in rows], schema=schema)


def write_set(
    warehouse: Warehouse, run: str, day: dt.date, category: str, product: str, *shown: str
) -> int:
    """Write a product's set: of the images A, B and C, sent in this order, those shown."""
    key = {"day": day, "category": category, "product_id": product}
    file = {
        "suppliers": ["acme"], "image_urls": ["1.jpg"], "best_position": 1, "is_curated": False,
        "format": "PNG", "width": 800, "height": 600, "byte_size": 9, "mode": "rgb",
        "bit_depth": 8, "frames": 1, "first_seen": DAY,
    }  # fmt: skip
    judged = {
        "p_blurry": 0, "p_small_object": 0, "p_placeholder": 0, "judged_by": ["blurry: rules"],
    }  # fmt: skip
    common = [image for image in (A, B, C) if image in shown]
    change = {
        "status": "changed", "before": [A, B, C], "after": list(shown), "added": [],
        "removed": [image for image in (A, B, C) if image not in shown],
        "moved": [new for new, old in zip(shown, common, strict=True) if new != old],
        "hero_changed": shown[:1] != (A,),
    }  # fmt: skip
    offer = {
        "supplier_id": "acme", "image_url": "1.jpg", "image_location": "/1.jpg", "position": 1,
        "title": f"{product} of {run}", "is_curated": False, "feed_file": "f", "feed_row": 1,
    }  # fmt: skip
    tables = [
        _rows(SupplierOffers, key, offer),
        _rows(AggregatedImages, key, *({**file, "image_id": image} for image in (A, B, C))),
        _rows(
            QualityScores,
            key,
            *(
                {
                    **judged, "image_id": image, "passed": image in shown,
                    "failed_rules": [] if image in shown else ["blurry"],
                    "reasons": [] if image in shown else [f"{image[0]} is blurry"],
                }
                for image in (A, B, C)
            ),
        ),
        _rows(
            OrderedImageSets,
            key,
            *(
                {
                    "rank": rank, "image_id": image, "image_type": "front", "is_hero": rank == 1,
                    "reason": f"place {rank} by {run}",
                }
                for rank, image in enumerate(shown, 1)
            ),
        ),
        _rows(ImageSetChanges, key, change),
    ]  # fmt: skip
    cell = frozenset([Partition(day, category)])
    return warehouse.replace(
        [Replacement(contract, frame, cell, {"product_id": product}) for contract, frame in tables],
        CommitMessage("image_set_changes", run),
    )
