"""One warehouse for many tests of reviews: creating all tables takes longer than a test does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from imgassets.warehouse.contracts import (
    Categories,
    ComparedPairs,
    FetchedImages,
    FileLabels,
    FlagLabels,
    ImageLabels,
    LabelFiles,
    Quarantine,
    ReviewAnswers,
    ReviewTasks,
    SupplierOffers,
    TypePriorities,
)
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse

_TABLES = (
    ComparedPairs, FetchedImages, FlagLabels, ImageLabels, ReviewAnswers, ReviewTasks,
    Categories, FileLabels, LabelFiles, Quarantine, SupplierOffers, TypePriorities,
)  # fmt: skip


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    folder = tmp_path_factory.mktemp("lake")
    return Warehouse(f"ducklake:sqlite:{folder}/catalog.sqlite", f"{folder}/data")


@pytest.fixture
def warehouse(lake: Warehouse) -> Iterator[Warehouse]:
    yield lake
    lake.replace(
        [Replacement(table, table.create_empty()) for table in _TABLES],
        CommitMessage(asset="test"),
    )
