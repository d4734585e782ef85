"""What pages and programs are shown of ranked review photos: products, one product, figures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from imgassets.operations.set_history import SeveralCategories
from imgassets.warehouse.contracts import RankingEvaluations, ReviewImageRanks
from imgassets.warehouse.history import writes
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import quote

Row = dict[str, Any]

_STRIP = 6
"""Photos of a product in a list of products."""

_PRODUCTS = """
SELECT category, product_id, count(*) AS photos, count(*) FILTER (status = 'duplicate') AS copies,
    count(*) FILTER (status = 'ranked' AND weakness != '') AS weak,
    max(score) FILTER (status = 'ranked') AS best,
    (array_agg(image_id ORDER BY rank, review_id) FILTER (status = 'ranked'))[:{strip}] AS images
FROM latest_review_ranks
GROUP BY category, product_id
ORDER BY category, product_id
"""

_PHOTOS = """
SELECT r.*, i.submitted_at
FROM latest_review_ranks AS r
LEFT JOIN (
    SELECT category, review_id, arg_max(submitted_at, day) AS submitted_at
    FROM review_images WHERE product_id = {product} GROUP BY ALL
) AS i USING (category, review_id)
WHERE r.product_id = {product} AND {category}
ORDER BY r.category, coalesce(r.rank, r.n_ranked + 1), submitted_at, r.review_id
"""

_REPORT = """
WITH versions AS (
    SELECT model_version, count(*) AS photos FROM latest_review_ranks GROUP BY model_version
)
FROM ranker_report WHERE slice IN ('all', 'mean of styles') AND model_version = (
    SELECT model_version FROM versions ORDER BY photos DESC, model_version DESC LIMIT 1
)
"""


class NoReviewPhotos(LookupError):
    """No review photo of this product is ranked."""


@dataclass(frozen=True)
class ProductPhotos:
    """A product's review photos as ranked last.

    Attributes:
        product_id: the product.
        category: its category.
        day: of the ranks.
        model_version: of what scored them.
        photos: rows of ``review_image_ranks`` and ``submitted_at``, the best first.
        copies: by review_id of a ranked photo, the rows of its near-duplicates.
    """

    product_id: str
    category: str
    day: date
    model_version: str
    photos: list[Row]
    copies: dict[str, list[Row]]


def last_ranks(warehouse: Warehouse) -> int:
    """Return the snapshot that changed ranks or their evaluation last; -1: none did."""
    written = [writes(warehouse, table) for table in (ReviewImageRanks, RankingEvaluations)]
    return max((found[0].snapshot_id for found in written if found), default=-1)


def reviewed_products(warehouse: Warehouse) -> pl.DataFrame:
    """Return all products with ranked review photos.

    Returns:
        category, product_id, photos (copies among them), copies, weak (ranked ones that have a
        weakness), best (score), images (ids of the first of them, the best first).
    """
    return warehouse.sql(_PRODUCTS.format(strip=_STRIP))


def count_photos(warehouse: Warehouse, category: str, product_id: str) -> int:
    """Return how many review photos of a product are ranked, its copies among them."""
    where = f"category = {quote(category)} AND product_id = {quote(product_id)}"
    return int(warehouse.sql(f"SELECT count(*) FROM latest_review_ranks WHERE {where}").item())


def product_photos(
    warehouse: Warehouse, product_id: str, category: str | None = None
) -> ProductPhotos:
    """Return a product's review photos, the best first.

    Args:
        warehouse: the warehouse.
        product_id: the product.
        category: its category; None: it is in one alone.

    Raises:
        NoReviewPhotos: none is ranked.
        SeveralCategories: it is in several, and none was named.
    """
    of = "true" if category is None else f"r.category = {quote(category)}"
    found = warehouse.sql(_PHOTOS.format(product=quote(product_id), category=of))
    if found.is_empty():
        within = f" in category '{category}'" if category else ""
        raise NoReviewPhotos(f"no review photo of product '{product_id}' is ranked{within}")
    categories = found["category"].unique().sort().to_list()
    if len(categories) > 1:
        raise SeveralCategories(product_id, categories)
    rows = found.to_dicts()
    copies: dict[str, list[Row]] = {}
    for row in rows:
        if row["duplicate_of"] is not None:
            copies.setdefault(row["duplicate_of"], []).append(row)
    return ProductPhotos(
        product_id=product_id,
        category=categories[0],
        day=rows[0]["day"],
        model_version=rows[0]["model_version"],
        photos=[row for row in rows if row["rank"] is not None],
        copies=copies,
    )


def ranker_figures(warehouse: Warehouse) -> pl.DataFrame:
    """Return the rows of ``ranker_report`` over all photos, of the version that ranks now."""
    return warehouse.sql(_REPORT)
