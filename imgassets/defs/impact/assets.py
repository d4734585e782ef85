"""Causal impact: what people did, when new image sets went live, and what these changed."""

import dagster as dg

from imgassets.defs.conventions import described, partitioned, table_from_outside
from imgassets.defs.impact.pictures import draw_cells, verdict_table
from imgassets.defs.lineage import lineage_metadata, table_metadata
from imgassets.defs.partitions import run_partitions, to_key
from imgassets.operations.images import report_table
from imgassets.operations.impact import estimate_partitions
from imgassets.operations.interventions import data_notes, derive_interventions
from imgassets.settings import Settings
from imgassets.warehouse.contracts import CausalImpact, Interventions
from imgassets.warehouse.lake import Warehouse

engagement_daily = table_from_outside(
    "engagement_daily",
    "impact",
    "What people did with each product on each day; `imgassets impact ingest --engagement FILE` "
    "and the sensor new_engagement_files add to it.",
)


@dg.asset(
    **described("impact", "duckdb"),
    deps=[dg.AssetDep("image_set_changes", partition_mapping=dg.AllPartitionMapping())],
)
def interventions(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.MaterializeResult:
    """When each product's new image set went live: by files, else by changes of ordered sets."""
    found = derive_interventions(warehouse, settings, context.run_id)
    return dg.MaterializeResult(
        metadata={
            **table_metadata(Interventions),
            **lineage_metadata("interventions"),
            "by_ordered_sets": found.rows,
            "changed": found.changed,
            **({} if found.snapshot_id is None else {"snapshot_id": found.snapshot_id}),
            "notes": dg.MetadataValue.md(
                "\n".join(f"- {note}" for note in data_notes(warehouse, settings)) or "none"
            ),
        }
    )


@dg.asset(**partitioned("impact", "numba", "polars"), deps=["engagement_daily", "interventions"])
def causal_impact(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.MaterializeResult:
    """What new image sets did to clicks, carts and orders, as known on the partition's day.

    Bayesian structural time series with untreated products as controls, calibrated by placebos in
    time; impact_controls, impact_series and impact_placebos are written with it.
    """
    partitions = run_partitions(context)
    found = estimate_partitions(warehouse, settings, partitions, context.run_id)
    drawn = draw_cells(context, warehouse, partitions - found.unchanged)
    for partition, picture in drawn.items():
        context.add_asset_metadata(
            {"add_to_cart": picture},
            asset_key=context.asset_key,
            partition_key=str(to_key(partition)),
        )
    return dg.MaterializeResult(
        metadata={
            **table_metadata(CausalImpact),
            **lineage_metadata("causal_impact"),
            "rows_in_run": found.rows.height,
            "unchanged_partitions": len(found.unchanged),
            **({} if found.snapshot_id is None else {"snapshot_id": found.snapshot_id}),
            "by_status": report_table(found.rows, "status"),
            "verdicts": verdict_table(found.rows),
        }
    )
