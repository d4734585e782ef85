"""Every rule exactly on its boundary: one value is good, the very next is not."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import polars as pl
import pytest

from imgassets.marketplaces.rules import standing_rules
from tests.marketplaces.conftest import Judge

BEFORE, AFTER = dt.date(2027, 1, 30), dt.date(2027, 1, 31)
URL = "https://shop.example"


def below(share: float) -> float:
    """Return the Float32 just under a share."""
    return float(np.nextafter(np.float32(share), np.float32(0)))


def animated(frames: int) -> dict[str, Any]:
    return {"format": "GIF", "frames": frames, "extension": "gif"}


def at(location: str) -> dict[str, Any]:
    return {"image_location": location}


PAIRS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "google_min_size": ({"width": 100}, {"width": 99}),
    "google_min_size_apparel": (
        {"category": "mens-tees", "height": 250},
        {"category": "mens-tees", "height": 249},
    ),
    "google_min_size_2027": ({"day": AFTER, "width": 500}, {"day": AFTER, "width": 499}),
    "google_max_pixels": (
        {"width": 8_000, "height": 8_000},
        {"width": 64_000_001, "height": 1},
    ),
    "google_max_bytes": ({"byte_size": 16_000_000}, {"byte_size": 16_000_001}),
    "google_format": ({"format": "TIFF"}, {"format": "AVIF"}),
    "google_still": (animated(1), animated(2)),
    "google_extension": ({"extension_matches": True}, {"extension_matches": False}),
    "google_url_form": (at(f"{URL}/a%20b.jpg"), at(f"{URL}/a b.jpg")),
    "google_url_length": (
        at(f"{URL}/{'a' * (2000 - len(URL) - 1)}"),
        at(f"{URL}/{'a' * (2001 - len(URL) - 1)}"),
    ),
    "amazon_min_side": ({"width": 500, "height": 20}, {"width": 499, "height": 499}),
    "amazon_max_side": ({"height": 10_000}, {"height": 10_001}),
    "amazon_zoom": ({"width": 1_000, "height": 20}, {"width": 999, "height": 999}),
    "amazon_format": ({"format": "GIF"}, {"format": "WEBP"}),
    "amazon_still": (animated(1), animated(2)),
    "amazon_background": (
        {"background_pure_white": 0.99},
        {"background_pure_white": below(0.99)},
    ),
    "amazon_object_extent": ({"object_extent": 0.85}, {"object_extent": below(0.85)}),
    "walmart_format": ({"format": "BMP"}, {"format": "GIF"}),
    "walmart_max_bytes": ({"byte_size": 5_000_000}, {"byte_size": 5_000_001}),
    "walmart_colour": ({"mode": "rgba"}, {"mode": "palette"}),
    "walmart_bit_depth": ({"bit_depth": 8}, {"bit_depth": 16}),
    "walmart_size": ({"width": 2_200}, {"width": 2_199}),
    "walmart_zoom": ({"width": 1_500}, {"width": 1_499}),
    "walmart_square": ({"width": 900, "height": 900}, {"width": 900, "height": 901}),
    "walmart_background": (
        {"background_pure_white": 0.99},
        {"background_pure_white": below(0.99)},
    ),
    "walmart_url_query": (at(f"{URL}/a.jpg#x?y"), at(f"{URL}/a.jpg?")),
    "walmart_url_port": (at("http://shop.example:8443/a.jpg"), at("http://shop.example:8444/")),
    "walmart_url_encoding": (at(f"{URL}/%C3%A4.jpg"), at(f"{URL}/ä.jpg")),
}
"""Changes to the good image of conftest: the last good value, the first bad one."""


def test_every_decidable_rule_has_a_pair() -> None:
    assert set(PAIRS) == {rule.id for rule in standing_rules() if rule.decidable}


@pytest.mark.parametrize("rule_id", PAIRS)
def test_the_last_good_value_passes_and_the_next_fails(rule_id: str, judge: Judge) -> None:
    good, bad = PAIRS[rule_id]
    (passed,) = judge(**good).filter(rule_id=rule_id).rows(named=True)
    (failed,) = judge(**bad).filter(rule_id=rule_id).rows(named=True)
    assert (passed["status"], failed["status"]) == ("pass", "fail")
    assert passed["limit"] == failed["limit"]
    assert passed["measured"] != failed["measured"] or rule_id in {
        "google_extension",  # the extension and the format are the same words either way here
        "amazon_background", "amazon_object_extent", "walmart_background",  # one bit of Float32
    }  # fmt: skip


@pytest.mark.parametrize(
    ("category", "day", "expected"),
    [
        ("sofas", BEFORE, "google_min_size"),
        ("mens-tees", BEFORE, "google_min_size_apparel"),
        ("sofas", AFTER, "google_min_size_2027"),
        ("mens-tees", AFTER, "google_min_size_2027"),
    ],
)
def test_one_rule_of_googles_least_size_stands_on_each_day(
    category: str, day: dt.date, expected: str, judge: Judge
) -> None:
    rows = judge(category=category, day=day)
    asked = rows.filter(pl.col("rule_id").str.starts_with("google_min_size"))
    assert asked["rule_id"].to_list() == [expected]


@pytest.mark.parametrize(
    ("side", "before", "after"),
    [(249, "fail", "fail"), (499, "pass", "fail"), (500, "pass", "pass")],
)
def test_a_shirt_is_judged_by_the_rule_of_its_day(
    side: int, before: str, after: str, judge: Judge
) -> None:
    for day, expected in ((BEFORE, before), (AFTER, after)):
        rows = judge(category="t-shirt", day=day, width=side, height=side)
        (row,) = rows.filter(pl.col("rule_id").str.starts_with("google_min_size")).rows(named=True)
        assert row["status"] == expected
