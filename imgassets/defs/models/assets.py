"""Models of image types: of all categories, of each vertical, of each category."""

from typing import TYPE_CHECKING

import dagster as dg
import polars as pl

from imgassets.defs.conventions import TRAINING, model, outcome_of, plot, table_from_outside
from imgassets.defs.partitions import CATEGORY, VERTICAL
from imgassets.ingest.store import ImageStore
from imgassets.learning.registry import ModelRegistry
from imgassets.learning.type_scopes import GLOBAL, Scope
from imgassets.operations.models import train_scope, why_untrainable
from imgassets.operations.type_report import report_types
from imgassets.settings import Settings
from imgassets.warehouse.lake import Warehouse

if TYPE_CHECKING:
    from imgassets.learning.image_types import TrainingReport

image_labels = table_from_outside(
    "image_labels",
    "models",
    "People's labels of image types; `imgassets labels import FILE.csv` adds to them.",
)

type_priorities = table_from_outside(
    "type_priorities",
    "models",
    "Each category's order of views; `imgassets categories import FILE.csv` sets it.",
)


_LABELS_AND_SIGNALS: list[str | dg.AssetDep] = [
    "image_labels",
    "review_answers",
    dg.AssetDep("image_signals", partition_mapping=dg.AllPartitionMapping()),
]


@dg.asset(
    **model("torch", "scikitlearn"),
    deps=_LABELS_AND_SIGNALS,
    **TRAINING,
)
def image_type_model(
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    registry: dg.ResourceParam[ModelRegistry],
    store: dg.ResourceParam[ImageStore],
) -> dg.MaterializeResult:
    """The classifier of image types of all categories together: approaches compete."""
    return _result(train_scope(GLOBAL, warehouse, registry, store, settings))


@dg.asset(
    **model("torch", "scikitlearn"),
    partitions_def=VERTICAL,
    deps=[*_LABELS_AND_SIGNALS, "image_type_model"],
    **TRAINING,
)
def vertical_type_model(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    registry: dg.ResourceParam[ModelRegistry],
    store: dg.ResourceParam[ImageStore],
) -> dg.MaterializeResult:
    """One vertical's classifier of image types; it answers where it beats that of all."""
    scope = Scope("vertical", context.partition_key)
    return _trained_if_labelled(scope, warehouse, registry, store, settings)


@dg.asset(
    **model("torch", "scikitlearn"),
    partitions_def=CATEGORY,
    deps=[
        *_LABELS_AND_SIGNALS,
        "image_type_model",
        dg.AssetDep("vertical_type_model", partition_mapping=dg.AllPartitionMapping()),
    ],
    **TRAINING,
)
def category_type_model(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    registry: dg.ResourceParam[ModelRegistry],
    store: dg.ResourceParam[ImageStore],
) -> dg.MaterializeResult:
    """One category's own classifier of image types; it answers where it beats the wider ones."""
    scope = Scope("category", context.partition_key)
    return _trained_if_labelled(scope, warehouse, registry, store, settings)


@dg.asset(
    **model("duckdb"),
    deps=[
        "image_type_model",
        dg.AssetDep("vertical_type_model", partition_mapping=dg.AllPartitionMapping()),
        dg.AssetDep("category_type_model", partition_mapping=dg.AllPartitionMapping()),
    ],
)
def type_accuracy(
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    registry: dg.ResourceParam[ModelRegistry],
) -> dg.MaterializeResult:
    """How well each category is typed by the model that answers, and which verticals trail."""
    report = report_types(warehouse, registry, settings)
    return dg.MaterializeResult(
        metadata={
            "by_vertical": dg.MetadataValue.md(_markdown(report.by_vertical)),
            "plot": plot("accuracy", report.plot),
        }
    )


def _trained_if_labelled(
    scope: Scope,
    warehouse: Warehouse,
    registry: ModelRegistry,
    store: ImageStore,
    settings: Settings,
) -> dg.MaterializeResult:
    """Train a scope; one without labels enough is no failure of a backfill over all of them."""
    if why := why_untrainable(scope, warehouse, settings):
        return dg.MaterializeResult(metadata={"why": f"{why}: a wider model answers"})
    return _result(train_scope(scope, warehouse, registry, store, settings))


def _result(report: "TrainingReport") -> dg.MaterializeResult:
    return dg.MaterializeResult(
        metadata={
            **outcome_of(report),
            "approach": report.approach,
            "comparison": dg.MetadataValue.md(_markdown(report.comparison)),
        }
    )


def _markdown(frame: pl.DataFrame) -> str:
    with pl.Config(tbl_formatting="MARKDOWN", tbl_hide_column_data_types=True, tbl_rows=-1):
        return str(frame).partition("\n")[2]  # without the line that tells the shape
