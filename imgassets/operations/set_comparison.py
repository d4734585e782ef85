"""Comparing the image sets of two snapshots: whose differ, and how."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from imgassets.selection.changes import moved
from imgassets.warehouse.history import AsOf
from imgassets.warehouse.lake import Warehouse

# Sets are told apart by their hashes: the lists of a whole catalog are never held in memory.
_HASHES = """
SELECT category, product_id, arg_max(hash("after"), day) AS set_hash
FROM image_set_changes GROUP BY ALL
"""

_SETS = """
SELECT category, product_id, day, "after" AS images
FROM image_set_changes SEMI JOIN wanted USING (category, product_id)
QUALIFY row_number() OVER (PARTITION BY category, product_id ORDER BY day DESC) = 1
"""

_PRODUCT = ["category", "product_id"]


@dataclass(frozen=True)
class SetDifference:
    """One product whose image sets differ; ``old`` and ``new`` are image ids in order.

    Either is None where the product had no set then.
    """

    category: str
    product_id: str
    old: list[str] | None
    new: list[str] | None

    @property
    def added(self) -> list[str]:
        """Return the images of the new set that the old one lacks, in order."""
        return [image for image in self.new or [] if image not in (self.old or [])]

    @property
    def removed(self) -> list[str]:
        """Return the images of the old set that the new one lacks, in order."""
        return [image for image in self.old or [] if image not in (self.new or [])]

    @property
    def moved(self) -> list[str]:
        """Return the images in both, in the new order, whose place among those differs."""
        return moved(self.old or [], self.new or [])

    @property
    def hero_changed(self) -> bool:
        """Tell whether the first image differs."""
        return (self.old or [])[:1] != (self.new or [])[:1]


@dataclass(frozen=True)
class Comparison:
    """The image sets of two snapshots.

    Attributes:
        n_products: how many products have a set at either.
        n_differing: of how many of them it differs.
        products: some of those, by category and product.
    """

    n_products: int
    n_differing: int
    products: list[SetDifference]


def compare(
    warehouse: Warehouse,
    old: int,
    new: int,
    *,
    category: str | None = None,
    product_id: str | None = None,
    offset: int = 0,
    limit: int = 50,
) -> Comparison:
    """Compare what products showed at two snapshots.

    Args:
        warehouse: the warehouse.
        old: id of the earlier snapshot.
        new: id of the later one.
        category: only products of this category; None: all.
        product_id: only this product; None: all.
        offset: how many of the products that differ to leave out, from the first.
        limit: how many of them to return at most.
    """
    only = None if product_id is None else [product_id]
    sides = [AsOf(warehouse, s, category=category, product_ids=only) for s in (old, new)]
    before, after = (side.sql(_HASHES) for side in sides)
    both = before.join(after, on=_PRODUCT, how="full", coalesce=True, suffix="_new")
    differing = both.filter(pl.col("set_hash").ne_missing(pl.col("set_hash_new"))).sort(_PRODUCT)
    wanted = differing.select(_PRODUCT).slice(offset, limit)
    if wanted.is_empty():
        return Comparison(both.height, differing.height, [])
    olds, news = (
        {tuple(row[:2]): row[2] for row in found.select(*_PRODUCT, "images").iter_rows()}
        for found in (
            AsOf(warehouse, s, category=category, product_ids=wanted["product_id"]).sql(
                _SETS, wanted=wanted
            )
            for s in (old, new)
        )
    )
    return Comparison(
        both.height,
        differing.height,
        [SetDifference(key[0], key[1], olds.get(key), news.get(key)) for key in wanted.iter_rows()],
    )
