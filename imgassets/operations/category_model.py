"""Training the model that predicts categories, on products whose feeds name theirs."""

from __future__ import annotations

import polars as pl

from imgassets.learning.category_training import train_category
from imgassets.learning.outcome import TrainingOutcome
from imgassets.learning.registry import ModelRegistry
from imgassets.operations.models import TrainingError, follow_registry
from imgassets.operations.reviews import product_groups
from imgassets.settings import Settings
from imgassets.warehouse.lake import Warehouse


def category_texts(warehouse: Warehouse) -> pl.DataFrame:
    """Return the texts of every product whose feeds name its category.

    Rows that were given a category teach nothing: the model would learn from itself.

    Returns:
        Frame (product_id, category, title, description, group_id: that of labels, null where they
        name none), a row per distinct text, sorted.
    """
    texts = warehouse.sql(
        """
        WITH resolved AS (
            SELECT day, supplier_id, feed_row FROM category_resolutions WHERE outcome = 'resolved'
        )
        SELECT DISTINCT o.product_id, o.category, o.title, o.description, g.group_id
        FROM supplier_offers AS o
        ANTI JOIN resolved AS r USING (day, supplier_id, feed_row)
        LEFT JOIN groups AS g ON g.product_id = o.product_id
        ORDER BY ALL
        """,
        groups=product_groups(warehouse),
    )
    return texts.cast(pl.String)


def train_category_model(
    warehouse: Warehouse, registry: ModelRegistry, settings: Settings
) -> TrainingOutcome:
    """Train the model, promote it if it beats the champion, and record the outcome.

    Raises:
        TrainingError: too few products are known.
        RegistryUnavailable: the registry does not answer.
    """
    warehouse.initialise()
    texts = category_texts(warehouse)
    if texts.is_empty():
        raise TrainingError(
            "no offers yet that name a category: run `imgassets ingest` and `imgassets backfill`"
        )
    try:
        report = train_category(
            texts, registry, warehouse.snapshot_id(), settings.category, settings.seed
        )
    except ValueError as error:
        raise TrainingError(f"{error}: ingest feeds that name categories") from error
    follow_registry(warehouse, registry)
    return report
