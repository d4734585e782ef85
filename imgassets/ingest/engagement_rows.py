"""Daily engagement as a shop's analytics export it: good product-days are taken, others refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import NamedTuple

import polars as pl

from imgassets.ingest.locations import CONTROL
from imgassets.ingest.raw_rows import Layout, category_slugs, fault, first_fault
from imgassets.ingest.readers import read_raw
from imgassets.warehouse.contracts import UNCATEGORISED
from imgassets.warehouse.impact_contracts import METRICS, EngagementDaily

LAYOUT = Layout(
    required=("product_id", "category", "day"),
    columns=("product_id", "category", "day", *METRICS),
)
REFUSED = ("day", "category", "product_id", "row", "rule_id", "measured", "limit", "detail")
"""Columns of refused rows: day and category as far as they could be read, row from 1."""

_KEY = EngagementDaily.primary_key()
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


def read_engagement(
    content: bytes,
    extension: str,
    *,
    today: date,
    max_count: int = 1_000_000_000,
    funnel: Sequence[str] = ("impressions", "clicks"),
) -> JudgedRows:
    """Read a file of daily engagement and judge its rows; one bad row never stops the others.

    Rules: ``malformed_row``, ``wrong_type``, ``missing_value``, ``bad_category``, ``unknown_date``,
    ``future_day``, ``not_a_count``, ``negative_count``, ``absurd_count``, ``no_counts``,
    ``broken_funnel`` and ``contradicting_rows``: rows about one product and day that say different
    things are refused together, because nobody knows which of them is right.

    Args:
        content: the whole file: ``product_id``, ``category``, ``day`` (2026-01-31), ``add_to_cart``
            and, where known, ``impressions``, ``clicks``, ``orders``. An empty count is not known.
        extension: ``csv``, ``jsonl`` or ``parquet``.
        today: later days are refused.
        max_count: higher counts are refused.
        funnel: metrics of which none may be higher than the one before it.

    Returns:
        Good rows: the columns of contract ``EngagementDaily`` without ``feed_file``.

    Raises:
        Refused: the file as a whole cannot be read.
    """
    raw = read_raw(content, extension, LAYOUT).with_row_index("row", offset=1)
    rows = raw.with_columns(
        slugs_of(raw["category"]),
        date=read_days("day"),
        **{f"n_{metric}": _number(metric) for metric in METRICS},
    )
    clean, broken = judge(rows, [*place_rules(today), *_count_rules(max_count, funnel)])
    counts = {metric: pl.col(f"n_{metric}").cast(pl.Int64) for metric in METRICS}
    good = clean.select("row", "product_id", day="date", category="slug", **counts)
    good = good.unique([*_KEY, *METRICS], keep="first", maintain_order=True)
    differ = good.filter(pl.struct(_KEY).is_duplicated())
    broken = pl.concat([broken, _contradictions(clean, differ)]).sort("row")
    return JudgedRows(
        good.drop("row").join(differ, on=_KEY, how="anti").sort(_KEY), refused_rows(broken)
    )


def slugs_of(names: pl.Series) -> pl.Series:
    """Return categories' slugs as a column ``slug``; each name is looked at once."""
    unique = names.unique().drop_nulls()
    slugs = unique.to_frame("name").select(category_slugs(pl.col("name"))).to_series()
    return names.replace_strict(unique, slugs, default=None, return_dtype=pl.String).alias("slug")


def judge(
    rows: pl.DataFrame, rules: Sequence[tuple[pl.Expr, pl.Expr]]
) -> tuple[pl.DataFrame, pl.DataFrame]:
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


def read_days(column: str) -> pl.Expr:
    """Return a column of text as dates; null where it is no day."""
    return pl.col(column).str.extract(_ISO_DAY).str.to_date("%Y-%m-%d", strict=False)


