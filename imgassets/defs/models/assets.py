"""The image-type model: trained on labels and stored embeddings."""

import dagster as dg

from imgassets import __version__
from imgassets.defs.conventions import OWNERS
from imgassets.learning.registry import ModelRegistry
from imgassets.operations.models import train
from imgassets.settings import Settings
from imgassets.vision.backbones import signals_version
from imgassets.warehouse.lake import Warehouse

image_labels = dg.AssetSpec(
    "image_labels",
    group_name="models",
    kinds={"duckdb"},
    owners=OWNERS,
    description="People's labels of image types; `imgassets labels import FILE.csv` adds to them.",
)

type_priorities = dg.AssetSpec(
    "type_priorities",
    group_name="models",
    kinds={"duckdb"},
    owners=OWNERS,
    description="Each category's order of views; `imgassets categories import FILE.csv` sets it.",
)


@dg.asset(
    group_name="models",
    kinds={"mlflow", "scikitlearn"},
    owners=OWNERS,
    code_version=__version__,
    deps=[
        "image_labels",
        dg.AssetDep("image_signals", partition_mapping=dg.AllPartitionMapping()),
    ],
)
def image_type_model(
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    registry: dg.ResourceParam[ModelRegistry],
) -> dg.MaterializeResult:
    """A classifier of image types on embeddings; champion when it beats the present one."""
    report = train(
        warehouse, registry, signals_version(settings.vision), settings.seed, settings.types
    )
    return dg.MaterializeResult(
        metadata={
            "version": report.version.version,
            "promoted": report.promoted,
            "retrained": report.retrained,
            "why": report.explanation,
            "notes": "; ".join(report.notes) or "none",
            **{name: float(value) for name, value in report.metrics.items()},
        }
    )
