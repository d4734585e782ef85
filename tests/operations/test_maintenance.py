"""Maintenance: what goes is what nothing refers to, and what stands or is kept is as before."""

from __future__ import annotations

import datetime as dt
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from imgassets.ingest.landing import LandedCopy
from imgassets.ingest.parsed_feeds import read_parsed
from imgassets.ingest.store import ImageStore
from imgassets.operations.maintenance import maintain, measure, plan_maintenance
from imgassets.operations.storage_plot import plot_sizes
from imgassets.settings import Settings
from imgassets.storage import Stored
from imgassets.warehouse.contracts import (
    CONTRACTS,
    AttributeLabels,
    OrderedImageSets,
    StorageSizes,
)
from imgassets.warehouse.forgetting import Erasure, drop_history, erase_rows
from imgassets.warehouse.history import AsOf, BeforeHistory, snapshot_at, writes
from imgassets.warehouse.image_references import image_columns, image_keys, referenced_images
from imgassets.warehouse.lake import Addition, CommitMessage, Replacement, Warehouse
from imgassets.warehouse.maintenance import fragments, unknown_files
from imgassets.warehouse.partitions import Partition
from tests.set_rows import DAY, A, B, chosen_rows

NOW = dt.datetime.now(dt.UTC)
LATER = NOW + dt.timedelta(days=40)


class Home:
    """A home whose image store holds what the tests put there."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(home=folder)
        self.warehouse = Warehouse(self.settings.warehouse, self.settings.warehouse_data)
        self.store = ImageStore(self.settings.image_store)

    def image(self, data: bytes, *, days: float = 2) -> str:
        """Store bytes as if some days ago."""
        image_id = self.store.put(data)
        place = self.store.local_path(image_id)
        assert place is not None
        age(place, days)
        return image_id

    def listed(self, image_id: str) -> Stored:
        return next(file for file in self.store.files() if file.name == image_id)

    def maintain(self, now: dt.datetime | None = None):
        return maintain(self.warehouse, self.store, self.settings, now=now)

    def plan(self, now: dt.datetime | None = None):
        return plan_maintenance(self.warehouse, self.store, self.settings, now)

    def show(self, category: str, *images: str) -> int:
        """Write a partition whose only product shows some images."""
        rows = chosen_rows((DAY, category, "p", n, i, "front") for n, i in enumerate(images, 1))
        cell = frozenset([Partition(DAY, category)])
        message = CommitMessage("ordered_image_sets", "run")
        return self.warehouse.replace([Replacement(OrderedImageSets, rows, cell)], message)

    def label(self, *products: str) -> int:
        """Add labels of products: a file each time."""
        rows = pl.DataFrame(
            {"product_id": products, "attribute": "colour", "value": "red", "source": "f"}
        )
        return self.warehouse.replace([Addition(AttributeLabels, rows)], CommitMessage("labels"))

    def labels_at(self, snapshots: list[int]) -> list[list[tuple[object, ...]]]:
        return [AsOf(self.warehouse, s).read(AttributeLabels).rows() for s in snapshots]


def age(path: Path, days: float) -> None:
    then = (NOW - dt.timedelta(days=days)).timestamp()
    os.utime(path, (then, then))


@pytest.fixture
def fresh(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home of all tests that leave nothing behind that could go."""
    made = Home(tmp_path_factory.mktemp("home"))
    made.warehouse.initialise()
    return made


def test_an_image_stays_while_any_kept_snapshot_names_it(home: Home) -> None:
    old, new, stray = home.image(b"old"), home.image(b"new"), home.image(b"stray")
    young = home.store.put(b"young, of an ingest at work")
    home.show("tees", old)
    home.show("tees", new)
    assert (home.plan().images.files, home.plan().images.bytes) == (1, len(b"stray"))
    assert home.store.exists(stray)

    done = home.maintain()
    assert (done.images.files, done.history.snapshots) == (1, 0)
    assert [home.store.exists(i) for i in (old, new, stray, young)] == [True, True, False, True]

    # Its row is of the past alone: it goes with the past.
    done = home.maintain(LATER)
    assert done.history.snapshots > 0
    assert [home.store.exists(i) for i in (old, new, young)] == [False, True, False]
    assert home.warehouse.read(OrderedImageSets)["image_id"].to_list() == [new]
    with pytest.raises(BeforeHistory):
        snapshot_at(home.warehouse, NOW - dt.timedelta(days=1))


