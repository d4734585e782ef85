"""review_signals: plan what is missing, infer it (the GPU step), write the partitions' rows."""

import dagster as dg
import polars as pl

from imgassets.defs.conventions import GPU, partitioned
from imgassets.defs.io_manager import AssetRows, SideRows
from imgassets.defs.progress import log_progress
from imgassets.ingest.store import ImageStore
from imgassets.operations.review_signals import (
    collect_review_signals,
    infer_review_signals,
    plan_review_signals,
)
from imgassets.settings import Settings
from imgassets.warehouse.contracts import Quarantine
from imgassets.warehouse.lake import Warehouse

_CELLS = ["day", "category", "product_id", "image_location", "image_id"]


@dg.op(
    ins={"fetched_review_images": dg.In(metadata={"columns": ["image_id"]})},
    out=dg.Out(io_manager_key="step_files"),
)
def plan_photos(
    fetched_review_images: pl.DataFrame,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
) -> pl.DataFrame:
    """Find the photos whose signals nobody has computed yet."""
    return plan_review_signals(fetched_review_images, warehouse, settings)


@dg.op(out=dg.Out(dg.Nothing), pool="gpu", tags=GPU)
def infer_photos(
    context: dg.OpExecutionContext,
    planned: pl.DataFrame,
    settings: dg.ResourceParam[Settings],
    store: dg.ResourceParam[ImageStore],
) -> None:
    """Compute them: one decode per photo, one forward pass of each network."""
    infer_review_signals(planned, store, settings, log_progress(context, "measured"))


@dg.op(
    ins={
        "fetched_review_images": dg.In(metadata={"columns": _CELLS}),
        "inferred": dg.In(dg.Nothing),
    }
)
def write_photos(
    fetched_review_images: pl.DataFrame,
    planned: pl.DataFrame,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
) -> AssetRows:
    """Collect the partitions' rows: known before, computed now, or refused."""
    measured = collect_review_signals(fetched_review_images, warehouse, settings)
    # Counts alone: what Dagster keeps of a run could not be taken back if a review is forgotten.
    return AssetRows(
        measured.signals,
        also=(SideRows(Quarantine, measured.quarantine, equals={"stage": "review_signals"}),),
        metadata={
            "computed": planned.height,
            "reused": measured.n_images - planned.height,
            "undecodable": measured.quarantine["image_id"].n_unique(),
        },
    )


@dg.graph_asset(**partitioned("reviews", "torch", "opencv"))
def review_signals(fetched_review_images: pl.DataFrame) -> pl.DataFrame:
    """All measures, the embedding and NIMA's features of each photo, from one decode.

    Nothing identifies anyone: no face is looked for, none is measured.
    """
    planned = plan_photos(fetched_review_images)
    return write_photos(fetched_review_images, planned, inferred=infer_photos(planned))
