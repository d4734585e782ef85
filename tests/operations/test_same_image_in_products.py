"""The analysts' view same_image_in_products and its query, on a real warehouse."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from imgassets.operations.image_matches import shared_images
from imgassets.warehouse.contracts import AggregatedImages, ImageMatches, ImageSetChanges
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from tests.conftest import REPOSITORY
from tests.marketplaces.conftest import aggregated_rows
from tests.set_rows import change_rows

OLD, DAY = dt.date(2026, 11, 19), dt.date(2026, 11, 20)
STOCK, STOCK_COPY, OWN, OWN_COPY, ONCE, MIXED_UP = (c * 64 for c in "abcdef")

# category, product, image, suppliers
IMAGES = [
    ("sofas", "p1", STOCK, ["acme"]),
    ("sofas", "p2", STOCK, ["acme", "dune"]),
    ("lamps", "p3", STOCK, ["cobalt"]),
    ("lamps", "p3", STOCK_COPY, ["dune"]),
    ("sofas", "p1", OWN, ["acme"]),
    ("sofas", "p1", OWN_COPY, ["dune"]),
    ("sofas", "p2", ONCE, ["acme"]),
    ("rugs", "p4", MIXED_UP, ["acme"]),
]
# pairs that look the same: phash, edge dHash, HSV
MATCHES = [
    (STOCK, STOCK_COPY, 2, 3, 0.01),
    (OWN, OWN_COPY, 1, 1, 0.0),
    (ONCE, MIXED_UP, 4, 0, 0.02),
]


@pytest.fixture(scope="module")
def catalog(lake: Warehouse) -> Warehouse:
    aggregated = [
        {"day": DAY, "category": c, "product_id": p, "image_id": i, "suppliers": s}
        for c, p, i, s in IMAGES
    ]
    # p2 once had an image that another product has, too: no more.
    aggregated.append({"day": OLD, "category": "sofas", "product_id": "p2", "image_id": MIXED_UP})
    cells = {(row["day"], row["category"], row["product_id"]) for row in aggregated}
    matches = [
        {"left_image_id": one, "right_image_id": other, "phash_distance": phash,
         "edge_dhash_distance": edge, "hsv_distance": hsv, "signals_version": "test"}
        for one, other, phash, edge, hsv in MATCHES
    ]  # fmt: skip
    lake.replace(
        [
            Replacement(AggregatedImages, aggregated_rows(*aggregated)),
            Replacement(ImageSetChanges, change_rows(cells)),
            Replacement(ImageMatches, pl.DataFrame(matches)),
        ],
        CommitMessage(asset="test"),
    )
    return lake


@pytest.fixture
def view(catalog: Warehouse) -> pl.DataFrame:
    return catalog.sql("FROM same_image_in_products")


def of(view: pl.DataFrame, product: str, image: str) -> dict[str, tuple[str, str]]:
    rows = view.filter(product_id=product, image_id=image)
    return {
        other: (match, other_image)
        for other, match, other_image in rows.select(
            "other_product_id", "match", "other_image_id"
        ).iter_rows()
    }


def test_an_image_of_three_products_is_told_to_each_of_the_others(view: pl.DataFrame) -> None:
    for product, others in (("p1", {"p2", "p3"}), ("p2", {"p1", "p3"}), ("p3", {"p1", "p2"})):
        assert of(view, product, STOCK) == dict.fromkeys(others, ("exact", STOCK))


def test_one_row_per_other_product_the_nearest_image_first(view: pl.DataFrame) -> None:
    key = ["category", "product_id", "image_id", "other_category", "other_product_id"]
    assert view.select(key).is_duplicated().sum() == 0
    assert of(view, "p3", STOCK_COPY) == dict.fromkeys(("p1", "p2"), ("near", STOCK))
    (row,) = view.filter(product_id="p1", image_id=STOCK, other_product_id="p3").rows(named=True)
    assert (row["match"], row["other_image_id"]) == ("exact", STOCK)  # rather than its copy
    assert (row["suppliers"], row["other_suppliers"]) == (["acme"], ["cobalt"])


def test_what_one_product_has_twice_is_not_its_matter(view: pl.DataFrame) -> None:
    assert view.filter(pl.col("image_id").is_in([OWN, OWN_COPY])).is_empty()


def test_distances_and_differing_categories_hint_at_mix_ups(view: pl.DataFrame) -> None:
    (row,) = view.filter(image_id=MIXED_UP).rows(named=True)
    assert row["other_product_id"] == "p2"
    assert (row["category"], row["other_category"], row["categories_differ"]) == (
        "rugs", "sofas", True,
    )  # fmt: skip
    assert (row["phash_distance"], row["edge_dhash_distance"]) == (4, 0)
    same = view.filter(product_id="p1", other_product_id="p2")
    assert same["categories_differ"].to_list() == [False]
    assert same["phash_distance"].to_list() == [0]


def test_only_the_newest_day_of_a_product_counts(view: pl.DataFrame) -> None:
    assert view.filter(product_id="p2", image_id=MIXED_UP).is_empty()
    assert of(view, "p4", MIXED_UP) == {"p2": ("near", ONCE)}


def test_the_query_lists_each_image_once_mix_ups_first(catalog: Warehouse) -> None:
    file = REPOSITORY / "sql" / "queries" / "images_in_several_products.sql"
    rows = catalog.sql(file.read_text(encoding="utf-8"))
    assert rows["image_id"].to_list() == [STOCK, STOCK_COPY, ONCE, MIXED_UP]
    assert rows["products"].to_list() == [3, 3, 2, 2]
    assert rows["with_the_same_bytes"].to_list() == [3, 1, 1, 1]
    assert rows["categories"].to_list()[0] == ["lamps", "sofas"]
    assert rows["suppliers"].to_list()[0] == ["acme", "cobalt", "dune"]


def test_images_in_several_products_are_counted(catalog: Warehouse) -> None:
    shared = shared_images(catalog)
    assert (shared.exact, shared.near) == (1, 3)
    assert shared.largest.rows(named=True)[0] == {
        "image_id": STOCK, "products": 3, "exact": 3, "categories": ["lamps", "sofas"],
    }  # fmt: skip
    assert shared.largest["image_id"].to_list() == [STOCK, STOCK_COPY, ONCE, MIXED_UP]
