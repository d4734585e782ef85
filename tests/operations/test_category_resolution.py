"""Feed rows without a category, from the feed file to offers and quarantine."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from rich.console import Console

from imgassets.defs.resources import open_registry
from imgassets.learning.registry import ModelRegistry
from imgassets.operations.category_model import category_texts, train_category_model
from imgassets.operations.category_resolution import open_rows
from imgassets.operations.feeds import Registered, load_feeds, register_feeds, resolve_categories
from imgassets.operations.models import TrainingError
from imgassets.settings import Settings
from imgassets.warehouse.contracts import (
    CategoryResolutions,
    FeedCategories,
    FeedFiles,
    ModelVersions,
    SupplierOffers,
)
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from imgassets.warehouse.partitions import Partition
from tests.learning.category_cases import product_texts

_TABLES = (
    CategoryResolutions, FeedCategories, FeedFiles, ModelVersions, SupplierOffers
)  # fmt: skip
DAY1, DAY2 = "2026-01-05", "2026-01-06"
COLUMNS = ["product_id", "category", "title", "description", "image_url"]
Row = tuple[str | None, ...]


class Shop:
    """A home with feeds, and what became of every row."""

    def __init__(self, folder: Path, lake: Warehouse) -> None:
        self.settings = Settings(
            home=folder / "home", warehouse=lake.catalog, warehouse_data=lake.data_path
        )
        self.warehouse = lake
        self.registry = open_registry(self.settings)
        self.feeds = folder / "in"

    def send(self, day: str, supplier: str, *rows: Row) -> Registered:
        path = self.feeds / day / f"{supplier}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        schema = dict.fromkeys(COLUMNS, pl.String)
        pl.DataFrame(list(rows), schema, orient="row").write_csv(path)
        return self.ingest()

    def ingest(self) -> Registered:
        return register_feeds(
            self.warehouse, self.settings, str(self.feeds), "/base", self.registry
        )

    def resolve(self) -> Registered:
        return resolve_categories(self.warehouse, self.settings, self.registry)

    def load(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return offers and quarantine; check that every registered row is in one of them."""
        files = self.warehouse.read(FeedFiles)
        cells = frozenset(Partition(*row) for row in files.select("day", "category").rows())
        offers, quarantine = load_feeds(self.warehouse, self.settings, cells)
        key = ["feed_file", "feed_row"]
        rows = pl.concat([offers.select(key), quarantine.select(key)])
        assert rows.is_unique().all()
        assert rows.height == files["n_rows"].sum()
        return offers, quarantine

    def fate(self, supplier: str) -> list[str]:
        """Return the category or the broken rule of each row of a supplier, in order."""
        offers, quarantine = self.load()
        parts = [offers.select("supplier_id", "day", "feed_row", fate="category"),
                 quarantine.select("supplier_id", "day", "feed_row", fate="rule_id")]  # fmt: skip
        own = pl.concat(parts).filter(supplier_id=supplier).sort("day", "feed_row")
        return own["fate"].to_list()

    def offer(self) -> None:
        """Write the offers of all feeds, as a backfill does."""
        offers, _ = self.load()
        self.warehouse.replace([Replacement(SupplierOffers, offers)], CommitMessage(asset="test"))


@pytest.fixture
def shop(tmp_path: Path, lake: Warehouse) -> Iterator[Shop]:
    yield Shop(tmp_path, lake)
    _clear(lake)


def _clear(lake: Warehouse) -> None:
    empty = [Replacement(table, table.create_empty()) for table in _TABLES]
    lake.replace(empty, CommitMessage(asset="test"))


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory, lake: Warehouse) -> Shop:
    """Return a shop with a trained model; what it wrote into the warehouse is gone again."""
    made = Shop(tmp_path_factory.mktemp("known"), lake)
    made.send(DAY1, "acme", *catalog())
    made.offer()
    report = train_category_model(made.warehouse, made.registry, made.settings)
    assert report.promoted
    versions = made.warehouse.read(ModelVersions).select("model", "version", "is_champion")
    assert versions.rows() == [("category", 1, True)]
    _clear(lake)
    return made


@pytest.fixture
def trained(known: Shop, shop: Shop) -> Shop:
    """Return an empty shop that asks the same registry."""
    shop.registry = known.registry
    return shop


def catalog() -> list[Row]:
    texts = product_texts(10)
    return [(*row, f"{i}.jpg") for i, row in enumerate(texts.iter_rows())]


TEE: Row = ("new-1", None, "Zoltan Tee, Blue", "Soft cotton with a crew neck.", "z1.jpg")
MURKY: Row = ("new-2", None, "Tee Pant Watch Bag", None, "z2.jpg")
SILENT: Row = ("new-3", "", None, None, "z3.jpg")


