"""Questions to people about the types of a category's images."""

import dagster as dg

from imgassets import __version__
from imgassets.defs.conventions import OWNERS
from imgassets.defs.partitions import CATEGORY
from imgassets.operations.type_questions import ask_types
from imgassets.settings import Settings
from imgassets.warehouse.lake import Warehouse


@dg.asset(
    group_name="models",
    kinds={"duckdb"},
    owners=OWNERS,
    code_version=__version__,
    partitions_def=CATEGORY,
    backfill_policy=dg.BackfillPolicy.single_run(),
    deps=[
        "image_labels",
        dg.AssetDep(
            "image_types",
            partition_mapping=dg.MultiToSingleDimensionPartitionMapping("category"),
        ),
    ],
)
def type_questions(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.MaterializeResult:
    """Ask people for the types that the model is least sure of; they answer as to flags."""
    asked = {key: ask_types(warehouse, key, settings) for key in sorted(context.partition_keys)}
    return dg.MaterializeResult(metadata={"questions": sum(asked.values()), "by_category": asked})
