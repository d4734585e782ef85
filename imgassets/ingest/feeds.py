"""From a feed file to offers and quarantine: every row ends in exactly one of the two."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import polars as pl

from imgassets.ingest.locations import CONTROL, ImageBase, resolve
from imgassets.ingest.raw_rows import category_slugs, fault, first_fault
from imgassets.ingest.readers import read_raw
from imgassets.ingest.refusal import Refused
from imgassets.warehouse.contracts import UNCATEGORISED, Quarantine, SupplierOffers

MAX_POSITION = 2**31 - 1
TRUE, FALSE = ("true", "1", "yes"), ("false", "0", "no")
_UNCATEGORISED = pl.Schema(
    {"feed_row": pl.Int32, **dict.fromkeys(("product_id", "title", "description"), pl.String)}
)
_NAMED = pl.Schema({"product_id": pl.String, "category": pl.String})
_MISSING = (
    "The category is empty and nothing tells it: name it in a feed, or train a model that predicts "
    "it (`imgassets train category`, then `imgassets categories resolve`)."
)
_UNSURE = (
    "The category is empty, and title and description do not tell it surely enough: name it in a "
    "feed, or train on more products and run `imgassets categories resolve`."
)
SHARES_SCHEMA = pl.Schema({"category": pl.String, "n_rows": pl.Int32, "content_hash": pl.String})

_FIELD, _ROW, _NULL = "\x1f", "\x1e", "\x00"
"""Separators of hashed rows; control characters, so that values cannot imitate them by accident."""


class Decision(NamedTuple):
    """What was decided about a row that names no category.

    Attributes:
        feed_row: The row, from 1.
        category: Slug of the category that it gets; None if it gets none.
        measured: If none: what the model made of it.
        limit: If none: what the model would have needed.
    """

    feed_row: int
    category: str | None
    measured: str = ""
    limit: str = ""


@dataclass(frozen=True, slots=True)
class ParsedFeed:
    """One feed file, read.

    Attributes:
        offers: Rows that are usable; conforms to ``SupplierOffers``.
        quarantine: Rows, or the whole file, that are not; conforms to ``Quarantine``.
        shares: One row per category: ``category``, ``n_rows`` (good or bad) and ``content_hash``,
            which is equal exactly when the category's rows, what was decided about them and the
            image base are. A file that cannot be read is a share of ``uncategorised``.
        uncategorised: Rows that name a product but no category, and about which nothing was
            decided: ``feed_row``, ``product_id``, ``title``, ``description``.
        named: Categories that the file itself names: ``product_id``, ``category``, sorted.
    """

    offers: pl.DataFrame
    quarantine: pl.DataFrame
    shares: pl.DataFrame
    uncategorised: pl.DataFrame
    named: pl.DataFrame


def read_feed(
    content: bytes,
    feed_file: str,
    day: dt.date,
    supplier_id: str,
    image_base: str,
    decisions: Sequence[Decision] = (),
) -> ParsedFeed:
    """Parse and check one feed file; one bad row never stops the others.

    Args:
        content: The whole file.
        feed_file: ``<day>/<supplier>.<ext>``; the extension names the format.
        day: Day of the feed.
        supplier_id: Supplier that sent it.
        image_base: What relative references start from: a folder, ``file://`` URL or
            ``http(s)://`` URL, with or without a trailing slash; empty refuses them.
        decisions: What was decided about rows that name no category; others are not changed.

    Raises:
        ValueError: `image_base` is none of these.
    """
    base = ImageBase.parse(image_base)
    try:
        raw = read_raw(content, feed_file.rsplit(".", 1)[-1].lower())
    except Refused as error:
        return _refused_file(error, content, feed_file, day, supplier_id, base)
    rows = _judge(_derive(_decided(raw, decisions), base)).with_columns(
        day=pl.lit(day), supplier_id=pl.lit(supplier_id), feed_file=pl.lit(feed_file)
    )
    bad = pl.col("fault").is_not_null()
    quarantine = (
        rows.filter(bad)
        .unnest("fault")
        .with_columns(stage=pl.lit("feed"), image_id=pl.lit(None, pl.String))
    )
    return ParsedFeed(
        offers=SupplierOffers.conform(rows.filter(~bad)),
        quarantine=Quarantine.conform(quarantine),
        shares=_shares(rows, base),
        uncategorised=rows.filter(
            pl.col("fault").struct.field("rule_id") == "missing_category",
            pl.col("product_id").is_not_null(),
        ).select(_UNCATEGORISED.names()),
        named=rows.filter(
            pl.col("is_named"),
            pl.col("category") != UNCATEGORISED,
            ~pl.col("product_id").str.contains(CONTROL),
        )
        .select(_NAMED.names())
        .unique()
        .sort(_NAMED.names()),
    )


def _decided(raw: pl.DataFrame, decisions: Sequence[Decision]) -> pl.DataFrame:
    """Number the rows; give those without a category what was decided about them."""
    schema = {"feed_row": pl.Int32, "decided": pl.String, "guess": pl.String, "needed": pl.String}
    told = pl.DataFrame(decisions, schema, orient="row")
    is_named = pl.col("category").is_not_null()
    return (
        raw.with_columns(feed_row=pl.int_range(1, pl.len() + 1, dtype=pl.Int32), is_named=is_named)
        .join(told, on="feed_row", how="left", maintain_order="left")
        .with_columns(category=pl.coalesce("category", "decided"))
    )


def _refused_file(
    error: Refused,
    content: bytes,
    feed_file: str,
    day: dt.date,
    supplier_id: str,
    base: ImageBase,
) -> ParsedFeed:
    refusal = error.refusal
    row = {
        "day": day,
        "category": UNCATEGORISED,
        "stage": "feed",
        "rule_id": refusal.rule_id,
        "measured": refusal.measured,
        "limit": refusal.limit,
        "detail": refusal.detail,
        "supplier_id": supplier_id,
        "feed_file": feed_file,
    }
    absent = {name: None for name in Quarantine.column_names() if name not in row}
    content_hash = hashlib.sha256(f"{base.prefix}{_ROW}".encode() + content).hexdigest()
    return ParsedFeed(
        offers=SupplierOffers.create_empty(),
        quarantine=Quarantine.conform(pl.DataFrame([row | absent])),
        shares=pl.DataFrame([(UNCATEGORISED, 0, content_hash)], SHARES_SCHEMA, orient="row"),
        uncategorised=pl.DataFrame(schema=_UNCATEGORISED),
        named=pl.DataFrame(schema=_NAMED),
    )


def category_slug(name: str) -> str:
    """Return a category's slug as feeds get it: 'T-Shirts' becomes 't-shirts'; '' if none."""
    slug: str = pl.select(category_slugs(pl.lit(name))).item()
    return slug


