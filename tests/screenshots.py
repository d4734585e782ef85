"""Pictures of the pages as the browser tests saw them, kept for people to look at after a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

FOLDER = Path(__file__).resolve().parent.parent / "artifacts" / "screenshots"
"""Ignored by git; a CI keeps it as an artefact of the run."""


def keep(page: Page, name: str) -> Path:
    """Keep a page as it looks now, whole, and return the picture's path.

    Args:
        page: what the browser shows.
        name: of the file, without its ending; a later run's picture replaces an earlier one's.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.png"
    page.screenshot(path=path, full_page=True)
    assert path.stat().st_size > 2_000, f"{path} shows nothing"
    return path
