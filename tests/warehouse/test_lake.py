import datetime as dt
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import dataframely as dy
import duckdb
import polars as pl
import pytest
from filelock import FileLock

from imgassets.warehouse import locks
from imgassets.warehouse.contracts import (
    CONTRACTS,
    EngagementDaily,
    EngagementFiles,
    PartitionState,
    SupplierOffers,
)
from imgassets.warehouse.ddl import create_statements
from imgassets.warehouse.lake import (
    Addition,
    CommitMessage,
    QueryError,
    Replacement,
    Upsert,
    Warehouse,
    WarehouseError,
)
from imgassets.warehouse.partitions import Partition

DAY = dt.date(2026, 1, 5)
TABLET, LAPTOP = Partition(DAY, "tablet"), Partition(DAY, "laptop")


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    lake = Warehouse(f"ducklake:sqlite:{tmp_path}/catalog.sqlite", f"{tmp_path}/data")
    lake.initialise()
    return lake


def state(fingerprint: str, *partitions: Partition) -> pl.DataFrame:
    return pl.DataFrame(
        [(p.day, p.category, "offers", fingerprint) for p in partitions],
        schema=["day", "category", "stage", "fingerprint"],
        orient="row",
    )


def write(warehouse: Warehouse, fingerprint: str, *partitions: Partition) -> int:
    return warehouse.replace(
        [Replacement(PartitionState, state(fingerprint, *partitions), frozenset(partitions))],
        CommitMessage(asset="partition_state", run_id="run-1"),
    )


def test_every_contract_becomes_a_commented_partitioned_table(warehouse: Warehouse) -> None:
    tables = warehouse.sql(
        "SELECT table_name, comment FROM duckdb_tables() WHERE database_name='lake'"
    )
    comments = dict(tables.iter_rows())
    assert set(comments) == {c.table_name() for c in CONTRACTS}
    for contract in CONTRACTS:
        assert comments[contract.table_name()] == contract.comment()
        columns = warehouse.sql(
            "SELECT column_name, comment FROM duckdb_columns() "
            f"WHERE database_name='lake' AND table_name='{contract.table_name()}'"
        )
        assert dict(columns.iter_rows()) == contract.column_comments()
        assert all(contract.column_comments().values())
    assert "ALTER TABLE supplier_offers SET PARTITIONED BY (day, category)" in create_statements(
        SupplierOffers
    )
    by_month = "SET PARTITIONED BY (year(day), month(day), category)"
    assert f"ALTER TABLE engagement_daily {by_month}" in create_statements(EngagementDaily)
    assert not any("PARTITIONED" in line for line in create_statements(EngagementFiles))


def test_replace_touches_only_its_partitions(warehouse: Warehouse) -> None:
    write(warehouse, "a", TABLET, LAPTOP)
    write(warehouse, "b", TABLET)
    rows = warehouse.read(PartitionState, columns=["category", "fingerprint"])
    assert dict(rows.iter_rows()) == {"laptop": "a", "tablet": "b"}
    write(warehouse, "c", TABLET)
    assert warehouse.read(PartitionState, partitions=[TABLET])["fingerprint"].to_list() == ["c"]


def test_the_same_rows_written_twice_stay_the_same_rows(warehouse: Warehouse) -> None:
    write(warehouse, "a", TABLET, LAPTOP)
    before = warehouse.read(PartitionState)
    write(warehouse, "a", TABLET, LAPTOP)
    assert warehouse.read(PartitionState).equals(before)


def test_rows_outside_the_scope_are_refused_and_nothing_is_written(warehouse: Warehouse) -> None:
    write(warehouse, "a", TABLET)
    with pytest.raises(WarehouseError, match="1 rows for partition_state lie outside"):
        warehouse.replace(
            [Replacement(PartitionState, state("b", TABLET, LAPTOP), frozenset([TABLET]))],
            CommitMessage(asset="partition_state"),
        )
    assert warehouse.read(PartitionState)["fingerprint"].to_list() == ["a"]