def test_without_a_model_the_row_waits_and_says_what_to_do(shop: Shop) -> None:
    found = shop.send(DAY1, "dune", TEE, SILENT)
    assert found.resolved == {}
    assert shop.fate("dune") == ["missing_category"] * 2
    _, quarantine = shop.load()
    assert set(quarantine["category"]) == {"uncategorised"}
    assert "imgassets train category" in quarantine["detail"][0]
    assert "imgassets categories resolve" in quarantine["detail"][0]
    assert open_rows(shop.warehouse) == {"no_model": 2}
    assert shop.resolve().touched == set(), "there is no news"


def test_other_suppliers_that_agree_give_the_category(shop: Shop) -> None:
    shop.send(DAY1, "acme", ("p1", "Mens Tees", "x", None, "a.jpg"))
    shop.send(DAY1, "cobalt", ("p1", "mens tees", "x", None, "b.jpg"))
    found = shop.send(DAY2, "dune", ("p1", None, None, None, "c.jpg"))
    assert found.resolved == {"feed": 1}
    assert {str(p) for p in found.touched} == {f"{DAY2}/mens-tees"}
    assert shop.fate("dune") == ["mens-tees"]
    (row,) = shop.warehouse.read(CategoryResolutions).to_dicts()
    assert (row["source"], row["category"], row["probability"]) == ("feed", "mens-tees", None)
    assert (str(row["day"]), row["feed_row"], row["model_version"]) == (DAY2, 1, "")


def test_suppliers_that_contradict_each_other_give_none(shop: Shop) -> None:
    shop.send(DAY1, "acme", ("p1", "tees", "x", None, "a.jpg"))
    shop.send(DAY1, "cobalt", ("p1", "tanks", "x", None, "b.jpg"))
    found = shop.send(DAY2, "dune", ("p1", None, "x", None, "c.jpg"))
    assert found.resolved == {}
    assert shop.fate("dune") == ["missing_category"]


@pytest.mark.parametrize("same_call", [True, False])
def test_a_feed_that_names_it_later_resolves_what_waited(shop: Shop, same_call: bool) -> None:
    if not same_call:
        shop.send(DAY1, "dune", ("p1", None, "x", None, "c.jpg"))
        before = shop.load()[1]
        assert before["rule_id"].to_list() == ["missing_category"]
    else:
        (shop.feeds / DAY1).mkdir(parents=True)
        (shop.feeds / DAY1 / "dune.csv").write_text(",".join(COLUMNS) + "\np1,,x,,c.jpg\n")
    found = shop.send(DAY2, "acme", ("p1", "tees", "x", None, "a.jpg"))
    assert found.resolved == {"feed": 1}
    assert {str(p) for p in found.touched} == {
        f"{DAY1}/uncategorised", f"{DAY1}/tees", f"{DAY2}/tees"
    }  # fmt: skip
    assert shop.fate("dune") == ["tees"]
    assert shop.ingest().touched == set()


def test_a_row_of_its_own_file_counts_and_a_twin_is_still_a_twin(shop: Shop) -> None:
    shop.send(
        DAY1, "dune",
        ("p1", None, "x", None, "a.jpg"),
        ("p1", "tees", "x", None, "a.jpg"),
        ("p1", None, "x", None, "../up.jpg"),
        (None, None, "x", None, "b.jpg"),
    )  # fmt: skip
    assert shop.fate("dune") == ["tees", "duplicate_row", "bad_image_url", "missing_category"]


def test_the_model_resolves_what_it_is_sure_of_and_quarantines_the_rest(trained: Shop) -> None:
    found = trained.send(DAY2, "dune", TEE, MURKY, SILENT)
    assert found.resolved == {"model": 1}
    assert {str(p) for p in found.touched} == {f"{DAY2}/tees", f"{DAY2}/uncategorised"}
    assert trained.fate("dune") == ["tees", "category_unsure", "category_unsure"]
    _, quarantine = trained.load()
    murky, silent = quarantine.sort("feed_row").to_dicts()
    guess, probability = murky["measured"].split()
    assert guess in {"tees", "pants", "watches", "bags"}
    assert float(probability) < float(murky["limit"].removeprefix("≥ "))
    assert "imgassets categories resolve" in murky["detail"]
    assert (silent["measured"], silent["limit"]) == (
        "no known word in title or description", "at least one",
    )  # fmt: skip
    rows = trained.warehouse.read(CategoryResolutions)
    assert rows["outcome"].to_list() == ["resolved", "unsure", "unsure"]
    assert rows["model_version"].to_list() == ["1"] * 3
    assert rows["category"].to_list() == ["tees", guess, None]


