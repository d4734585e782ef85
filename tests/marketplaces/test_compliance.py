"""What judge_images promises beside the boundaries: references, gaps, settings, order."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from imgassets.marketplaces.compliance import judge_images
from imgassets.marketplaces.measures import NO_EXTENSION, NO_PIXELS, NO_URL, TOUCHING
from imgassets.marketplaces.rules import standing_rules
from imgassets.settings import MarketplaceSettings
from imgassets.warehouse.contracts import ImageSignals, MarketplaceCompliance
from tests.marketplaces.conftest import (
    AGGREGATED,
    IMAGE,
    Judge,
    aggregated_rows,
    reference_rows,
    signal_rows,
)

URL_RULES = {
    "google_url_form", "google_url_length", "walmart_url_encoding", "walmart_url_port",
    "walmart_url_query",
}  # fmt: skip
PIXEL_RULES = {"amazon_background", "amazon_object_extent", "walmart_background"}
DAY = dt.date(2026, 11, 20)


def verdict(rows: pl.DataFrame, rule_id: str) -> tuple[str, str]:
    (row,) = rows.filter(rule_id=rule_id).select("status", "measured").rows()
    return row


def test_a_good_image_passes_every_rule_that_can_be_decided(judge: Judge) -> None:
    rows = judge()
    undecidable = {rule.id for rule in standing_rules() if not rule.decidable}
    assert set(rows.filter(status="undecided")["rule_id"]) == undecidable
    assert rows.filter(status="fail").is_empty()
    assert set(rows["authority"]) == {"google", "amazon", "walmart"}


def test_an_image_without_signals_is_judged_by_its_bytes(judge: Judge) -> None:
    decoded = judge()
    rows = judge_images(
        aggregated_rows({}),
        ImageSignals.create_empty(),
        reference_rows({}),
        MarketplaceSettings(),
    )
    changed = rows.join(decoded, on=["rule_id", "status"], how="anti")
    assert set(changed["rule_id"]) == PIXEL_RULES
    assert set(changed["status"]) == {"undecided"}
    assert set(changed["measured"]) == {NO_PIXELS}


@pytest.mark.parametrize("location", ["/data/sofa.jpg", "data/sofa.jpg", "file:///data/sofa.jpg"])
def test_a_file_has_no_url_to_judge_yet(location: str, judge: Judge) -> None:
    rows = judge(image_location=location)
    for rule_id in URL_RULES:
        assert verdict(rows, rule_id) == ("undecided", NO_URL)
    assert verdict(rows, "google_extension")[0] == "pass"


@pytest.mark.parametrize(
    ("white", "extent", "expected"),
    [(0.99, 1.0, "pass"), (0.7, 0.96, "undecided"), (0.7, 0.95, "fail"), (0.49, 1.0, "fail")],
)
def test_an_object_in_the_border_hides_the_background(
    white: float, extent: float, expected: str, judge: Judge
) -> None:
    rows = judge(background_pure_white=white, object_extent=extent)
    status, measured = verdict(rows, "amazon_background")
    assert status == expected
    assert (measured == TOUCHING) is (status == "undecided")


def test_a_reference_without_extension_contradicts_nothing(judge: Judge) -> None:
    rows = judge(extension=None, extension_matches=None)
    assert verdict(rows, "google_extension") == ("undecided", NO_EXTENSION)


@pytest.mark.parametrize(
    ("location", "good"),
    [
        ("HTTP://shop.example", True),
        ("https://user:word@[2001:db8::1]:8443/a/b;c=1/@x?q=%20&r=/?#top", True),
        ("https://shop.example/a,b&c.jpg", True),
        ("ftp://shop.example/a.jpg", False),
        ("https:///a.jpg", False),
        ("https://shop.example/100%.jpg", False),
        ("https://shop.example/a%2.jpg", False),
        ("https://shop.example/a|b.jpg", False),
        ("https://shop.example/a.jpg\n", False),
        ("https://shöp.example/a.jpg", False),
        ("https://shop.example/a#b#c", False),
        ("https://shop.example:80a/a.jpg", False),
    ],
)
def test_url_form_is_that_of_rfc_3986(location: str, good: bool, judge: Judge) -> None:
    assert verdict(judge(image_location=location), "google_url_form") == (
        "pass" if good else "fail",
        location,
    )


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("http://h/a", ("pass", "port 80")),
        ("https://h/a", ("pass", "port 443")),
        ("https://h:/a", ("pass", "port 443")),
        ("https://u:8081@h/a", ("pass", "port 443")),
        ("https://h/a:8081/", ("pass", "port 443")),
        ("http://[::1]:08080/a", ("pass", "port 8080")),
        ("http://[::8081]/a", ("pass", "port 80")),
        ("https://h:81?x", ("fail", "port 81")),
        ("https://h:99999999999999999999/a", ("fail", "port 99999999999999999999")),
    ],
)
def test_the_port_is_the_named_one_or_the_schemes(
    location: str, expected: tuple[str, str], judge: Judge
) -> None:
    assert verdict(judge(image_location=location), "walmart_url_port") == expected


def test_one_good_reference_is_enough_and_is_the_one_shown() -> None:
    references = reference_rows(
        {"image_url": "1", "image_location": "https://h:81/a?x=1", "extension_matches": False},
        {"image_url": "2", "image_location": "https://h:82/b"},
        {"image_url": "3", "image_location": "https://h/c?y=2", "extension_matches": False},
        {"image_url": "4", "image_location": "/data/file.jpg", "extension_matches": None},
    )
    rows = judge_images(aggregated_rows({}), signal_rows({}), references, MarketplaceSettings())
    assert verdict(rows, "walmart_url_port") == ("pass", "port 443")
    assert verdict(rows, "walmart_url_query") == ("pass", "no query string")
    offending = references.filter(pl.col("image_location").str.contains("?", literal=True))
    rows = judge_images(aggregated_rows({}), signal_rows({}), offending, MarketplaceSettings())
    assert verdict(rows, "walmart_url_query") == ("fail", "?y=2")
    assert verdict(rows, "google_extension") == ("fail", ".jpg is JPEG")


def test_a_partition_looks_at_references_up_to_its_own_day() -> None:
    later = DAY + dt.timedelta(days=1)
    aggregated = aggregated_rows({}, {"day": later})
    references = reference_rows(
        {"image_location": "https://h/a?x"}, {"day": later, "image_location": "https://h/a"}
    )
    rows = judge_images(
        aggregated, signal_rows({}, {"day": later}), references, MarketplaceSettings()
    )
    asked = rows.filter(rule_id="walmart_url_query").select("day", "status").rows()
    assert asked == [(DAY, "fail"), (later, "pass")]


def test_another_products_reference_to_the_same_bytes_does_not_count() -> None:
    references = reference_rows({"product_id": "p2", "image_location": "https://h/a?x"})
    rows = judge_images(
        aggregated_rows({}, {"product_id": "p2"}),
        signal_rows({}),
        references,
        MarketplaceSettings(),
    )
    asked = rows.filter(rule_id="walmart_url_query").select("product_id", "status").rows()
    assert asked == [("p1", "undecided"), ("p2", "fail")]


def test_rows_come_in_the_order_of_their_key_and_conform() -> None:
    names = [
        {"image_id": c * 64, "product_id": p, "image_url": f"{c}.jpg"}
        for c in "cab"
        for p in ("p2", "p1")
    ]
    rows = judge_images(
        aggregated_rows(*names),
        signal_rows(*names[::2]),
        reference_rows(*names),
        MarketplaceSettings(),
    )
    assert MarketplaceCompliance.is_valid(rows)
    assert rows.equals(rows.sort(MarketplaceCompliance.primary_key()))
    per_image = rows.group_by("product_id", "image_id").len()
    assert per_image.height == 6
    assert per_image["len"].n_unique() == 1


def test_no_images_no_rows() -> None:
    rows = judge_images(
        aggregated_rows({}).clear(),
        signal_rows({}),
        reference_rows({}),
        MarketplaceSettings(),
    )
    assert rows.is_empty()
    assert rows.schema == MarketplaceCompliance.create_empty().schema


@pytest.mark.parametrize(
    ("category", "apparel"),
    [
        ("mens-tees", True), ("womens-bras", True), ("t-shirt", True), ("hoodies", True),
        ("outwear", True), ("hat", True), ("shoes", True), ("dress", True),
        ("dressers", False), ("laptop", False), ("backpack", False), ("suitcases", False),
        ("socket-wrenches", False),
    ],
)  # fmt: skip
def test_the_default_patterns_tell_apparel(category: str, apparel: bool, judge: Judge) -> None:
    asked = set(judge(category=category)["rule_id"])
    assert ("google_min_size_apparel" in asked) is apparel
    assert ("google_min_size" in asked) is not apparel


def test_what_is_apparel_is_a_setting() -> None:
    assert AGGREGATED["category"] == "sofas"
    rows = judge_images(
        aggregated_rows({}),
        signal_rows({}),
        reference_rows({}),
        MarketplaceSettings(apparel_categories=["so?as"]),
    )
    assert rows.filter(rule_id="google_min_size_apparel")["image_id"].to_list() == [IMAGE]
