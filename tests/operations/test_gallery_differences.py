from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from imgassets.operations.gallery import collect
from imgassets.settings import Settings
from imgassets.warehouse.contracts import (
    ComparedPairs,
    Contract,
    ImageSetChanges,
    OrderedImageSets,
)
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from tests.moderation.people import image

DAYS = date(2026, 1, 5), date(2026, 1, 6)


def rows_of(contract: type[Contract], rows: list[dict]) -> Replacement:
    return Replacement(contract, pl.DataFrame(rows, schema=contract.create_empty().schema))


@pytest.fixture
def shop(tmp_path) -> Warehouse:
    """One product of two days, with a pair that differs and one that does not."""
    settings = Settings(home=tmp_path)
    warehouse = Warehouse(settings.warehouse, settings.warehouse_data)
    warehouse.initialise()
    changes, sets, pairs = [], [], []
    for day in DAYS:
        key = {"day": day, "category": "hats", "product_id": "P1"}
        sets += [
            {**key, "rank": n, "image_id": image(n), "image_type": "front", "is_hero": n == 1,
             "reason": "r"}
            for n in (1, 2, 3)
        ]  # fmt: skip
        changes.append(
            {**key, "status": "changed", "before": [], "after": [], "added": [], "removed": [],
             "moved": [], "hero_changed": False}
        )  # fmt: skip
        for numbers, same in (((1, 2), False), ((1, 3), True)):
            left, right = sorted(image(n) for n in numbers)
            pairs.append(
                {**key, "left_image_id": left, "right_image_id": right, "image_type": "front",
                 "same": same, "probability": 0.25, "decided_by": "pixels",
                 "left_box": [0.0, 0.125, 0.25, 0.5], "right_box": [0.5, 0.25, 0.125, 0.0625],
                 "comparator_version": "v"}
            )  # fmt: skip
    tables = {ImageSetChanges: changes, OrderedImageSets: sets, ComparedPairs: pairs}
    warehouse.replace(
        [rows_of(contract, rows) for contract, rows in tables.items()], CommitMessage(asset="test")
    )
    return warehouse


def test_the_gallery_is_given_where_images_of_the_newest_sets_differ(shop: Warehouse) -> None:
    found = collect(shop).differences
    left, right = sorted((image(1), image(2)))
    assert set(found["day"]) == {DAYS[1]}
    assert found.drop("day", "category", "product_id").rows() == [
        (left, right, 0.0, 0.125, 0.25, 0.5, 0.25),
        (right, left, 0.5, 0.25, 0.125, 0.0625, 0.25),
    ]
