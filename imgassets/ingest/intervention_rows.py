"""Which products got a new image set and when, as a file tells it."""

from __future__ import annotations

from datetime import date

import polars as pl

from imgassets.ingest.feeds import FALSE, TRUE
from imgassets.ingest.judged_rows import (
    JudgedRows,
    judge,
    place_rules,
    read_days,
    refused_rows,
    slugs_of,
)
from imgassets.ingest.raw_rows import Layout, fault
from imgassets.ingest.readers import read_raw

LAYOUT = Layout(
    required=("product_id", "category", "intervention_date"),
    columns=("product_id", "category", "intervention_date", "treated"),
)
_KEY = ["day", "category", "product_id"]


def read_interventions(content: bytes, extension: str, *, today: date) -> JudgedRows:
    """Read a file of interventions and judge its rows; one bad row never stops the others.

    Rows that name an untreated product are neither good nor refused: ``treated`` is false, or there
    is no such column and the date is empty. Rules: ``malformed_row``, ``wrong_type``,
    ``missing_value``, ``bad_category``, ``unknown_date``, ``future_day`` and ``unknown_value``.

    Args:
        content: the whole file: ``product_id``, ``category``, ``intervention_date`` (2026-01-31,
            the first day with the new set) and, optionally, ``treated`` (true or false).
        extension: ``csv``, ``jsonl`` or ``parquet``.
        today: later days are refused: an intervention is one that took place.

    Returns:
        Good rows: day, category, product_id.

    Raises:
        Refused: the file as a whole cannot be read.
    """
    raw = read_raw(content, extension, LAYOUT).with_row_index("row", offset=1)
    treated = pl.col("treated").str.to_lowercase()
    dated = pl.col("intervention_date").is_not_null()
    rows = raw.with_columns(
        slugs_of(raw["category"]),
        date=read_days("intervention_date"),
        is_treated=pl.when(treated.is_null()).then(dated).otherwise(treated.is_in(TRUE)),
    )
    unknown = (
        treated.is_not_null() & ~treated.is_in([*TRUE, *FALSE]),
        fault("unknown_value", pl.col("treated"), ", ".join((*TRUE, *FALSE)),
              "treated is no truth value."),
    )  # fmt: skip
    rules = [unknown, *place_rules(today, "intervention_date")]
    # What else is wrong with a row that names no intervention changes nothing.
    concerned = pl.col("is_treated") | unknown[0] | pl.col("fault").is_not_null()
    clean, broken = judge(rows.filter(concerned), rules)
    good = clean.select("product_id", day="date", category="slug").select(_KEY).unique().sort(_KEY)
    return JudgedRows(good, refused_rows(broken))
