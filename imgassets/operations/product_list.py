"""Products with what became of their image sets, page by page.

A page reads columns of numbers and ids of the category, and everything else of its own products
alone: half a second in a category of 200,000 products on two cores, two where those are asked for
that lost duplicates, whose table is read as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from imgassets.operations.set_history import TITLES
from imgassets.warehouse.contracts import ImageSetChanges
from imgassets.warehouse.history import AsOf, writes
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import quote

KINDS: dict[str, tuple[str, str]] = {
    "gained": ("Gained images", "n_added > 0"),
    "lost": ("Lost images", "n_removed > 0"),
    "duplicates": ("Lost duplicates", "lost_duplicates"),
    "reordered": ("Re-ordered", "n_moved > 0"),
    "hero": ("Hero changed", "hero_changed"),
    "unchanged": ("Unchanged", "status = 'unchanged'"),
    "bypassed": ("Bypassed", "starts_with(status, 'bypassed')"),
}
"""Kinds of change by id: what a person reads, and which products have it. One may have several."""

_NEWEST = """
SELECT category, product_id, max(day) AS day,
    arg_max(status, day) AS status, arg_max(hero_changed, day) AS hero_changed,
    arg_max(len(added), day) AS n_added, arg_max(len(removed), day) AS n_removed,
    arg_max(len(moved), day) AS n_moved
FROM image_set_changes
WHERE {found}
GROUP BY category, product_id
"""

_FOUND = """(contains(lower(product_id), {text}) OR (category, product_id) IN (
    SELECT (category, product_id) FROM supplier_offers WHERE contains(lower(title), {text})
))"""

# Images that were shown before, and that another image of the set stands for now.
_LOST_DUPLICATES = """
SELECT DISTINCT category, product_id, true AS lost_duplicates
FROM (
    SELECT day, category, product_id, unnest(removed) AS image_id
    FROM image_set_changes WHERE len(removed) > 0
) SEMI JOIN (
    SELECT day, category, product_id, image_id FROM dedup_clusters WHERE NOT is_representative
) AS repeated USING (day, category, product_id, image_id)
SEMI JOIN latest_partitions USING (day, category, product_id)
"""

_DETAILS = """
SELECT c.day, c.category, c.product_id, c.status, c.before, c."after", c.added, c.removed, c.moved,
    c.hero_changed
FROM image_set_changes AS c
SEMI JOIN wanted USING (day, category, product_id)
"""


@dataclass(frozen=True)
class Listed:
    """One product of a page; lists hold image ids in order."""

    category: str
    product_id: str
    title: str | None
    day: date
    status: str
    before: list[str]
    after: list[str]
    added: list[str]
    removed: list[str]
    moved: list[str]
    hero_changed: bool


def list_products(
    warehouse: Warehouse,
    *,
    category: str | None = None,
    kind: str | None = None,
    text: str = "",
    after: tuple[str, str] | None = None,
    limit: int = 24,
) -> list[Listed]:
    """Return products by category and id.

    Args:
        warehouse: the warehouse.
        category: only products of this category; None: all.
        kind: only those with this kind of change, one of ``KINDS``; None: all.
        text: only those whose id or title contains this, in any case.
        after: category and id of the product to go on after; None: from the first one.
        limit: how many at most.

    Raises:
        KeyError: there is no such kind.
    """
    rows = AsOf(warehouse, category=category)
    condition = KINDS[kind][1] if kind else "true"
    found = _found(text)
    if after is not None:
        last = f"(category, product_id) > ({quote(after[0])}, {quote(after[1])})"
        # The first half says the same and lets whole files be skipped.
        found += f" AND category >= {quote(after[0])} AND {last}"
    wanted = rows.sql(
        f"SELECT day, category, product_id FROM ({_with_kinds(found, kind == 'duplicates')}) "
        f"WHERE {condition} ORDER BY category, product_id LIMIT {int(limit)}"
    )
    if wanted.is_empty():
        return []
    of_page = AsOf(warehouse, category=category, product_ids=wanted["product_id"])
    titles = {row[:2]: row[2] for row in of_page.sql(TITLES).iter_rows()}
    details: dict[tuple[str, str], dict[str, Any]] = {
        (row["category"], row["product_id"]): row
        for row in of_page.sql(_DETAILS, wanted=wanted).iter_rows(named=True)
    }
    keys = [key for key in wanted.select("category", "product_id").iter_rows() if key in details]
    return [Listed(title=titles.get(key), **details[key]) for key in keys]


def count_products(
    warehouse: Warehouse, *, category: str | None = None, text: str = ""
) -> dict[str, dict[str, int]]:
    """Return how many products each category has of each kind of change, and ``all`` of them.

    Args:
        warehouse: the warehouse.
        category: only this one; None: all.
        text: only products whose id or title contains this, in any case.
    """
    counts = ", ".join(
        f"count(*) FILTER ({condition}) AS {kind}" for kind, (_, condition) in KINDS.items()
    )
    found = AsOf(warehouse, category=category).sql(
        f'SELECT category, count(*) AS "all", {counts} '
        f"FROM ({_with_kinds(_found(text), True)}) GROUP BY category ORDER BY category"
    )
    return {row.pop("category"): row for row in found.iter_rows(named=True)}


def summarise(warehouse: Warehouse, category: str) -> dict[str, Any] | None:
    """Return the row of view ``image_set_change_summary`` of a category; None: it has no sets."""
    found = AsOf(warehouse, category=category).sql("FROM image_set_change_summary")
    return found.row(0, named=True) if found.height else None


def last_change(warehouse: Warehouse) -> int:
    """Return the snapshot that changed image sets last; -1: none did."""
    written = writes(warehouse, ImageSetChanges)
    return written[0].snapshot_id if written else -1


def _found(text: str) -> str:
    return _FOUND.format(text=f"lower({quote(text.strip())})") if text.strip() else "true"


def _with_kinds(found: str, with_duplicates: bool) -> str:
    """Return the query of products with the columns that ``KINDS`` names."""
    newest = _NEWEST.format(found=found)
    if not with_duplicates:  # They take a look at every image of the category.
        return f"SELECT *, false AS lost_duplicates FROM ({newest})"
    return (
        "SELECT n.*, coalesce(d.lost_duplicates, false) AS lost_duplicates "
        f"FROM ({newest}) AS n LEFT JOIN ({_LOST_DUPLICATES}) AS d USING (category, product_id)"
    )
