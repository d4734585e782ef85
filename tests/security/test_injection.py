"""Names that are SQL: they are stored as text, and no table is lost."""

import csv
import datetime as dt
from pathlib import Path

import pytest

from imgassets.operations.feeds import load_feeds
from imgassets.settings import Settings
from imgassets.warehouse.contracts import CONTRACTS, AggregatedImages, Quarantine, SupplierOffers
from imgassets.warehouse.history import AsOf
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from imgassets.warehouse.partitions import Partition
from tests.command import run_command

HOSTILE = "x'); drop table--"
_PRODUCT = "p'); DROP TABLE supplier_offers; --"
_TITLE = "Robert'); DROP VIEW image_decisions;-- \"quoted\" {braces} %s $1 \\'"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose only feed names its category, products, texts and files in SQL."""
    folder = tmp_path_factory.mktemp("hostile")
    feed = folder / "feeds" / "2026-01-05" / "acme.csv"
    feed.parent.mkdir(parents=True)
    with feed.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(
            ["product_id", "category", "title", "description", "image_url", "position",
             "is_curated"]
        )  # fmt: skip
        rows.writerow([_PRODUCT, HOSTILE, _TITLE, HOSTILE, "a'; drop table x--.jpg", "1", "true"])
        rows.writerow(["p2", HOSTILE, _TITLE, "", "b.jpg", "1; drop table x", "true"])
    environment = {"IMGASSETS_HOME": str(folder / "home")}
    base = ["--image-base", str(folder)]
    done = run_command("ingest", str(folder / "feeds"), *base, environment=environment)
    assert done.returncode == 0, done.stderr
    settings = Settings(home=folder / "home")
    warehouse = opened(settings.home)
    cells = [Partition(dt.date(2026, 1, 5), "x-drop-table")]
    offers, refused = load_feeds(warehouse, settings, cells)
    changes = [
        Replacement(SupplierOffers, offers, frozenset(cells)),
        Replacement(Quarantine, refused, frozenset(cells), equals={"stage": "feed"}),
    ]
    warehouse.replace(changes, CommitMessage(HOSTILE, run_id=HOSTILE, author=HOSTILE))
    return settings.home


def opened(home: Path) -> Warehouse:
    settings = Settings(home=home)
    return Warehouse(settings.warehouse, settings.warehouse_data)


def test_what_a_feed_says_is_stored_as_text(home: Path) -> None:
    offers = opened(home).read(SupplierOffers)
    assert offers.select("category", "product_id", "title", "description").rows() == [
        ("x-drop-table", _PRODUCT, _TITLE, HOSTILE)
    ]
    refused = opened(home).read(Quarantine)
    assert refused.select("rule_id", "measured").rows() == [("wrong_type", "1; drop table x")]


def test_every_table_is_still_there(home: Path) -> None:
    tables = set(opened(home).sql("SHOW TABLES")["name"])
    assert tables >= {contract.table_name() for contract in CONTRACTS}


@pytest.mark.parametrize(
    "arguments",
    [
        ["backfill", "--category", HOSTILE],
        ["mock-run", "--category", HOSTILE],
        ["gallery", "--category", HOSTILE],
        ["search", HOSTILE, "--category", HOSTILE],
        ["impact", "report", "--category", HOSTILE],
        ["reviews", "top", "--product", HOSTILE],
        ["forget", HOSTILE, "--dry-run"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_commands_take_such_names_for_names(home: Path, arguments: list[str]) -> None:
    before = opened(home).snapshot_id()
    done = run_command(*arguments, environment={"IMGASSETS_HOME": str(home)})
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    assert "Parser Error" not in said
    assert "Catalog Error" not in said
    assert opened(home).snapshot_id() == before


def test_the_past_is_read_by_such_names(home: Path) -> None:
    past = AsOf(opened(home), category=HOSTILE, product_ids=[HOSTILE, _PRODUCT])
    assert past.read(AggregatedImages).is_empty()
    assert AsOf(opened(home), product_ids=[_PRODUCT]).read(SupplierOffers).height == 1


def test_a_query_that_would_write_is_refused(home: Path) -> None:
    environment = {"IMGASSETS_HOME": str(home)}
    for statement in (
        "DROP TABLE supplier_offers",
        "SELECT 1; DELETE FROM lake.supplier_offers",
        "ATTACH 'other.db'; CREATE TABLE lake.main.mine AS SELECT 1",
    ):
        done = run_command("sql", statement, environment=environment, folder=home)
        assert done.returncode == 1, statement
    assert opened(home).read(SupplierOffers).height == 1
