"""Categories in the warehouse: two forms of file, and what analysts see missing."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from imgassets.learning.categories import read_categories, write_categories
from imgassets.learning.labels import read_type_priorities
from imgassets.operations.categories import (
    category_lists,
    category_types,
    import_categories,
    import_priorities,
    label_counts,
)
from imgassets.operations.labels import import_image_labels
from imgassets.warehouse.contracts import (
    ImageLabels,
    ImageSetChanges,
    OrderedImageSets,
    SupplierOffers,
    TypePriorities,
)
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from tests.set_rows import change_rows, chosen_rows

TOML = """
[verticals.apparel]
types = ["front", "back", "closeup"]
expected = ["front", "back"]
[categories.tees]
vertical = "apparel"
[categories.socks]
vertical = "apparel"
types = ["front", "closeup"]
"""


def from_toml(warehouse: Warehouse, folder: Path, text: str = TOML) -> int:
    path = folder / "categories.toml"
    path.write_text(text, encoding="utf-8")
    return import_categories(warehouse, read_categories(path))


def from_csv(warehouse: Warehouse, folder: Path, *rows: str) -> int:
    path = folder / "categories.csv"
    path.write_text("\n".join(["category,rank,view", *rows]) + "\n", encoding="utf-8")
    return import_priorities(warehouse, read_type_priorities(path))


def order(warehouse: Warehouse, category: str) -> list[str]:
    return (
        warehouse.read(TypePriorities)
        .filter(category=category)
        .sort("rank")["image_type"]
        .to_list()
    )


def test_a_csv_sets_orders_alone(warehouse: Warehouse, tmp_path: Path) -> None:
    assert from_toml(warehouse, tmp_path) == 2
    assert from_csv(warehouse, tmp_path, "tees,1,back", "tees,2,front", "mugs,1,front") == 2
    assert category_types(warehouse).rows() == [
        ("mugs", None, ["front"], []),
        ("socks", "apparel", ["front", "closeup"], ["front"]),
        ("tees", "apparel", ["front", "back", "closeup"], ["front", "back"]),
    ]
    assert order(warehouse, "tees") == ["back", "front"]
    assert order(warehouse, "socks") == ["front", "closeup"]


def test_a_category_of_an_order_alone_has_the_types_of_its_order(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    from_csv(warehouse, tmp_path, "mugs,1,front", "mugs,2,none")
    from_csv(warehouse, tmp_path, "mugs,1,handle", "mugs,2,front")
    assert category_types(warehouse).rows() == [("mugs", None, ["handle", "front"], [])]


def test_an_order_of_types_that_a_category_lacks_is_refused(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    from_toml(warehouse, tmp_path)
    said = r"category 'socks' has no type bakc, sole \(its types: front, closeup\): correct the"
    with pytest.raises(ValueError, match=said):
        from_csv(warehouse, tmp_path, "socks,1,sole", "socks,2,bakc", "mugs,1,front")
    assert category_types(warehouse)["category"].to_list() == ["socks", "tees"]


def test_a_warehouse_of_an_older_release_has_orders_alone(warehouse: Warehouse) -> None:
    frame = pl.DataFrame(
        {"category": ["mugs", "mugs"], "image_type": ["back", "front"], "rank": [2, 1]}
    )
    warehouse.replace(
        [Replacement(TypePriorities, TypePriorities.conform(frame))], CommitMessage(asset="test")
    )
    assert category_types(warehouse).rows() == [("mugs", None, ["front", "back"], [])]


def test_a_file_of_what_is_known_imports_as_the_same(warehouse: Warehouse, tmp_path: Path) -> None:
    from_toml(warehouse, tmp_path)
    from_csv(warehouse, tmp_path, "tees,1,back", "tees,2,front", "mugs,1,front")
    before = category_lists(warehouse)
    from_toml(warehouse, tmp_path, write_categories(before))
    after = category_lists(warehouse)
    assert after.categories.equals(before.categories)
    assert after.priorities.filter(pl.col("category") != "tees").equals(
        before.priorities.filter(pl.col("category") != "tees")
    )
    assert order(warehouse, "tees") == ["back", "front"]


def fill(warehouse: Warehouse) -> None:
    """Give a, b, c, d of tees (sets: front; front + back; none; one image without a type)."""
    day = dt.date(2026, 1, 5)
    products = ["a", "b", "c", "d"]
    offers = pl.DataFrame(
        [(day, "tees", p, "acme", f"{p}.jpg", f"{p}.jpg", 1, None, None, False,
          "2026-01-05/acme.csv", n) for n, p in enumerate(products, start=1)],
        SupplierOffers.create_empty().schema,
        orient="row",
    )  # fmt: skip
    changes = change_rows((day, "tees", p) for p in products)
    chosen = chosen_rows(
        (day, "tees", product, rank, f"{n:064x}", image_type)
        for n, (product, rank, image_type) in enumerate(
            [("a", 1, "front"), ("b", 1, "back"), ("b", 2, "front"), ("d", 1, "unsure")]
        )
    )
    warehouse.replace(
        [
            Replacement(SupplierOffers, offers),
            Replacement(ImageSetChanges, changes),
            Replacement(OrderedImageSets, chosen),
        ],
        CommitMessage(asset="test"),
    )


def test_products_that_lack_an_expected_type(warehouse: Warehouse, tmp_path: Path) -> None:
    from_toml(warehouse, tmp_path)
    fill(warehouse)
    found = warehouse.sql(
        "SELECT product_id, vertical, missing, present, images, images_without_type "
        "FROM missing_types"
    )
    assert found.rows() == [
        ("a", "apparel", ["back"], ["front"], 1, 0),
        ("c", "apparel", ["front", "back"], [], 0, 0),
        ("d", "apparel", ["front", "back"], ["unsure"], 1, 1),
    ]
    query = Path(__file__).parents[2] / "sql" / "queries" / "types_to_ask_for.sql"
    asked = warehouse.sql(query.read_text(encoding="utf-8"))
    assert asked["suppliers"].unique().to_list() == ["acme"]
    assert asked["product_id"].to_list() == ["c", "d", "a"]


def test_labels_are_counted_by_category(warehouse: Warehouse, tmp_path: Path) -> None:
    fill(warehouse)
    labels = pl.DataFrame(
        {
            "product_id": ["a", "a", "b", "z"],
            "image_url": ["1", "2", "1", "1"],
            "image_type": ["front", "back", "front", "front"],
            "group_id": ["a", "a", "b", "z"],
            "source": "t.csv",
        }
    )
    import_image_labels(warehouse, ImageLabels.conform(labels))
    assert label_counts(warehouse).rows() == [
        ("tees", "back", 1),
        ("tees", "front", 2),
        (None, "front", 1),
    ]
