"""storage_maintenance: what the storage takes, and what keeps it small."""

import dagster as dg
import polars as pl

from imgassets.defs.conventions import described, plot
from imgassets.defs.lineage import table_metadata
from imgassets.ingest.store import ImageStore
from imgassets.operations.maintenance import maintain
from imgassets.operations.storage_plot import plot_sizes
from imgassets.settings import Settings
from imgassets.warehouse.contracts import StorageSizes
from imgassets.warehouse.lake import Warehouse


@dg.asset(**described("maintenance", "duckdb"), pool="maintenance")
def storage_maintenance(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    store: dg.ResourceParam[ImageStore],
) -> dg.MaterializeResult:
    """Expires old snapshots, merges small files, deletes what nothing refers to, and measures.

    `maintenance.keep_snapshots_days` and `maintenance.orphan_hours` say what is old. Its rows are
    those of storage_sizes; `imgassets maintain` says beforehand what it would do.
    """
    done = maintain(warehouse, store, settings, context.run_id, context.log.info)
    sizes = warehouse.read(StorageSizes)
    latest = sizes.filter(pl.col("measured_at") == pl.col("measured_at").max())
    total = latest.select(pl.sum("bytes") + pl.sum("past_bytes")).item()
    return dg.MaterializeResult(
        metadata={
            **table_metadata(StorageSizes),
            "dagster/row_count": sizes.height,
            "bytes": total,
            "sizes_over_time": plot("sizes over time", plot_sizes(sizes)),
            "snapshots_expired": done.history.snapshots,
            "snapshots_kept": done.history.kept,
            "files_merged": sum(done.merged.values()),
            "files_deleted": done.old_files + done.unknown.files,
            "files_waiting": done.waiting_files,
            "images_deleted": done.images.files,
            "image_bytes_deleted": done.images.bytes,
            "signal_files_deleted": done.signals.files,
            "parsed_files_deleted": done.parsed.files,
            "catalog_advice": dg.MetadataValue.md(
                "```sql\n" + "\n".join(done.advice) + "\n```" if done.advice else "none"
            ),
        }
    )


maintenance_job = dg.define_asset_job(
    "maintenance_job",
    selection=dg.AssetSelection.assets("storage_maintenance"),
    description="Keep the warehouse and the image store small, and measure them.",
)

weekly_maintenance = dg.ScheduleDefinition(
    name="weekly_maintenance",
    job=maintenance_job,
    cron_schedule="0 1 * * 0",
    description="Sundays at 01:00: storage_maintenance. Writers and readers may be at work.",
)
