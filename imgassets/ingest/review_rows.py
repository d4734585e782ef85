"""Customers' review photos as a shop exports them: good rows are taken, others refused."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from datetime import date

import polars as pl

from imgassets.ingest.judged_rows import (
    REFUSED,
    JudgedRows,
    Rule,
    count_rules,
    day_rules,
    judge,
    missing_rules,
    name_rules,
    read_count,
    refused_rows,
    slugs_of,
)
from imgassets.ingest.locations import ImageBase, resolve
from imgassets.ingest.raw_rows import Layout, fault
from imgassets.ingest.readers import read_raw

_REQUIRED = ("review_id", "product_id", "category", "image_url")
_COUNTS = ("helpful_votes", "impressions")
LAYOUT = Layout(
    required=_REQUIRED, columns=(*_REQUIRED, "style", "submitted_at", *_COUNTS)
)  # fmt: skip

_TIME = (
    r"^(\d{4}-\d{2}-\d{2})"
    r"(?:[T ](\d{2}:\d{2})(?::(\d{2})(?:\.\d+)?)?\s*(Z|UTC|[+-]\d{2}:?\d{2})?)?$"
)
"""A day, or a time with or without its zone, as ISO 8601 and tables write it."""

NO_WORD = r"""[,;\s"'\\]+"""
"""What lies between words, any of which may be an id, in a line that is no row."""

_GOOD = (
    "category", "review_id", "product_id", "style", "image_url", "image_location", "submitted_at",
    *_COUNTS, "feed_row",
)  # fmt: skip


def read_review_rows(
    content: bytes,
    extension: str,
    *,
    image_base: str,
    today: date,
    max_count: int = 1_000_000_000,
    forgotten: Collection[str] = (),
) -> JudgedRows:
    """Read a file of review photos and judge its rows; one bad row never stops the others.

    Rules: ``malformed_row``, ``wrong_type``, ``missing_value``, ``bad_category``,
    ``bad_image_url``, ``unknown_date``, ``future_day``, ``not_a_count``, ``negative_count``,
    ``absurd_count``, ``votes_over_impressions``, ``contradicting_rows`` (rows about one review that
    say different things are refused together) and ``forgotten``, whose row is not kept in clear.

    Args:
        content: the whole file: ``review_id``, ``product_id``, ``category``, ``image_url`` and,
            where known, ``style``, ``submitted_at`` (UTC where it names no zone),
            ``helpful_votes``, ``impressions``. An empty count is not known.
        extension: ``csv``, ``jsonl`` or ``parquet``.
        image_base: folder or URL that relative image_urls start from; empty refuses them.
        today: later days are refused.
        max_count: higher counts are refused.
        forgotten: reviews that must not come back, as :func:`review_hash` writes them.

    Returns:
        Good rows: the columns of contract ``ReviewImages`` without ``day`` and ``feed_file``,
        sorted by review.

    Raises:
        Refused: the file as a whole cannot be read.
        ValueError: `image_base` is neither a folder nor a URL.
    """
    raw = read_raw(content, extension, LAYOUT).with_row_index("row", offset=1)
    places = resolve(raw["image_url"], ImageBase.parse(image_base)).rename(
        {"limit": "url_limit", "detail": "url_detail"}
    )
    at = _times("submitted_at")
    rows = raw.with_columns(
        slugs_of(raw["category"]),
        *places.get_columns(),
        at=at,
        date=at.dt.date(),
        **{f"n_{count}": read_count(count) for count in _COUNTS},
    )
    rows, erased = _forget(rows, forgotten)
    clean, broken = judge(rows, _rules(today, max_count))
    good = clean.with_columns(
        pl.coalesce("style", "product_id").alias("style"),
        *(pl.col(f"n_{count}").cast(pl.Int64).alias(count) for count in _COUNTS),
        category="slug",
        submitted_at=pl.col("at").dt.replace_time_zone("UTC"),
        feed_row=pl.col("row").cast(pl.Int32),
    ).select(_GOOD)
    good = good.unique([c for c in _GOOD if c != "feed_row"], keep="first", maintain_order=True)
    differ = good.filter(pl.col("review_id").is_duplicated()).select("review_id").unique()
    # polars 1 panics on replacing text in a column whose first chunk is empty.
    broken = pl.concat([broken, _contradictions(clean, differ)], rechunk=True)
    refused = pl.concat([_refused(broken), erased]).sort("row")
    return JudgedRows(
        good.join(differ, on="review_id", how="anti").sort("review_id"), refused
    )  # fmt: skip


def review_hash(review_id: str) -> str:
    """Return what a forgotten review is known by: SHA-256 of its id, lower-case hex."""
    return hashlib.sha256(review_id.encode()).hexdigest()


def review_mark(review_id: pl.Expr) -> pl.Expr:
    """Return the start of the ``detail`` of a quarantine row about a review.

    No mark is the start of another: quotes within an id are escaped.
    """
    escaped = review_id.str.replace_all("\\", "\\\\", literal=True).str.replace_all(
        '"', '\\"', literal=True
    )
    return pl.format('Review "{}": ', escaped)


def _times(column: str) -> pl.Expr:
    """Return a column of text as UTC times without a zone; null where it is no time."""
    text = pl.col(column)
    clock = pl.format(
        "{}T{}:{}",
        text.str.extract(_TIME, 1),
        text.str.extract(_TIME, 2).fill_null("00:00"),
        text.str.extract(_TIME, 3).fill_null("00"),
    )
    zone = text.str.extract(_TIME, 4).str.extract_groups(r"^([+-])(\d{2}):?(\d{2})$")
    minutes = zone.struct[1].cast(pl.Int64) * 60 + zone.struct[2].cast(pl.Int64)
    east = pl.when(zone.struct[0] == "-").then(-minutes).otherwise(minutes).fill_null(0)
    local = clock.str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="us", strict=False)
    return local - pl.duration(minutes=east)


