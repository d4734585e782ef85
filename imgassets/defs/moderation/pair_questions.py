"""Questions to people about pairs of a category's images."""

import dagster as dg

from imgassets import __version__
from imgassets.defs.conventions import OWNERS
from imgassets.defs.partitions import CATEGORY
from imgassets.operations.pair_questions import ask_pairs
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
        dg.AssetDep(
            "dedup_clusters",
            partition_mapping=dg.MultiToSingleDimensionPartitionMapping("category"),
        ),
    ],
)
def pair_questions(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.MaterializeResult:
    """Ask people about the pairs that the comparator is least sure of; they overrule it."""
    asked = {key: ask_pairs(warehouse, key, settings) for key in sorted(context.partition_keys)}
    return dg.MaterializeResult(metadata={"questions": sum(asked.values()), "by_category": asked})