def test_rows_of_one_product_get_one_category(trained: Shop) -> None:
    bare = (TEE[0], None, None, None, "z9.jpg")
    trained.send(DAY2, "dune", bare, TEE)
    assert trained.fate("dune") == ["tees", "tees"]
    found = trained.send("2026-01-07", "dune", (*bare[:4], "z10.jpg"))
    assert found.resolved == {"model": 1}, "what the model said of the product holds elsewhere too"


def test_what_was_decided_stays_decided_and_a_feed_speaks_for_its_own_rows(trained: Shop) -> None:
    trained.send(DAY2, "dune", TEE)
    before = trained.warehouse.read(CategoryResolutions)
    found = trained.send(DAY2, "acme", (TEE[0], "pants", TEE[2], None, "other.jpg"))
    assert {str(p) for p in found.touched} == {f"{DAY2}/pants"}
    assert trained.fate("dune") == ["tees"]
    assert trained.warehouse.read(CategoryResolutions).equals(before)
    conflicts = trained.warehouse.sql("SELECT category, source FROM category_conflicts").rows()
    assert conflicts == [("pants", "feed names it"), ("tees", "predicted")]
    corrected = trained.send(DAY2, "dune", MURKY, (*TEE[:4], "moved.jpg"))
    assert corrected.resolved == {}, "the row moved, its product had its category"
    kept = trained.warehouse.read(CategoryResolutions, where="outcome = 'resolved'")
    assert (kept["feed_row"].item(), kept["category"].item()) == (2, "tees")
    assert kept["decided_at"].equals(before["decided_at"])
    named = trained.send(DAY2, "dune", (TEE[0], "bags", TEE[2], None, "moved.jpg"))
    assert f"{DAY2}/bags" in {str(p) for p in named.touched}
    assert trained.warehouse.read(CategoryResolutions).is_empty(), "the feed names it itself now"


def test_resolving_with_a_new_model_touches_what_changed_and_nothing_else(
    known: Shop, shop: Shop
) -> None:
    shop.send(DAY1, "dune", TEE, SILENT)
    shop.send(DAY1, "acme", *catalog())
    shop.registry = known.registry
    found = shop.resolve()
    assert found.resolved == {"model": 1}
    assert {str(p) for p in found.touched} == {f"{DAY1}/tees", f"{DAY1}/uncategorised"}
    assert shop.fate("dune") == ["tees", "category_unsure"]
    snapshot = shop.warehouse.snapshot_id()
    assert shop.resolve().touched == set()
    assert shop.ingest().touched == set()
    assert shop.warehouse.snapshot_id() == snapshot
    shop.offer()
    assert TEE[0] not in set(category_texts(shop.warehouse)["product_id"]), (
        "it would learn from itself"
    )


def test_files_of_an_older_release_are_looked_at_once(shop: Shop) -> None:
    shop.send(DAY1, "dune", ("p1", None, "x", None, "c.jpg"))
    shop.send(DAY2, "acme", ("p1", "tees", "x", None, "a.jpg"), ("p2", "tees", "x", None, "b.jpg"))
    forgotten = [Replacement(t, t.create_empty()) for t in (FeedCategories, CategoryResolutions)]
    shop.warehouse.replace(forgotten, CommitMessage(asset="test"))
    assert shop.fate("dune") == ["missing_category"]
    assert shop.resolve().resolved == {"feed": 1}
    assert shop.fate("dune") == ["tees"]
    assert shop.warehouse.read(FeedCategories).height == 2
    assert shop.resolve().touched == set()


def test_a_registry_that_is_down_stops_no_ingest(shop: Shop) -> None:
    shop.registry = ModelRegistry("http://127.0.0.1:9", shop.settings.home / "artifacts")
    found = shop.send(DAY1, "dune", TEE)
    assert any("did not answer" in note for note in found.notes)
    assert shop.fate("dune") == ["missing_category"]


def test_nothing_to_learn_from_is_an_error_with_the_remedy(shop: Shop) -> None:
    with pytest.raises(TrainingError, match="run `imgassets ingest` and `imgassets backfill`"):
        train_category_model(shop.warehouse, shop.registry, shop.settings)


def test_the_command_says_what_was_resolved(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from imgassets.cli import data

    stream = io.StringIO()
    monkeypatch.setattr(data, "console", Console(file=stream, width=200))
    monkeypatch.setattr(data, "settings", lambda: shop.settings)
    shop.send(DAY1, "dune", TEE)
    data.resolve()
    said = stream.getvalue()
    assert "0 rows without a category resolved" in said
    assert "1 without a model to ask" in said
    assert "imgassets train category" in said
