"""The analysts' view marketplace_refusals on a real warehouse."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from imgassets.marketplaces.compliance import judge_images
from imgassets.marketplaces.rules import standing_rules
from imgassets.settings import MarketplaceSettings
from imgassets.warehouse.contracts import (
    AggregatedImages,
    ImageSetChanges,
    MarketplaceCompliance,
    OrderedImageSets,
)
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from tests.conftest import REPOSITORY
from tests.marketplaces.conftest import aggregated_rows, reference_rows, signal_rows
from tests.set_rows import change_rows, chosen_rows

OLD, DAY = dt.date(2026, 11, 19), dt.date(2026, 11, 20)
HERO, SECOND, LEFT_OUT = "a" * 64, "b" * 64, "c" * 64
GRAY = {"background_pure_white": 0.5}
IMAGES = (
    # An older day that broke another rule, and three images of the newest day, none on white.
    {"day": OLD, "image_id": HERO, "byte_size": 20_000_000},
    {"day": DAY, "image_id": HERO, **GRAY},
    {"day": DAY, "image_id": SECOND, **GRAY},
    {"day": DAY, "image_id": LEFT_OUT, **GRAY, "format": "WEBP", "width": 700, "height": 400},
)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    folder = tmp_path_factory.mktemp("lake")
    warehouse = Warehouse(f"ducklake:sqlite:{folder}/catalog.sqlite", f"{folder}/data")
    aggregated = aggregated_rows(*IMAGES)
    compliance = judge_images(
        aggregated,
        signal_rows(*IMAGES),
        reference_rows(*({**image, "image_url": f"{n}.jpg"} for n, image in enumerate(IMAGES))),
        MarketplaceSettings(),
    )
    chosen = [
        (DAY, "sofas", "p1", rank, image, "untyped") for rank, image in enumerate([HERO, SECOND], 1)
    ]
    changes = [(day, "sofas", "p1") for day in (OLD, DAY)]
    warehouse.replace(
        [
            Replacement(AggregatedImages, aggregated),
            Replacement(MarketplaceCompliance, compliance),
            Replacement(OrderedImageSets, chosen_rows(chosen)),
            Replacement(ImageSetChanges, change_rows(changes)),
        ],
        CommitMessage(asset="test"),
    )
    return warehouse


@pytest.fixture
def refusals(warehouse: Warehouse) -> pl.DataFrame:
    return warehouse.sql("FROM marketplace_refusals")


def test_only_the_newest_day_and_required_rules_count(refusals: pl.DataFrame) -> None:
    assert refusals["day"].unique().to_list() == [DAY]
    named = {rule for rules in refusals["rule_ids"] for rule in rules}
    assert not {"google_max_bytes", "amazon_zoom", "walmart_zoom", "walmart_size"} & named


def test_main_image_rules_refuse_heroes_alone(refusals: pl.DataFrame) -> None:
    found = {
        (authority, image): rules
        for authority, image, rules in refusals.select(
            "authority", "image_id", "rule_ids"
        ).iter_rows()
    }
    assert found == {
        ("amazon", HERO): ["amazon_background"],
        ("walmart", HERO): ["walmart_background"],
        ("amazon", LEFT_OUT): ["amazon_format"],
        ("walmart", LEFT_OUT): ["walmart_format", "walmart_square"],
    }
    assert set(refusals.filter("is_hero")["image_id"]) == {HERO}
    assert refusals.filter(image_id=LEFT_OUT)["rank"].null_count() == 2


def test_the_reasons_are_sentences_with_value_and_limit(refusals: pl.DataFrame) -> None:
    (row,) = refusals.filter(authority="walmart", image_id=LEFT_OUT).rows(named=True)
    assert row["broken_rules"] == 2
    assert row["reasons"] == (
        "Walmart takes JPEG, PNG and BMP (found WEBP, allowed BMP, JPEG, PNG); "
        "Walmart asks for square images (1:1) (found 700 × 400 px, allowed 1:1)"
    )


def query(name: str) -> str:
    return (REPOSITORY / "sql" / "queries" / f"{name}.sql").read_text(encoding="utf-8")


def test_the_query_of_heroes_names_the_refused_ones(warehouse: Warehouse) -> None:
    rows = warehouse.sql(query("what_marketplaces_refuse"))
    assert rows["authority"].to_list() == ["amazon", "walmart"]


def test_the_query_of_rules_counts_each_of_the_newest_images_once(warehouse: Warehouse) -> None:
    rows = warehouse.sql(query("marketplace_rules"))
    standing = {rule.id for rule in standing_rules()}
    assert set(rows["rule_id"]) == standing - {"google_min_size_2027", "google_min_size_apparel"}
    assert set(rows.select(pl.sum_horizontal("kept", "broken", "undecided")).to_series()) == {3}
    assert rows.filter(rule_id="walmart_format")["broken"].item() == 1
    assert rows.filter(rule_id="amazon_no_overlay")["undecided"].item() == 3
