"""Clicks on images: bringing them into the warehouse, and what an order learns from them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from imgassets.ingest.click_rows import parse_clicks
from imgassets.object_store import open_root
from imgassets.selection.clicks import Clicks
from imgassets.selection.positions import SHOWN, ClickModel, fit_clicks
from imgassets.warehouse.contracts import ImageClicks
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from imgassets.warehouse.partitions import Partition, quote

_SHOWN = """
SELECT category, product_id, image, position,
    sum(impressions)::BIGINT AS impressions, sum(clicks)::BIGINT AS clicks
FROM image_clicks {which} GROUP BY ALL ORDER BY ALL
"""


@dataclass(frozen=True)
class ImportedClicks:
    """What an import did.

    Attributes:
        rows: rows of the file.
        replaced: rows that stood before for the same day, image and position.
        categories: categories concerned, sorted.
        unknown: products of the file that no feed names in their category.
    """

    rows: int
    replaced: int
    categories: list[str]
    unknown: int


def import_clicks(warehouse: Warehouse, location: str) -> ImportedClicks:
    """Add a file of clicks, whole or not at all; rows of the same key are replaced.

    Args:
        warehouse: the warehouse.
        location: a CSV file: a path or fsspec URL; see :func:`parse_clicks`.

    Raises:
        ValueError: there is no such file, or it has a fault; the message names the lines. Nothing
            is written.
    """
    fs, path = open_root(location)
    if not fs.isfile(path):
        raise ValueError(f"{location}: no such file")
    clicks = parse_clicks(Path(location).name, fs.cat_file(path))
    warehouse.initialise()
    cells = clicks.select("day", "category").unique()
    partitions = frozenset(Partition(*row) for row in cells.rows())
    before = warehouse.read(ImageClicks, partitions=partitions)
    kept = before.join(clicks, on=ImageClicks.primary_key(), how="anti")
    after = pl.concat([kept, clicks]).sort(ImageClicks.primary_key())
    warehouse.replace(
        [Replacement(ImageClicks, after, partitions=partitions)], CommitMessage(asset="clicks")
    )
    unknown = warehouse.sql(
        "SELECT DISTINCT category, product_id FROM given "
        "ANTI JOIN supplier_offers USING (category, product_id)",
        given=clicks.select("category", "product_id").unique(),
    )
    return ImportedClicks(
        rows=clicks.height,
        replaced=before.height - kept.height,
        categories=sorted(clicks["category"].unique()),
        unknown=unknown.height,
    )


def click_model(warehouse: Warehouse, categories: Collection[str]) -> ClickModel:
    """Fit the position's effect in some categories to all of their clicks."""
    names = ", ".join(quote(name) for name in sorted(categories)) or "NULL"
    found = warehouse.sql(_SHOWN.format(which=f"WHERE category IN ({names})"))
    return fit_clicks(found.cast(pl.Schema(SHOWN)))


def read_clicks(
    warehouse: Warehouse, products: pl.DataFrame, model: ClickModel | None = None
) -> Clicks:
    """Return what the order of some products may be learned from.

    Args:
        warehouse: the warehouse.
        products: (day, category, product_id).
        model: of their categories; None: fitted to what the warehouse holds.
    """
    wanted = products.select("category", "product_id").unique()
    names = ", ".join(quote(name) for name in sorted(wanted["category"].unique())) or "NULL"
    shown = warehouse.sql(
        _SHOWN.format(
            which=f"SEMI JOIN wanted USING (category, product_id) WHERE category IN ({names})"
        ),
        wanted=wanted,
    )
    if model is None:
        model = click_model(warehouse, wanted["category"].unique().to_list())
    return Clicks(shown.cast(pl.Schema(SHOWN)), model)
