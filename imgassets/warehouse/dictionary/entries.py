"""What the dictionary says, gathered from contracts, views and lineage; needs no warehouse."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from imgassets.warehouse.contracts import CONTRACTS, Contract
from imgassets.warehouse.ddl import sql_type
from imgassets.warehouse.lineage import Lineage, lineage
from imgassets.warehouse.views import View, view_columns, views

_SAME_EVERYWHERE = {
    "day": "Day of the feed that changed the product.",
    "category": "Product category, as a slug.",
    "product_id": "Product.",
    "supplier_id": "Supplier.",
    "image_id": "The image: SHA-256 of its bytes.",
    "image_url": "Reference as in the feed.",
}
"""Keys that tables describe in their own words, and that mean the same in every view."""


@dataclass(frozen=True)
class DictionaryColumn:
    """One column of a table or view.

    Attributes:
        name: its name.
        type: its SQL type.
        meaning: one sentence.
        is_key: it is part of the table's key.
        nullable: it may be null; None of a view's, of which nobody says.
        sources: columns that its values are made of, as ``table.column``.
    """

    name: str
    type: str
    meaning: str
    is_key: bool = False
    nullable: bool | None = None
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Entry:
    """One table or view.

    Attributes:
        name: its name.
        kind: table or view.
        comment: what one row is.
        notes: what else is to be known.
        columns: in their order.
        partitioned_by: columns that its files are laid out by.
        made_from: tables and views that it is made from.
        used_by: tables and views that are made from it.
    """

    name: str
    kind: Literal["table", "view"]
    comment: str
    notes: str
    columns: tuple[DictionaryColumn, ...]
    partitioned_by: tuple[str, ...]
    made_from: tuple[str, ...]
    used_by: tuple[str, ...]

    @property
    def key(self) -> tuple[str, ...]:
        """Return the columns that tell its rows apart; () where nothing does."""
        return tuple(column.name for column in self.columns if column.is_key)


@functools.cache
def entries() -> tuple[Entry, ...]:
    """Return all tables, in the order of the contracts, and then all views, by name."""
    names = {contract.table_name() for contract in CONTRACTS} | {view.name for view in views()}
    made_from = {table: found.tables for table, found in lineage().items()}
    made_from |= {view.name: tuple(view.reads(names)) for view in views()}
    used_by: dict[str, list[str]] = {name: [] for name in names}
    for name, sources in made_from.items():
        for source in set(sources) - {name}:
            used_by[source].append(name)
    tables = [_table(contract, made_from, used_by) for contract in CONTRACTS]
    meanings = {t.name: {c.name: c.meaning for c in t.columns} for t in tables}
    types = view_columns()
    found = [
        _view(view, types[view.name], meanings, made_from[view.name], used_by) for view in views()
    ]
    return (*tables, *sorted(found, key=lambda entry: entry.name))


def _table(
    contract: type[Contract],
    made_from: Mapping[str, tuple[str, ...]],
    used_by: Mapping[str, list[str]],
) -> Entry:
    name = contract.table_name()
    key = contract.primary_key()
    columns = contract.columns()
    comments = contract.column_comments()
    sources = lineage().get(name, Lineage()).columns
    return Entry(
        name=name,
        kind="table",
        comment=contract.comment(),
        notes=" ".join((contract.__doc__ or "").split("\n\n", 1)[1:]).replace("\n", " ").strip(),
        columns=tuple(
            DictionaryColumn(
                name=column,
                type=sql_type(dtype),
                meaning=comments[column],
                is_key=column in key,
                nullable=columns[column].nullable,
                sources=tuple(str(source) for source in sources.get(column, ())),
            )
            for column, dtype in contract.create_empty().schema.items()
        ),
        partitioned_by=contract.partitioning(),
        made_from=tuple(s for s in made_from.get(name, ()) if s != name),
        used_by=tuple(sorted(used_by[name])),
    )


def _view(
    view: View,
    types: Mapping[str, str],
    meanings: dict[str, dict[str, str]],
    made_from: tuple[str, ...],
    used_by: Mapping[str, list[str]],
) -> Entry:
    """Return a view's entry; add what its columns mean to ``meanings``, for views that read it."""
    meanings[view.name] = {
        column: _meaning(column, view, [meanings[source] for source in made_from])
        for column in types
    }
    return Entry(
        name=view.name,
        kind="view",
        comment=view.comment,
        notes=view.notes,
        columns=tuple(
            DictionaryColumn(name, type, meanings[view.name][name]) for name, type in types.items()
        ),
        partitioned_by=(),
        made_from=made_from,
        used_by=tuple(sorted(used_by[view.name])),
    )


def _meaning(column: str, view: View, sources: list[dict[str, str]]) -> str:
    """Return what a view's column means: what the view says, else what all it reads agree on."""
    if column in view.meanings:
        return view.meanings[column]
    if column in _SAME_EVERYWHERE:
        return _SAME_EVERYWHERE[column]
    said = {source[column] for source in sources if column in source}
    return said.pop() if len(said) == 1 else ""
