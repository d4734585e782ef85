from __future__ import annotations

import json
import tempfile
from pathlib import Path

import polars as pl
import pytest

from imgassets.warehouse.contracts import ImageMatches
from imgassets.warehouse.lake import CommitMessage, QueryError, Warehouse, WarehouseError
from imgassets.warehouse.workspace import open_workspace

WRITE = CommitMessage(asset="image_matches", run_id="run-1")
ROWS = """
SELECT printf('%064x', i) AS left_image_id, repeat('f', 64) AS right_image_id,
    1 AS phash_distance, 2 AS edge_dhash_distance, 0.5 AS hsv_distance, 'v' AS signals_version
FROM range({n}) AS t(i)
"""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    folder = tmp_path_factory.mktemp("lake")
    return Warehouse(f"ducklake:sqlite:{folder}/catalog.sqlite", f"{folder}/data")


def count(lake: Warehouse) -> int:
    return int(lake.sql("SELECT count(*) FROM image_matches").item())


def test_a_querys_rows_replace_a_table_in_one_commit(lake: Warehouse) -> None:
    with open_workspace(lake, "500MB") as work:
        work.replace(ImageMatches, ROWS.format(n=1000), WRITE)
        before = lake.snapshot_id()
        snapshot = work.replace(ImageMatches, ROWS.format(n=3), WRITE)
    assert snapshot == before + 1
    rows = lake.read(ImageMatches)
    assert rows.height == 3
    assert rows.equals(ImageMatches.conform(rows))
    (commit,) = lake.sql(
        "SELECT commit_message, commit_extra_info AS extra FROM lake.snapshots() "
        f"WHERE snapshot_id = {snapshot}"
    ).rows(named=True)
    assert commit["commit_message"] == "write image_matches"
    assert json.loads(commit["extra"])["run_id"] == "run-1"


def test_a_key_that_repeats_or_a_null_writes_nothing(lake: Warehouse) -> None:
    with open_workspace(lake, "500MB") as work:
        work.replace(ImageMatches, ROWS.format(n=2), WRITE)
        twice = f"{ROWS.format(n=2)} UNION ALL {ROWS.format(n=1)}"
        with pytest.raises(WarehouseError, match="two new rows for image_matches have the key"):
            work.replace(ImageMatches, twice, WRITE)
        null = f"SELECT * REPLACE (NULL AS signals_version) FROM ({ROWS.format(n=5)})"
        with pytest.raises(WarehouseError, match="signals_version"):
            work.replace(ImageMatches, null, WRITE)
    assert count(lake) == 2


def test_temporary_tables_are_seen_there_alone_and_end_with_it(lake: Warehouse) -> None:
    with open_workspace(lake, "500MB") as work:
        work.execute("CREATE TEMP TABLE numbers AS FROM range(5)")
        assert work.sql("SELECT count(*) AS n FROM numbers").equals(pl.DataFrame({"n": [5]}))
        with pytest.raises(QueryError, match="numbers"):
            lake.sql("FROM numbers")
    with open_workspace(lake, "500MB") as work, pytest.raises(QueryError, match="numbers"):
        work.sql("FROM numbers")


def test_others_read_and_write_while_it_is_open(lake: Warehouse) -> None:
    with open_workspace(lake, "500MB") as work:
        work.execute("CREATE TEMP TABLE wanted AS SELECT 1 AS x")
        with open_workspace(lake, "500MB") as other:
            other.replace(ImageMatches, ROWS.format(n=7), WRITE)
        assert count(lake) == 7
        work.replace(ImageMatches, ROWS.format(n=4), WRITE)
    assert count(lake) == 4


def test_what_does_not_fit_in_memory_is_spilled_and_removed(
    lake: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with open_workspace(lake, "60MB") as work:
        work.execute("CREATE TEMP TABLE many AS SELECT i, hash(i) AS h FROM range(8_000_000) t(i)")
        assert any(tmp_path.glob("imgassets-*/*"))
        assert work.sql("SELECT count(*) AS n FROM many").item() == 8_000_000
        with pytest.raises(QueryError, match="memory"):
            work.sql("SELECT list(h) FROM many")
    assert list(tmp_path.iterdir()) == []
