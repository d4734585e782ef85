"""The category model: learnt from feeds that name categories, for those that do not."""

import dagster as dg

from imgassets.defs.conventions import model, outcome_of
from imgassets.learning.registry import ModelRegistry
from imgassets.operations.category_model import train_category_model
from imgassets.settings import Settings
from imgassets.warehouse.lake import Warehouse


@dg.asset(
    **model("scikitlearn"),
    deps=[dg.AssetDep("supplier_offers", partition_mapping=dg.AllPartitionMapping())],
)
def category_model(
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    registry: dg.ResourceParam[ModelRegistry],
) -> dg.MaterializeResult:
    """Predicts a product's category from its texts; champion when it beats the present one.

    The feed sensor and `imgassets ingest` ask it about rows whose category is empty.
    """
    report = train_category_model(warehouse, registry, settings)
    return dg.MaterializeResult(metadata=outcome_of(report))


category_job = dg.define_asset_job(
    "category_job",
    selection=dg.AssetSelection.assets("category_model"),
    description="Train the model that predicts categories and promote it if it is better.",
)
