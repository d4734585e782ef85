"""The code location: it loads lightly, its automation asks for the right partitions."""

import datetime as dt
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import polars as pl
import pytest

from imgassets.cli.common import open_warehouse
from imgassets.definitions import defs
from imgassets.defs.feeds.sensors import feed_sensor
from imgassets.defs.jobs import MAIN_ASSETS, close_previous_day
from imgassets.defs.lineage import column_schema
from imgassets.defs.partitions import (
    CATEGORY,
    ROUND,
    parse_key,
    parse_round,
    round_key,
    run_partitions,
    to_key,
)
from imgassets.defs.resources import build_resources, open_registry
from imgassets.defs.runner import RunFailed, add_categories, add_round, run_job, run_rectangle
from imgassets.moderation.flags import builtin_flags
from imgassets.operations.feeds import register_feeds
from imgassets.sample import SampleCatalog, write_sample_catalog
from imgassets.settings import Settings
from imgassets.warehouse.contracts import CONTRACTS, SupplierOffers
from imgassets.warehouse.partitions import Partition

DAY = dt.date(2026, 1, 5)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> SampleCatalog:
    return write_sample_catalog(tmp_path_factory.mktemp("sample"), styles=2)


@pytest.fixture
def settings(tmp_path: Path, sample: SampleCatalog) -> Settings:
    return Settings(home=tmp_path, feeds=str(sample.feeds), image_base=str(sample.folder))


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


def test_definitions_are_loadable_and_every_asset_is_described() -> None:
    definitions = defs()
    dg.Definitions.validate_loadable(definitions)
    graph = definitions.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.description, key
        assert node.group_name != "default", key
        assert node.owners, key
        assert node.kinds, key
        assert node.code_version, key
    assert {k.path[-1] for k in graph.materializable_asset_keys} == {
        *MAIN_ASSETS, "gallery", "image_type_model", "flag_model", "review_rounds",
        "type_questions", "pair_questions", "category_model", "vertical_type_model",
        "category_type_model", "type_accuracy", "image_matches", "analyst_views", "interventions",
        "causal_impact", "fetched_review_images", "review_signals", "review_image_ranks",
        "review_ranker", "ranking_report", "nima_aesthetic", "nima_technical", "product_search",
        "image_features", "image_embeddings", "image_attributes", "image_relevance",
        "search_index", "storage_maintenance",
    }  # fmt: skip
    assert {k.path[-1] for k in graph.external_asset_keys} == {
        "image_labels", "type_priorities", "flag_labels", "review_answers", "image_clicks",
        "engagement_daily", "review_images", "attribute_labels",
    }  # fmt: skip
    assert {"compliance_flags", "flag_assessments"} <= set(MAIN_ASSETS)


def test_flags_have_a_partition_each_and_so_have_rounds() -> None:
    graph = defs().resolve_asset_graph()
    flags = graph.get(dg.AssetKey("flag_model")).partitions_def
    assert flags is not None
    assert flags.get_partition_keys() == sorted(builtin_flags())
    assert graph.get(dg.AssetKey("review_rounds")).partitions_def == ROUND
    jobs = {job.name for job in defs().resolve_all_job_defs()}
    assert {"round_job", "flag_training_job", "training_job"} <= jobs


def test_what_decides_about_images_comes_after_its_models_and_before_the_sets() -> None:
    graph = defs().resolve_asset_graph()

    def parents(name: str) -> set[str]:
        return {key.path[-1] for key in graph.get(dg.AssetKey(name)).parent_keys}

    assert {"flag_model", "image_signals", "aggregated_images"} <= parents("compliance_flags")
    assert "flag_model" in parents("quality_scores")
    assert "compliance_flags" in parents("image_types")
    assert "compliance_flags" in parents("ordered_image_sets")
    assert parents("review_answers") == {"review_rounds"}
    assert {"flag_labels", "image_signals"} <= parents("review_rounds") & parents("flag_model")


def test_rounds_are_spelled_flag_and_number() -> None:
    assert round_key("hateful_symbol", 7) == "hateful_symbol-007"
    for flag, number in (("weapon", 1), ("hateful_symbol", 12), ("adult", 1234)):
        assert parse_round(round_key(flag, number)) == (flag, number)


@pytest.mark.parametrize(
    "key", ["", "weapon", "weapon-", "-001", "weapon-one", "weapon-²", "weapon-1", "weapon-0x1"]
)
def test_a_round_added_by_hand_that_is_none_fails_with_the_spelling(key: str) -> None:
    with pytest.raises(dg.Failure, match=r"is no round: use <flag>-<number>, e\.g\. weapon-001"):
        parse_round(key)


