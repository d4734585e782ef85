"""Where the rows and columns of each table come from, as ``lineage.toml`` declares it."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple


class Column(NamedTuple):
    """One column of one table."""

    table: str
    name: str

    def __str__(self) -> str:
        return f"{self.table}.{self.name}"


@dataclass(frozen=True)
class Lineage:
    """What one table is made of.

    Attributes:
        tables: the tables that it is made from, sorted.
        columns: of its columns, those that their values are made of.
    """

    tables: tuple[str, ...] = ()
    columns: Mapping[str, tuple[Column, ...]] = field(default_factory=dict)


@functools.cache
def lineage() -> Mapping[str, Lineage]:
    """Return the lineage of each table that is made from others, by table."""
    text = Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
    return {table: _parse(declared) for table, declared in tomllib.loads(text).items()}


def _parse(declared: Mapping[str, Any]) -> Lineage:
    columns: dict[str, tuple[Column, ...]] = {}
    for names, sources in declared.get("columns", {}).items():
        for name in names.split():
            columns[name] = tuple(_column(source, name) for source in sources)
    tables = {column.table for sources in columns.values() for column in sources}
    return Lineage(tuple(sorted(tables | set(declared.get("from", ())))), columns)


def _column(source: str, name: str) -> Column:
    table, _, column = source.partition(".")
    return Column(table, name if column == "*" else column)


def origins(column: Column) -> frozenset[Column]:
    """Return all columns that a column's values are made of, through any number of tables."""
    known: set[Column] = set()
    pending = [column]
    while pending:
        at = pending.pop()
        direct = lineage().get(at.table, Lineage()).columns.get(at.name, ())
        pending += [source for source in direct if source not in known]
        known |= set(direct)
    return frozenset(known)
