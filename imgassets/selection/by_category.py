"""Tables of TOML files that hold values by category: a default, and what categories override."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError


class Table(BaseModel):
    """A table of a file; a misspelt key is an error, not a silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)


_Table = TypeVar("_Table", bound=Table)


def read_by_category(
    model: type[_Table], what: str, shipped: Path, own: Path | None
) -> tuple[_Table, dict[str, _Table]]:
    """Return the default and the categories' tables of a file, completed by the shipped one.

    What the file's default leaves out is the shipped default; what a category leaves out, the
    file's default. A file without a table for a category does not keep the shipped one.

    Args:
        model: what a complete table is.
        what: what the file is called in an error message, e.g. 'thresholds'.
        shipped: the package's file.
        own: a user's file: a table ``[default]``, tables ``[categories.<slug>]``; None: none.

    Raises:
        ValueError: the file is missing, no TOML, or has a key that is unknown or out of range; the
            message names the file and the key.
    """
    path = own or shipped
    tables = _load(path, what)
    base = _load(shipped, what)["default"] if own else {}
    default = _merged(base, tables.pop("default", {}), path)
    categories = tables.pop("categories", {})
    if tables:
        raise ValueError(f"{path}: no table is called {', '.join(sorted(tables))}")
    if not isinstance(categories, dict):
        raise ValueError(f"{path}: categories are tables, not {categories!r}")
    return _validated(model, default, path, "default"), {
        name: _validated(model, _merged(default, table, path), path, f"categories.{name}")
        for name, table in categories.items()
    }


def _validated(model: type[_Table], values: Mapping[str, Any], path: Path, table: str) -> _Table:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in (table, *first["loc"]))
        raise ValueError(
            f"{path}: {where}: {first['msg'].removeprefix('Value error, ')}"
        ) from error


def _load(path: Path, what: str) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"cannot read {what} {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no TOML: it is not UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} is no TOML: {error}") from error


def _merged(base: Mapping[str, Any], own: object, path: Path) -> dict[str, Any]:
    if not isinstance(own, dict):
        raise ValueError(f"{path}: values are in tables, not {own!r}")
    merged = dict(base)
    for name, value in own.items():
        inner = merged.get(name)
        merged[name] = (
            {**inner, **value} if isinstance(inner, dict) and isinstance(value, dict) else value
        )
    return merged
