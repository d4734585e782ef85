"""A (day, category) partition and the SQL that selects a set of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

import polars as pl


class Partition(NamedTuple):
    """One (day, category) slice of every derived table."""

    day: date
    category: str

    def __str__(self) -> str:
        return f"{self.day}/{self.category}"


def partition_frame(partitions: Iterable[Partition]) -> pl.DataFrame:
    """Return distinct partitions as a frame (day: Date, category: String), sorted."""
    rows = sorted(set(partitions))
    return pl.DataFrame(
        {"day": [p.day for p in rows], "category": [p.category for p in rows]},
        schema={"day": pl.Date, "category": pl.String},
    )


def quote(value: object) -> str:
    """Return ``value`` as a SQL literal (strings, dates, numbers and booleans)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    literal = "'" + str(value).replace("'", "''") + "'"
    if "\0" in literal:  # where DuckDB's parser would stop
        return "(" + literal.replace("\0", "' || chr(0) || '") + ")"
    return literal


def category_predicate(categories: Iterable[str]) -> str:
    """Return a WHERE clause that holds for exactly the rows of these categories."""
    return f"category IN ({', '.join(quote(name) for name in sorted(set(categories))) or 'NULL'})"


def partition_predicate(partitions: Iterable[Partition]) -> str:
    """Return a WHERE clause that holds for exactly the rows of ``partitions``.

    The clause starts with plain range and IN filters on ``day`` and ``category``, which DuckLake
    turns into skipped files; days are listed per category only where the set is no rectangle.
    """
    by_category: dict[str, set[date]] = {}
    for partition in partitions:
        by_category.setdefault(partition.category, set()).add(partition.day)
    if not by_category:
        return "false"
    all_days = set().union(*by_category.values())
    first, last = quote(min(all_days)), quote(max(all_days))
    categories = ", ".join(quote(c) for c in sorted(by_category))
    pruning = f"day BETWEEN {first} AND {last} AND category IN ({categories})"
    if all(days == all_days for days in by_category.values()):
        exact = _day_in(all_days)
    else:
        exact = " OR ".join(
            f"(category = {quote(category)} AND {_day_in(days)})"
            for category, days in sorted(by_category.items())
        )
    return f"{pruning} AND ({exact})"


def _day_in(days: set[date]) -> str:
    return f"day IN ({', '.join(quote(d) for d in sorted(days))})"
