"""The categories of the warehouse: their verticals, types, orders of views and labels."""

from __future__ import annotations

import polars as pl

from imgassets.learning.categories import CategoryLists
from imgassets.warehouse.contract import NONE
from imgassets.warehouse.contracts import Categories, TypePriorities
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse


def category_types(warehouse: Warehouse) -> pl.DataFrame:
    """Return the types of every category of which any are known.

    Returns:
        Frame (category: String, vertical: String, null if none, types: List(String), expected:
        List(String)), sorted by category. ``types`` never holds 'none', which every image may be.
        A category with an order of views alone, imported by an older release, has its types.
    """
    warehouse.initialise()
    found = warehouse.sql(
        """
        SELECT category, vertical, types, expected FROM categories
        UNION ALL
        SELECT category, NULL, list(image_type ORDER BY rank, image_type)
               FILTER (image_type <> 'none'), []
        FROM type_priorities ANTI JOIN categories USING (category) GROUP BY category
        ORDER BY category
        """
    )
    return Categories.conform(found)


def category_lists(warehouse: Warehouse) -> CategoryLists:
    """Return what is known of all categories, as :func:`import_categories` takes it."""
    return CategoryLists(category_types(warehouse), warehouse.read(TypePriorities))


def import_categories(warehouse: Warehouse, lists: CategoryLists) -> int:
    """Replace the types and orders of the categories that ``lists`` names; return their number."""
    before = category_lists(warehouse)
    kept = [
        old.join(lists.categories, on="category", how="anti")
        for old in (before.categories, before.priorities)
    ]
    after = [
        pl.concat([old, new.select(old.columns)])
        for old, new in zip(kept, (lists.categories, lists.priorities), strict=True)
    ]
    warehouse.replace(
        [
            Replacement(Categories, after[0].sort("category")),
            Replacement(TypePriorities, after[1].sort("category", "rank")),
        ],
        CommitMessage(asset="categories"),
    )
    return lists.categories.height


def import_priorities(warehouse: Warehouse, priorities: pl.DataFrame) -> int:
    """Replace the orders of the categories that ``priorities`` names; return their number.

    Verticals, types and expected types stay as they are. A category of which no more than an order
    is known has the types of its order, also of the new one.

    Raises:
        ValueError: an order names types that its category does not have. Nothing is written.
    """
    before = category_lists(warehouse)
    named = _ordered(priorities)
    declared = before.categories.join(_of_order_alone(before), on="category", how="anti").join(
        named, on="category", how="semi"
    )
    outside = (
        named.join(declared.select("category", may="types"), on="category")
        .with_columns(other=pl.col("types").list.set_difference("may").list.sort())
        .filter(pl.col("other").list.len() > 0)
    )
    if not outside.is_empty():
        first = outside.row(0, named=True)
        raise ValueError(
            f"category '{first['category']}' has no type {', '.join(first['other'])} (its types: "
            f"{', '.join(first['may'])}): correct the order, or add the type in categories.toml"
        )
    undeclared = named.join(declared, on="category", how="anti")
    return import_categories(
        warehouse, CategoryLists(pl.concat([declared, undeclared]), priorities)
    )


def _ordered(priorities: pl.DataFrame) -> pl.DataFrame:
    """Return the categories of some orders as if nothing else were known of them."""
    return (
        priorities.sort("category", "rank", "image_type")
        .group_by("category", maintain_order=True)
        .agg(types=pl.col("image_type").filter(pl.col("image_type") != NONE))
        .select(
            "category",
            vertical=pl.lit(None, pl.String),
            types="types",
            expected=pl.lit([], dtype=pl.List(pl.String)),
        )
    )


def _of_order_alone(lists: CategoryLists) -> pl.DataFrame:
    """Return the categories of which the order says all that is known."""
    order = _ordered(lists.priorities).select("category", order=pl.col("types").list.sort())
    return lists.categories.join(order, on="category").filter(
        pl.col("vertical").is_null(),
        pl.col("expected").list.len() == 0,
        pl.col("types").list.sort() == pl.col("order"),
    )


def label_counts(warehouse: Warehouse) -> pl.DataFrame:
    """Count the labels of types by the category of their product.

    Returns:
        Frame (category: String, null where no offer names the product, image_type: String,
        n: UInt32), sorted. A product of several categories counts in each.
    """
    warehouse.initialise()
    return warehouse.sql(
        """
        SELECT o.category, l.image_type, count(*)::UINTEGER AS n
        FROM image_labels AS l
        LEFT JOIN (SELECT DISTINCT product_id, category FROM supplier_offers) AS o
          USING (product_id)
        GROUP BY ALL ORDER BY ALL NULLS LAST
        """
    )
