"""image_signals: plan what is missing, infer it (the GPU step), write the partitions' rows."""

import dagster as dg
import polars as pl

from imgassets.defs.conventions import GPU, partitioned
from imgassets.defs.io_manager import AssetRows, SideRows
from imgassets.defs.progress import log_progress
from imgassets.ingest.store import ImageStore
from imgassets.operations.signals import collect_signals, infer_signals, plan_signals
from imgassets.settings import Settings
from imgassets.warehouse.contracts import Quarantine
from imgassets.warehouse.lake import Warehouse

_CELLS = ["day", "category", "product_id", "image_id", "image_urls"]


@dg.op(
    ins={"aggregated_images": dg.In(metadata={"columns": ["image_id"]})},
    out=dg.Out(io_manager_key="step_files"),
)
def plan(
    aggregated_images: pl.DataFrame,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
) -> pl.DataFrame:
    """Find the images whose signals nobody has computed yet."""
    return plan_signals(aggregated_images, warehouse, settings)


@dg.op(out=dg.Out(dg.Nothing), pool="gpu", tags=GPU)
def infer(
    context: dg.OpExecutionContext,
    planned: pl.DataFrame,
    settings: dg.ResourceParam[Settings],
    store: dg.ResourceParam[ImageStore],
) -> None:
    """Compute them: one decode and one forward pass per image, on the engine of the settings."""
    infer_signals(planned, store, settings, log_progress(context, "measured"))


@dg.op(
    ins={
        "aggregated_images": dg.In(metadata={"columns": _CELLS}),
        "inferred": dg.In(dg.Nothing),
    }
)
def write(
    aggregated_images: pl.DataFrame,
    planned: pl.DataFrame,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
) -> AssetRows:
    """Collect the partitions' rows: known before, computed now, or refused."""
    measured = collect_signals(aggregated_images, warehouse, settings)
    return AssetRows(
        measured.signals,
        also=(SideRows(Quarantine, measured.quarantine, equals={"stage": "signals"}),),
        metadata={
            "computed": planned.height,
            "reused": measured.n_images - planned.height,
            "undecodable": measured.quarantine["image_id"].n_unique(),
        },
    )


@dg.graph_asset(**partitioned("images", "torch", "opencv"))
def image_signals(aggregated_images: pl.DataFrame) -> pl.DataFrame:
    """Hashes, histograms, framing, sharpness and the embedding: one decode, one forward pass."""
    planned = plan(aggregated_images)
    return write(aggregated_images, planned, inferred=infer(planned))
