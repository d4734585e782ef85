"""Joining the warehouse with fetching: what is known is never fetched again."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from imgassets.warehouse.contracts import Contract, FeedFiles, FetchedImages
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import Partition, category_predicate, quote


def known_fetches(warehouse: Warehouse, offers: pl.DataFrame) -> pl.DataFrame:
    """Return FetchedImages rows, of any day, for the locations that ``offers`` refer to."""
    if offers.is_empty():
        return FetchedImages.create_empty()
    within = category_predicate(offers["category"])
    return _semi_joined(warehouse, FetchedImages, within, offers.select("image_location").unique())


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
    last = quote(max(p.day for p in wanted))
    within = f"{category_predicate(p.category for p in wanted)} AND day <= {last}"
    return _semi_joined(
        warehouse, contract, within, products.select("category", "product_id").unique()
    )


def _semi_joined(
    warehouse: Warehouse, contract: type[Contract], where: str, wanted: pl.DataFrame
) -> pl.DataFrame:
    """Return a table's rows that agree with one of ``wanted`` in its columns, sorted.

    The others, all days of a category, never leave the warehouse.
    """
    names = ", ".join(f'"{name}"' for name in contract.column_names())
    key = ", ".join(f'"{name}"' for name in contract.primary_key()) or names
    rows = warehouse.sql(
        f"SELECT {names} FROM {contract.table_name()} "
        f"SEMI JOIN wanted USING ({', '.join(wanted.columns)}) WHERE {where} ORDER BY {key}",
        wanted=wanted,
    )
    return rows.cast(contract.create_empty().schema)


def report_table(frame: pl.DataFrame, column: str) -> str:
    """Return the counts of a column's values as one line, most frequent first."""
    counts = frame.group_by(column).len().sort(["len", column], descending=[True, False])
    return ", ".join(f"{value} {count}" for value, count in counts.iter_rows()) or "none"
