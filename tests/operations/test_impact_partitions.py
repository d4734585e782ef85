"""Estimates as of a day, stored partition by partition: nothing later, nothing twice."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from imgassets.operations.engagement import take_in_engagement
from imgassets.operations.impact import (
    TABLES,
    estimate_partitions,
    last_day_of_engagement,
    plan_estimates,
)
from imgassets.sample.engagement import FIRST_LIVE, SampleEngagement
from imgassets.settings import Settings
from imgassets.warehouse.contracts import CausalImpact, ImpactSeries
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import Partition
from tests.impact_home import LIFTED, UNTOUCHED, fill


class Home:
    """A filled warehouse, its settings and files."""

    def __init__(self, settings: Settings, files: SampleEngagement) -> None:
        self.settings, self.files = settings, files
        self.warehouse = Warehouse(settings.warehouse, settings.warehouse_data)

    def cells(self, *categories: str, day: dt.date | None = None) -> list[Partition]:
        return [Partition(day or self.files.last_day, category) for category in categories]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    made = Home(*fill(tmp_path_factory.mktemp("home")))
    both = made.cells(LIFTED, UNTOUCHED)
    found = estimate_partitions(made.warehouse, made.settings, both, "run-1")
    assert (found.unchanged, found.snapshot_id) == (frozenset(), made.warehouse.snapshot_id())
    return made


def test_a_lift_is_found_and_no_other(home: Home) -> None:
    rows = home.warehouse.read(CausalImpact, where="horizon_weeks = 6 AND status = 'estimated'")
    effects = {(r["category"], r["metric"]): r for r in rows.to_dicts()}
    assert len(effects) == 8
    lifted = effects[LIFTED, "add_to_cart"]
    assert lifted["lower"] < 0.2 < lifted["upper"]
    assert lifted["verdict"] == "rise"
    for other in ((UNTOUCHED, "add_to_cart"), (LIFTED, "impressions")):
        assert effects[other]["lower"] < 0 < effects[other]["upper"]


def test_the_same_data_and_settings_cost_nothing(home: Home) -> None:
    snapshot = home.warehouse.snapshot_id()
    both = home.cells(LIFTED, UNTOUCHED)
    again = estimate_partitions(home.warehouse, home.settings, both)
    assert (again.unchanged, again.snapshot_id) == (frozenset(both), None)
    assert again.rows.height == home.warehouse.read(CausalImpact, partitions=both).height
    assert home.warehouse.snapshot_id() == snapshot


def test_a_category_alone_is_estimated_as_among_all(home: Home, tmp_path: Path) -> None:
    alone = Home(*fill(tmp_path / "alone"))
    estimate_partitions(alone.warehouse, alone.settings, alone.cells(LIFTED))
    for table in TABLES:
        expected = home.warehouse.read(table, partitions=home.cells(LIFTED))
        assert alone.warehouse.read(table).equals(expected), table


def test_nothing_after_the_day_is_looked_at(home: Home, tmp_path: Path) -> None:
    """Horizons that were not over wait; later data changes nothing, late data of before does."""
    day = FIRST_LIVE + dt.timedelta(days=20)
    early = home.cells(LIFTED, day=day)
    first = estimate_partitions(home.warehouse, home.settings, early).rows
    waiting = first.filter(pl.col("status") == "not yet")
    assert sorted(waiting["horizon_weeks"].unique()) == [3, 4, 6]
    series = home.warehouse.read(ImpactSeries, partitions=early)
    assert series["date"].drop_nulls().max() in (day, None)

    def correct(name: str, of: dt.date) -> None:
        path = tmp_path / name
        path.write_text(f"product_id,category,day,add_to_cart\n{UNTOUCHED}-1,{UNTOUCHED},{of},0\n")
        take_in_engagement(home.warehouse, home.settings, str(path))

    correct("later.csv", day + dt.timedelta(days=1))
    assert estimate_partitions(home.warehouse, home.settings, early).unchanged == set(early)
    correct("before.csv", day - dt.timedelta(days=1))
    assert not estimate_partitions(home.warehouse, home.settings, early).unchanged


def test_a_day_before_any_intervention_has_no_rows(home: Home) -> None:
    before = home.cells(LIFTED, day=FIRST_LIVE - dt.timedelta(days=1))
    assert estimate_partitions(home.warehouse, home.settings, before).rows.is_empty()
    assert estimate_partitions(home.warehouse, home.settings, before).unchanged == set(before)


def test_the_plan_is_of_the_last_known_day_and_of_known_categories(
    home: Home, tmp_path: Path
) -> None:
    plan = plan_estimates(home.warehouse)
    assert plan.partitions == sorted(home.cells(LIFTED, UNTOUCHED))
    assert plan_estimates(home.warehouse, categories=[LIFTED]).partitions == home.cells(LIFTED)
    with pytest.raises(ValueError, match=r"no engagement of category hats \(known: laptop, tablet"):
        plan_estimates(home.warehouse, categories=["hats"])
    empty = Warehouse(f"ducklake:sqlite:{tmp_path}/c.sqlite", f"{tmp_path}/data")
    assert last_day_of_engagement(empty) is None
    with pytest.raises(ValueError, match="imgassets impact ingest"):
        plan_estimates(empty)
