"""Marketplaces: what Google, Amazon and Walmart would say to each image."""

import dagster as dg
import polars as pl

from imgassets.defs.conventions import partitioned
from imgassets.defs.io_manager import AssetRows
from imgassets.defs.partitions import ALL_DAYS_SO_FAR, run_partitions
from imgassets.marketplaces.compliance import SIGNALS, judge_images
from imgassets.operations.images import report_table, rows_so_far
from imgassets.settings import Settings
from imgassets.warehouse.contracts import FetchedImages
from imgassets.warehouse.lake import Warehouse


@dg.asset(
    **partitioned("compliance", "polars"),
    deps=[dg.AssetDep("fetched_images", partition_mapping=ALL_DAYS_SO_FAR)],
    ins={
        "image_signals": dg.AssetIn(metadata={"columns": ["day", "category", "image_id", *SIGNALS]})
    },
)
def marketplace_compliance(
    context: dg.AssetExecutionContext,
    aggregated_images: pl.DataFrame,
    image_signals: pl.DataFrame,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
) -> AssetRows:
    """Each image against each rule that Google, Amazon and Walmart publish: measured and limit."""
    references = rows_so_far(warehouse, FetchedImages, run_partitions(context), aggregated_images)
    rows = judge_images(aggregated_images, image_signals, references, settings.marketplaces)
    failed = rows.filter(status="fail", severity="required")
    return AssetRows(
        rows,
        metadata={
            "rules": rows["rule_id"].n_unique(),
            "required_and_failed": report_table(failed, "rule_id"),
            "undecided": report_table(rows.filter(status="undecided"), "rule_id"),
        },
    )
