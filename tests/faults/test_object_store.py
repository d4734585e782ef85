"""An object store that answers 500, or does not answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from imgassets.ingest.store import ImageStore
from imgassets.warehouse import retrying
from imgassets.warehouse.lake import Warehouse, WarehouseError
from tests.faults.ledger import RELEASE, Outcome, cell, damage, write
from tests.faults.proxy import Faults, faulty
from tests.servers import s3

pytestmark = pytest.mark.soak


@contextmanager
def faulty_store() -> Iterator[Faults]:
    """Run an S3 server that fails when told to, and let all clients of this process find it."""
    with (
        s3("bucket") as variables,
        faulty(variables["AWS_ENDPOINT_URL"]) as proxy,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in {**variables, "AWS_ENDPOINT_URL": proxy.url}.items():
            patch.setenv(name, value)
        yield proxy


@pytest.fixture(scope="module")
def faults() -> Iterator[Faults]:
    with faulty_store() as store:
        yield store


def filled(folder: Path) -> Warehouse:
    """Return a warehouse whose tables are in the store."""
    catalog = f"ducklake:sqlite:{folder}/c.sqlite"
    made = Warehouse(catalog, f"s3://bucket/{folder.name}/", RELEASE)
    write(made, cell(0), 1)
    return made


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return filled(tmp_path)


def drill(warehouse: Warehouse, faults: Faults, kind: str, requests: int) -> Outcome:
    """Let some requests fail while a partition is replaced; the writer goes on by itself."""
    faults.fail(kind, requests)
    write(warehouse, cell(0), 2)
    assert faults.met == requests
    return damage(warehouse, {cell(0): {2}}) + Outcome(tries=1)


def test_a_store_that_answers_500_for_a_while_is_asked_again(
    warehouse: Warehouse, faults: Faults
) -> None:
    assert drill(warehouse, faults, "error", 6).harmless


def test_a_store_that_does_not_answer_is_asked_again(warehouse: Warehouse, faults: Faults) -> None:
    assert drill(warehouse, faults, "hang", 1).harmless


def test_a_store_that_stays_away_is_one_clear_line_and_nothing_is_half_written(
    warehouse: Warehouse, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrying, "_PATIENCE", 1.0)
    faults.fail("error", 10_000)
    with pytest.raises(WarehouseError, match="Writing drill failed") as told:
        write(warehouse, cell(0), 2)
    assert "\n" not in str(told.value)
    assert "testing-secret" not in str(told.value)
    faults.left = 0
    assert damage(warehouse, {cell(0): {1}}) == Outcome()
    write(warehouse, cell(0), 3)
    assert damage(warehouse, {cell(0): {3}}) == Outcome()


def test_an_image_is_stored_whole_or_not_at_all(faults: Faults) -> None:
    store = ImageStore("s3://bucket/images")
    faults.fail("error", 2)
    image = store.put(b"pixels")
    assert store.get(image) == b"pixels"
    faults.fail("error", 10_000)
    with pytest.raises(OSError, match="Internal Server Error"):
        store.put(b"other pixels")
    faults.left = 0
    assert store.size("0" * 64) is None
    assert store.get(store.put(b"other pixels")) == b"other pixels"
