"""Maintenance with the catalog in PostgreSQL and everything else in an object store."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from imgassets.ingest.store import ImageStore
from imgassets.operations.doctor import examine
from imgassets.operations.maintenance import maintain, plan_maintenance
from imgassets.settings import Settings
from imgassets.warehouse.contracts import AttributeLabels, OrderedImageSets
from imgassets.warehouse.history import AsOf
from imgassets.warehouse.lake import Addition, CommitMessage, Replacement, Warehouse
from imgassets.warehouse.partitions import Partition
from imgassets.warehouse.sizes import vacuum_advice
from tests.command import run_command
from tests.servers import postgres, s3
from tests.set_rows import DAY, chosen_rows

pytestmark = pytest.mark.soak

HOURS = dt.timedelta(hours=1)


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    with postgres(tmp_path / "pg") as dsn, s3("bucket") as found, pytest.MonkeyPatch.context() as m:
        variables = {
            **found,
            "IMGASSETS_HOME": str(tmp_path / "home"),
            "IMGASSETS_WAREHOUSE": f"ducklake:postgres:{dsn}",
            "IMGASSETS_WAREHOUSE_DATA": "s3://bucket/warehouse/",
            "IMGASSETS_IMAGE_STORE": "s3://bucket/images",
            "IMGASSETS_SIGNAL_SHARDS": "s3://bucket/signals",
            "IMGASSETS_LANDING": "s3://bucket/feeds",
        }
        for name, value in variables.items():
            m.setenv(name, value)
        yield variables


def test_what_nothing_refers_to_goes_and_the_rest_is_as_before(
    environment: dict[str, str],
) -> None:
    settings = Settings()
    lake = Warehouse(settings.warehouse, settings.warehouse_data)
    store = ImageStore(settings.image_store)
    named, stray = store.put(b"named"), store.put(b"stray")
    rows = chosen_rows([(DAY, "tees", "p", 1, named, "front")])
    cell = frozenset([Partition(DAY, "tees")])
    lake.replace([Replacement(OrderedImageSets, rows, cell)], CommitMessage("sets"))
    labels = pl.DataFrame({"attribute": ["colour"], "value": ["red"], "source": ["f"]})
    snapshots = [
        lake.replace(
            [Addition(AttributeLabels, labels.with_columns(product_id=pl.lit(product)))],
            CommitMessage("labels"),
        )
        for product in "abc"
    ]
    before = [AsOf(lake, s).read(AttributeLabels) for s in snapshots]

    assert plan_maintenance(lake, store, settings).images.files == 0
    tomorrow = dt.datetime.now(dt.UTC) + 25 * HOURS
    assert plan_maintenance(lake, store, settings, tomorrow).images.files == 1
    (listed,) = (file for file in store.files() if file.name == stray)
    done = maintain(lake, store, settings, now=dt.datetime.now(dt.UTC))
    assert (done.images.files, done.merged["attribute_labels"]) == (0, 3)
    assert done.waiting_files == 3
    done = maintain(lake, store, settings, now=tomorrow)
    assert (done.images.files, done.old_files >= 3) == (1, True)
    assert (store.exists(named), store.exists(stray)) == (True, False)
    assert not store.discard(listed)
    after = [AsOf(lake, s).read(AttributeLabels) for s in snapshots]
    assert all(a.equals(b) for a, b in zip(before, after, strict=True))
    assert {f.status for f in examine(settings, lake)} <= {"ok", "warn"}

    command = run_command("doctor", "--format", "json", environment=environment)
    found = [json.loads(line) for line in command.stdout.splitlines()]
    assert command.returncode == 0, found
    assert run_command("maintain", "--apply", environment=environment).returncode == 0


def test_tables_of_the_catalog_with_dead_rows_are_named_with_the_statement(
    environment: dict[str, str],
) -> None:
    settings = Settings()
    lake = Warehouse(settings.warehouse, settings.warehouse_data)
    lake.initialise()
    assert vacuum_advice(lake) == []
    with lake.connect(read_only=False) as connection:
        for statement in (
            "ALTER TABLE ducklake_column SET (autovacuum_enabled = false)",
            *["UPDATE ducklake_column SET column_order = column_order"] * 5,
            "SELECT pg_stat_force_next_flush()",
        ):
            connection.execute("CALL postgres_execute('__ducklake_metadata_lake', ?)", [statement])
    advice = "\n".join(vacuum_advice(lake))
    assert "VACUUM (ANALYZE) public.ducklake_column;  -- " in advice