def _derive(raw: pl.DataFrame, base: ImageBase) -> pl.DataFrame:
    """Add what the rules look at: slug, resolved location, parsed numbers and truth values."""
    slug = category_slugs(pl.col("category"))
    curated = pl.col("is_curated").str.to_lowercase()
    running = pl.int_range(1, pl.len() + 1).over("product_id").cast(pl.Int64)
    # A float column of a table with gaps writes the whole number 2 as 2.0.
    number = pl.col("position").str.extract(r"^\+?([0-9]+)(?:\.0*)?$").cast(pl.Int64, strict=False)
    resolved = resolve(raw["image_url"], base).rename({"limit": "url_limit", "detail": "url_why"})
    return pl.concat([raw, resolved], how="horizontal").with_columns(
        slug=slug,
        number=pl.when(pl.col("position").is_null()).then(running).otherwise(number),
        truth=pl.when(curated.is_null() | curated.is_in(FALSE))
        .then(pl.lit(False))
        .when(curated.is_in(TRUE))
        .then(pl.lit(True)),
    )


def _judge(rows: pl.DataFrame) -> pl.DataFrame:
    """Give every row its first broken rule, or none, and the columns of an offer."""
    product, url, slug = pl.col("product_id"), pl.col("image_url"), pl.col("slug")
    rules: list[tuple[pl.Expr, pl.Expr]] = [
        (
            product.str.contains(CONTROL),
            fault("malformed_row", product, "no control characters",
                   "The product_id holds a control character such as a line break."),
        ),
        (
            pl.col("category").is_null() & pl.col("needed").is_not_null(),
            fault("category_unsure", pl.col("guess"), pl.col("needed"), _UNSURE),
        ),
        (
            pl.col("category").is_null(),
            fault("missing_category", pl.lit("no value"), "a category", _MISSING),
        ),
        (
            slug == "",
            fault("bad_category", pl.col("category"), "at least one letter a-z or digit",
                   "No slug can be made of the category's name."),
        ),
        (
            slug == UNCATEGORISED,
            fault("bad_category", pl.col("category"), f"any name but '{UNCATEGORISED}'",
                   "The name is reserved for rows without a category."),
        ),
        (
            product.is_null(),
            fault("missing_value", pl.lit("no value"), "a product_id", "product_id is empty."),
        ),
        (
            url.is_null(),
            fault("missing_value", pl.lit("no value"), "an image_url", "image_url is empty."),
        ),
        (
            pl.col("url_limit").is_not_null(),
            fault("bad_image_url", url, pl.col("url_limit"), pl.col("url_why")),
        ),
        (
            ~pl.col("number").is_between(1, MAX_POSITION).fill_null(False),
            fault("wrong_type", pl.col("position"), f"an integer 1 … {MAX_POSITION}",
                   "position is no place in an order."),
        ),
        (
            pl.col("truth").is_null(),
            fault("wrong_type", pl.col("is_curated"), "true/false, 1/0 or yes/no",
                   "is_curated is no truth value."),
        ),
    ]  # fmt: skip
    rows = rows.with_columns(fault=first_fault(rules))

    # Only usable rows count as seen: a row must not be lost to a broken twin before it.
    pair = ("product_id", "image_url")
    usable = rows.filter(pl.col("fault").is_null()).select("feed_row", *pair)
    first = usable.unique(pair, keep="first", maintain_order=True)
    again = usable.join(
        first.rename({"feed_row": "first_row"}), on=pair, how="inner", maintain_order="left"
    ).filter(pl.col("feed_row") != pl.col("first_row"))
    twin = fault(
        "duplicate_row",
        pl.format("same as row {}", pl.col("first_row")),
        "one row per product_id and image_url",
        "The file already has this image for this product; the first row is kept.",
    )
    return (
        rows.join(again.select("feed_row", "first_row"), on="feed_row", how="left",
                  maintain_order="left")
        .with_columns(fault=pl.when(pl.col("first_row").is_not_null()).then(twin).otherwise("fault"))
        .with_columns(
            category=pl.when(slug.is_in(["", UNCATEGORISED]) | slug.is_null())
            .then(pl.lit(UNCATEGORISED))
            .otherwise(slug),
            position="number",
            is_curated="truth",
            text_category="category",
            text_position=pl.coalesce(pl.col("number").cast(pl.String), "position"),
            text_curated=pl.coalesce(pl.col("truth").cast(pl.String), "is_curated"),
        )
    )  # fmt: skip


