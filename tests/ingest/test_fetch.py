"""Fetching: every offer ends as a picture or as a refusal that says why."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import polars as pl
import pytest

from imgassets.ingest.fetch import FetchResult, fetch_images
from imgassets.ingest.landing import LandedCopy, list_feeds, parse_landed
from imgassets.ingest.store import ImageStore
from imgassets.settings import FetchSettings
from imgassets.warehouse.contracts import FetchedImages

NONE_KNOWN = FetchedImages.create_empty()
LOCAL = ["127.0.0.0/8"]
HERE = FetchSettings(allowed_networks=LOCAL)


@pytest.fixture
def store(tmp_path):
    return ImageStore(str(tmp_path / "store"))


@pytest.fixture
def fetch(store, offer_rows):
    def run(*locations: str, roots: tuple[str, ...] = (), **settings) -> FetchResult:
        offers = offer_rows(*((f"p{i}", location) for i, location in enumerate(locations)))
        limits = FetchSettings(**{"allowed_networks": LOCAL} | settings)
        return fetch_images(offers, NONE_KNOWN, store, limits, list(roots))

    return run


def only_refusal(result: FetchResult) -> dict:
    assert result.images.is_empty()
    return result.quarantine.row(0, named=True)


@pytest.mark.parametrize("path", ["/ok.jpg", "/hop", "/flaky", "/busy"])
def test_a_picture_arrives(fetch, server, store, picture, path):
    result = fetch(server.url + path)
    row = result.images.row(0, named=True)
    assert result.quarantine.is_empty()
    assert (row["format"], row["width"], row["height"]) == ("JPEG", 40, 30)
    assert store.get(row["image_id"]) == picture()


@pytest.mark.parametrize(
    ("path", "rule", "measured"),
    [
        ("/absent", "http_status", "HTTP 404"),
        ("/absent-and-cut-off", "http_status", "HTTP 404"),
        ("/down", "http_status", "HTTP 503"),
        ("/busy-long", "http_status", "HTTP 503"),
        ("/loop", "too_many_redirects", "> 5 redirects"),
        ("/to-file", "forbidden_url", "file:///etc/hostname"),
        ("/html", "not_an_image", "starts with b'<html><body>not '"),
        ("/empty", "empty_body", "0 bytes"),
        ("/big", "too_large", "≥ 200000 bytes"),
        ("/big-unannounced", "too_large", "≥ 100001 bytes"),
        ("/short", "connection_failed", "RemoteProtocolError"),
    ],
)
def test_a_refusal_says_why(fetch, server, path, rule, measured):
    row = only_refusal(fetch(server.url + path, max_bytes=100_000))
    assert (row["stage"], row["rule_id"], row["measured"]) == ("fetch", rule, measured)
    assert row["product_id"] == "p0"
    assert row["feed_row"] == 1
    assert row["limit"]
    assert row["detail"]


def test_transient_failures_are_tried_again_and_others_are_not(fetch, server):
    fetch(server.url + "/down", server.url + "/absent", attempts=2)
    assert server.hits == {"/down": 2, "/absent": 1}


def test_a_slow_drip_meets_the_total_deadline(fetch, server):
    start = time.monotonic()
    row = only_refusal(fetch(server.url + "/drip", timeout_seconds=0.5))
    assert (row["rule_id"], row["measured"]) == ("timeout", "> 0.5 s")
    assert time.monotonic() - start < 5


def test_nobody_listens(fetch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/x.jpg"
    assert only_refusal(fetch(url, attempts=2))["rule_id"] == "connection_failed"


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("http://[::1/x.jpg", "forbidden_url"),
        ("http://exa mple/x.jpg", "forbidden_url"),
        ("http://\u2603..\ud7ff/", "connection_failed"),
    ],
)
def test_an_unusable_url_is_a_refusal(fetch, url, rule):
    assert only_refusal(fetch(url, attempts=1))["rule_id"] == rule


def test_one_bad_location_stops_no_other_and_no_cookie_travels(fetch, server):
    urls = [server.url + p for p in ("/absent", "/ok1", "/html", "/cookie", "/ok2")]
    result = fetch(*urls, concurrency=1)
    assert result.images["image_url"].to_list() == [urls[1], urls[3], urls[4]]
    assert result.quarantine["rule_id"].to_list() == ["http_status", "not_an_image"]


def test_a_location_is_fetched_once_and_joined_back_to_every_offer(store, offer_rows, server):
    url = server.url + "/ok.jpg"
    offers = pl.concat(
        [offer_rows(("p1", url), ("p2", url)), offer_rows(("p1", url), supplier="dune")]
    )
    seen = []
    result = fetch_images(offers, NONE_KNOWN, store, HERE, [], lambda *at: seen.append(at))
    assert result.images.height == 3
    assert server.hits[url.removeprefix(server.url)] == 1
    assert seen == [(1, 1)]


def test_what_is_known_and_stored_is_not_fetched_again(store, offer_rows, server):
    offers = offer_rows(("p1", server.url + "/ok.jpg"))
    first = fetch_images(offers, NONE_KNOWN, store, HERE, [])
    again = fetch_images(offers, first.images, store, HERE, [])
    assert again.images.equals(first.images)
    assert server.hits["/ok.jpg"] == 1
    store.local_path(first.images["image_id"][0]).unlink()
    fetch_images(offers, first.images, store, HERE, [])
    assert server.hits["/ok.jpg"] == 2


def test_no_offers(store):
    result = fetch_images(FetchedImages.create_empty(), NONE_KNOWN, store, HERE, [])
    assert result.images.is_empty()
    assert result.quarantine.is_empty()


def test_files_only_from_allowed_roots(fetch, tmp_path, picture):
    base, outside = tmp_path / "base", tmp_path / "base2"
    base.mkdir()
    outside.mkdir()
    for folder in (base, outside):
        (folder / "a b.jpg").write_bytes(picture())
    (base / "link.jpg").symlink_to(outside / "a b.jpg")
    (base / "folder").mkdir()
    os.mkfifo(base / "pipe")
    locations = {
        f"{base}/a b.jpg": None,
        f"file://{base}/a%20b.jpg": None,
        f"{base}/absent.jpg": "missing_file",
        f"{base}/folder": "missing_file",
        f"{base}/pipe": "missing_file",
        f"{base}/{'x' * 300}": "missing_file",
        f"{base}/link.jpg": "forbidden_path",
        f"{base}/../base2/a b.jpg": "forbidden_path",
        f"{outside}/a b.jpg": "forbidden_path",
        f"file://{base}/%2e%2e/base2/a%20b.jpg": "forbidden_path",
        f"file://elsewhere{base}/a%20b.jpg": "forbidden_path",
        "/etc/hostname": "forbidden_path",
    }
    result = fetch(*locations, roots=(str(base), "http://ignored/"))
    found = dict(result.quarantine.select("image_url", "rule_id").iter_rows())
    assert found == {k: v for k, v in locations.items() if v}
    assert result.images.height == 2
    allowed = fetch(f"{outside}/a b.jpg", allowed_roots=[f"file://{outside}"])
    assert allowed.images.height == 1
    large = fetch(f"{base}/a b.jpg", roots=(str(base),), max_bytes=10)
    assert only_refusal(large)["rule_id"] == "too_large"


def test_no_root_means_no_file(fetch, tmp_path, picture):
    (tmp_path / "a.jpg").write_bytes(picture())
    assert only_refusal(fetch(str(tmp_path / "a.jpg")))["rule_id"] == "forbidden_path"


def test_refused_bytes_keep_their_hash_and_are_not_stored(fetch, store, tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"<html>")
    row = only_refusal(fetch(str(tmp_path / "a.jpg"), roots=(str(tmp_path),)))
    assert not store.exists(row["image_id"])


def test_the_catalog_is_fetched_but_for_its_corrupt_and_dead_images(shared, store):
    catalog: Path = shared("catalog")
    base = str(catalog)
    offers = pl.concat(
        parse_landed(
            LandedCopy(f.root, f.feed_file, f.feed_file, f.day, f.supplier_id, base)
        ).offers
        for f in list_feeds(f"{catalog}/feeds").feeds
    )
    result = fetch_images(offers, NONE_KNOWN, store, FetchSettings(), [base])
    truth = pl.read_csv(catalog / "truth" / "images.csv")
    lost = truth.filter(pl.col("defects").str.contains("corrupt|dead_url"))["image_url"]
    assert set(result.quarantine["image_url"]) == set(lost)
    assert set(result.images["image_url"]) == set(truth["image_url"]) - set(lost)
    again = fetch_images(offers, result.images, store, FetchSettings(), [base])
    assert again.images.equals(result.images)
    assert again.quarantine.equals(result.quarantine)
