"""Fixtures that several parts of the suite use."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.warehouses import copied_warehouses

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# A deadline per example would time the machine, not the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session", autouse=True)
def quick_warehouses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """New warehouses of this process are copies of one."""
    with copied_warehouses(tmp_path_factory.mktemp("template")):
        yield


@pytest.fixture(scope="session")
def shared() -> Callable[[str], Path]:
    """Return the folder of a large test data set, or skip where it is not laid out."""

    def folder(name: str) -> Path:
        path = REPOSITORY.parent / "shared" / name
        if not path.is_dir():
            pytest.skip(f"test data '{name}' is not at {path}")
        return path

    return folder


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Return the folder for pictures of the running system: DOCS_PICTURES, else a temporary one.

    ``make pictures`` sets it to docs/, whose pictures the README shows.
    """
    return Path(os.environ.get("DOCS_PICTURES", tmp_path)).absolute()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's chromium, or skip where it is not installed.

    Not of the whole session: while Playwright runs, its thread has an event loop, and tests that
    start one of their own would fail.
    """
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("Debian's chromium is not installed")
    api.expect.set_options(timeout=60_000)  # a page may wait for its turn on two busy cores
    with api.sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        yield running
        running.close()


_LONG_FILES = ("test_readme", "test_flags_pipeline", "test_launch", "test_flags_registered")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the longest files first, so that no worker is left alone with one at the end."""
    items.sort(key=lambda item: item.path.stem not in _LONG_FILES)
