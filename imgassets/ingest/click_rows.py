"""Clicks on images as a shop's analytics export them: CSV files, taken whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from imgassets.ingest.readers import read_csv_rows
from imgassets.ingest.refusal import Refused
from imgassets.warehouse.contract import CATEGORY, IMAGE_ID
from imgassets.warehouse.set_contracts import ImageClicks

COLUMNS = ("day", "category", "product_id", "position", "impressions", "clicks")
IMAGE_COLUMNS = ("image_id", "image_url")
_KEY = ImageClicks.primary_key()
_SHOWN = 5
"""Faulty lines that an error message lists before it says how many more there are."""


def parse_clicks(name: str, content: bytes) -> pl.DataFrame:
    """Read a file of clicks.

    Args:
        name: the file's, for error messages.
        content: a CSV with ``day`` (2026-01-31), ``category`` (as the feeds have it),
            ``product_id``, ``image_id`` or ``image_url`` (the image as it was shown), ``position``
            (from 1), ``impressions`` and ``clicks``. Other columns are ignored.

    Returns:
        Frame in contract ``ImageClicks``, sorted by key.

    Raises:
        ValueError: the file cannot be read, a column is missing, or lines are faulty: a value is
            missing, no date, no whole number or out of range, there are more clicks than
            impressions, or two lines tell of the same image, position and day. The message names
            the lines.
    """
    try:
        header, body = read_csv_rows(content)
    except Refused as error:
        raise ValueError(f"{name}: {error.refusal.detail}") from error
    rows = _as_text(name, header, body)
    faults = rows.filter(pl.col("fault").is_not_null())
    if faults.is_empty():
        rows = rows.with_columns(
            fault=pl.when(pl.len().over(_KEY) > 1).then(
                pl.lit("the same image, position and day as in another line")
            )
        )
        faults = rows.filter(pl.col("fault").is_not_null())
    if not faults.is_empty():
        shown = "; ".join(
            f"line {line}: {fault}"
            for line, fault in faults.select("line", "fault").head(_SHOWN).iter_rows()
        )
        more = f"; and {faults.height - _SHOWN} more" if faults.height > _SHOWN else ""
        raise ValueError(f"{name}: faulty lines, nothing was imported: {shown}{more}")
    return ImageClicks.conform(rows).sort(_KEY)


def _as_text(name: str, header: Sequence[str], body: Sequence[object]) -> pl.DataFrame:
    """Return typed columns, and for each line its first ``fault``, or null."""
    names = [column.strip().lower() for column in header]
    of_image = [column for column in IMAGE_COLUMNS if column in names]
    missing = [column for column in COLUMNS if column not in names]
    if not of_image:
        missing.append(" or ".join(IMAGE_COLUMNS))
    if missing:
        raise ValueError(
            f"{name}: missing columns: {', '.join(missing)}; the file has: {', '.join(names)}"
        )
    places = {column: names.index(column) for column in (*COLUMNS, *of_image)}
    raw = pl.DataFrame(
        {
            "line": range(2, len(body) + 2),
            **{
                column: [row[place] if isinstance(row, list) else None for row in body]
                for column, place in places.items()
            },
            "broken": [
                None if isinstance(row, list) else row["fault"]["detail"]  # type: ignore[index]
                for row in body
            ],
        },
        schema_overrides=dict.fromkeys((*places, "broken"), pl.String),
    )
    stripped = pl.col(list(places)).str.strip_chars()
    raw = raw.with_columns(pl.when(stripped != "").then(stripped).name.keep())
    numbers = {"position": pl.Int32, "impressions": pl.Int64, "clicks": pl.Int64}
    typed = raw.with_columns(
        image=pl.coalesce(pl.col(column) for column in of_image),
        fault=pl.coalesce("broken", _missing(of_image), _misspelt(of_image)),
    ).with_columns(
        pl.col("day").str.to_date("%Y-%m-%d", strict=False),
        *(pl.col(column).cast(dtype, strict=False) for column, dtype in numbers.items()),
    )
    return typed.with_columns(fault=pl.coalesce("fault", _out_of_range(raw)))


def _missing(of_image: Sequence[str]) -> pl.Expr:
    wanted = {column: pl.col(column).is_null() for column in COLUMNS}
    image = pl.all_horizontal(pl.col(column).is_null() for column in of_image)
    empty = [
        pl.when(absent).then(pl.lit(column))
        for column, absent in (wanted | {" or ".join(of_image): image}).items()
    ]
    names = pl.concat_str(empty, separator=", ", ignore_nulls=True)
    return pl.when(names != "").then(pl.format("no {}", names))


def _misspelt(of_image: Sequence[str]) -> pl.Expr:
    category = pl.when(~pl.col("category").str.contains(CATEGORY)).then(
        pl.format("category '{}' is no slug such as mens-tees", "category")
    )
    if "image_id" not in of_image:
        return category
    image = pl.when(~pl.col("image_id").str.contains(IMAGE_ID)).then(
        pl.format("image_id '{}' is no SHA-256 in lower-case hex", pl.col("image_id").str.head(70))
    )
    return pl.coalesce(category, image)


def _out_of_range(raw: pl.DataFrame) -> pl.Expr:
    """The first value of a typed line that is none, shown as it was written."""

    def bad(column: str, broken: pl.Expr, wanted: str) -> pl.Expr:
        written = raw[column]
        return pl.when(broken).then(pl.format(f"{column} '{{}}' is no {wanted}", written))

    return pl.coalesce(
        bad("day", pl.col("day").is_null(), f"date such as {date(2026, 1, 31)}"),
        bad("position", ~(pl.col("position") >= 1).fill_null(False), "whole number from 1"),
        bad("impressions", ~(pl.col("impressions") >= 0).fill_null(False), "whole number from 0"),
        bad("clicks", ~(pl.col("clicks") >= 0).fill_null(False), "whole number from 0"),
        pl.when(pl.col("clicks") > pl.col("impressions")).then(
            pl.format("{} clicks of {} impressions", "clicks", "impressions")
        ),
    )
