"""`imgassets search`."""

from __future__ import annotations

import datetime as dt
import json

import polars as pl
import pytest
from typer.main import get_command

from imgassets.cli import searches
from imgassets.cli.search import QUERY
from imgassets.settings import Settings
from imgassets.warehouse.contracts import SupplierOffers
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from tests.command import run_command


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    rows = [
        {
            "day": dt.date(2026, 1, 5), "category": category, "product_id": product_id,
            "supplier_id": "acme", "image_url": "1.jpg", "image_location": "/1.jpg", "position": 1,
            "title": title, "description": None, "is_curated": False, "feed_file": "f",
            "feed_row": 1,
        }
        for category, product_id, title in (
            ("tees", "p1", "Navy [red]Shirt[/red] [x"), ("bags", "b1", "Navy Bag"),
        )
    ]  # fmt: skip
    frame = pl.DataFrame(rows, schema=SupplierOffers.create_empty().schema)
    warehouse = Warehouse(settings.warehouse, settings.warehouse_data)
    warehouse.replace([Replacement(SupplierOffers, frame)], CommitMessage(asset="test"))
    return settings.home


def search(home, *arguments):
    return run_command("search", *arguments, environment={"IMGASSETS_HOME": str(home)})


def test_hits_as_json(home):
    done = search(home, "navy shirts", "--format", "json", "-k", "1")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    (hit,) = found["hits"]
    assert (hit["product_id"], hit["title"]) == ("p1", "Navy [red]Shirt[/red] [x")
    assert hit["matched"] == ["navy", "shirts"]
    assert (found["is_low"], found["method"]) == (False, "words")
    assert "there is no search index yet: run `imgassets search index`" in found["note"]


def test_hits_as_a_table_with_suppliers_words_as_they_are(home):
    done = search(home, "--category", "tees", "--method", "words", "shirt")
    assert (done.returncode, done.stderr) == (0, "")
    assert "[red]" in done.stdout
    assert "b1" not in done.stdout


def test_what_names_no_command_is_a_query_and_a_command_may_be_one_behind_dashes():
    group = get_command(searches)
    for first in ("index", "query", "--help"):
        assert group.taken([first, "x"]) == [first, "x"]
    for first in ("navy shirt", "-k", "--", "Index"):
        assert group.taken([first, "x"]) == [QUERY, first, "x"]
    assert group.taken([]) == []


def test_a_search_that_finds_nothing_is_no_failure(home):
    done = search(home, "unicorn")
    assert (done.returncode, done.stdout) == (0, "")
    assert "No product has any of these words." in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["!"], "no words"),
        (["navy", "-k", "0"], "at least 1"),
        (["navy", "--category", "cars"], "no product is of the category 'cars'"),
        (["navy", "--method", "images"], "no search index yet: run `imgassets search index`"),
        (["index"], "no search model yet: run `imgassets train search`"),
    ],
)
def test_what_cannot_be_searched_is_one_line(home, arguments, says):
    done = search(home, *arguments)
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr
