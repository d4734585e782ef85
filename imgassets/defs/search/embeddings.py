"""image_embeddings: plan what is missing, embed it (the GPU step), write the partitions' rows."""

import dagster as dg
import polars as pl

from imgassets.defs.conventions import INFERENCE, partitioned
from imgassets.defs.io_manager import AssetRows
from imgassets.defs.progress import log_progress
from imgassets.ingest.store import ImageStore
from imgassets.learning.registry import ModelRegistry
from imgassets.learning.search.champion import find_search_model
from imgassets.operations.image_embeddings import (
    collect_embeddings,
    infer_embeddings,
    plan_embeddings,
)
from imgassets.settings import Settings
from imgassets.warehouse.lake import Warehouse


@dg.op(
    ins={"image_features": dg.In(metadata={"columns": ["image_id"]})},
    out=dg.Out(io_manager_key="step_files"),
)
def plan_image_embeddings(
    image_features: pl.DataFrame,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    registry: dg.ResourceParam[ModelRegistry],
) -> pl.DataFrame:
    """Find the images that the champion's encoder has not embedded yet."""
    return plan_embeddings(image_features, warehouse, settings, find_search_model(registry))


@dg.op(out=dg.Out(dg.Nothing), **INFERENCE)
def infer_image_embeddings(
    context: dg.OpExecutionContext,
    planned: pl.DataFrame,
    settings: dg.ResourceParam[Settings],
    registry: dg.ResourceParam[ModelRegistry],
    store: dg.ResourceParam[ImageStore],
) -> None:
    """Embed them: one decode per image, one forward pass."""
    infer_embeddings(
        planned, store, settings, find_search_model(registry), log_progress(context, "embedded")
    )


@dg.op(
    ins={
        "image_features": dg.In(metadata={"columns": ["day", "category", "image_id"]}),
        "inferred": dg.In(dg.Nothing),
    }
)
def write_image_embeddings(
    image_features: pl.DataFrame,
    planned: pl.DataFrame,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    registry: dg.ResourceParam[ModelRegistry],
) -> AssetRows:
    """Collect the partitions' rows: embedded before, or now."""
    champion = find_search_model(registry)
    rows = collect_embeddings(image_features, warehouse, settings, champion)
    return AssetRows(
        rows,
        metadata={
            "encoder_version": champion.encoder_version or "none: `imgassets train search`",
            "computed": planned.height,
            "reused": rows["image_id"].n_unique() - planned.height,
            "notes": "; ".join(champion.notes) or "none",
        },
    )


@dg.graph_asset(**partitioned("search", "torch"))
def image_embeddings(image_features: pl.DataFrame) -> pl.DataFrame:
    """Each image as a vector of the space that texts are in, by the champion's encoder.

    Without a search model there are no rows; another encoder has every image embedded again. The
    model is no declared input: it learns from image sets, whose order may follow image_relevance.
    """
    planned = plan_image_embeddings(image_features)
    inferred = infer_image_embeddings(planned)
    return write_image_embeddings(image_features, planned, inferred=inferred)