def test_rows_that_break_the_contract_are_refused(warehouse: Warehouse) -> None:
    twice = pl.concat([state("a", TABLET), state("b", TABLET)])
    with pytest.raises(dy.exc.ValidationError, match="primary_key"):
        warehouse.replace(
            [Replacement(PartitionState, twice, frozenset([TABLET]))],
            CommitMessage(asset="partition_state"),
        )
    assert warehouse.read(PartitionState).is_empty()


def test_rows_are_added_once(warehouse: Warehouse) -> None:
    message = CommitMessage(asset="partition_state")
    warehouse.replace([Addition(PartitionState, state("a", TABLET))], message)
    warehouse.replace([Addition(PartitionState, state("b", TABLET, LAPTOP))], message)
    rows = warehouse.read(PartitionState, columns=["category", "fingerprint"])
    assert dict(rows.iter_rows()) == {"laptop": "b", "tablet": "a"}


def test_an_upsert_leaves_rows_of_other_keys(warehouse: Warehouse) -> None:
    write(warehouse, "old", TABLET)
    message = CommitMessage(asset="test")
    for fingerprint, partition in (("new", TABLET), ("first", LAPTOP)):
        warehouse.replace([Upsert(PartitionState, state(fingerprint, partition))], message)
    rows = warehouse.read(PartitionState, columns=["category", "fingerprint"])
    assert dict(rows.iter_rows()) == {"laptop": "first", "tablet": "new"}
    other = state("of", TABLET).with_columns(stage=pl.lit("complete"))
    warehouse.replace([Upsert(PartitionState, other)], message)
    assert warehouse.read(PartitionState).height == 3


def test_a_table_of_an_older_release_gets_its_new_columns(warehouse: Warehouse) -> None:
    write(warehouse, "a", TABLET)
    with warehouse.connect(read_only=False) as connection:
        connection.execute("ALTER TABLE partition_state DROP COLUMN fingerprint")
    later = Warehouse(warehouse.catalog, warehouse.data_path)
    write(later, "b", LAPTOP)
    rows = later.sql("SELECT category, fingerprint FROM partition_state ORDER BY ALL")
    assert rows.rows() == [("laptop", "b"), ("tablet", None)]


def test_two_tables_change_in_one_snapshot_or_not_at_all(warehouse: Warehouse) -> None:
    first = warehouse.snapshot_id()
    snapshot = warehouse.replace(
        [
            Replacement(PartitionState, state("a", TABLET), frozenset([TABLET])),
            Replacement(SupplierOffers, SupplierOffers.create_empty(), frozenset([TABLET])),
        ],
        CommitMessage(asset="supplier_offers"),
    )
    assert snapshot == first + 1


def test_the_commit_says_who_wrote_it(warehouse: Warehouse) -> None:
    snapshot = write(warehouse, "a", TABLET)
    commit = warehouse.sql(f"FROM lake.snapshots() WHERE snapshot_id = {snapshot}").row(
        0, named=True
    )
    assert commit["author"] == "imgassets"
    assert commit["commit_message"] == "write partition_state"
    assert json.loads(commit["commit_extra_info"])["run_id"] == "run-1"


def test_readers_cannot_write(warehouse: Warehouse) -> None:
    with pytest.raises(QueryError):
        warehouse.sql("DELETE FROM partition_state")


