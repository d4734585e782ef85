"""Finding and landing feed files."""

from __future__ import annotations

import datetime as dt
import hashlib

import pytest

from imgassets.ingest.landing import LandedCopy, land, list_feeds, parse_landed

DAY = dt.date(2026, 1, 5)
CSV = b"product_id,category,image_url\np1,Tees,a.jpg\n"


@pytest.fixture
def feeds(tmp_path):
    def write(*names: str) -> str:
        for name in names:
            path = tmp_path / "feeds" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(CSV)
        return str(tmp_path / "feeds")

    return write


def test_feeds_are_listed_and_the_rest_is_refused(feeds):
    root = feeds(
        "2026-01-06/acme.csv", "2026-01-05/dune.parquet", "2026-01-05/cobalt.JSONL",
        "2026-01-05/.acme.csv", ".git/config", "2026-01-05/acme.xlsx", "2026-01-05/README",
        "2026-1-5/acme.csv", "20260105/acme.csv", "2026-02-30/acme.csv", "acme.csv",
        "2026-01-05/old/acme.csv", "2026-01-06/acme.jsonl",
    )  # fmt: skip
    found = list_feeds(root)
    assert [(f.day.isoformat(), f.supplier_id, f.feed_file) for f in found.feeds] == [
        ("2026-01-05", "cobalt", "2026-01-05/cobalt.JSONL"),
        ("2026-01-05", "dune", "2026-01-05/dune.parquet"),
        ("2026-01-06", "acme", "2026-01-06/acme.csv"),
    ]
    assert {r.feed_file: r.refusal.rule_id for r in found.refused} == {
        "2026-01-05/README": "unsupported_feed_file",
        "2026-01-05/acme.xlsx": "unsupported_feed_file",
        "2026-01-05/old/acme.csv": "bad_day_folder",
        "2026-01-06/acme.jsonl": "second_feed_file",
        "2026-02-30/acme.csv": "bad_day_folder",
        "2026-1-5/acme.csv": "bad_day_folder",
        "20260105/acme.csv": "bad_day_folder",
        "acme.csv": "bad_day_folder",
    }


def test_an_absent_root_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        list_feeds(str(tmp_path / "absent"))


def test_landing_is_idempotent_and_keeps_every_version(feeds, tmp_path):
    root = feeds("2026-01-05/acme.csv")
    landing = tmp_path / "landing"
    feed = list_feeds(root).feeds[0]
    first = land(feed, str(landing))
    assert first.sha256 == hashlib.sha256(CSV).hexdigest()
    assert first.landed_as == f"2026-01-05/acme-{first.sha256[:12]}.csv"
    assert (landing / first.landed_as).read_bytes() == CSV
    assert land(feed, str(landing)) == first
    (tmp_path / "feeds" / feed.feed_file).write_bytes(CSV + b"p2,Tees,b.jpg\n")
    second = land(feed, str(landing))
    assert second.landed_as != first.landed_as
    assert sorted(p.name for p in (landing / "2026-01-05").iterdir()) == sorted(
        landed.landed_as.split("/")[1] for landed in (first, second)
    )


def test_a_landed_feed_is_parsed_once(feeds, tmp_path):
    landing = str(tmp_path / "landing")
    landed = land(list_feeds(feeds("2026-01-05/acme.csv")).feeds[0], landing)
    feed_file = landed.feed.feed_file
    copy = LandedCopy(landing, landed.landed_as, feed_file, DAY, "acme", "http://h/base")
    parsed = parse_landed(copy)
    assert parsed.offers["image_location"].to_list() == ["http://h/base/a.jpg"]
    assert parse_landed(copy) is parsed
