"""Is a product's chosen set exactly the expected one?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import polars as pl


class Shown(NamedTuple):
    """What one chosen image really is."""

    source_id: str
    view: str
    usable: bool


class OrderCounts(NamedTuple):
    """Products by the outcome of their order."""

    right: int
    absent: int
    wrong: int
    right_with_defects: int


def same_order(
    sources: Sequence[str],
    views: Sequence[str],
    expected_sources: Sequence[str],
    expected_views: Sequence[str],
) -> bool:
    """Say whether a set is right: the expected views in order, each with the expected sources.

    Among several sources of one view any order is right.
    """
    if list(views) != list(expected_views) or len(sources) != len(expected_sources):
        return False
    chosen = sorted(zip(views, sources, strict=True))
    return chosen == sorted(zip(expected_views, expected_sources, strict=True))


def order_row_counts(
    seen: pl.DataFrame, products: pl.DataFrame, ordered: pl.DataFrame
) -> OrderCounts:
    """Count the products of the truth by how their chosen set compares with the expected one.

    A product with nothing usable is right when no set was chosen. ``right_with_defects`` counts
    the wrong ones that would be right if a defective copy might stand for its source photo.

    Args:
        seen: References with ``product_id, image_id, source_id, view, usable``.
        products: ``product_id, expected_order, expected_views``, both as lists.
        ordered: Chosen images with ``product_id, rank, image_id``, one set per product.
    """
    known = _known(seen)
    chosen: defaultdict[str, list[Shown]] = defaultdict(list)
    for row in ordered.sort("rank").iter_rows(named=True):
        key = (row["product_id"], row["image_id"])
        chosen[row["product_id"]].append(known.get(key, Shown("", "", False)))
    right = absent = wrong = nearly = 0
    for row in products.iter_rows(named=True):
        got = chosen[row["product_id"]]
        matches = same_order(
            [s.source_id for s in got],
            [s.view for s in got],
            row["expected_order"],
            row["expected_views"],
        )
        if matches and all(s.usable for s in got):
            right += 1
        elif not got:
            absent += 1
        else:
            wrong += 1
            nearly += matches
    return OrderCounts(right, absent, wrong, nearly)


def _known(seen: pl.DataFrame) -> Mapping[tuple[str, str], Shown]:
    """Return what each (product, image) shows; where references disagree, a usable one speaks."""
    rows = seen.filter(pl.col("image_id").is_not_null()).sort("usable", "image_url")
    return {
        (row["product_id"], row["image_id"]): Shown(row["source_id"], row["view"], row["usable"])
        for row in rows.iter_rows(named=True)
    }
