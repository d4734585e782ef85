"""The views of causal impact: tables VI and VII of paper A, and whether placebos hold."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.views import sql_folder
from tests.impact_rows import COHORT, EARLIER, FADING, LATEST, write_impact


@pytest.fixture(scope="module")
def estimated(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    folder = tmp_path_factory.mktemp("lake")
    warehouse = Warehouse(f"ducklake:sqlite:{folder}/catalog.sqlite", f"{folder}/data")
    warehouse.initialise()
    write_impact(warehouse)
    return warehouse


def ask(warehouse: Warehouse, query: str) -> pl.DataFrame:
    return warehouse.sql((sql_folder() / "queries" / f"{query}.sql").read_text(encoding="utf-8"))


def only(frame: pl.DataFrame, **equals: Any) -> dict[str, Any]:
    (row,) = frame.filter(**equals).rows(named=True)
    return row


def test_only_the_newest_evaluation_of_a_cohort_is_shown(estimated: Warehouse) -> None:
    assert estimated.sql("SELECT DISTINCT day FROM causal_impact")["day"].sort().to_list() == [
        EARLIER, LATEST,
    ]  # fmt: skip
    assert estimated.sql("FROM latest_impact")["day"].unique().to_list() == [LATEST]


def test_effects_by_category_are_of_three_weeks_in_percent(estimated: Warehouse) -> None:
    found = estimated.sql("FROM impact_by_category")
    laptops = only(found, category="laptop", metric="add_to_cart")
    assert (laptops["effect_percent"], laptops["lower_percent"], laptops["upper_percent"]) == (
        5.5, 1.0, 10.0,
    )  # fmt: skip
    assert (laptops["probability_percent"], laptops["verdict"]) == (99.8, "rise")
    assert laptops["effect_per_day"] == pytest.approx(200 * 0.055)
    refused = only(found, category="mugs", metric="orders")
    assert (refused["effect_percent"], refused["status"]) == (None, "refused")
    assert "at least 5" in refused["reason"]


def test_effects_over_time_are_cumulative_with_the_latest_weeks_alone(estimated: Warehouse) -> None:
    found = estimated.sql("FROM impact_over_time").filter(category="laptop", metric="add_to_cart")
    assert found["weeks"].to_list() == list(FADING)
    assert found["effect_percent"].to_list() == [8.0, 6.9, 5.5, 4.2, 1.7]
    # Four weeks at 4.2 % of which three had 5.5 %: the fourth had 0.3 %.
    assert found["latest_weeks_percent"].to_list() == pytest.approx([8, 5.8, 2.7, 0.3, -3.3])


def test_coverage_counts_the_placebos_of_the_newest_evaluations(estimated: Warehouse) -> None:
    found = estimated.sql("FROM impact_placebo_coverage")
    row = only(found, kind="A/A", metric="orders", horizon_weeks=2)
    assert (row["placebos"], row["coverage_raw"], row["coverage_calibrated"]) == (20, 0.6, 0.9)
    # Wilson's interval of 18 of 20.
    assert row["coverage_at_least"] == pytest.approx(0.699, abs=0.002)
    assert row["coverage_at_most"] == pytest.approx(0.972, abs=0.002)


def test_what_analysts_ask_first(estimated: Warehouse) -> None:
    helped = ask(estimated, "where_new_images_helped")
    assert helped.select("category", "metric").rows() == [
        ("laptop", "orders"), ("laptop", "add_to_cart"), ("tablet", "add_to_cart"),
    ]  # fmt: skip
    (mugs,) = ask(estimated, "impact_not_told").rows(named=True)
    assert (mugs["category"], mugs["cohort"], mugs["weeks"]) == ("mugs", COHORT, "1, 2, 3, 4, 6")
    fading = ask(estimated, "effects_that_wear_off").row(0, named=True)
    assert (fading["category"], fading["metric"]) == ("laptop", "add_to_cart")
    assert fading["latest_percent"] < 0 < fading["first_percent"]
    held = ask(estimated, "do_the_placebos_hold")
    assert held["coverage_calibrated"].unique().to_list() == [0.9]
