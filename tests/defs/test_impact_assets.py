"""Causal impact in real Dagster runs: assets, checks, the weekly schedule, the sensor."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from imgassets.definitions import defs
from imgassets.defs.impact.automation import (
    IMPACT_ASSETS,
    new_engagement_files,
    weekly_impact,
)
from imgassets.defs.impact.checks import tolerated
from imgassets.defs.lineage import column_schema
from imgassets.defs.partitions import CATEGORY
from imgassets.defs.resources import open_warehouse
from imgassets.defs.runner import add_categories, failed_checks, run_rectangle
from imgassets.operations.impact import plan_estimates
from imgassets.sample.engagement import SampleEngagement
from imgassets.settings import Settings
from imgassets.warehouse.contracts import (
    CausalImpact,
    EngagementDaily,
    ImpactControls,
    ImpactPlacebos,
    ImpactSeries,
    Interventions,
    Quarantine,
)
from tests.impact_home import LIFTED, UNTOUCHED, fill

CATEGORIES = [UNTOUCHED, LIFTED]
MONDAY = dt.datetime(2026, 2, 16, 6, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, SampleEngagement]:
    return fill(tmp_path_factory.mktemp("home"))


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


def run(
    settings: Settings, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> dg.ExecuteInProcessResult:
    monkeypatch.setenv("IMGASSETS_HOME", str(settings.home))
    add_categories(instance, CATEGORIES)
    partitions = plan_estimates(open_warehouse(settings)).partitions
    return run_rectangle(defs(), instance, partitions, IMPACT_ASSETS)


def test_a_run_of_all_categories_tells_what_it_found(
    filled: tuple[Settings, SampleEngagement],
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings, files = filled
    result = run(settings, instance, monkeypatch)
    assert failed_checks(result) == []
    checked = {found.check_name for found in result.get_asset_check_evaluations()}
    assert {"contract", "untreated_products_show_nothing", "few_cells_refused"} <= checked
    events = result.asset_materializations_for_node("causal_impact")
    assert {str(event.partition) for event in events} == {
        f"{category}|{files.last_day}" for category in CATEGORIES
    }
    for event in events:
        metadata = {name: value.value for name, value in event.metadata.items()}
        assert metadata["add_to_cart"].startswith("![add_to_cart of ")
        assert "](data:image/png;base64," in metadata["add_to_cart"]
        assert metadata["dagster/column_schema"] == column_schema(CausalImpact)
        assert metadata["rows_in_run"] == 2 * 4 * 5
        verdicts = {
            (row.data["category"], row.data["metric"]): row.data["verdict"]
            for row in event.metadata["verdicts"].records
        }
        assert verdicts[LIFTED, "add_to_cart"] == "rise"
        assert len(verdicts) == 8
    warehouse = open_warehouse(settings)
    for table in (CausalImpact, ImpactControls, ImpactSeries, ImpactPlacebos):
        assert warehouse.read(table)["category"].unique().sort().to_list() == CATEGORIES

    snapshot = warehouse.snapshot_id()
    (event, *_) = run(settings, instance, monkeypatch).asset_materializations_for_node(
        "causal_impact"
    )
    assert event.metadata["unchanged_partitions"].value == 2
    assert "snapshot_id" not in event.metadata
    assert warehouse.snapshot_id() == snapshot


def test_chance_may_set_off_some_placebos() -> None:
    assert tolerated(0.05, 1) == pytest.approx(0.05 + 3 * 0.2179, abs=1e-3)
    assert tolerated(0.05, 400) == pytest.approx(0.0827, abs=1e-4)
    assert tolerated(0.4, 1) == 1.0


def test_false_alarms_beyond_chance_are_a_warning(
    filled: tuple[Settings, SampleEngagement],
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings, _ = filled
    run(settings, instance, monkeypatch)
    monkeypatch.setattr("imgassets.defs.impact.checks.STANDARD_ERRORS", -1.0)
    result = run(settings, instance, monkeypatch)
    assert {"untreated_products_show_nothing", "fake_dates_show_nothing"} <= set(
        failed_checks(result)
    )
    assert result.success


def test_every_week_all_categories_are_asked_for_in_one_run(
    filled: tuple[Settings, SampleEngagement],
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    settings, files = filled

    def tick(of: Settings, moment: dt.datetime = MONDAY) -> dg.RunRequest | dg.SkipReason:
        found = weekly_impact(
            dg.build_schedule_context(
                instance=instance,
                scheduled_execution_time=moment,
                resources={"settings": of, "warehouse": open_warehouse(of)},
            )
        )
        assert isinstance(found, dg.RunRequest | dg.SkipReason)
        return found

    assert isinstance(tick(Settings(home=tmp_path)), dg.SkipReason)
    assert isinstance(tick(settings), dg.SkipReason)  # no categories yet
    add_categories(instance, CATEGORIES)
    found = tick(settings)
    assert isinstance(found, dg.RunRequest)
    assert found.tags["dagster/asset_partition_range_start"] == f"{UNTOUCHED}|2026-02-15"
    assert found.tags["dagster/asset_partition_range_end"] == f"{LIFTED}|2026-02-15"
    late = tick(settings, MONDAY + dt.timedelta(days=70))
    assert isinstance(late, dg.RunRequest)
    assert late.tags["dagster/asset_partition_range_end"] == f"{LIFTED}|{files.last_day}"
    schedule = defs().resolve_schedule_def("weekly_impact")
    assert schedule.cron_schedule == "0 6 * * 1"
    job = defs().resolve_job_def(schedule.job_name)
    assert {key.path[-1] for key in job.asset_layer.executable_asset_keys} == set(IMPACT_ASSETS)
    # As a daemon runs it: the range is in the tags alone.
    monkeypatch.setenv("IMGASSETS_HOME", str(settings.home))
    result = job.execute_in_process(instance=instance, tags=found.tags)
    events = result.asset_materializations_for_node("causal_impact")
    assert {str(event.partition) for event in events} == {
        f"{category}|2026-02-15" for category in CATEGORIES
    }


def test_new_files_are_taken_in_once_and_reported(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    settings = Settings(
        home=tmp_path / "home",
        engagement=str(tmp_path / "in"),
        interventions=str(tmp_path / "live"),
    )
    for folder, name, text in (
        (
            "in",
            "1.csv",
            "product_id,category,day,orders\np,bags,2026-01-01,3\np,bags,2026-01-02,x\n",
        ),
        ("live", "1.csv", "product_id,category,intervention_date\np,hats,2026-01-01\n"),
    ):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text(text)
    warehouse = open_warehouse(settings)

    def tick(of: Settings = settings) -> dg.SensorResult | dg.SkipReason:
        found = new_engagement_files(
            dg.build_sensor_context(
                instance=instance, resources={"settings": of, "warehouse": warehouse}
            )
        )
        assert isinstance(found, dg.SensorResult | dg.SkipReason)
        return found

    assert isinstance(tick(Settings(home=tmp_path / "home")), dg.SkipReason)
    found = tick()
    assert isinstance(found, dg.SensorResult)
    events = {event.asset_key.path[-1]: event for event in found.asset_events}
    assert set(events) == {"engagement_daily", "interventions"}
    assert events["engagement_daily"].metadata["rows_refused"].value == 1
    (request,) = found.dynamic_partitions_requests or ()
    assert (request.partitions_def_name, request.partition_keys) == (
        CATEGORY.name,
        ["bags", "hats"],
    )
    read = (EngagementDaily, Interventions, Quarantine)
    assert [warehouse.read(table).height for table in read] == [1, 1, 1]
    again = tick()
    assert isinstance(again, dg.SkipReason)
    assert "2 files, none of them new" in str(again.skip_message)