def _forget(rows: pl.DataFrame, forgotten: Collection[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part the rows of forgotten reviews, which say nothing any more but where they are.

    A row that is no row is one of them where any of its words is such a review's id.
    """
    if not forgotten:
        return rows, pl.DataFrame(schema=_refused_schema())
    hashes = set(forgotten)
    found = [
        review_hash(review_id or "") in hashes
        or any(review_hash(word) in hashes for word in re.split(NO_WORD, raw or ""))
        for review_id, raw in rows.select("review_id", "raw").iter_rows()
    ]
    named = pl.Series(found, dtype=pl.Boolean)
    erased = rows.filter(named).select(
        pl.lit(None, pl.Date).alias("day"),
        pl.lit(None, pl.String).alias("category"),
        pl.lit(None, pl.String).alias("product_id"),
        pl.col("row").cast(pl.Int32),
        rule_id=pl.lit("forgotten"),
        measured=pl.lit("a review that was forgotten"),
        limit=pl.lit("no forgotten review"),
        detail=pl.lit("The review was forgotten on request: remove its row from the file."),
    )
    return rows.filter(~named), erased


def _refused_schema() -> dict[str, pl.DataType]:
    types = {"day": pl.Date(), "row": pl.Int32()}
    return {name: types.get(name, pl.String()) for name in REFUSED}


def _rules(today: date, max_count: int) -> list[Rule]:
    votes, shown = pl.col("n_helpful_votes"), pl.col("n_impressions")
    return [
        *missing_rules(_REQUIRED),
        *name_rules(("review_id", "product_id", "style")),
        (
            pl.col("image_url").is_not_null() & pl.col("image_location").is_null(),
            fault("bad_image_url", pl.col("image_url"), pl.col("url_limit"), pl.col("url_detail")),
        ),
        *day_rules(today, "submitted_at", "a time such as 2026-01-31T18:30:00Z"),
        *count_rules(_COUNTS, max_count, "any photo's"),
        (
            votes > shown,
            fault("votes_over_impressions",
                  pl.format("{} helpful_votes, {} impressions", *_COUNTS),
                  "helpful_votes ≤ impressions", "It has more votes than it was shown."),
        ),
    ]  # fmt: skip


def _contradictions(clean: pl.DataFrame, differ: pl.DataFrame) -> pl.DataFrame:
    """Return the usable rows about the reviews of ``differ``, with their fault."""
    found = clean.join(differ, on="review_id", how="semi")
    return found.with_columns(
        fault=fault(
            "contradicting_rows",
            pl.format("row {}", "row").str.join(", ").over("review_id"),
            "one row per review",
            "Rows about one review say different things: remove the wrong ones.",
        )
    )


def _refused(broken: pl.DataFrame) -> pl.DataFrame:
    """Return rows with a fault as refused rows that name the review, where its id could be read."""
    mark = broken.select(review_mark(pl.col("review_id")).fill_null("")).to_series()
    return refused_rows(broken).with_columns(detail=mark + pl.col("detail"))
