"""Joining the warehouse with fetching: what is known is never fetched again."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from imgassets.warehouse.contracts import Contract, FeedFiles, FetchedImages
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import Partition, quote


def known_fetches(warehouse: Warehouse, offers: pl.DataFrame) -> pl.DataFrame:
    """Return FetchedImages rows, of any day, for the locations that ``offers`` refer to."""
    if offers.is_empty():
        return FetchedImages.create_empty()
    categories = ", ".join(quote(c) for c in offers["category"].unique().sort())
    fetched = warehouse.read(FetchedImages, where=f"category IN ({categories})")
    return fetched.join(offers.select("image_location").unique(), on="image_location", how="semi")


def image_bases(warehouse: Warehouse) -> list[str]:
    """Return the image bases that registered feeds were given, sorted."""
    return sorted(set(warehouse.read(FeedFiles, columns=["image_base"])["image_base"]) - {""})


def rows_so_far(
    warehouse: Warehouse,
    contract: type[Contract],
    partitions: Iterable[Partition],
    products: pl.DataFrame,
) -> pl.DataFrame:
    """Return a table's rows of some products for all days up to the latest of ``partitions``."""
    wanted = list(partitions)
    if not wanted or products.is_empty():
        return contract.create_empty()
    categories = ", ".join(quote(c) for c in sorted({p.category for p in wanted}))
    last = quote(max(p.day for p in wanted))
    rows = warehouse.read(contract, where=f"category IN ({categories}) AND day <= {last}")
    keys = ["category", "product_id"]
    return rows.join(products.select(keys).unique(), on=keys, how="semi")


def report_table(frame: pl.DataFrame, column: str) -> str:
    """Return the counts of a column's values as one line, most frequent first."""
    counts = frame.group_by(column).len().sort(["len", column], descending=[True, False])
    return ", ".join(f"{value} {count}" for value, count in counts.iter_rows()) or "none"
