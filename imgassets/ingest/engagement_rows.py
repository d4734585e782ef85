"""Daily engagement as a shop's analytics export it: good product-days are taken, others refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import pairwise

import polars as pl

from imgassets.ingest.judged_rows import (
    JudgedRows,
    Rule,
    count_rules,
    judge,
    place_rules,
    read_count,
    read_days,
    refused_rows,
    slugs_of,
)
from imgassets.ingest.raw_rows import Layout, fault
from imgassets.ingest.readers import read_raw
from imgassets.warehouse.impact_contracts import METRICS, EngagementDaily

LAYOUT = Layout(
    required=("product_id", "category", "day"),
    columns=("product_id", "category", "day", *METRICS),
)
_KEY = EngagementDaily.primary_key()


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
        **{f"n_{metric}": read_count(metric) for metric in METRICS},
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


def _count_rules(max_count: int, funnel: Sequence[str]) -> list[Rule]:
    rules = count_rules(METRICS, max_count, "any product's on a day")
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
