"""The ranker of review photos: learnt from distorted images, without labels."""

from typing import TYPE_CHECKING

import dagster as dg

from imgassets.defs.conventions import TRAINING, model, outcome_of, plot
from imgassets.defs.progress import log_progress
from imgassets.ingest.store import ImageStore
from imgassets.learning.registry import ModelRegistry
from imgassets.operations.ranker import train_ranker
from imgassets.operations.ranker_report import comparison_table, markdown
from imgassets.settings import Settings
from imgassets.warehouse.lake import Warehouse

if TYPE_CHECKING:
    from imgassets.learning.ranking.training import RankerReport

_ALL_PARTITIONS = dg.AllPartitionMapping()


@dg.asset(
    **model("torch", "duckdb"),
    deps=[
        dg.AssetDep("image_signals", partition_mapping=_ALL_PARTITIONS),
        dg.AssetDep("ordered_image_sets", partition_mapping=_ALL_PARTITIONS),
        dg.AssetDep("review_signals", partition_mapping=_ALL_PARTITIONS),
        "nima_aesthetic",
        "nima_technical",
    ],
    **TRAINING,
)
def review_ranker(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    registry: dg.ResourceParam[ModelRegistry],
    store: dg.ResourceParam[ImageStore],
) -> dg.MaterializeResult:
    """Scores review photos by quality: approaches compete on distortions, the better one answers.

    Its figures stand in ranking_evaluations, its examples in ranking_examples.
    """
    report = train_ranker(
        warehouse, registry, store, settings,
        made=log_progress(context, "made"),
        fitted=log_progress(context, "fitted", "networks"),
    )  # fmt: skip
    return _result(report)


ranker_job = dg.define_asset_job(
    "ranker_job",
    selection=dg.AssetSelection.assets("review_ranker"),
    description="Train the ranker of review photos and promote it if it is better.",
)


def _result(report: "RankerReport") -> dg.MaterializeResult:
    """Return figures and plots of figures: no photo, and nothing that names one."""
    plots = {name: plot(name, png) for name, png in report.plots.items()}
    return dg.MaterializeResult(
        metadata={
            **outcome_of(report, "pairwise_accuracy", "unseen_accuracy"),
            "approach": report.approach,
            "comparison": dg.MetadataValue.md(markdown(comparison_table(report.evaluations))),
            **plots,
        }
    )
