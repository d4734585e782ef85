"""Asking people about the pairs of images that the comparator is least sure of."""

from __future__ import annotations

import polars as pl

from imgassets.moderation.flags import SAME_PICTURE
from imgassets.moderation.pair_tasks import choose_pair_tasks
from imgassets.moderation.tasks import task_id
from imgassets.operations.reviews import add_tasks, asked_before
from imgassets.selection.thresholds import read_thresholds
from imgassets.settings import Settings
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import quote

# A product's newest day is that of its newest image set, whether it has pairs or not.
_NEWEST_PAIRS = """
SELECT product_id, left_image_id, right_image_id, probability, decided_by, left_box, right_box,
    comparator_version
FROM compared_pairs
WHERE category = {category} AND (product_id, day) IN (
    SELECT (product_id, max(day)) FROM aggregated_images
    WHERE category = {category} GROUP BY product_id
)
ORDER BY product_id, left_image_id, right_image_id
"""


def ask_pairs(warehouse: Warehouse, category: str, settings: Settings) -> int:
    """Ask people about a category's pairs of images; return how many questions are new.

    Asked are pairs in the products' newest sets whose pixels were compared and that were not asked
    about before: see :func:`imgassets.moderation.pair_tasks.choose_pair_tasks` for which, and
    which come first. At most ``review.tasks_per_round`` questions of the category are open at a
    time, so that asking again before anybody answers adds nothing.

    Raises:
        ValueError: the file of thresholds is missing or wrong.
    """
    warehouse.initialise()
    pairs = warehouse.sql(_NEWEST_PAIRS.format(category=quote(category)))
    if pairs.is_empty():
        return 0
    asked = asked_before(warehouse, SAME_PICTURE, category, settings.review)
    keys = [
        task_id(SAME_PICTURE, left, right)
        for left, right in pairs.select("left_image_id", "right_image_id").iter_rows()
    ]
    new = pairs.with_columns(task_id=pl.Series(keys)).join(asked.tasks, on="task_id", how="anti")
    limit = read_thresholds(settings.dedup.thresholds).of(category).same_probability
    return add_tasks(warehouse, choose_pair_tasks(category, new, limit, asked.budget))


def compared_categories(warehouse: Warehouse) -> list[str]:
    """Return the categories that have pairs whose pixels were compared, sorted."""
    warehouse.initialise()
    return warehouse.sql("SELECT DISTINCT category FROM compared_pairs ORDER BY ALL")[
        "category"
    ].to_list()
