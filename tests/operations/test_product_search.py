"""Searching the warehouse's products, and how new the answers are."""

from __future__ import annotations

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pytest

from imgassets.operations import product_search
from imgassets.operations.product_search import CHECKED_EVERY, MAX_QUERY, ProductSearch
from imgassets.warehouse.contracts import (
    ImageSetChanges,
    OrderedImageSets,
    Quarantine,
    SupplierOffers,
)
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse, WarehouseError

MONDAY, TUESDAY = dt.date(2026, 1, 5), dt.date(2026, 1, 6)
MESSAGE = CommitMessage(asset="test")


def offer(product_id, title, description=None, *, supplier="acme", day=MONDAY, category="tees"):
    return {
        "day": day, "category": category, "product_id": product_id, "supplier_id": supplier,
        "image_url": "1.jpg", "image_location": "/1.jpg", "position": 1, "title": title,
        "description": description, "is_curated": False, "feed_file": "f", "feed_row": 1,
    }  # fmt: skip


def hero(product_id, image_id, *, day=MONDAY, category="tees"):
    return {
        "day": day, "category": category, "product_id": product_id, "rank": 1,
        "image_id": image_id, "image_type": "front", "is_hero": True, "reason": "first",
    }  # fmt: skip


def change(product_id, after, *, day=MONDAY, category="tees"):
    return {
        "day": day, "category": category, "product_id": product_id, "status": "changed",
        "before": [], "after": after, "added": after, "removed": [], "moved": [],
        "hero_changed": False,
    }  # fmt: skip


def write(warehouse, contract, rows):
    frame = pl.DataFrame(rows, schema=contract.create_empty().schema)
    warehouse.replace([Replacement(contract, frame)], MESSAGE)


OFFERS = [
    offer("p1", "Navy Checked Shirt", "<p>Cotton &amp; linen</p>"),
    offer("p1", "NAVY CHECKED SHIRT", "<p>Cotton", supplier="dune"),
    offer("p2", "White Shirt", "Soft cotton"),
    offer("p3", "Old Name", day=MONDAY),
    offer("p3", "Green Hoodie", day=TUESDAY),
    offer("b1", "Navy Backpack", category="bags"),
    offer("b2", None, "A bag without a title", category="bags"),
    offer("b3", "运动鞋 кроссовки", category="bags"),
]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lake")
    made = Warehouse(f"ducklake:sqlite:{folder}/c.sqlite", f"{folder}/data/")
    write(made, SupplierOffers, OFFERS)
    write(
        made,
        OrderedImageSets,
        [hero("p1", "a" * 64), hero("p1", "b" * 64, day=TUESDAY), hero("p2", "c" * 64)],
    )
    write(
        made,
        ImageSetChanges,
        [
            change("p1", ["a" * 64]),
            change("p1", ["b" * 64], day=TUESDAY),
            change("p2", ["c" * 64]),
            change("p2", [], day=TUESDAY),
        ],
    )
    return made


@pytest.fixture(scope="module")
def search(warehouse):
    return ProductSearch(warehouse).search


def ids(result):
    return [hit.product_id for hit in result.hits]


def test_products_are_found_by_title_description_and_category(search):
    assert ids(search("navy")) == ["b1", "p1"]
    assert ids(search("linen")) == ["p1"]
    assert ids(search("bags backpack")) == ["b1", "b2", "b3"]
    assert ids(search("Кроссовки")) == ids(search("运动鞋")) == ["b3"]


def test_a_hit_says_what_it_is_and_why(search):
    (hit,) = search("checked SHIRTS", k=1).hits
    assert (hit.product_id, hit.category, hit.title) == ("p1", "tees", "Navy Checked Shirt")
    assert (hit.image_id, hit.matched) == ("b" * 64, ["checked", "shirts"])
    assert hit.score > 0


def test_the_hero_is_that_of_the_newest_set_if_it_has_one(search):
    assert [hit.image_id for hit in search("white").hits] == [None]
    assert [hit.image_id for hit in search("hoodie").hits] == [None]


def test_the_newest_title_stands(search):
    assert search("old name").hits == []
    assert [hit.title for hit in search("hoodie").hits] == ["Green Hoodie"]
    assert [hit.title for hit in search("without").hits] == [None]


def test_a_category_narrows(search):
    assert ids(search("navy", category="bags")) == ["b1"]
    empty = search("hoodie", category="bags")
    assert (empty.hits, empty.is_low) == ([], True)
    assert empty.note == "No product of this category has any of these words."


def test_k_may_be_larger_than_the_catalog(search):
    assert len(search("shirt", k=10**6).hits) == 2
    assert len(search("shirt", k=1).hits) == 1


