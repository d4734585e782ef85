"""image_relevance: how well images fit what suppliers wrote of their products."""

import dagster as dg

from imgassets.defs.conventions import partitioned
from imgassets.defs.io_manager import AssetRows
from imgassets.defs.partitions import ALL_DAYS_SO_FAR, run_partitions
from imgassets.learning.registry import ModelRegistry
from imgassets.learning.search.champion import load_search_model
from imgassets.operations.image_relevance import relevance_rows
from imgassets.settings import Settings
from imgassets.warehouse.lake import Warehouse


@dg.asset(
    **partitioned("search", "torch"),
    deps=[
        dg.AssetDep("supplier_offers", partition_mapping=ALL_DAYS_SO_FAR),
        "aggregated_images",
        "image_embeddings",
    ],
)
def image_relevance(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    registry: dg.ResourceParam[ModelRegistry],
) -> AssetRows:
    """How well each image fits its product's title and description, 0 … 1.

    Likeness by the champion's encoder, calibrated against the texts of other styles. Ordering reads
    it where a category's policy asks for a least relevance.
    """
    champion = load_search_model(registry, settings.vision)
    found = relevance_rows(warehouse, champion, run_partitions(context))
    return AssetRows(
        found.rows,
        metadata={
            "model_version": champion.version or "none: `imgassets train search`",
            "without_text": found.without_text,
            "not_embedded": found.not_embedded,
            "notes": "; ".join(found.notes) or "none",
        },
    )