def test_bytes_that_a_writer_relies_on_are_young_again(home: Home) -> None:
    image_id = home.image(b"stray")
    listed = home.listed(image_id)
    assert home.store.put(b"stray") == image_id  # an ingest finds them there
    assert not home.store.discard(listed)
    assert home.store.get(image_id) == b"stray"
    assert home.plan().images.files == 0
    home.image(b"stray")
    listed = home.listed(image_id)
    assert home.store.keep(image_id)  # a journal says that they are there
    assert not home.store.discard(listed)
    assert not home.store.keep(image_id, size=1)
    assert not home.store.keep("0" * 64)
    home.image(b"stray")
    listed = home.listed(image_id)
    assert home.store.discard(listed)
    assert not home.store.discard(listed)


def test_what_killed_processes_left_in_the_image_store_goes_and_foreign_files_stay(
    home: Home,
) -> None:
    named = home.image(b"named")
    home.show("tees", named)
    place = home.store.local_path(named)
    assert place is not None
    place.rename(aside := place.with_name(f".{named}.gone"))  # a cleaner was killed here
    unfinished = place.with_name(f".{named}.{'0' * 32}.tmp")
    unfinished.write_bytes(b"nam")
    foreign = place.with_name("README")
    foreign.write_bytes(b"not an image")
    age(unfinished, 2)
    age(foreign, 2)
    home.maintain()
    assert home.store.get(named) == b"named"
    assert foreign.exists()
    assert not unfinished.exists()
    assert not aside.exists()


def test_small_files_become_one_and_every_kept_snapshot_reads_as_before(fresh: Home) -> None:
    snapshots = [fresh.label(f"p{n}", f"q{n}", f"r{n}") for n in range(4)]
    changed = AttributeLabels.conform(
        pl.DataFrame({"product_id": "p1", "attribute": "colour", "value": "blue", "source": "g"})
    )
    one = Replacement(AttributeLabels, changed, equals={"product_id": "p1"})
    snapshots.append(fresh.warehouse.replace([one], CommitMessage("labels")))
    shown = [fresh.show("tees", A, B), fresh.show("tees", B, A)]
    before = fresh.labels_at(snapshots)
    history = writes(fresh.warehouse, OrderedImageSets, "tees")
    assert fragments(fresh.warehouse) == {"attribute_labels": 5}
    done = fresh.maintain()
    assert done.merged["attribute_labels"] >= 5
    assert fragments(fresh.warehouse) == {}
    assert fresh.labels_at(snapshots) == before
    assert fresh.warehouse.read(AttributeLabels).rows() == before[-1]
    assert [s.snapshot_id for s in history] == shown[::-1]
    assert writes(fresh.warehouse, OrderedImageSets, "tees") == history

    # The old files wait for readers that may be at them, then go.
    assert (done.old_files, done.waiting_files > 0) == (0, True)
    tomorrow = dt.datetime.now(dt.UTC) + dt.timedelta(hours=25)
    assert fresh.plan(tomorrow).old_files == done.waiting_files
    assert fresh.maintain(tomorrow).old_files == done.waiting_files
    assert fresh.labels_at(snapshots) == before

    # What is to be forgotten is found in merged files, too, and nowhere left.
    erasures = [Erasure(AttributeLabels, "product_id = 'p1'")]
    erase_rows(fresh.warehouse, erasures, [], CommitMessage("forgotten"))
    drop_history(fresh.warehouse, erasures)
    files = Path(fresh.settings.warehouse_data).glob("main/attribute_labels/**/*.parquet")
    left = {product for file in files for product in pl.read_parquet(file)["product_id"]}
    assert left == {row[0] for row in before[-1]} - {"p1"}
    assert set(fresh.warehouse.read(AttributeLabels)["product_id"]) == left


