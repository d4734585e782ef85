"""What arrived is remembered: across kills, processes and versions of a file."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from imgassets.ingest.fetch import fetch_images
from imgassets.ingest.journal import Entry, FetchJournal, JournalBusy
from imgassets.ingest.probe import Probe
from imgassets.ingest.store import ImageStore
from imgassets.ingest.transports import Validators
from imgassets.settings import FetchSettings
from imgassets.warehouse.contracts import FetchedImages

NONE_KNOWN = FetchedImages.create_empty()
HERE = FetchSettings(allowed_networks=["127.0.0.0/8"])
ENTRY = Entry("ab" * 32, Validators('"1"', ""), 12.5, Probe("JPEG", 4, 3, 100, "rgb", 8, 1))


@pytest.fixture
def store(tmp_path):
    return ImageStore(str(tmp_path / "store"))


@pytest.fixture
def journal(tmp_path):
    with FetchJournal(tmp_path / "journal" / "fetch.sqlite") as opened:
        yield opened


def test_entries_come_back_as_they_were(journal, tmp_path) -> None:
    locations = [f"http://a/{n}" for n in range(1200)]
    for location in locations[::2]:
        journal.remember(location, ENTRY)
    journal.remember(locations[0], replace(ENTRY, checked_at=99.0))
    with FetchJournal(tmp_path / "journal" / "fetch.sqlite") as again:
        found = again.find(locations)
    assert set(found) == set(locations[::2])
    assert found[locations[2]] == ENTRY
    assert found[locations[0]].checked_at == 99.0


def test_forgotten_entries_leave_no_trace_in_the_file(journal, tmp_path, monkeypatch) -> None:
    other = replace(ENTRY, image_id="cd" * 32)
    for location in ("http://a/secret-1", "http://a/kept"):
        journal.remember(location, other if "kept" in location else ENTRY)
    journal.remember("http://a/secret-2", ENTRY)
    assert journal.forget(["http://a/secret-1", "http://a/none"], [ENTRY.image_id]) == 2
    assert set(journal.find(["http://a/secret-1", "http://a/secret-2", "http://a/kept"])) == {
        "http://a/kept"
    }
    for path in (tmp_path / "journal").iterdir():
        assert b"secret" not in path.read_bytes(), path
    reader = sqlite3.connect(tmp_path / "journal" / "fetch.sqlite", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM fetches").fetchall()
    monkeypatch.setattr("imgassets.ingest.journal._BUSY_SECONDS", 0.1)
    with (
        FetchJournal(tmp_path / "journal" / "fetch.sqlite") as impatient,
        pytest.raises(JournalBusy, match="run the same command again"),
    ):
        impatient.forget(["http://a/kept"], [])
    reader.close()


def test_a_journal_of_another_version_is_thrown_away(journal, tmp_path, monkeypatch) -> None:
    journal.remember("http://a", ENTRY)
    monkeypatch.setattr("imgassets.ingest.journal._VERSION", 2)
    with FetchJournal(tmp_path / "journal" / "fetch.sqlite") as newer:
        assert newer.find(["http://a"]) == {}


def test_a_remembered_file_is_not_requested_again(store, journal, offer_rows, server) -> None:
    offers = offer_rows(("p1", server.url + "/versioned"))
    first = fetch_images(offers, NONE_KNOWN, store, HERE, [], journal=journal)
    again = fetch_images(offers, NONE_KNOWN, store, HERE, [], journal=journal)
    assert again.images.equals(first.images)
    assert server.hits["/versioned"] == 1


def test_an_old_entry_is_checked_and_a_new_version_fetched(
    store, journal, offer_rows, server
) -> None:
    offers = offer_rows(("p1", server.url + "/versioned"))
    at_once = HERE.model_copy(update={"revalidate_after_hours": 0})
    for hits, version in ((1, '"1"'), (2, '"1"'), (3, '"2"')):
        server.version = version
        result = fetch_images(offers, NONE_KNOWN, store, at_once, [], journal=journal)
        assert result.images.height == 1
        assert server.hits["/versioned"] == hits
        (entry,) = journal.find([server.url + "/versioned"]).values()
        assert entry.validators.etag == version


def test_a_server_that_is_down_takes_no_picture_away(store, journal, offer_rows, server) -> None:
    offers = offer_rows(("p1", server.url + "/ok.jpg"))
    at_once = HERE.model_copy(update={"revalidate_after_hours": 0, "attempts": 1})
    first = fetch_images(offers, NONE_KNOWN, store, at_once, [], journal=journal)
    server.close()
    again = fetch_images(offers, NONE_KNOWN, store, at_once, [], journal=journal)
    assert again.images.equals(first.images)


def test_bytes_that_left_the_store_are_fetched_again(store, journal, offer_rows, server) -> None:
    offers = offer_rows(("p1", server.url + "/ok.jpg"))
    first = fetch_images(offers, NONE_KNOWN, store, HERE, [], journal=journal)
    store.local_path(first.images["image_id"][0]).unlink()
    fetch_images(offers, NONE_KNOWN, store, HERE, [], journal=journal)
    assert server.hits["/ok.jpg"] == 2


_DOWNLOAD = """
    import sys
    from pathlib import Path
    import polars as pl
    from imgassets.ingest.fetch import fetch_images
    from imgassets.ingest.journal import FetchJournal
    from imgassets.ingest.store import ImageStore
    from imgassets.settings import FetchSettings
    from imgassets.warehouse.contracts import FetchedImages

    folder = Path(sys.argv[1])
    with FetchJournal(folder / "journal.sqlite") as journal:
        result = fetch_images(
            pl.read_parquet(folder / "offers.parquet"), FetchedImages.create_empty(),
            ImageStore(str(folder / "store")),
            FetchSettings(allowed_networks=["127.0.0.0/8"], concurrency=4), [], journal=journal,
        )
    result.images.write_parquet(folder / "images.parquet")
"""


@pytest.mark.slow
def test_a_killed_download_goes_on_where_it_stopped(tmp_path, offer_rows, server) -> None:
    """The server answers slowly, so that the kills land among requests."""
    urls = [f"{server.url}/slow/{n}" for n in range(120)]
    offers = offer_rows(*((f"p{n}", url) for n, url in enumerate(urls)))
    offers.write_parquet(tmp_path / "offers.parquet")
    command = [sys.executable, "-c", textwrap.dedent(_DOWNLOAD), str(tmp_path)]
    under_way = 0
    for arrived in (20, 60):
        process = subprocess.Popen(command)
        while sum(server.hits.values()) < arrived + under_way:
            assert process.poll() is None
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        with FetchJournal(tmp_path / "journal.sqlite") as journal:
            remembered = len(journal.find(urls))
        under_way = sum(server.hits.values()) - remembered
    assert 0 < remembered < len(urls)
    before = server.hits.copy()
    with FetchJournal(tmp_path / "journal.sqlite") as journal:
        kept = set(journal.find(urls))
    subprocess.run(command, check=True)
    for url in kept:
        path = url.removeprefix(server.url)
        assert server.hits[path] == before[path], "a remembered file was requested again"
    peaceful = tmp_path / "peaceful"
    peaceful.mkdir()
    offers.write_parquet(peaceful / "offers.parquet")
    subprocess.run([*command[:-1], str(peaceful)], check=True)
    rows, expected = (pl.read_parquet(f / "images.parquet") for f in (tmp_path, peaceful))
    assert rows.equals(expected)
    # A write that was killed leaves a hidden file beside its place.
    files = (path for path in Path(tmp_path, "store").rglob("[!.]*") if path.is_file())
    assert sorted(path.name for path in files) == sorted(rows["image_id"])
