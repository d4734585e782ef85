"""What suppliers wrote of products, up to a day."""

from __future__ import annotations

import polars as pl

from imgassets.search.words import plain_text
from imgassets.warehouse.lake import Warehouse

# Feeds are deltas: what was said last stands.
_TEXTS = """
SELECT w.day, w.category, w.product_id,
    arg_max(o.title, (o.day, o.supplier_id, o.feed_row)) FILTER (o.title IS NOT NULL) AS title,
    arg_max(o.description, (o.day, o.supplier_id, o.feed_row))
        FILTER (o.description IS NOT NULL) AS description
FROM wanted AS w
LEFT JOIN supplier_offers AS o
    ON o.category = w.category AND o.product_id = w.product_id AND o.day <= w.day
GROUP BY ALL
"""


def product_texts(wanted: pl.DataFrame, warehouse: Warehouse) -> pl.DataFrame:
    """Return products' newest titles and descriptions, as they were on given days, without HTML.

    Args:
        wanted: (day, category, product_id) rows.
        warehouse: holds the offers.

    Returns:
        A row per distinct row of ``wanted``, sorted: its columns, ``title``,
        ``description`` and ``text`` (both together); '' where nobody wrote any.
    """
    keys = ["day", "category", "product_id"]
    found = warehouse.sql(_TEXTS, wanted=wanted.select(keys).unique())
    parts = (
        pl.col("title", "description")
        .fill_null("")
        .map_elements(lambda text: " ".join(plain_text(text).split()), return_dtype=pl.String)
    )
    return (
        found.with_columns(parts)
        .with_columns(text=pl.concat_str("title", "description", separator="\n").str.strip_chars())
        .select(*keys, "title", "description", "text")
        .sort(keys)
    )
