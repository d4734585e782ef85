"""Aggregation over days and suppliers."""

from __future__ import annotations

import datetime as dt

import polars as pl

from imgassets.ingest.aggregate import aggregate
from imgassets.warehouse.contracts import FetchedImages

D1, D2, D3 = (dt.date(2026, 1, d) for d in (5, 6, 7))


def fetched_rows(offers: pl.DataFrame, ids: dict[str, str]) -> pl.DataFrame:
    frame = offers.filter(pl.col("image_url").is_in(list(ids))).with_columns(
        image_id=pl.col("image_url").replace_strict(ids, default=None),
        format=pl.lit("JPEG"),
        width=pl.lit(40),
        height=pl.lit(30),
        byte_size=pl.lit(100),
        mode=pl.lit("rgb"),
        bit_depth=pl.lit(8),
        frames=pl.lit(1),
        extension=pl.lit("jpg"),
        extension_matches=pl.lit(True),
    )
    return FetchedImages.conform(frame)


def test_images_of_all_suppliers_up_to_the_day(offer_rows):
    offers = pl.concat(
        [
            offer_rows(("p1", "b.jpg"), ("p1", "a.jpg"), ("p2", "x.jpg"), day=D1),
            offer_rows(("p1", "copy.jpg"), day=D2, supplier="dune").with_columns(
                is_curated=pl.lit(True)
            ),
            offer_rows(("p1", "later.jpg"), ("p1", "dead.jpg"), day=D3),
        ]
    )
    a, b, x, late = (c * 64 for c in "abcd")
    fetched = fetched_rows(
        offers, {"a.jpg": a, "b.jpg": b, "x.jpg": x, "copy.jpg": a, "later.jpg": late}
    )
    changed = offers.select("day", "category", "product_id").unique()
    result = aggregate(changed, offers, fetched)
    sets = {
        key: part["image_id"].to_list()
        for key, part in result.group_by("day", "product_id", maintain_order=True)
    }
    assert sets == {
        (D1, "p1"): [a, b], (D1, "p2"): [x], (D2, "p1"): [a, b], (D3, "p1"): [a, b, late],
    }  # fmt: skip
    row = result.filter(pl.col("day") == D2, pl.col("image_id") == a).row(0, named=True)
    assert row["suppliers"] == ["acme", "dune"]
    assert row["image_urls"] == ["a.jpg", "copy.jpg"]
    assert (row["best_position"], row["is_curated"], row["first_seen"]) == (1, True, D1)
    assert not result.filter(pl.col("day") == D1)["is_curated"].any()


def test_order_of_the_input_does_not_matter(offer_rows):
    offers = offer_rows(*((f"p{i % 3}", f"{i}.jpg") for i in range(20)))
    fetched = fetched_rows(offers, {f"{i}.jpg": f"{i % 7:064x}" for i in range(20)})
    changed = offers.select("day", "category", "product_id").unique()
    expected = aggregate(changed, offers, fetched)
    shuffled = (f.sample(fraction=1, shuffle=True, seed=3) for f in (changed, offers, fetched))
    assert aggregate(*shuffled).equals(expected)


def test_nothing_changed(offer_rows):
    offers = offer_rows(("p1", "a.jpg"))
    fetched = fetched_rows(offers, {"a.jpg": "a" * 64})
    changed = offers.select("day", "category", "product_id")
    assert aggregate(changed.clear(), offers, fetched).is_empty()
    assert aggregate(changed, offers, fetched.clear()).is_empty()
