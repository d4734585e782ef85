"""The search model: encoder, attribute heads and re-ranker, trained on the catalog's own texts."""

from typing import TYPE_CHECKING

import dagster as dg

from imgassets.defs.conventions import TRAINING, model, outcome_of, plot
from imgassets.defs.progress import log_progress
from imgassets.ingest.store import ImageStore
from imgassets.learning.registry import ModelRegistry
from imgassets.operations.search_training import train_search
from imgassets.search.measures import MAIN_MEASURE
from imgassets.settings import Settings
from imgassets.warehouse.lake import Warehouse

if TYPE_CHECKING:
    from imgassets.learning.search.training import SearchReport

_ALL_PARTITIONS = dg.AllPartitionMapping()


@dg.asset(
    **model("torch", "huggingface", "duckdb"),
    deps=[
        dg.AssetDep("supplier_offers", partition_mapping=_ALL_PARTITIONS),
        dg.AssetDep("ordered_image_sets", partition_mapping=_ALL_PARTITIONS),
        "attribute_labels",
    ],
    **TRAINING,
)
def product_search(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    registry: dg.ResourceParam[ModelRegistry],
    store: dg.ResourceParam[ImageStore],
) -> dg.MaterializeResult:
    """Finds product images by text; learnt from the catalog's images, titles and attributes.

    Its figures on queries over held-out styles stand in search_evaluations.
    """
    report = train_search(
        warehouse, registry, store, settings,
        looked=log_progress(context, "looked at"),
        tell=context.log.info,
    )  # fmt: skip
    return _result(report)


search_training_job = dg.define_asset_job(
    "search_training_job",
    selection=dg.AssetSelection.assets("product_search"),
    description="Train the search model and promote it if it finds better.",
)


def _result(report: "SearchReport") -> dg.MaterializeResult:
    plots = {name: plot(name, png) for name, png in report.plots.items()}
    return dg.MaterializeResult(
        metadata={
            **outcome_of(report, MAIN_MEASURE),
            **plots,
        }
    )
