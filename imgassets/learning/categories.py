"""categories.toml: the types that images of each category may have, as data.

::

    [types]                        # optional; then a misspelt type is found
    front = "the product from the front"
    back = "the product from behind"

    [verticals.apparel]            # what its categories have, unless they say otherwise
    types = ["front", "back"]
    expected = ["front"]           # a complete image set has these; default: none

    [categories.mens-tees]
    vertical = "apparel"
    priority = ["back", "front"]   # order of the images; default: as `types`
"""

from __future__ import annotations

import difflib
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import polars as pl

from imgassets.learning.labels import slugify
from imgassets.warehouse.contract import NONE, UNSURE, UNTYPED
from imgassets.warehouse.contracts import UNCATEGORISED, Categories, TypePriorities

_TABLES = ("types", "verticals", "categories")
_RESERVED = (NONE, UNSURE, UNTYPED, "undo")
"""Answers that are no type of their own: 'none' is one of every category, the others of none."""
_MAX_TYPE = 60
"""Characters of a type's name, as of a reviewer's answer."""


class CategoryLists(NamedTuple):
    """What a file says of categories.

    Attributes:
        categories: frame in contract ``Categories``, sorted.
        priorities: frame in contract ``TypePriorities``, sorted by category and rank.
    """

    categories: pl.DataFrame
    priorities: pl.DataFrame


@dataclass(frozen=True)
class _Lists:
    """The three lists of a vertical or category; None: says nothing."""

    types: tuple[str, ...] | None = None
    priority: tuple[str, ...] | None = None
    expected: tuple[str, ...] | None = None


def read_categories(path: Path) -> CategoryLists:
    """Read a categories.toml.

    Raises:
        ValueError: the file is no TOML, or says something that cannot be meant; the message names
            the file, the category, the value and the remedy.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{path}: no readable TOML file of categories: {error}") from error
    try:
        return _lists(tables)
    except _Fault as fault:
        raise ValueError(f"{path}: {fault}") from None


class _Fault(Exception):
    """Something in the file that cannot be meant; the message says where, what and the remedy."""


def _lists(tables: Mapping[str, object]) -> CategoryLists:
    if unknown := [name for name in tables if name not in _TABLES]:
        raise _Fault(
            f"unknown table [{unknown[0]}]: there are [types], [verticals.…], [categories.…]"
        )
    titles = _table(tables.get("types", {}), "[types]")
    for name, title in titles.items():
        _check_type(name, "[types]", None)
        if not isinstance(title, str):
            raise _Fault(f'[types]: {name} = {title!r} is no title: write {name} = "…"')
    known = set(titles) if "types" in tables else None
    verticals = {
        name: _read_lists(table, f"vertical '{name}'", known)
        for name, table in _named(tables, "verticals")
    }
    for name, lists in verticals.items():
        if lists.types is None and (lists.priority or lists.expected):
            raise _Fault(
                f"vertical '{name}': an order or expected types, but no types: add `types`"
            )
    rows: list[tuple[str, str | None, tuple[str, ...], tuple[str, ...]]] = []
    ranks: list[tuple[str, str, int]] = []
    for name, table in _named(tables, "categories"):
        where = f"category '{name}'"
        vertical = table.get("vertical")
        if vertical is not None and vertical not in verticals:
            raise _Fault(
                f"{where}: unknown vertical {vertical!r}{_meant(vertical, verticals)}: add a table "
                f"[verticals.{vertical}], or name one of: {', '.join(verticals) or 'none yet'}"
            )
        said = {key: value for key, value in table.items() if key != "vertical"}
        own = _read_lists(said, where, known)
        types, priority, expected = _inherit(
            own, verticals[str(vertical)] if vertical else _Lists(), where
        )
        rows.append((name, None if vertical is None else str(vertical), types, expected))
        ranks += [(name, image_type, rank) for rank, image_type in enumerate(priority, start=1)]
    if not rows:
        raise _Fault("names no category: add a table [categories.<name>]")
    return CategoryLists(
        Categories.conform(
            pl.DataFrame(rows, Categories.create_empty().schema, orient="row").sort("category")
        ),
        TypePriorities.conform(
            pl.DataFrame(ranks, TypePriorities.create_empty().schema, orient="row").sort(
                "category", "rank"
            )
        ),
    )


def _table(value: object, where: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise _Fault(f"{where} is no table: found {value!r}")
    return value


def _named(tables: Mapping[str, object], kind: str) -> Iterable[tuple[str, dict[str, object]]]:
    """Yield the tables of one kind whose names have to be slugs."""
    for name, table in _table(tables.get(kind, {}), f"[{kind}]").items():
        slug = slugify(name)
        if name != slug or slug == UNCATEGORISED:
            remedy = f"write it '{slug}'" if slug not in ("", UNCATEGORISED) else "use another name"
            raise _Fault(
                f"[{kind}.{name}]: '{name}' is no slug (letters a-z, digits and '-'): {remedy}"
            )
        yield name, _table(table, f"[{kind}.{name}]")


def _read_lists(table: Mapping[str, object], where: str, known: set[str] | None) -> _Lists:
    """Check a vertical's or category's lists, each against ``types`` where both are there."""
    names = tuple(_Lists.__dataclass_fields__)
    if unknown := [name for name in table if name not in names]:
        of_vertical = "" if where.startswith("vertical") else "vertical, "
        raise _Fault(
            f"{where}: unknown key '{unknown[0]}'{_meant(unknown[0], names)}: "
            f"there are {of_vertical}{', '.join(names)}"
        )
    found: dict[str, tuple[str, ...]] = {}
    for name, value in table.items():
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise _Fault(
                f'{where}: {name} = {value!r} is no list of types: write ["front", "back"]'
            )
        for item in value:
            _check_type(item, f"{where}: {name}", known)
        if repeated := [item for item, n in Counter(value).items() if n > 1]:
            raise _Fault(f"{where}: {name} names '{repeated[0]}' twice: remove one")
        if not value and name != "expected":
            raise _Fault(f"{where}: {name} is empty: name a type, or leave the line out")
        found[name] = tuple(value)
    lists = _Lists(**found)
    if lists.types is not None:
        for name in ("priority", "expected"):
            _require_within(found.get(name, ()), lists.types, f"{where}: {name}")
    return lists


def _check_type(name: str, where: str, known: set[str] | None) -> None:
    """Raise if a word cannot be a type, or is none of those that [types] lists."""
    if name in _RESERVED:
        raise _Fault(
            f"{where}: '{name}' is reserved: leave it out"
            + (" (every image may be 'none')" if name == NONE else "")
        )
    if name != name.strip().lower() or not name.isprintable() or not 0 < len(name) <= _MAX_TYPE:
        raise _Fault(
            f"{where}: {name!r} is no type: 1 to {_MAX_TYPE} characters, lower case, "
            "no spaces around it"
        )
    if known is not None and name not in known:
        raise _Fault(
            f"{where}: unknown type '{name}'{_meant(name, known)}: correct it, or add it to [types]"
        )


def _require_within(part: Iterable[str], types: tuple[str, ...], where: str) -> None:
    if outside := [item for item in part if item not in types]:
        raise _Fault(
            f"{where}: '{outside[0]}' is none of its types ({', '.join(types)})"
            f"{_meant(outside[0], types)}: correct it, or add it to `types`"
        )


def _inherit(
    own: _Lists, vertical: _Lists, where: str
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return (types, priority, expected) of a category.

    What it takes from its vertical is narrowed to its own types: a vertical's order of six views
    serves a category that has four of them.
    """
    types = own.types or vertical.types
    if types is None:
        raise _Fault(f"{where}: has no types: add `types`, or a vertical that has some")
    for name, part in (("priority", own.priority), ("expected", own.expected)):
        _require_within(part or (), types, f"{where}: {name}")

    def narrowed(part: tuple[str, ...] | None) -> tuple[str, ...]:
        return tuple(item for item in part or () if item in types)

    priority = own.priority or narrowed(vertical.priority) or types
    expected = own.expected if own.expected is not None else narrowed(vertical.expected)
    return types, priority, expected