def test_parquet_files_of_killed_writers_go_once_they_are_old(home: Home) -> None:
    home.label("p1")
    (known,) = Path(home.settings.warehouse_data).glob("main/attribute_labels/**/*.parquet")
    stray, young = known.with_name("ducklake-1.parquet"), known.with_name("ducklake-2.parquet")
    for copy in (stray, young):
        copy.write_bytes(known.read_bytes())
    age(stray, 2)
    age(known, 2)
    assert [f.path for f in unknown_files(home.warehouse, NOW.timestamp() - 3600)] == [str(stray)]
    assert home.plan().unknown.files == 1
    assert stray.exists()
    assert home.maintain().unknown.files == 1
    assert not stray.exists()
    assert young.exists()
    assert home.warehouse.read(AttributeLabels).height == 1
    young.unlink()


def test_signals_that_no_partition_took_in_go_with_the_past(home: Home) -> None:
    shard = Path(home.settings.signal_shards) / "0123" / "a.parquet"
    shard.parent.mkdir(parents=True)
    shard.write_bytes(b"signals")
    age(shard, 29)
    assert home.plan().signals.files == 0
    age(shard, 31)
    assert home.plan().signals.files == 1
    assert home.maintain().signals.files == 1
    assert not shard.exists()


def test_parsed_feeds_go_with_the_past_and_are_made_anew(home: Home) -> None:
    landing = Path(home.settings.landing)
    landed = landing / str(DAY) / "acme-0123.csv"
    landed.parent.mkdir(parents=True)
    landed.write_text("product_id,category,image_url\np,tees,a.jpg\n")
    age(landed, 100)
    copy = LandedCopy(
        str(landing), f"{DAY}/{landed.name}", f"{DAY}/acme.csv", DAY, "acme", "http://h"
    )
    first = read_parsed(["tees"], copy)
    made = [path for path in (landing / "parsed").rglob("*") if path.is_file()]
    assert len(made) == 2
    assert home.plan().parsed.files == 0
    for path in made:
        age(path, 31)
    assert home.plan().parsed.files == 2
    assert home.maintain().parsed.files == 2
    assert not [path for path in made if path.exists()]
    assert landed.exists()
    assert_frame_equal(read_parsed(["tees"], copy).offers, first.offers)


def test_sizes_are_written_each_time_and_drawn(home: Home) -> None:
    home.image(b"1234", days=0)
    stored = list(home.store.files())
    before = (len(stored), sum(file.bytes for file in stored))
    home.show("tees", A)
    for _ in range(2):
        measure(home.warehouse, home.store, home.settings, CommitMessage("storage_maintenance"))
    rows = home.warehouse.read(StorageSizes)
    last = rows["measured_at"].unique().sort()[-2:]
    rows = rows.filter(pl.col("measured_at").is_in(last.implode()))
    images = rows.filter(kind="images").sort("measured_at")
    assert images.select("files", "bytes").rows() == [before, before]
    sets = rows.filter(kind="table", name="ordered_image_sets").sort("measured_at")
    assert sets["rows"].to_list() == [home.warehouse.read(OrderedImageSets).height] * 2
    catalog = rows.filter(kind="catalog")
    assert (catalog["bytes"] > 0).all()
    assert catalog["rows"].to_list()[0] > 1
    assert plot_sizes(rows).startswith(b"\x89PNG")


