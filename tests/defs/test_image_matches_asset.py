"""The asset of the whole catalog, in a real Dagster run, and the command that runs it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from imgassets.definitions import defs
from imgassets.defs.resources import open_warehouse
from imgassets.defs.runner import run_job
from imgassets.settings import Settings
from imgassets.vision.backbones import signals_version
from imgassets.warehouse.contracts import (
    AggregatedImages,
    ImageMatches,
    ImageSetChanges,
    ImageSignals,
)
from imgassets.warehouse.lake import CommitMessage, Replacement
from tests.command import run_command
from tests.marketplaces.conftest import aggregated_rows, signal_rows
from tests.set_rows import change_rows

NO_PIXELS = {"IMGASSETS_DEDUP__CATALOG_PAIRS": "0"}
"""The images are but names."""

DAYS = [dt.date(2026, 1, day) for day in (5, 6)]
HASH, NEAR, OTHER = "0f1e2d3c4b5a6978", "0f1e2d3c4b5a6979", "96a5b4c3d2e1f00f"
A, B, C, D = (letter * 64 for letter in "abcd")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two products share the bytes of A; B looks like it and is in a third; C is of its own."""
    home = tmp_path_factory.mktemp("home")
    settings = Settings(home=home)
    warehouse = open_warehouse(settings)
    version = {"signals_version": signals_version(settings.vision)}
    images = [
        (DAYS[0], "sofas", "p1", A, HASH),
        (DAYS[1], "lamps", "p2", A, HASH),
        (DAYS[1], "sofas", "p3", B, NEAR),
        (DAYS[0], "sofas", "p1", C, OTHER),
    ]
    rows = [
        {"day": day, "category": category, "product_id": product, "image_id": image, **version,
         **dict.fromkeys(["phash", "dhash", "object_phash", "edge_dhash"], hashed)}
        for day, category, product, image, hashed in images
    ]  # fmt: skip
    old = rows[0] | {"image_id": D, "signals_version": "older"}
    changes = change_rows(key for *key, image, _ in images if image != C)
    warehouse.replace(
        [
            Replacement(ImageSignals, signal_rows(*rows, old)),
            Replacement(AggregatedImages, aggregated_rows(*rows)),
            Replacement(ImageSetChanges, changes),
        ],
        CommitMessage(asset="test"),
    )
    return home


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


def test_the_job_computes_the_matches_of_all_partitions_and_tells(
    home: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMGASSETS_HOME", str(home))
    for name, value in NO_PIXELS.items():
        monkeypatch.setenv(name, value)
    result = run_job(defs(), instance, "match_job", verbose=False)
    warehouse = open_warehouse(Settings(home=home))
    (row,) = warehouse.read(ImageMatches).rows(named=True)
    assert (row["left_image_id"], row["right_image_id"]) == (A, B)
    assert (row["phash_distance"], row["edge_dhash_distance"], row["hsv_distance"]) == (1, 1, 0.0)
    (event,) = result.asset_materializations_for_node("image_matches")
    told = {name: value.value for name, value in event.metadata.items()}
    assert told["dagster/row_count"] == 1
    assert (told["images"], told["images_with_a_match"]) == (3, 2)
    assert (told["featureless_images_left_out"], told["crowded_bands"]) == (0, 0)
    assert (told["exact_groups"], told["near_groups"]) == (1, 1)
    assert told["snapshot_id"] == warehouse.snapshot_id()
    table = str(told["largest_groups"]).splitlines()
    assert table[2] == f"| `{A[:12]}…` | 3 | 2 | lamps, sofas |"
    assert len(table) == 4


def test_the_command_counts_images_in_several_products(home: Path) -> None:
    done = run_command("matches", environment={"IMGASSETS_HOME": str(home), **NO_PIXELS})
    assert done.returncode == 0, done.stderr
    assert "3 images compared: 1 pairs look the same" in done.stdout
    assert "2 images are in several products: 1 byte for byte, 1 more by their looks" in done.stdout
    assert A[:12] in done.stdout


def test_the_command_before_any_image_says_so(tmp_path: Path) -> None:
    done = run_command("matches", environment={"IMGASSETS_HOME": str(tmp_path), **NO_PIXELS})
    assert done.returncode == 0, done.stderr
    assert "0 images compared" in done.stdout


def test_it_is_computed_every_day_and_depends_on_all_partitions() -> None:
    definitions = defs()
    graph = definitions.resolve_asset_graph()
    node = graph.get(dg.AssetKey("image_matches"))
    assert {key.path[-1] for key in node.parent_keys} == {"image_signals", "image_set_changes"}
    assert node.partitions_def is None
    assert node.group_name == "catalog"
    schedule = definitions.resolve_schedule_def("match_images_of_all_products")
    assert (schedule.cron_schedule, schedule.job_name) == ("0 5 * * *", "match_job")
