"""Rows of image sets with nothing remarkable about them but what a test names."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import polars as pl

from imgassets.warehouse.contracts import ImageSetChanges, OrderedImageSets


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