def test_a_clock_that_differs_from_the_stores_stops_it(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    stray = home.image(b"stray")
    monkeypatch.setattr("imgassets.storage.time", SimpleNamespace(time=lambda: time.time() + 86400))
    with pytest.raises(RuntimeError, match=r"clock differs by \+86\d{3} s from that of .*NTP"):
        home.maintain()
    assert home.store.delete(stray)


_WRITER = """
import sys, time
from pathlib import Path
from tests.operations.test_maintenance import Home

home = Home(Path(sys.argv[1]))
category, end, n = sys.argv[2], time.time() + float(sys.argv[3]), 0
while time.time() < end or n < 3:
    # Bytes that were there and old: nothing but the writer's `put` says that they are wanted.
    image = home.image(f"{category} {n % 5}".encode())
    home.store.put(f"{category} {n % 5}".encode())
    time.sleep(0.02)
    home.show(category, image)
    assert home.store.exists(image), image
    n += 1
print(n)
"""


@pytest.mark.soak
def test_it_runs_beside_writers_again_and_again(tmp_path: Path) -> None:
    check_beside_writers(Home(tmp_path), tmp_path, writers=2, seconds=45)


def check_beside_writers(home: Home, folder: Path, writers: int, seconds: float) -> None:
    """Maintain with little grace while processes write rows of images that were strays."""
    home.settings.maintenance.keep_snapshots_days = 0
    strays = [home.image(f"c{w} {n}".encode()) for w in range(writers) for n in range(5)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(folder), f"c{w}", str(seconds)],
            stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
        )
        for w in range(writers)
    ]  # fmt: skip
    rounds = 0
    while any(p.poll() is None for p in processes) or rounds < 2:
        # As if the orphans' age were half a minute: an hour is the least that a setting allows.
        now = dt.datetime.now(dt.UTC) + dt.timedelta(hours=24) - dt.timedelta(seconds=30)
        home.maintain(now)
        rounds += 1
    assert [p.wait() for p in processes] == [0] * writers
    counts = [int(p.stdout.read().split()[-1]) for p in processes if p.stdout]
    rows = home.warehouse.read(OrderedImageSets)
    assert rows.height == writers
    assert all(home.store.exists(i) for i in rows["image_id"])
    assert sum(home.store.exists(i) for i in strays) >= writers
    print(f"{rounds} rounds beside {counts} writes")


def test_the_columns_that_hold_images_are_known() -> None:
    told = {c.table_name(): image_columns(c) for c in CONTRACTS}
    assert told["image_set_changes"] == ["before", "after", "added", "removed", "moved"]
    assert told["dedup_clusters"] == ["image_id", "cluster_id", "nearest_image_id"]
    assert told["review_tasks"] == ["image_id", "other_image_id", "neighbours"]
    assert told["image_clicks"] == ["image"]
    assert told["defect_examples"] == ["image_id", "others"]
    hashes = re.compile(r"sha256|_hash$|fingerprint|digest")
    for contract in CONTRACTS:
        for name, column in contract.columns().items():
            pattern = getattr(column, "regex", None) or getattr(
                getattr(column, "inner", None), "regex", None
            )
            if pattern == "^[0-9a-f]{64}$" and not hashes.search(name):
                assert name in told[contract.table_name()], (contract.table_name(), name)


def test_a_key_is_the_same_in_rows_and_in_names(home: Home) -> None:
    ids = [A, "f" * 64, "0" * 64]
    home.show("tees", *ids)
    assert set(image_keys(ids)) <= set(referenced_images(home.warehouse))
    assert image_keys([B])[0] not in referenced_images(home.warehouse)


def test_history_goes_in_order_although_a_clock_was_wrong(home: Home) -> None:
    old = home.label("p1")
    with home.warehouse.connect(read_only=False) as connection:
        connection.execute(
            "UPDATE __ducklake_metadata_lake.ducklake_snapshot SET snapshot_time = "
            f"'{(NOW + dt.timedelta(days=400)).isoformat()}' WHERE snapshot_id = {old}"
        )
    home.label("p2")
    home.label("p3")
    done = home.maintain(LATER)
    # The snapshots from the wrong one on stay until its time has come.
    assert home.labels_at([old]) == [[("p1", "colour", "red", "f")]]
    assert (done.history.snapshots > 0, done.history.kept) == (True, 3)
