import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from imgassets.warehouse.contracts import ImageSetChanges, PartitionState
from imgassets.warehouse.history import (
    AsOf,
    BeforeHistory,
    latest_snapshot,
    snapshot_at,
    writes,
)
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from imgassets.warehouse.partitions import Partition

DAY = dt.date(2026, 1, 5)
NEXT_DAY = dt.date(2026, 1, 6)


def write(warehouse: Warehouse, day: dt.date, category: str, run: str, *products: str) -> int:
    row = {"day": day, "category": category, "status": "changed", "hero_changed": True}
    lists = {name: [] for name in ("before", "added", "removed", "moved")}
    rows = pl.DataFrame(
        [{**row, **lists, "product_id": product, "after": [run]} for product in products],
        schema=ImageSetChanges.create_empty().schema,
    )
    cell = frozenset([Partition(day, category)])
    return warehouse.replace(
        [Replacement(ImageSetChanges, rows, cell)], CommitMessage("image_set_changes", run)
    )


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    folder: Path = tmp_path_factory.mktemp("lake")
    lake = Warehouse(f"ducklake:sqlite:{folder}/catalog.sqlite", f"{folder}/data")
    write(lake, DAY, "tees", "run-1", "a", "b")
    write(lake, DAY, "bags", "run-2", "c")
    write(lake, DAY, "tees", "run-3", "a")
    write(lake, NEXT_DAY, "tees", "run-4", "a")
    return lake


def sets(source: AsOf) -> list[tuple[dt.date, str, str]]:
    found = source.sql("SELECT day, product_id, after[1] FROM image_set_changes ORDER BY ALL")
    return found.rows()


def test_writes_name_their_runs_and_touch_categories(warehouse: Warehouse) -> None:
    assert [s.run_id for s in writes(warehouse, ImageSetChanges)] == [
        "run-4", "run-3", "run-2", "run-1"
    ]  # fmt: skip
    of_tees = writes(warehouse, ImageSetChanges, "tees")
    assert [s.run_id for s in of_tees] == ["run-4", "run-3", "run-1"]
    assert {s.asset for s in of_tees} == {"image_set_changes"}
    assert writes(warehouse, ImageSetChanges, "it's") == []
    assert writes(warehouse, PartitionState) == []


def test_rows_are_read_as_they_were(warehouse: Warehouse) -> None:
    _, second, _, first = writes(warehouse, ImageSetChanges)
    assert sets(AsOf(warehouse, first.snapshot_id)) == [(DAY, "a", "run-1"), (DAY, "b", "run-1")]
    then = AsOf(warehouse, second.snapshot_id)
    assert sets(then) == [(DAY, "a", "run-3"), (DAY, "c", "run-2")]
    assert len(sets(AsOf(warehouse))) == 3
    assert then.read(ImageSetChanges, "category = 'bags'")["product_id"].to_list() == ["c"]


def test_rows_are_narrowed(warehouse: Warehouse) -> None:
    now = AsOf(warehouse, category="tees")
    assert {row[0] for row in sets(now)} == {DAY, NEXT_DAY}
    assert sets(now.until(DAY)) == [(DAY, "a", "run-3")]
    assert sets(now.until(NEXT_DAY, only=True)) == [(NEXT_DAY, "a", "run-4")]
    assert len(sets(now)) == 2
    assert sets(AsOf(warehouse, product_ids=["c", "it's"])) == [(DAY, "c", "run-2")]
    assert sets(AsOf(warehouse, product_ids=[])) == []
    assert len(sets(AsOf(warehouse, until=DAY))) == 2


def test_views_read_the_tables_of_then(warehouse: Warehouse) -> None:
    old = writes(warehouse, ImageSetChanges)[1].snapshot_id
    query = "SELECT day FROM latest_partitions WHERE product_id = 'a'"
    assert AsOf(warehouse, old).sql(query)["day"].to_list() == [DAY]
    assert AsOf(warehouse).sql(query)["day"].to_list() == [NEXT_DAY]


def test_what_was_not_there_yet_is_empty_or_null(tmp_path: Path) -> None:
    lake = Warehouse(f"ducklake:sqlite:{tmp_path}/catalog.sqlite", f"{tmp_path}/data")
    lake.initialise()
    with lake.connect(read_only=False) as connection:
        connection.execute("DROP TABLE partition_state")
        connection.execute("ALTER TABLE image_set_changes DROP COLUMN hero_changed")
        connection.execute(
            "INSERT INTO image_set_changes (day, category, product_id, status, before, after, "
            "added, removed, moved) VALUES (DATE '2026-01-05', 'tees', 'a', 'changed', [], [], "
            "[], [], [])"
        )
    old = latest_snapshot(lake).snapshot_id
    Warehouse(lake.catalog, lake.data_path).initialise()
    then = AsOf(lake, old)
    assert then.read(PartitionState).is_empty()
    assert then.read(ImageSetChanges)["hero_changed"].to_list() == [None]
    assert AsOf(lake, 0).read(ImageSetChanges).is_empty()


def test_a_moment_is_that_of_the_last_commit_before_it(warehouse: Warehouse) -> None:
    newest, older, *_ = writes(warehouse, ImageSetChanges)
    assert snapshot_at(warehouse, newest.time) == newest == latest_snapshot(warehouse)
    just_before = newest.time - dt.timedelta(microseconds=1)
    assert snapshot_at(warehouse, just_before) == older
    elsewhere = just_before.astimezone(dt.timezone(dt.timedelta(hours=9)))
    assert snapshot_at(warehouse, elsewhere) == older
    assert snapshot_at(warehouse, just_before.replace(tzinfo=None)) == older
    with pytest.raises(BeforeHistory, match="oldest snapshot is of 20"):
        snapshot_at(warehouse, dt.datetime(2020, 1, 1))
