"""Is a product's chosen set exactly the expected one?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import polars as pl


class Shown(NamedTuple):
    """What one chosen image really is."""

    source_id: str
    view: str
    usable: bool


class OrderCounts(NamedTuple):
    """Products by the outcome of their order, or of their first image."""

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
    return _counts(seen, products, ordered, _expected_set)


def hero_row_counts(
    seen: pl.DataFrame, products: pl.DataFrame, ordered: pl.DataFrame
) -> OrderCounts:
    """Count the products of the truth by whether the first image is one that may be expected first.

    Any source of the first expected view will do. Arguments and the outcome of a product with
    nothing usable are as in :func:`order_row_counts`.
    """
    return _counts(seen, products, ordered.filter(pl.col("rank") == 1), _expected_hero)


def _expected_set(got: Sequence[Shown], sources: Sequence[str], views: Sequence[str]) -> bool:
    return same_order([s.source_id for s in got], [s.view for s in got], sources, views)


def _expected_hero(got: Sequence[Shown], sources: Sequence[str], views: Sequence[str]) -> bool:
    first = zip(sources, views, strict=True)
    may_be = {source for source, view in first if view == views[0]}
    return got[0].source_id in may_be if got and views else not got and not views


def _counts(
    seen: pl.DataFrame,
    products: pl.DataFrame,
    ordered: pl.DataFrame,
    expected: Callable[[Sequence[Shown], Sequence[str], Sequence[str]], bool],
) -> OrderCounts:
    """Count products by whether what is shown is ``expected``, and then whether it is usable."""
    known = _known(seen)
    chosen: defaultdict[str, list[Shown]] = defaultdict(list)
    for row in ordered.sort("rank").iter_rows(named=True):
        key = (row["product_id"], row["image_id"])
        chosen[row["product_id"]].append(known.get(key, Shown("", "", False)))
    right = absent = wrong = nearly = 0
    for row in products.iter_rows(named=True):
        got = chosen[row["product_id"]]
        matches = expected(got, row["expected_order"], row["expected_views"])
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
