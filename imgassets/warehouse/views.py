"""The analysts' views: SQL files, installed into the warehouse as they stand.

A file is named like its view. It begins with a comment: first a line that says what one row is,
then perhaps more lines, then, after an empty comment line, what columns mean: ``-- column: …``.
"""

from __future__ import annotations

import functools
import graphlib
import importlib.resources
import re
import zlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from imgassets.warehouse.connection import ALIAS, transaction
from imgassets.warehouse.contracts import CONTRACTS
from imgassets.warehouse.ddl import create_table
from imgassets.warehouse.partitions import quote

_COMMENTS_AND_TEXTS = re.compile(r"--[^\n]*|'(?:[^']|'')*'")
_READS = re.compile(r"\b(?:FROM|JOIN)\s+([a-z_]+)\b")
_MEANING = re.compile(r"([a-z_0-9]+): (.+)")


@dataclass(frozen=True)
class View:
    """One analysts' view.

    Attributes:
        name: its name in the warehouse.
        sql: the whole file, comments included.
        comment: what one row is.
        notes: what else is to be known; '' if nothing.
        meanings: what its own columns mean, by name; others mean what they do where they are from.
    """

    name: str
    sql: str
    comment: str
    notes: str = ""
    meanings: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, name: str, sql: str) -> View:
        """Return the view that a file describes."""
        lines = []
        for line in sql.strip().splitlines():
            if not line.startswith("--"):
                break
            lines.append(line.removeprefix("--").strip())
        told = lines.index("") if "" in lines else len(lines)
        meanings = {
            found[1]: found[2] for line in lines[told:] if (found := _MEANING.fullmatch(line))
        }
        return cls(name, sql, lines[0] if lines else "", " ".join(lines[1:told]), meanings)

    def version(self) -> str:
        """Return its comment in the warehouse, which tells one text of the view from another."""
        return f"{self.comment} [{zlib.crc32(self.sql.encode()):08x}]"

    def statements(self) -> list[str]:
        """Return what installs it."""
        return [
            f"CREATE OR REPLACE VIEW {self.name} AS {self.sql}",
            f"COMMENT ON VIEW {self.name} IS {quote(self.version())}",
        ]

    def reads(self, names: Collection[str]) -> list[str]:
        """Return those of some tables and views that it reads, sorted."""
        code = _COMMENTS_AND_TEXTS.sub(" ", self.sql)
        return sorted(set(_READS.findall(code)) & set(names))


def sql_folder() -> Path:
    """Return the folder of the analysts' ``views`` and ``queries``."""
    packaged = Path(str(importlib.resources.files("imgassets"))) / "sql"
    return packaged if packaged.exists() else packaged.parent.parent / "sql"


@functools.cache
def views() -> tuple[View, ...]:
    """Return all views, each after those that it reads."""
    parsed = [
        View.parse(path.stem, path.read_text(encoding="utf-8"))
        for path in sorted((sql_folder() / "views").glob("*.sql"))
    ]
    by_name = {view.name: view for view in parsed}
    order = graphlib.TopologicalSorter({view.name: view.reads(by_name) for view in parsed})
    return tuple(by_name[name] for name in order.static_order())


def with_sources(names: Iterable[str]) -> list[View]:
    """Return some views and all those that they read, each after what it reads itself.

    Raises:
        KeyError: there is no view of that name.
    """
    by_name = {view.name: view for view in views()}
    needed: set[str] = set()
    pending = list(names)
    while pending:
        name = pending.pop()
        if name not in needed:
            needed.add(name)
            pending += by_name[name].reads(by_name)
    return [view for view in views() if view.name in needed]


def install_views(connection: duckdb.DuckDBPyConnection, wanted: Iterable[View]) -> list[str]:
    """Install those of some views whose text is not that of the warehouse, in one transaction.

    Each replacement is a new snapshot: what is there already stays untouched.

    Returns:
        The names of those that were installed.
    """
    present = dict(
        connection.execute(
            "SELECT view_name, comment FROM duckdb_views() WHERE database_name = ?", [ALIAS]
        ).fetchall()
    )
    changed = [view for view in wanted if present.get(view.name) != view.version()]
    if changed:
        names = ", ".join(view.name for view in changed)
        with transaction(connection, "imgassets", f"views {names}"):
            for statement in (s for view in changed for s in view.statements()):
                connection.execute(statement)
    return [view.name for view in changed]


def view_columns() -> dict[str, dict[str, str]]:
    """Return each view's columns in order with their SQL types, as DuckDB finds them.

    They follow from contracts and SQL files alone: an empty database in memory tells them.
    """
    with duckdb.connect() as connection:
        for contract in CONTRACTS:
            connection.execute(create_table(contract))
        for view in views():
            connection.execute(f"CREATE VIEW {view.name} AS {view.sql}")
        rows = connection.execute(
            "SELECT table_name, column_name, data_type FROM duckdb_columns() "
            "WHERE schema_name = 'main' ORDER BY table_name, column_index"
        ).fetchall()
    columns: dict[str, dict[str, str]] = {view.name: {} for view in views()}
    for name, column, dtype in rows:
        if name in columns:
            columns[name][column] = _TYPES.get(dtype, dtype)
    return columns


_TYPES = {"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ"}
"""DuckDB's long names of types that contracts name shortly."""