def test_a_hand_made_round_fails_its_run_in_one_line(
    settings: Settings, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMGASSETS_HOME", str(settings.home))
    add_round(instance, "weapon one")
    with pytest.raises(RunFailed, match="partition 'weapon one' is no round"):
        run_job(defs(), instance, "round_job", verbose=False, partition_key="weapon one")


def test_checks_cover_what_compliance_writes() -> None:
    names = {
        (key.asset_key.path[-1], key.name)
        for key in defs().resolve_asset_graph().asset_check_keys
    }  # fmt: skip
    assert {
        ("compliance_flags", "contract"),
        ("compliance_flags", "no_orphan_images"),
        ("flag_assessments", "contract"),
    } <= names


def test_the_gpu_step_is_tagged_for_pools_and_kubernetes() -> None:
    (signals,) = (
        a for a in defs().assets or [] if isinstance(a, dg.AssetsDefinition)
        and dg.AssetKey("image_signals") in a.keys
    )  # fmt: skip
    assert isinstance(signals.node_def, dg.GraphDefinition)
    steps = {node.name: node.definition for node in signals.node_def.nodes}
    assert set(steps) == {"plan_image_signals", "infer_image_signals", "write_image_signals"}
    assert [name for name, step in steps.items() if step.pools] == ["infer_image_signals"]
    assert steps["infer_image_signals"].pools == {"gpu"}
    assert "nvidia.com/gpu" in str(steps["infer_image_signals"].tags)


def test_loading_the_code_location_imports_no_heavy_library() -> None:
    script = (
        "import sys, imgassets.definitions; "
        "heavy = ('torch', 'transformers', 'mlflow', 'sklearn', 'ray', 'numba', 'lightgbm'); "
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda c: c.table_name())
def test_a_contract_becomes_dagsters_column_schema(contract: type[SupplierOffers]) -> None:
    schema = column_schema(contract)
    assert [column.name for column in schema.columns] == contract.column_names()
    assert all(column.description for column in schema.columns)


def test_partition_keys_are_spelled_category_and_day() -> None:
    partition = Partition(DAY, "t-shirt")
    assert str(to_key(partition)) == "t-shirt|2026-01-05"
    assert parse_key("t-shirt|2026-01-05") == partition


def test_the_sensor_adds_categories_and_asks_for_each_partition_once(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    resources = build_resources(settings)
    context = dg.build_sensor_context(
        instance=instance,
        resources={name: resources[name] for name in ("settings", "warehouse", "registry")},
    )
    result = feed_sensor(context)
    assert isinstance(result, dg.SensorResult)
    (request,) = result.dynamic_partitions_requests or []
    assert {"tablet", "laptop", "t-shirt", "backpack"} <= set(request.partition_keys)
    asked = {str(run.partition_key) for run in result.run_requests or []}
    assert "tablet|2026-01-05" in asked
    again = feed_sensor(context)
    assert isinstance(again, dg.SensorResult)
    assert {run.run_key for run in again.run_requests or []} == {
        run.run_key for run in result.run_requests or []
    }


def test_the_sensor_without_a_folder_says_so(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    settings = Settings(home=tmp_path)
    resources = build_resources(settings)
    context = dg.build_sensor_context(
        instance=instance,
        resources={name: resources[name] for name in ("settings", "warehouse", "registry")},
    )
    result = feed_sensor(context)
    assert isinstance(result, dg.SkipReason)
    assert "IMGASSETS_FEEDS" in str(result.skip_message)


def test_the_schedule_asks_for_the_stale_partitions_of_the_day_before(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    warehouse = open_warehouse(settings)
    register_feeds(
        warehouse, settings, settings.feeds, settings.image_base, open_registry(settings)
    )
    context = dg.build_schedule_context(
        instance=instance,
        scheduled_execution_time=dt.datetime(2026, 1, 6, 2),
        resources={"settings": settings, "warehouse": warehouse},
    )
    requests = close_previous_day(context)
    assert isinstance(requests, list)
    keys = {str(request.partition_key) for request in requests}
    assert keys
    assert all(key.endswith("|2026-01-05") for key in keys)


def test_a_range_that_names_its_first_partition_alone_is_refused() -> None:
    tags = {
        "dagster/asset_partition_range_start": "tablet|2026-01-05",
        "dagster/asset_partition_range_end": "tablet|2026-01-06",
        "dagster/partition/day": "2026-01-05",
    }
    context = SimpleNamespace(run=SimpleNamespace(tags=tags))
    with pytest.raises(dg.Failure, match="launch the backfill from the asset graph"):
        run_partitions(context)  # type: ignore[arg-type]


@pytest.mark.slow
def test_one_run_of_two_partitions_writes_both_describes_each_and_passes_its_checks(
    settings: Settings, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMGASSETS_HOME", str(settings.home))
    warehouse = open_warehouse(settings)
    register_feeds(
        warehouse, settings, settings.feeds, settings.image_base, open_registry(settings)
    )
    add_categories(instance, ["tablet"])
    partitions = [Partition(DAY, "tablet"), Partition(DAY + dt.timedelta(days=1), "tablet")]
    result = run_rectangle(defs(), instance, partitions, MAIN_ASSETS)

    evaluations = result.get_asset_check_evaluations()
    assert len(evaluations) == 22
    assert [e.check_name for e in evaluations if not e.passed] == []

    events = result.asset_materializations_for_node("supplier_offers")
    assert {event.partition for event in events} == {str(to_key(p)) for p in partitions}
    counts = warehouse.read(SupplierOffers).group_by("day").len()
    for event in events:
        metadata = event.metadata
        day = parse_key(str(event.partition)).day
        expected = counts.filter(pl.col("day") == day)["len"].item()
        assert metadata["dagster/partition_row_count"].value == expected
        assert metadata["dagster/column_schema"].value == column_schema(SupplierOffers)
        assert int(str(metadata["snapshot_id"].value)) > 0
        assert metadata["dagster/table_name"].value == "lake.main.supplier_offers"
    changed = [
        event.metadata
        for event in result.asset_materializations_for_node("ordered_sets")
        if event.asset_key.path[-1] == "image_set_changes"
    ]
    strips = [str(m["before_and_after"].value) for m in changed if "before_and_after" in m]
    assert strips
    assert all("data:image/webp;base64," in strip and len(strip) < 100_000 for strip in strips)
    assert all(metadata["by_category"].value for metadata in changed)

    assert CATEGORY.name == "category"
