"""Assets that look at each image once: plan what is missing, compute it, write partitions' rows."""

from collections.abc import Callable
from typing import Any

import dagster as dg
import polars as pl

from imgassets.defs.conventions import partitioned
from imgassets.defs.io_manager import AssetRows, SideRows
from imgassets.defs.progress import log_progress
from imgassets.ingest.store import ImageStore
from imgassets.operations.signals import Measured
from imgassets.settings import Settings
from imgassets.warehouse.contracts import Quarantine
from imgassets.warehouse.lake import Warehouse

Progress = Callable[[int, int], None]
Frames = Callable[[pl.DataFrame, Warehouse, Settings], pl.DataFrame]


def measured_asset(
    name: str,
    description: str,
    *,
    group: str,
    kinds: tuple[str, ...],
    source: str,
    columns: list[str],
    stage: str,
    plan: Frames,
    infer: Callable[[pl.DataFrame, ImageStore, Settings, Progress | None], None],
    collect: Callable[[pl.DataFrame, Warehouse, Settings], Measured],
    step: dict[str, Any],
    report: Callable[[Measured], dict[str, Any]] = lambda measured: {},
) -> dg.AssetsDefinition:
    """Return a (day, category) asset of three steps, so that only the middle one may need a GPU.

    Args:
        name: of the asset.
        description: of the asset.
        group: of the asset.
        kinds: of the asset.
        source: the asset whose rows name the images.
        columns: of those rows, that this one's rows and refusals are made of.
        stage: of the quarantine rows of images that do not decode.
        plan: returns the images that nobody has computed yet.
        infer: computes them into shards.
        collect: returns the partitions' rows: known before, computed now, or refused.
        step: pool and tags of the middle step.
        report: returns more metadata. What Dagster keeps of a run cannot be taken back, so it
            names no review.
    """

    @dg.op(
        name=f"plan_{name}",
        ins={"images": dg.In(metadata={"columns": ["image_id"]})},
        out=dg.Out(io_manager_key="step_files"),
    )
    def find(
        images: pl.DataFrame,
        settings: dg.ResourceParam[Settings],
        warehouse: dg.ResourceParam[Warehouse],
    ) -> pl.DataFrame:
        """Find the images that nobody has computed yet."""
        return plan(images, warehouse, settings)

    @dg.op(name=f"infer_{name}", out=dg.Out(dg.Nothing), **step)
    def compute(
        context: dg.OpExecutionContext,
        planned: pl.DataFrame,
        settings: dg.ResourceParam[Settings],
        store: dg.ResourceParam[ImageStore],
    ) -> None:
        """Compute them: one decode per image, on the engine of the settings."""
        infer(planned, store, settings, log_progress(context, "measured"))

    @dg.op(
        name=f"write_{name}",
        ins={"images": dg.In(metadata={"columns": columns}), "inferred": dg.In(dg.Nothing)},
    )
    def write(
        images: pl.DataFrame,
        planned: pl.DataFrame,
        settings: dg.ResourceParam[Settings],
        warehouse: dg.ResourceParam[Warehouse],
    ) -> AssetRows:
        """Collect the partitions' rows: known before, computed now, or refused."""
        measured = collect(images, warehouse, settings)
        return AssetRows(
            measured.signals,
            also=(SideRows(Quarantine, measured.quarantine, equals={"stage": stage}),),
            metadata={
                "computed": planned.height,
                "reused": measured.n_images - planned.height,
                "undecodable": measured.quarantine["image_id"].n_unique(),
                **report(measured),
            },
        )

    @dg.graph_asset(
        name=name,
        description=description,
        ins={"images": dg.AssetIn(source)},
        **partitioned(group, *kinds),
    )
    def asset(images: pl.DataFrame) -> pl.DataFrame:
        planned = find(images)
        found: pl.DataFrame = write(images, planned, inferred=compute(planned))
        return found

    return asset
