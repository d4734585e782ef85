"""What decisions rest on is read again when the warehouse has a newer snapshot, and only then."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from imgassets.operations.categories import import_priorities
from imgassets.operations.standing import CHECKED_EVERY, StandingReader
from imgassets.settings import Settings
from imgassets.warehouse.contracts import AggregatedImages, TypePriorities
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse


def _priorities(category: str) -> pl.DataFrame:
    row = {"category": category, "rank": 1, "image_type": "front"}
    return TypePriorities.conform(pl.DataFrame([row]))


def _shown_by(products: int, image_id: str) -> pl.DataFrame:
    return AggregatedImages.conform(
        pl.DataFrame(
            {
                "day": ["2026-01-05"] * products, "category": ["mugs"] * products,
                "product_id": [f"p{n}" for n in range(products)], "image_id": [image_id] * products,
                "suppliers": [["acme"]] * products, "image_urls": [["u"]] * products,
                "best_position": [1] * products, "is_curated": [False] * products,
                "format": ["JPEG"] * products, "width": [9] * products, "height": [9] * products,
                "byte_size": [9] * products, "mode": ["rgb"] * products,
                "bit_depth": [8] * products, "frames": [1] * products,
                "first_seen": ["2026-01-05"] * products,
            }
        ).with_columns(pl.col("day", "first_seen").str.to_date())
    )  # fmt: skip


def test_it_is_read_again_after_a_commit(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    warehouse = Warehouse(settings.warehouse, settings.warehouse_data)
    now = [0.0]
    reader = StandingReader(warehouse, 2, clock=lambda: now[0])
    first = reader()
    assert first.known_categories == ()
    import_priorities(warehouse, _priorities("mugs"))
    assert reader() is first, "a second has not passed"
    now[0] = 2 * CHECKED_EVERY
    second = reader()
    assert second.known_categories == ("mugs",)
    now[0] = 4 * CHECKED_EVERY
    assert reader() is second, "nothing was committed"


def test_files_of_too_many_products_are_known(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    warehouse = Warehouse(settings.warehouse, settings.warehouse_data)
    many, few = "a" * 64, "b" * 64
    rows = pl.concat([_shown_by(3, many), _shown_by(2, few)])
    warehouse.replace([Replacement(AggregatedImages, rows)], CommitMessage(asset="test"))
    shared = StandingReader(warehouse, 2)().sharing
    assert shared.rows() == [("mugs", many, 3)]