def _meant(word: object, known: Iterable[str]) -> str:
    """Return a guess at what was meant, as a parenthesis, or nothing."""
    near = difflib.get_close_matches(str(word), sorted(known), n=1)
    return f" (did you mean '{near[0]}'?)" if near else ""


def write_categories(lists: CategoryLists) -> str:
    """Return a categories.toml that :func:`read_categories` reads as the same lists.

    A vertical has what most of its categories have; they name only what differs.
    """
    orders = {
        str(category): tuple(rows["image_type"])
        for (category,), rows in lists.priorities.sort("category", "rank", "image_type").group_by(
            "category", maintain_order=True
        )
    }
    of: dict[str, _Lists] = {}
    members: dict[str, list[str]] = {}
    for row in lists.categories.sort("category").iter_rows(named=True):
        name, types = row["category"], tuple(row["types"])
        of[name] = _Lists(types, orders.get(name, types), tuple(row["expected"]))
        if row["vertical"] is not None:
            members.setdefault(row["vertical"], []).append(name)
    # Of equally frequent lists the first category's is taken: Counter keeps the order.
    common = {
        vertical: Counter(of[name] for name in names).most_common(1)[0][0]
        for vertical, names in sorted(members.items())
    }
    vertical_of = {name: vertical for vertical, names in members.items() for name in names}
    tables = [_format(f"verticals.{name}", lists) for name, lists in common.items()]
    for name, lists_of in of.items():
        vertical = vertical_of.get(name)
        usual = common[vertical] if vertical else _Lists()
        same_types = lists_of.types == usual.types
        tables.append(
            _format(
                f"categories.{name}",
                replace(
                    lists_of,
                    types=None if same_types else lists_of.types,
                    priority=(
                        None
                        if same_types and lists_of.priority == usual.priority
                        else lists_of.priority
                    ),
                    expected=(
                        None
                        if same_types and lists_of.expected == usual.expected
                        else lists_of.expected
                    ),
                ),
                vertical,
            )
        )
    return "\n".join(tables)


def _format(name: str, lists: _Lists, vertical: str | None = None) -> str:
    lines = [f"[{name}]"]
    if vertical is not None:
        lines.append(f'vertical = "{vertical}"')
    for key in _Lists.__dataclass_fields__:
        items = getattr(lists, key)
        if items is not None:
            lines.append(f"{key} = [{', '.join(_quoted(item) for item in items)}]")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
