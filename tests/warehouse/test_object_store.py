"""Tables, images, feeds and signals in an object store over HTTP; the catalog in PostgreSQL."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from s3fs import S3FileSystem

from imgassets.ingest.landing import LandedCopy, land, list_feeds, parse_landed
from imgassets.ingest.source_files import source_files
from imgassets.ingest.store import ImageMissing, ImageStore
from imgassets.object_store import S3Login, StoreError, open_root, store_failed
from imgassets.operations.signal_shards import SignalShards
from imgassets.warehouse.connection import Database
from imgassets.warehouse.contracts import PartitionState, SchemaMigrations
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse, WarehouseError
from imgassets.warehouse.migrations import Release
from imgassets.warehouse.partitions import Partition
from tests.servers import free_port, postgres, s3

pytestmark = pytest.mark.slow

DAY = dt.date(2026, 1, 5)

# Few tables: to make all of them takes longer than the tests.
RELEASE = Release(contracts=(PartitionState, SchemaMigrations), views=tuple)


@pytest.fixture(scope="module", autouse=True)
def bucket() -> Iterator[dict[str, str]]:
    with s3("shop") as variables, pytest.MonkeyPatch.context() as patched:
        for name, value in variables.items():
            patched.setenv(name, value)
        yield variables


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    with postgres(tmp_path_factory.mktemp("server") / "pg") as dsn:
        yield Warehouse(f"ducklake:postgres:{dsn}", "s3://shop/warehouse", release=RELEASE)


def write(warehouse: Warehouse, fingerprint: str) -> int:
    rows = pl.DataFrame({"day": [DAY], "category": ["tees"], "stage": ["offers"]})
    cell = frozenset([Partition(DAY, "tees")])
    rows = rows.with_columns(fingerprint=pl.lit(fingerprint))
    return warehouse.replace([Replacement(PartitionState, rows, cell)], CommitMessage("offers"))


def test_tables_are_written_and_read_there(warehouse: Warehouse) -> None:
    write(warehouse, "old")
    write(warehouse, "new")
    assert warehouse.read(PartitionState)["fingerprint"].to_list() == ["new"]
    fs, path = open_root("s3://shop/warehouse/main/partition_state")
    assert len([f for f in fs.find(path) if f.endswith(".parquet")]) >= 2


def test_a_query_sees_no_secret(warehouse: Warehouse, bucket: dict[str, str]) -> None:
    warehouse.initialise()
    told = str(warehouse.sql("FROM duckdb_secrets()").rows())
    assert "s3://shop/warehouse/" in told  # for the warehouse's files alone
    assert bucket["AWS_SECRET_ACCESS_KEY"] not in told
    assert bucket["AWS_SECRET_ACCESS_KEY"] not in repr(S3Login().access())


def test_images_are_kept_by_content() -> None:
    store = ImageStore("s3://shop/images")
    image_id = store.put(b"picture")
    assert (store.get(image_id), store.size(image_id)) == (b"picture", 7)
    assert store.local_path(image_id) is None
    assert [store.delete(image_id), store.delete(image_id)] == [True, False]
    with pytest.raises(ImageMissing, match="s3://shop/images"):
        store.get(image_id)


def test_feeds_are_found_and_landed() -> None:
    fs, path = open_root("s3://shop/feeds")
    assert list(source_files("s3://shop", ["csv"])) == []
    fs.pipe_file(f"{path}/2026-01-05/acme.csv", b"product_id,category,image_url\np1,tees,a.jpg\n")
    fs.pipe_file(f"{path}/2026-01-05/notes.txt", b"hello")
    listing = list_feeds("s3://shop/feeds")
    assert [feed.feed_file for feed in listing.feeds] == ["2026-01-05/acme.csv"]
    assert [refused.feed_file for refused in listing.refused] == ["2026-01-05/notes.txt"]
    landed = land(listing.feeds[0], "s3://shop/landing")
    assert land(listing.feeds[0], "s3://shop/landing") == landed
    feed_file = landed.feed.feed_file
    rows = parse_landed(
        LandedCopy("s3://shop/landing", landed.landed_as, feed_file, DAY, "acme", "/images")
    )
    assert rows.offers["product_id"].to_list() == ["p1"]
    (found,) = source_files("s3://shop/feeds", ["csv"])
    assert found.file == "s3://shop/feeds/2026-01-05/acme.csv"
    assert found.read().startswith(b"product_id")
    key = found.key
    fs.pipe_file(found.path, b"changed")
    assert next(source_files("s3://shop/feeds", ["csv"])).key != key


def test_signals_of_other_machines_are_seen() -> None:
    schema = {"image_id": pl.String(), "sharpness": pl.Float64()}
    mine = SignalShards("s3://shop/signals", "v1", schema)
    wanted = pl.DataFrame({"image_id": ["a", "b"]})
    assert mine.read(wanted).is_empty()  # and what was listed is not remembered
    done = pl.DataFrame(
        {"image_id": ["a"], "sharpness": [0.5], "refusal": [None]}, schema=mine.read(wanted).schema
    )
    SignalShards("s3://shop/signals", "v1", schema).add(done)
    assert mine.read(wanted)["image_id"].to_list() == ["a"]
    mine.purge(lambda ids: ids)
    assert mine.read(wanted).is_empty()


def test_credentials_that_end_are_renewed(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a role's do: the profile's program tells others every time it is asked."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    asked = tmp_path / "asked"
    script = tmp_path / "credentials.py"
    script.write_text(
        "import datetime, json, pathlib\n"
        f"asked = pathlib.Path({str(asked)!r})\n"
        "count = int(asked.read_text()) + 1 if asked.exists() else 1\n"
        "asked.write_text(str(count))\n"
        "end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=1)\n"
        "print(json.dumps({'Version': 1, 'AccessKeyId': f'key{count}', 'SecretAccessKey': 's',\n"
        "                  'SessionToken': 't', 'Expiration': end.isoformat()}))\n"
    )
    config = tmp_path / "config"
    config.write_text(f"[default]\ncredential_process = {sys.executable} {script}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    write(warehouse, "row")
    opened = Database(warehouse.catalog, warehouse.data_path)
    keys = set()
    for _ in range(2):
        with warehouse.attached(opened, read_only=True) as connection:
            assert connection.execute("SELECT count(*) FROM partition_state").fetchone() == (1,)
            (told,) = connection.execute("SELECT secret_string FROM duckdb_secrets()").fetchall()
            keys |= {part for part in told[0].split(";") if part.startswith("key_id=")}
    assert len(keys) == 2


def test_what_is_missing_is_one_clear_line(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with pytest.raises(WarehouseError, match=r"at s3://shop/new/: no credentials.*AWS_PROFILE"):
        Warehouse(warehouse.catalog, "s3://shop/new", release=RELEASE).sql("SELECT 1")
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(StoreError, match=r"configuration of S3 is wrong.*nobody"):
        S3Login()


def test_a_store_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    S3FileSystem.clear_instance_cache()
    with pytest.raises(Exception, match="Could not connect to the endpoint URL") as raised:
        list_feeds("s3://shop/feeds")
    assert store_failed(raised.value)  # which the command line tells in one line
