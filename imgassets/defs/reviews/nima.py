"""NIMA's heads: which mean ratings, aesthetic and technical, a photo's features predict."""

import dagster as dg

from imgassets.defs.conventions import TRAINING, model, outcome_of
from imgassets.defs.progress import log_progress
from imgassets.ingest.store import ImageStore
from imgassets.learning.nima.heads import KINDS
from imgassets.learning.registry import ModelRegistry
from imgassets.operations.nima import train_head
from imgassets.settings import Settings
from imgassets.warehouse.lake import Warehouse


class Ratings(dg.Config):
    """People's ratings to learn from; none: distorted photos are learnt from."""

    file: str = ""
    images: str = ""


def _head(kind: str) -> dg.AssetsDefinition:
    @dg.asset(
        **model("torch", "numpy"),
        name=f"nima_{kind}",
        description=f"NIMA's head of {kind} ratings, on stored features. It learns from people's "
        "ratings where a run is given some, else from distorted photos.",
        deps=[
            dg.AssetDep("ordered_image_sets", partition_mapping=dg.AllPartitionMapping()),
            dg.AssetDep("review_signals", partition_mapping=dg.AllPartitionMapping()),
        ],
        **TRAINING,
    )
    def trained(
        context: dg.AssetExecutionContext,
        config: Ratings,
        settings: dg.ResourceParam[Settings],
        warehouse: dg.ResourceParam[Warehouse],
        registry: dg.ResourceParam[ModelRegistry],
        store: dg.ResourceParam[ImageStore],
    ) -> dg.MaterializeResult:
        report = train_head(
            kind, warehouse, registry, store, settings,
            ratings=(config.file, config.images) if config.file else None,
            progress=log_progress(context, "made"),
        )  # fmt: skip
        return dg.MaterializeResult(
            metadata={
                **outcome_of(report),
                "source": report.source,
            }
        )

    return trained


heads = [_head(kind) for kind in KINDS]

NIMA_JOBS = {
    kind: dg.define_asset_job(
        f"nima_{kind}_job",
        selection=dg.AssetSelection.assets(f"nima_{kind}"),
        description=f"Train NIMA's head of {kind} ratings and promote it if it is better.",
    )
    for kind in KINDS
}
