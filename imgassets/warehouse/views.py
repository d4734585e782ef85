"""The analysts' views: SQL files, installed into the warehouse as they stand."""

from __future__ import annotations

import importlib.resources
from pathlib import Path


def view_files() -> list[Path]:
    """Return the SQL files of the analysts' views, in the order they are installed."""
    packaged = Path(str(importlib.resources.files("imgassets"))) / "sql"
    root = packaged if packaged.exists() else packaged.parent.parent / "sql"
    return sorted((root / "views").glob("*.sql"))


def view_comment(sql: str) -> str:
    """Return a view's description: the text of its first comment line."""
    return sql.strip().splitlines()[0].removeprefix("--").strip()
