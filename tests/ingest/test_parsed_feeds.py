"""A landed feed is parsed once, and read by category from then on."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from imgassets.ingest.landing import LandedCopy, parse_landed
from imgassets.ingest.parsed_feeds import read_parsed

DAY = dt.date(2026, 1, 5)
ROWS = ["p1,Tees,a.jpg", "p2,Mugs,b.jpg", "p3,Tees,", "p4,Mugs,c.jpg", "p5,Hats,d.jpg"]


@pytest.fixture
def landed(tmp_path: Path) -> LandedCopy:
    (tmp_path / str(DAY)).mkdir()
    file = tmp_path / str(DAY) / "acme-0123.csv"
    file.write_text("\n".join(["product_id,category,image_url", *ROWS]))
    names = f"{DAY}/acme-0123.csv", f"{DAY}/acme.csv"
    return LandedCopy(str(tmp_path), *names, DAY, "acme", "http://h/base")


def test_the_rows_of_some_categories_are_those_of_the_whole_file(landed):
    whole = parse_landed(landed)
    found = read_parsed(["mugs", "tees"], landed)
    wanted = pl.col("category").is_in(["mugs", "tees"])
    key = ["category", "feed_row"]
    assert_frame_equal(found.offers, whole.offers.filter(wanted).sort(key))
    assert_frame_equal(found.quarantine, whole.quarantine.filter(wanted).sort(key))
    assert (found.offers.height, found.quarantine.height) == (3, 1)
    assert read_parsed(["none-such"], landed).offers.is_empty()


def test_it_is_parsed_once_by_all_processes(landed):
    first = read_parsed(["mugs"], landed)
    Path(landed.root, landed.landed_as).unlink()
    parse_landed.cache_clear()
    assert_frame_equal(read_parsed(["mugs"], landed).offers, first.offers)
    with pytest.raises(FileNotFoundError):  # Another base gives other rows: these are not kept.
        read_parsed(["mugs"], dataclasses.replace(landed, image_base="http://h/other"))