@pytest.mark.parametrize(
    ("query", "options", "says"),
    [
        ("", {}, "no words"),
        ("  —!? ", {}, "no words"),
        ("<br>", {}, "no words"),
        ("x" * 10_000, {}, "at most 1,000 characters, and this one 10,000"),
        ("shirt", {"k": 0}, "at least 1"),
        ("shirt", {"k": -3}, "at least 1"),
        ("shirt", {"category": "cars"}, "no product is of the category 'cars'"),
        ("shirt", {"category": ""}, "no product is of the category ''"),
    ],
)
def test_what_cannot_be_searched_is_said(search, query, options, says):
    with pytest.raises(ValueError, match=says):
        search(query, **options)


def test_a_query_may_be_as_long_as_allowed_and_hold_anything(search):
    assert search("shirt " + "é" * (MAX_QUERY - 6)).hits
    for hostile in (
        "'; DROP TABLE x; -- shirt",
        "shirt \x00\ud800",
        "shirt*|(^",
        "shirt" + "\u0301",
    ):
        search(hostile)


def test_low_matches_are_said_to_be_low(search):
    good = search("navy checked shirt")
    assert (good.is_low, good.note) == (False, "")
    partly = search("checked linen unicorn")
    assert (partly.is_low, partly.note) == (False, "No product has 'unicorn'.")
    low = search("shirt for a mountain bike")
    assert low.is_low
    assert low.hits
    assert low.note.startswith("Nothing matches well: no product has 'mountain', 'bike'.")
    assert (
        "has 'q1', 'q2', 'q3', 'q4', 'q5' or 2 more." in search("shirt q1 q2 q3 q4 q5 q6 q7").note
    )
    none = search("unicorn")
    assert (none.is_low, none.note) == (True, "No product has any of these words.")


def test_without_products_it_says_so(warehouse):
    write(warehouse, SupplierOffers, [])
    try:
        empty = ProductSearch(warehouse)
        result = empty.search("shirt", category="tees")
        assert empty.categories() == []
    finally:
        write(warehouse, SupplierOffers, OFFERS)
    assert (result.hits, result.is_low) == ([], True)
    assert result.note == "There are no products yet: ingest feeds first."


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def counted(warehouse, monkeypatch):
    """A search with a clock of its own, and how often it built an index."""
    built = []
    real = product_search.TextIndex

    def index(documents):
        built.append(1)
        return real(documents)

    monkeypatch.setattr(product_search, "TextIndex", index)
    monkeypatch.setattr(product_search, "_PATIENCE", 60)
    clock = Clock()
    yield ProductSearch(warehouse, clock), clock, built
    write(warehouse, SupplierOffers, OFFERS)


def test_the_index_is_built_again_when_its_tables_change_and_not_otherwise(counted, warehouse):
    search, clock, built = counted
    assert built == []
    assert ids(search.search("navy")) == ["b1", "p1"]
    write(warehouse, Quarantine, [])
    clock.now += 2 * CHECKED_EVERY
    search.search("navy")
    assert len(built) == 1, "another table's snapshot is no reason"
    write(warehouse, SupplierOffers, [*OFFERS, offer("p9", "Navy Dress")])
    assert "p9" not in ids(search.search("navy")), "what was just checked is taken to be new"
    clock.now += 2 * CHECKED_EVERY
    assert "p9" in ids(search.search("navy"))
    assert len(built) == 2
    clock.now += 2 * CHECKED_EVERY
    search.search("navy")
    assert len(built) == 2


def test_threads_share_one_index_and_nobody_waits_for_a_later_one(counted, warehouse, monkeypatch):
    monkeypatch.setattr(product_search, "_PATIENCE", 0.01)
    search, clock, built = counted
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: ids(search.search("navy")), range(16)))
    assert answers == [["b1", "p1"]] * 16
    assert len(built) == 1
    write(warehouse, SupplierOffers, [*OFFERS, offer("p9", "Navy Dress")])
    clock.now += 2 * CHECKED_EVERY
    go_on, done = threading.Event(), threading.Event()
    real = search._read

    def slow():
        assert go_on.wait(30)
        try:
            return real()
        finally:
            done.set()

    monkeypatch.setattr(search, "_read", slow)
    for _ in range(3):
        assert ids(search.search("navy")) == ["b1", "p1"]
        clock.now += 2 * CHECKED_EVERY
    go_on.set()
    assert done.wait(30)
    with search._lock:  # the renewal holds it to its end
        assert "p9" in ids(search.search("navy"))
    assert len(built) == 2


def test_an_old_index_answers_while_the_warehouse_is_out_of_reach(counted, monkeypatch, caplog):
    search, clock, _ = counted
    search.search("navy")

    def unreachable(*_):
        raise WarehouseError("no connection")

    with monkeypatch.context() as patch:
        patch.setattr(search, "_is_newer", unreachable)
        clock.now += 2 * CHECKED_EVERY
        assert ids(search.search("navy")) == ["b1", "p1"]
        assert "no connection" in caplog.text
    assert not search._lock.locked()
