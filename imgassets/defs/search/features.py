"""image_features: plan what is missing, measure it, write the partitions' rows."""

import dagster as dg
import polars as pl

from imgassets.defs.conventions import partitioned
from imgassets.defs.io_manager import AssetRows, SideRows
from imgassets.defs.progress import log_progress
from imgassets.ingest.store import ImageStore
from imgassets.operations.image_features import collect_features, infer_features, plan_features
from imgassets.operations.images import report_table
from imgassets.settings import Settings
from imgassets.warehouse.contracts import Quarantine
from imgassets.warehouse.lake import Warehouse


@dg.op(
    ins={"image_signals": dg.In(metadata={"columns": ["image_id"]})},
    out=dg.Out(io_manager_key="step_files"),
)
def plan_image_features(
    image_signals: pl.DataFrame,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
) -> pl.DataFrame:
    """Find the images whose features nobody has measured yet."""
    return plan_features(image_signals, warehouse, settings)


@dg.op(out=dg.Out(dg.Nothing))
def infer_image_features(
    context: dg.OpExecutionContext,
    planned: pl.DataFrame,
    settings: dg.ResourceParam[Settings],
    store: dg.ResourceParam[ImageStore],
) -> None:
    """Measure them: one decode per image, no network."""
    infer_features(planned, store, settings, log_progress(context, "measured"))


@dg.op(
    ins={
        "image_signals": dg.In(metadata={"columns": ["day", "category", "image_id"]}),
        "inferred": dg.In(dg.Nothing),
    }
)
def write_image_features(
    image_signals: pl.DataFrame,
    planned: pl.DataFrame,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
) -> AssetRows:
    """Collect the partitions' rows: measured before, now, or refused."""
    measured = collect_features(image_signals, warehouse, settings)
    leading = measured.signals.select(colour=pl.col("colours").list.first().struct.field("name"))
    return AssetRows(
        measured.signals,
        also=(SideRows(Quarantine, measured.quarantine, equals={"stage": "image_features"}),),
        metadata={
            "computed": planned.height,
            "reused": measured.n_images - planned.height,
            "refused": measured.quarantine["image_id"].n_unique(),
            "by_box_source": report_table(measured.signals, "box_source"),
            "by_colour": report_table(leading, "colour"),
        },
    )


@dg.graph_asset(**partitioned("search", "opencv"))
def image_features(image_signals: pl.DataFrame) -> pl.DataFrame:
    """Where each image's object is, its dominant colours by name, and its texture.

    Pixels are read a second time, by those who search alone: no network runs, and what was measured
    once is never measured again.
    """
    planned = plan_image_features(image_signals)
    return write_image_features(image_signals, planned, inferred=infer_image_features(planned))
