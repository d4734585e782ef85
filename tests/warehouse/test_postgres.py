"""The same warehouse with its catalog in a real PostgreSQL, started for the test."""

import datetime as dt
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pytest

from imgassets.warehouse.contracts import AttributeLabels, Contract, PartitionState
from imgassets.warehouse.history import AsOf, snapshot_at, writes
from imgassets.warehouse.lake import Addition, CommitMessage, Replacement, Warehouse
from imgassets.warehouse.partitions import Partition
from tests.servers import postgres

_WRITER = """
import sys, datetime as dt
import polars as pl
from imgassets.warehouse.contracts import PartitionState
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from imgassets.warehouse.partitions import Partition

catalog, data, category = sys.argv[1:]
lake = Warehouse(catalog, data)
day = dt.date(2026, 1, 5)
for n in range(4):
    rows = pl.DataFrame({
        "day": [day], "category": [category], "stage": ["offers"], "fingerprint": [str(n)],
    })
    scope = frozenset([Partition(day, category)])
    lake.replace([Replacement(PartitionState, rows, scope)], CommitMessage(asset=category))
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    folder = tmp_path_factory.mktemp("server")
    with postgres(folder / "pg") as dsn:
        yield Warehouse(f"ducklake:postgres:{dsn}", str(folder / "data"))


@pytest.mark.soak
def test_processes_write_side_by_side(warehouse: Warehouse) -> None:
    warehouse.initialise()
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", _WRITER, warehouse.catalog, warehouse.data_path, f"c{n}"]
        )
        for n in range(3)
    ]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0, 0]
    rows = warehouse.read(PartitionState, where="category <> 'tees'")
    assert rows.select("day", "category", "fingerprint").rows() == [
        (dt.date(2026, 1, 5), f"c{n}", "3") for n in range(3)
    ]


def test_writers_of_a_table_wait_for_each_other_and_others_do_not(warehouse: Warehouse) -> None:
    warehouse.initialise()
    day = dt.date(2026, 1, 6)
    order: list[str] = []

    def add(contract: type[Contract], **values: object) -> None:
        warehouse.replace([Addition(contract, pl.DataFrame([values]))], CommitMessage("test"))
        order.append(contract.table_name())

    def add_state() -> None:
        add(PartitionState, day=day, category="hats", stage="offers", fingerprint="a")

    with ThreadPoolExecutor() as pool:
        with warehouse.commit_lock("partition_state", "supplier_offers"):
            waiting = pool.submit(add_state)
            add(AttributeLabels, product_id="p", attribute="colour", value="red", source="f")
            with pytest.raises(TimeoutError):
                waiting.result(timeout=1)
        waiting.result(timeout=60)
    assert order == ["attribute_labels", "partition_state"]


def test_the_past_is_read_from_its_catalog(warehouse: Warehouse) -> None:
    rows = pl.DataFrame({"day": [dt.date(2026, 1, 5)], "category": ["tees"], "stage": ["offers"]})
    cell = frozenset([Partition(dt.date(2026, 1, 5), "tees")])
    old, new = (
        warehouse.replace(
            [Replacement(PartitionState, rows.with_columns(fingerprint=pl.lit(run)), cell)],
            CommitMessage("partition_state", run),
        )
        for run in ("run-1", "run-2")
    )
    found = writes(warehouse, PartitionState, "tees")
    assert [(s.snapshot_id, s.run_id) for s in found] == [(new, "run-2"), (old, "run-1")]
    assert snapshot_at(warehouse, found[1].time) == found[1]
    then = AsOf(warehouse, old, category="tees").read(PartitionState)
    assert then["fingerprint"].to_list() == ["run-1"]