def test_a_plain_duckdb_client_attaches_with_the_printed_line(warehouse: Warehouse) -> None:
    write(warehouse, "a", TABLET)
    script = (
        "import duckdb, sys\n"
        "from imgassets.warehouse.connection import load_extension\n"
        "con = duckdb.connect()\n"
        "[load_extension(con, e) for e in ('ducklake', 'sqlite_scanner')]\n"
        f"con.execute({warehouse.attach_statement()!r})\n"
        "print(con.execute('SELECT fingerprint FROM lake.partition_state').fetchone()[0])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "a"


def test_what_another_process_commits_is_seen_at_once(warehouse: Warehouse) -> None:
    write(warehouse, "mine", TABLET)
    assert warehouse.read(PartitionState).height == 1
    theirs = (
        "from tests.warehouse.test_lake import *\n"
        f"write(Warehouse({warehouse.catalog!r}, {warehouse.data_path!r}), 'theirs', LAPTOP)"
    )
    subprocess.run([sys.executable, "-c", theirs], check=True, cwd=Path(__file__).parents[2])
    assert set(warehouse.read(PartitionState)["fingerprint"]) == {"mine", "theirs"}


def test_a_warehouse_made_anew_in_the_same_place_is_another_one(warehouse: Warehouse) -> None:
    write(warehouse, "old", TABLET)
    assert warehouse.read(PartitionState).height == 1
    for file in Path(warehouse.data_path).parent.glob("catalog.sqlite*"):
        file.unlink()
    again = Warehouse(warehouse.catalog, warehouse.data_path)
    again.initialise()
    assert again.read(PartitionState).is_empty()
    write(again, "new", LAPTOP)
    assert again.read(PartitionState)["fingerprint"].to_list() == ["new"]


def test_an_absent_warehouse_is_a_clear_error(tmp_path: Path) -> None:
    lake = Warehouse(f"ducklake:sqlite:{tmp_path}/none.sqlite", f"{tmp_path}/data")
    with pytest.raises(WarehouseError, match="run `imgassets ingest` first"):
        lake.read(PartitionState)
    with pytest.raises(WarehouseError, match="IMGASSETS_WAREHOUSE"):
        Warehouse("postgres://somewhere", "data")


_WRITER = """
import sys, datetime as dt
import polars as pl
from imgassets.warehouse.contracts import PartitionState
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from imgassets.warehouse.partitions import Partition

folder, category, times = sys.argv[1], sys.argv[2], int(sys.argv[3])
lake = Warehouse(f"ducklake:sqlite:{folder}/catalog.sqlite", f"{folder}/data")
days = [dt.date(2026, 1, d) for d in range(1, 21)]
for n in range(times):
    rows = pl.DataFrame({
        "day": days, "category": [category] * 20, "stage": ["offers"] * 20,
        "fingerprint": [str(n)] * 20,
    })
    scope = frozenset(Partition(d, category) for d in days)
    lake.replace([Replacement(PartitionState, rows, scope)], CommitMessage(asset=category))
    print(n, flush=True)
"""


def writer(folder: Path, category: str, times: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(folder), category, str(times)],
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_processes_write_side_by_side(warehouse: Warehouse, tmp_path: Path) -> None:
    writers = [writer(tmp_path, f"c{n}", 5) for n in range(4)]
    assert [w.wait(timeout=120) for w in writers] == [0] * 4
    rows = warehouse.read(PartitionState)
    assert rows.height == 80
    assert set(rows["fingerprint"]) == {"4"}


def test_a_lock_that_is_never_let_go_is_a_clear_error(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert warehouse.sqlite_file is not None
    monkeypatch.setattr(locks, "_SECONDS", 0.2)
    with (
        FileLock(f"{warehouse.sqlite_file}.lock"),
        pytest.raises(WarehouseError, match=r"Nothing was written.*sqlite\.lock"),
    ):
        warehouse.replace([], CommitMessage("test"))


@pytest.mark.slow
@pytest.mark.soak
def test_a_killed_writer_leaves_whole_partitions(warehouse: Warehouse, tmp_path: Path) -> None:
    for pause in (0.05, 0.15, 0.3, 0.45):
        process = writer(tmp_path, "killed", 1000)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(pause)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        rows = warehouse.read(PartitionState)
        assert rows.height == 20
        assert rows["fingerprint"].n_unique() == 1
    write(warehouse, "after", TABLET)


def test_lists_and_floats_come_back_as_written(warehouse: Warehouse) -> None:
    with warehouse.connect(read_only=False) as connection:
        assert isinstance(connection, duckdb.DuckDBPyConnection)
    assert warehouse.read(SupplierOffers).schema == SupplierOffers.create_empty().schema
