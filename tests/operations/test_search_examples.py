"""What a search model learns from, out of the warehouse."""

from __future__ import annotations

import polars as pl
import pytest

from imgassets.operations.models import TrainingError
from imgassets.operations.search_training import has_image_sets, search_data, search_rows
from imgassets.settings import Settings
from imgassets.warehouse.contracts import AttributeLabels, ImageLabels
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from tests.searched_images import TUESDAY, Shown, id_of, write_catalog


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def warehouse(settings) -> Warehouse:
    return Warehouse(settings.warehouse, settings.warehouse_data)


def known(rows: pl.DataFrame, name: str) -> dict[str, str]:
    row = rows.row(by_predicate=pl.col("item_id") == id_of(name), named=True)
    return {one["attribute"]: one["value"] for one in row["attributes"]}


def test_images_of_the_newest_sets_come_with_what_is_known_of_their_products(
    warehouse, settings
) -> None:
    with pytest.raises(TrainingError, match="imgassets backfill"):
        search_data(warehouse, None, settings)  # type: ignore[arg-type]  # nothing to load
    assert not has_image_sets(warehouse)
    write_catalog(
        warehouse,
        {"p1": "Navy striped shirt", "p2": "RED &amp; plain", "silent": None},
        [
            Shown("p1", "a", ""), Shown("p1", "b", ""), Shown("p1", "b", "", day=TUESDAY),
            Shown("p2", "c", "", category="mens-tees"), Shown("p2", "b", "", category="mens-tees"),
            Shown("silent", "d", ""),
        ],
    )  # fmt: skip
    labels = [{"product_id": "p2", "attribute": "colour", "value": "Navy Blue", "source": "f.csv"}]
    style = {
        "source": "f.csv", "product_id": "p2", "image_url": "1.jpg", "image_type": "front",
        "group_id": "polo",
    }  # fmt: skip
    warehouse.replace(
        [
            Replacement(AttributeLabels, AttributeLabels.conform(pl.DataFrame(labels))),
            Replacement(
                ImageLabels,
                ImageLabels.conform(pl.DataFrame([style])),
            ),
        ],
        CommitMessage(asset="test"),
    )
    assert has_image_sets(warehouse)
    rows = search_rows(warehouse, settings)
    # Left out: an image of an older set, and one that nobody wrote a word of.
    assert set(rows["item_id"]) == {id_of("b"), id_of("c")}
    shared = rows.row(by_predicate=pl.col("item_id") == id_of("b"), named=True)
    assert (shared["category"], shared["title"]) == ("mens-tees", "RED & plain")
    assert set(rows["group_id"]) == {"polo"}
    assert known(rows, "c") == {
        "category": "mens tees", "colour": "navy", "pattern": "solid",
    }  # fmt: skip
    with pytest.raises(TrainingError, match="at least two products"):
        search_data(warehouse, None, settings)  # type: ignore[arg-type]
    few = settings.model_copy(
        update={"search": settings.search.model_copy(update={"max_images": 1})}
    )
    assert search_rows(warehouse, few).height == 1