def place_rules(today: date, day: str = "day") -> list[tuple[pl.Expr, pl.Expr]]:
    """Return the rules about product, category and day that all rows of impact's files keep.

    Args:
        today: later days are refused.
        day: the column of text that ``date`` was read from; ``slug`` was from ``category``.
    """
    category, slug = pl.col("category"), pl.col("slug")
    missing = [
        (
            pl.col(name).is_null(),
            fault("missing_value", pl.lit("no value"), f"a {name}", f"{name} is empty."),
        )
        for name in ("product_id", "category", day)
    ]
    return [
        *missing,
        (
            pl.col("product_id").str.contains(CONTROL),
            fault("malformed_row", pl.col("product_id"), "no control characters",
                  "The product_id holds a control character such as a line break."),
        ),
        (
            (slug == "") | (slug == UNCATEGORISED),
            fault("bad_category", category, f"a name of letters or digits, not '{UNCATEGORISED}'",
                  "No slug can be made of the category's name."),
        ),
        (
            pl.col("date").is_null(),
            fault("unknown_date", pl.col(day), "a date such as 2026-01-31",
                  f"{day} is no date."),
        ),
        (
            pl.col("date") > today,
            fault("future_day", pl.col(day), f"{today} or before", "The day has not been yet."),
        ),
    ]  # fmt: skip


def refused_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows with a ``fault`` as columns `REFUSED`."""
    return (
        rows.select(
            "product_id", pl.col("row").cast(pl.Int32), "fault", day="date", category="slug"
        )
        .unnest("fault")
        .select(REFUSED)
    )


def _number(metric: str) -> pl.Expr:
    """Return a count as it is written, 3.0 and 1e3 included; null where it is no number."""
    return pl.col(metric).cast(pl.Float64, strict=False)


def _count_rules(max_count: int, funnel: Sequence[str]) -> list[tuple[pl.Expr, pl.Expr]]:
    rules: list[tuple[pl.Expr, pl.Expr]] = []
    for metric in METRICS:
        text, number = pl.col(metric), pl.col(f"n_{metric}")
        whole = number.is_finite() & (number == number.floor())
        rules += [
            (
                text.is_not_null() & ~(whole | number.is_infinite()).fill_null(False),
                fault("not_a_count", pl.format(f"{metric} {{}}", text), "a whole number from 0",
                      f"{metric} is no whole number."),
            ),
            (
                number < 0,
                fault("negative_count", pl.format(f"{metric} {{}}", text), "0 or more",
                      f"{metric} is negative."),
            ),
            (
                number > max_count,
                fault("absurd_count", pl.format(f"{metric} {{}}", text), f"{max_count} or less",
                      f"{metric} is higher than any product's on a day."),
            ),
        ]  # fmt: skip
    rules.append(
        (
            pl.all_horizontal(pl.col(metric).is_null() for metric in METRICS),
            fault("no_counts", pl.lit("no value"), f"one of {', '.join(METRICS)}",
                  "The row says nothing of its product and day."),
        )
    )  # fmt: skip
    for wide, narrow in pairwise(funnel):
        rules.append(
            (
                pl.col(f"n_{narrow}") > pl.col(f"n_{wide}"),
                fault("broken_funnel", pl.format(f"{{}} {narrow}, {{}} {wide}", narrow, wide),
                      f"{narrow} ≤ {wide}", f"There are more {narrow} than {wide}."),
            )
        )  # fmt: skip
    return rules


def _contradictions(clean: pl.DataFrame, differ: pl.DataFrame) -> pl.DataFrame:
    """Return the usable rows about the products and days of ``differ``, with their fault."""
    said = pl.format(
        "row {}: {}",
        "row",
        pl.concat_str((pl.col(metric).fill_null("-") for metric in METRICS), separator=" "),
    )
    key = ["product_id", "date", "slug"]
    found = clean.join(
        differ.select("product_id", date="day", slug="category").unique(), on=key, how="semi"
    )
    return found.with_columns(
        fault=fault(
            "contradicting_rows",
            said.str.join("; ").over(key),
            "one row per product and day",
            f"Rows about one product and day say different things ({', '.join(METRICS)}): remove "
            "the wrong ones.",
        )
    )
