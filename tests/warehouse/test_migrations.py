"""Two releases of one warehouse, with old data in place: upgrades, and the way back."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import dataframely as dy
import polars as pl
import pytest

from imgassets.warehouse.contract import Contract, Partitioned
from imgassets.warehouse.contracts import PartitionState
from imgassets.warehouse.forgetting import Erasure, drop_history, erase_rows, rows_ever
from imgassets.warehouse.history import AsOf
from imgassets.warehouse.lake import (
    Addition,
    CommitMessage,
    QueryError,
    Replacement,
    Warehouse,
    WarehouseError,
)
from imgassets.warehouse.migrating import migrate
from imgassets.warehouse.migrations import (
    ChangeRule,
    DropColumn,
    Migration,
    PurgeColumn,
    Release,
    RenameColumn,
)
from imgassets.warehouse.partitions import Partition
from imgassets.warehouse.schema_contracts import SchemaMigrations
from imgassets.warehouse.workspace import open_workspace

DAY = dt.date(2026, 1, 5)
TEE, BAG = Partition(DAY, "tee"), Partition(DAY, "bag")
MESSAGE = CommitMessage("photos")


class OldPhotos(Partitioned):
    """One photo, as release 1 describes it."""

    photo_id = dy.String(primary_key=True, description="Photo.")
    person = dy.String(description="Whose it is.")
    score = dy.Int32(min=0, max=100, description="Per cent.")
    camera = dy.String(description="What took it.")

    @classmethod
    def table_name(cls) -> str:
        return "photos"


class Photos(Partitioned):
    """One photo, as release 2 does: person is customer, camera is gone, score has a floor."""

    photo_id = dy.String(primary_key=True, description="Photo.")
    customer = dy.String(description="Whose it is.")
    score = dy.Int32(min=10, max=100, description="Per cent.")
    width = dy.Int32(nullable=True, description="Pixels.")


MIGRATION = Migration(
    1,
    "photos say customer",
    (
        RenameColumn("photos", "person", "customer"),
        DropColumn("photos", "camera"),
        ChangeRule("photos", "score >= 0", "score >= 10"),
    ),
)
OTHERS: tuple[type[Contract], ...] = (PartitionState, SchemaMigrations)
OLD = Release("1.0.0", (OldPhotos, *OTHERS), (), views=tuple)
NEW = Release("2.0.0", (Photos, *OTHERS), (MIGRATION,), views=tuple)
ROWS = [
    (DAY, "tee", "a", "ann", 5, "phone"),
    (DAY, "tee", "b", "bob", 50, "phone"),
    (DAY, "bag", "c", "ann", 70, "film"),
]

Opened = Callable[[Release], Warehouse]


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    """Open the warehouse as a release does; the old one has filled it."""

    def of(release: Release) -> Warehouse:
        return Warehouse(f"ducklake:sqlite:{tmp_path}/c.sqlite", f"{tmp_path}/data", release)

    names = OldPhotos.column_names()
    put(of(OLD), OldPhotos, pl.DataFrame(ROWS, schema=names, orient="row"))
    marks = [(*cell, stage, "f") for cell in (TEE, BAG) for stage in ("offers", "complete")]
    frame = pl.DataFrame(marks, schema=PartitionState.column_names(), orient="row")
    of(OLD).replace([Replacement(PartitionState, frame)], MESSAGE)
    return of


def put(warehouse: Warehouse, contract: type[Contract], frame: pl.DataFrame) -> int:
    return warehouse.replace([Addition(contract, frame)], MESSAGE)


def photo(**values: object) -> pl.DataFrame:
    common = {"day": [DAY], "category": ["tee"], "photo_id": ["n"], "score": [99]}
    return pl.DataFrame({**common, **{name: [value] for name, value in values.items()}})


def test_an_upgrade_keeps_every_row_and_asks_for_what_breaks_the_new_rule(opened: Opened) -> None:
    new = opened(NEW)
    told = r"schema 0, and imgassets 2\.0\.0 writes schema 1: run `imgassets migrate`"
    with pytest.raises(WarehouseError, match=told):
        put(new, Photos, photo(customer="eve", width=1))
    before = new.snapshot_id()
    tried = migrate(new, dry_run=True)
    assert new.snapshot_id() == before
    done = migrate(new)
    assert done == tried
    assert (done.before, done.after, done.stale) == (0, 1, (TEE,))
    assert [(found.rows, found.partitions) for found in done.broken] == [(1, (TEE,))]
    rows = new.read(Photos, columns=["photo_id", "customer", "score", "width"])
    assert rows.rows() == [("a", "ann", 5, None), ("b", "bob", 50, None), ("c", "ann", 70, None)]
    # The partition counts as not computed; the other one has nothing to do.
    marks = new.read(PartitionState, where="stage = 'complete'")
    assert marks["category"].to_list() == ["bag"]
    put(new, Photos, photo(customer="eve", width=1))
    applied = new.read(SchemaMigrations).select("number", "title", "release").rows()
    assert applied == [(1, "photos say customer", "2.0.0")]
    again = migrate(new)
    assert (again.before, again.after, again.steps) == (1, 1, ())


def test_the_way_back_brings_names_and_values_back(opened: Opened) -> None:
    old, new = opened(OLD), opened(NEW)
    migrate(new)
    put(new, Photos, photo(customer="eve", width=1))
    done = migrate(new, 0)
    assert (done.before, done.after, done.stale) == (1, 0, (TEE,))  # the new photo has no camera
    rows = old.read(OldPhotos).sort("category", "photo_id").drop("day").rows()
    wanted = [row[1:] for row in (*ROWS, (DAY, "tee", "n", "eve", 99, None))]
    assert rows == sorted(wanted, key=lambda row: row[:2])
    cell = frozenset([TEE])
    whole = old.read(OldPhotos, partitions=cell).with_columns(pl.col("camera").fill_null("?"))
    old.replace([Replacement(OldPhotos, whole, cell)], MESSAGE)
    migrate(new)
    assert new.read(Photos).height == 4


def test_an_older_release_does_not_write_and_says_why(opened: Opened) -> None:
    at_work = opened(OLD)
    put(at_work, OldPhotos, photo(photo_id="d", person="dan", camera="phone"))
    migrate(opened(NEW))
    told = r"schema 1, written by imgassets 2\.0\.0, .* imgassets 1\.0\.0, .* migrate --to 0"
    for warehouse in (at_work, opened(OLD)):
        with pytest.raises(WarehouseError, match=told):
            put(warehouse, OldPhotos, photo(person="eve", camera="phone"))
    with pytest.raises(WarehouseError, match=told), open_workspace(opened(OLD), "1GB"):
        pass
    with pytest.raises(WarehouseError, match=r"migrate it with imgassets 2\.0\.0"):
        migrate(opened(OLD))
    # What the migration has not touched is read on; what it has is told.
    assert at_work.read(PartitionState).height == 3
    assert at_work.read(OldPhotos, columns=["photo_id", "score"]).height == 4
    with pytest.raises(QueryError, match=told):
        at_work.read(OldPhotos)


def test_the_past_has_todays_names(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(AsOf._columns.__globals__["BY_NAME"], "photos", Photos)
    new = opened(NEW)
    before = new.snapshot_id()
    migrate(new)
    put(new, Photos, photo(customer="eve", width=1))
    then = AsOf(new, before).read(Photos)
    assert then.select("photo_id", "customer", "width").sort("photo_id").rows() == [
        ("a", "ann", None), ("b", "bob", None), ("c", "ann", None),
    ]  # fmt: skip
    assert AsOf(new).read(Photos).height == 4


def test_who_is_forgotten_after_a_renaming_is_found_in_old_files(opened: Opened) -> None:
    new = opened(NEW)
    migrate(new)
    put(new, Photos, photo(customer="eve", width=1))
    assert rows_ever(new, Photos, "customer = 'ann'", ["photo_id"]).rows() == [("a",), ("c",)]
    erasures = [Erasure(Photos, "customer = 'ann'")]
    erase_rows(new, erasures, [], MESSAGE)
    drop_history(new, erasures)
    assert new.read(Photos)["customer"].sort().to_list() == ["bob", "eve"]
    assert rows_ever(new, Photos, "true", ["customer"])["customer"].to_list() == ["bob", "eve"]
    kept = b"".join(file.read_bytes() for file in Path(new.data_path).rglob("*.parquet"))
    assert b"bob" in kept
    assert b"ann" not in kept


def test_a_step_that_fails_changes_nothing(opened: Opened) -> None:
    wrong = Migration(1, "wrong", (*MIGRATION.steps, RenameColumn("photos", "person", "again")))
    new = opened(Release("2.0.0", NEW.contracts, (wrong,), views=tuple))
    before = new.snapshot_id()
    with pytest.raises(WarehouseError, match=r"Nothing was changed: cannot rename column photos"):
        migrate(new)
    assert new.snapshot_id() == before
    assert opened(OLD).read(OldPhotos).height == 3


def test_a_new_warehouse_needs_no_migration(tmp_path: Path) -> None:
    new = Warehouse(f"ducklake:sqlite:{tmp_path}/n.sqlite", f"{tmp_path}/n", NEW)
    put(new, Photos, photo(customer="eve", width=1))
    assert new.read(SchemaMigrations)["number"].to_list() == [1]
    assert migrate(new).steps == ()
    with pytest.raises(WarehouseError, match="knows the schemas 0 to 1, not 2"):
        migrate(new, 2)


def test_values_can_be_mended_and_dropped_ones_given_up(opened: Opened) -> None:
    purge = Migration(2, "no cameras", (
        PurgeColumn("photos", "camera", "VARCHAR"),
        ChangeRule("photos", "score >= 10", "score <= 1", {"score": "0"}, {"score": "99"}),
    ))  # fmt: skip
    newest = Release("3.0.0", NEW.contracts, (MIGRATION, purge), views=tuple)
    done = migrate(opened(newest))
    assert [found.partitions for found in done.broken] == [(TEE,)]
    assert opened(newest).sql("SELECT DISTINCT score FROM photos").rows() == [(0,)]
    back = migrate(opened(newest), 0)
    assert back.stale == (BAG, TEE)  # their cameras are not known any more
    assert opened(OLD).sql("SELECT DISTINCT score, camera FROM photos").rows() == [(99, None)]
