"""Ranks of review photos in Dagster: assets, checks, the schedule; nothing names a review."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import dagster as dg
import polars as pl
import pytest

from imgassets.defs.partitions import CATEGORY, to_key
from imgassets.defs.reviews.ranks import (
    rank_previous_day,
    ranking_report,
    review_image_ranks,
    review_rank_checks,
)
from imgassets.operations.models import open_registry
from imgassets.operations.review_ranks import forget_marks
from imgassets.settings import Settings
from imgassets.warehouse.contracts import RankingEvaluations, ReviewImageRanks
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from imgassets.warehouse.partitions import Partition
from tests.review_rows import Told, signals

DAY = dt.date(2026, 1, 5)
PARTITION = Partition(DAY, "tablet")
SECRET = "secret-review-7"


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        made.add_dynamic_partitions(CATEGORY.name or "", ["tablet"])
        yield made


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    settings.ranking.votes_note = "votes are simulated"
    made = Told(Warehouse(settings.warehouse, settings.warehouse_data), settings)
    rows = [
        {
            "product_id": f"p{n % 4}",
            "review_id": SECRET if n == 7 else f"r{n}",
            "helpful_votes": 40 - n,
            "impressions": 200,
        }
        for n in range(16)
    ]
    rank = pl.int_range(pl.len())
    made.tell(DAY, rows, features=signals(20).with_columns(bright=(230 - 8 * rank)))
    return made


def run(told: Told, instance: dg.DagsterInstance, *assets: object) -> dg.ExecuteInProcessResult:
    partitioned = review_image_ranks in assets
    return dg.materialize(
        [*assets],
        instance=instance,
        partition_key=to_key(PARTITION) if partitioned else None,
        resources={
            "settings": told.settings, "warehouse": told.warehouse,
            "registry": open_registry(told.settings),
        },
    )  # fmt: skip


def test_ranks_and_the_report_tell_figures_and_no_review(
    told: Told, instance: dg.DagsterInstance
) -> None:
    result = run(told, instance, review_image_ranks, review_rank_checks)
    assert result.success
    (event,) = result.asset_materializations_for_node("review_image_ranks")
    metadata = {name: value.value for name, value in event.metadata.items()}
    assert metadata["by_status"] == "ranked 16"
    assert metadata["model_version"] == "limits-1"
    assert "dark" in metadata["by_weakness"]
    checks = {check.check_name: check.passed for check in result.get_asset_check_evaluations()}
    assert checks == {"ranks_without_gaps": True, "every_photo_accounted_for": True}

    again = run(told, instance, review_image_ranks)
    (event,) = again.asset_materializations_for_node("review_image_ranks")
    assert event.metadata["unchanged_partitions"].value == 1

    report = run(told, instance, ranking_report)
    (event,) = report.asset_materializations_for_node("ranking_report")
    figures = str(event.metadata["figures"].value)
    assert "| ranker | pearson | 16 |" in figures
    assert "votes are simulated" in figures
    assert "](data:image/png;base64," in str(event.metadata["plot"].value)
    rows = told.warehouse.read(RankingEvaluations)
    assert set(rows["note"]) == {"votes are simulated"}
    for ran in (result, report):
        for entry in instance.all_logs(ran.run_id):
            assert SECRET not in repr(entry)


def test_a_gap_or_a_lost_photo_is_found(told: Told, instance: dg.DagsterInstance) -> None:
    forget_marks(told.warehouse, [PARTITION])
    run(told, instance, review_image_ranks)
    rows = told.warehouse.read(ReviewImageRanks).filter(pl.col("rank") > 1)
    broken = Replacement(ReviewImageRanks, rows, frozenset({PARTITION}))
    told.warehouse.replace([broken], CommitMessage(asset="test"))
    context = dg.build_asset_check_context(resources={"warehouse": told.warehouse})
    found = {check.check_name: check for check in review_rank_checks(context)}
    assert not found["ranks_without_gaps"].passed
    assert not found["every_photo_accounted_for"].passed
    assert found["every_photo_accounted_for"].metadata["photos"].value == 4


def test_the_previous_days_stale_partitions_are_asked_for(
    told: Told, instance: dg.DagsterInstance
) -> None:
    def tick(day: int) -> list[dg.RunRequest] | dg.SkipReason:
        context = dg.build_schedule_context(
            instance=instance,
            scheduled_execution_time=dt.datetime(2026, 1, day, 3, tzinfo=dt.UTC),
            resources={"settings": told.settings, "warehouse": told.warehouse},
        )
        found = rank_previous_day(context)
        assert isinstance(found, list | dg.SkipReason)
        return found

    forget_marks(told.warehouse, [PARTITION])
    (asked,) = tick(6)
    assert asked.partition_key == to_key(PARTITION)
    assert isinstance(tick(7), dg.SkipReason)
    run(told, instance, review_image_ranks)
    assert isinstance(tick(6), dg.SkipReason)
