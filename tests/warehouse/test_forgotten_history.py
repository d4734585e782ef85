"""Time travel around snapshots that forgetting a review has expired."""

from __future__ import annotations

import datetime as dt
import sqlite3
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest

from imgassets.operations.product_list import last_change
from imgassets.operations.set_comparison import compare
from imgassets.operations.set_history import image_set, snapshots
from imgassets.warehouse.contracts import ForgottenReviews, ReviewImages
from imgassets.warehouse.forgetting import Erasure, drop_history, erase_rows, history_to_drop
from imgassets.warehouse.history import BeforeHistory, latest_snapshot, snapshot_at
from imgassets.warehouse.lake import Addition, CommitMessage, Warehouse, WarehouseError
from tests.review_home import filled
from tests.set_rows import DAY, A, B, C, write_set


def test_what_is_kept_is_shown_and_what_is_gone_is_said(tmp_path: Path) -> None:
    lake = Warehouse(f"ducklake:sqlite:{tmp_path}/catalog.sqlite", f"{tmp_path}/data")
    write_set(lake, "run-1", DAY, "tees", "p", A, B)
    second = write_set(lake, "run-2", DAY, "tees", "p", B, A)
    before = {found.snapshot_id: found for found in snapshots(lake)}
    review = pl.DataFrame({"review_id": ["r"], "day": [DAY], "category": ["tees"]})
    rows = filled(ReviewImages, review, {"product_id": "p", "style": "p", "image_url": "u",
                                         "image_location": "u", "feed_row": 1})  # fmt: skip
    lake.replace([Addition(ReviewImages, rows)], CommitMessage("reviews"))
    third = write_set(lake, "run-3", DAY, "tees", "p", C)
    gone = snapshots(lake)[0]
    assert gone.run_id == "run-3"

    erasures = [Erasure(ReviewImages, "review_id = 'r'")]
    erase_rows(lake, erasures, [], CommitMessage("forgotten_reviews"))
    planned = history_to_drop(lake, erasures)
    dropped = drop_history(lake, erasures)
    assert dropped == planned
    assert dropped.snapshots == third - second

    # What stands is what the last run wrote, and the first snapshot that is kept of it says so.
    assert [image.image_id for image in image_set(lake, "p").images] == [C]
    now = latest_snapshot(lake)
    kept = snapshots(lake)
    assert [s.snapshot_id for s in kept] == [now.snapshot_id, *sorted(before, reverse=True)]
    assert last_change(lake) == now.snapshot_id
    # The past before the gap is there, also by the moment at which a snapshot was made.
    assert [i.image_id for i in image_set(lake, "p", at=before[max(before)].time).images] == [B, A]
    assert compare(lake, kept[-1].snapshot_id, kept[0].snapshot_id).n_differing == 1
    # In the gap nobody knows.
    with pytest.raises(BeforeHistory, match=r"not kept: the warehouse's history has a gap"):
        image_set(lake, "p", at=gone.time)
    assert snapshot_at(lake, now.time + dt.timedelta(days=1)) == now


def test_nothing_is_dropped_for_nothing_and_a_catalog_that_is_being_read_is_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = Warehouse(f"ducklake:sqlite:{tmp_path}/catalog.sqlite", f"{tmp_path}/data")
    lake.initialise()
    snapshot = lake.snapshot_id()
    erasures = [Erasure(ReviewImages, "review_id = 'r'"), Erasure(ForgottenReviews, "false")]
    erase_rows(lake, erasures, [], CommitMessage("forgotten_reviews"))
    assert drop_history(lake, erasures).snapshots == 0
    assert lake.snapshot_id() == snapshot
    lake.vacuum()  # this process has it attached: that keeps nobody waiting
    monkeypatch.setattr("imgassets.warehouse.lake._VACUUM_SECONDS", 0.1)
    with closing(sqlite3.connect(tmp_path / "catalog.sqlite", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM ducklake_snapshot").fetchall()
        with pytest.raises(WarehouseError, match="run the same command again"):
            lake.vacuum()
    lake.vacuum()
