"""Rows of a file judged by rules: what files of engagement, interventions and reviews share."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import polars as pl

from imgassets.ingest.locations import CONTROL
from imgassets.ingest.raw_rows import category_slugs, fault, first_fault
from imgassets.warehouse.contracts import UNCATEGORISED

REFUSED = ("day", "category", "product_id", "row", "rule_id", "measured", "limit", "detail")
"""Columns of refused rows: day and category as far as they could be read, row from 1."""

Rule = tuple[pl.Expr, pl.Expr]
"""Whether a row breaks the rule, and the fault that this is."""

_ISO_DAY = r"^(\d{4}-\d{2}-\d{2})(?:[T ]00:00(?::00(?:\.0+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?$"
"""A day, also as the midnight that tables with times make of it."""


class JudgedRows(NamedTuple):
    """The rows of a file, every one of them in exactly one of the two, identical twins apart.

    Attributes:
        good: rows that are usable, sorted by key.
        refused: the others, with columns `REFUSED`, in file order.
    """

    good: pl.DataFrame
    refused: pl.DataFrame


def slugs_of(names: pl.Series) -> pl.Series:
    """Return categories' slugs as a column ``slug``; each name is looked at once."""
    unique = names.unique().drop_nulls()
    slugs = unique.to_frame("name").select(category_slugs(pl.col("name"))).to_series()
    return names.replace_strict(unique, slugs, default=None, return_dtype=pl.String).alias("slug")


def judge(rows: pl.DataFrame, rules: Sequence[Rule]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part rows that keep all rules from the others, which get the ``fault`` that they have first.

    Args:
        rows: of a file, with a column ``fault`` for those that could not be read.
        rules: as :func:`imgassets.ingest.raw_rows.first_fault` takes them.
    """
    unread = pl.col("fault").is_not_null()
    bad = rows.select(
        pl.any_horizontal(unread, *(breaks.fill_null(False) for breaks, _ in rules))
    ).to_series()
    return rows.filter(~bad), rows.filter(bad).with_columns(fault=first_fault(rules))


def refused_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows with a ``fault`` as columns `REFUSED`."""
    return (
        rows.select(
            "product_id", pl.col("row").cast(pl.Int32), "fault", day="date", category="slug"
        )
        .unnest("fault")
        .select(REFUSED)
    )


def read_days(column: str) -> pl.Expr:
    """Return a column of text as dates; null where it is no day."""
    return pl.col(column).str.extract(_ISO_DAY).str.to_date("%Y-%m-%d", strict=False)


def read_count(column: str) -> pl.Expr:
    """Return a count as it is written, 3.0 and 1e3 included; null where it is no number."""
    return pl.col(column).cast(pl.Float64, strict=False)


def missing_rules(columns: Sequence[str]) -> list[Rule]:
    """Return the rules that columns have a value."""
    return [
        (
            pl.col(name).is_null(),
            fault("missing_value", pl.lit("no value"), f"a {name}", f"{name} is empty."),
        )
        for name in columns
    ]


def name_rules(columns: Sequence[str] = ("product_id",)) -> list[Rule]:
    """Return the rules about ids of one line, and about ``category``, of which ``slug`` is made."""
    category, slug = pl.col("category"), pl.col("slug")
    broken = [
        (
            pl.col(name).str.contains(CONTROL),
            fault("malformed_row", pl.col(name), "no control characters",
                  f"The {name} holds a control character such as a line break."),
        )
        for name in columns
    ]  # fmt: skip
    return [
        *broken,
        (
            (slug == "") | (slug == UNCATEGORISED),
            fault("bad_category", category, f"a name of letters or digits, not '{UNCATEGORISED}'",
                  "No slug can be made of the category's name."),
        ),
    ]  # fmt: skip


def day_rules(today: date, day: str, kind: str = "a date such as 2026-01-31") -> list[Rule]:
    """Return the rules about a day, where there is one.

    Args:
        today: later days are refused.
        day: the column of text that ``date`` was read from.
        kind: what it must be.
    """
    return [
        (
            pl.col(day).is_not_null() & pl.col("date").is_null(),
            fault("unknown_date", pl.col(day), kind, f"{day} is no date."),
        ),
        (
            pl.col("date") > today,
            fault("future_day", pl.col(day), f"{today} or before", "The day has not been yet."),
        ),
    ]


def place_rules(today: date, day: str = "day") -> list[Rule]:
    """Return the rules about product, category and day that all rows of impact's files keep.

    Args:
        today: later days are refused.
        day: the column of text that ``date`` was read from; ``slug`` was from ``category``.
    """
    missing = missing_rules(("product_id", "category", day))
    return [*missing, *name_rules(), *day_rules(today, day)]


def count_rules(columns: Sequence[str], max_count: int, most: str) -> list[Rule]:
    """Return the rules that counts, where there are some, are whole, not negative, not absurd.

    Args:
        columns: of text; ``n_<column>`` is what :func:`read_count` made of it.
        max_count: higher counts are refused.
        most: whose count is never higher, for the sentence.
    """
    rules: list[Rule] = []
    for column in columns:
        text, number = pl.col(column), pl.col(f"n_{column}")
        whole = number.is_finite() & (number == number.floor())
        rules += [
            (
                text.is_not_null() & ~(whole | number.is_infinite()).fill_null(False),
                fault("not_a_count", pl.format(f"{column} {{}}", text), "a whole number from 0",
                      f"{column} is no whole number."),
            ),
            (
                number < 0,
                fault("negative_count", pl.format(f"{column} {{}}", text), "0 or more",
                      f"{column} is negative."),
            ),
            (
                number > max_count,
                fault("absurd_count", pl.format(f"{column} {{}}", text), f"{max_count} or less",
                      f"{column} is higher than {most}."),
            ),
        ]  # fmt: skip
    return rules