def _shares(rows: pl.DataFrame, base: ImageBase) -> pl.DataFrame:
    """Hash each category's rows in file order.

    The rule a row broke is hashed with it: a duplicate's twin may stand in another category. So is
    what a model made of a row that has no category: quarantine shows it.
    """
    fields = ["raw", "product_id", "text_category", "image_url", "title", "description",
              "text_position", "text_curated"]  # fmt: skip
    texts = [pl.col(name).fill_null(_NULL) for name in fields]
    rule = pl.col("fault").struct.field("rule_id").fill_null(_NULL)
    guess = pl.when(rule == "category_unsure").then(pl.concat_str("guess", "needed"))
    line = pl.concat_str(*texts, pl.concat_str(rule, guess, ignore_nulls=True), separator=_FIELD)
    shares = []
    for (category,), part in rows.select("category", line=line).group_by(
        "category", maintain_order=True
    ):
        digest = hashlib.sha256(f"{base.prefix}{_ROW}".encode())
        for chunk in part["line"].to_frame().iter_slices(65_536):
            digest.update((_ROW.join(chunk["line"].to_list()) + _ROW).encode())
        shares.append((category, part.height, digest.hexdigest()))
    return pl.DataFrame(sorted(shares), SHARES_SCHEMA, orient="row")
