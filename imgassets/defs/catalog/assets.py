"""The catalog as a whole: what holds across products, categories and days."""

import dagster as dg

from imgassets.defs.conventions import described
from imgassets.defs.lineage import lineage_metadata, table_metadata
from imgassets.defs.progress import log_progress
from imgassets.ingest.store import ImageStore
from imgassets.operations.image_matches import SharedImages, match_images, shared_images
from imgassets.operations.match_verdicts import verify_matches
from imgassets.settings import Settings
from imgassets.vision.backbones import signals_version
from imgassets.warehouse.contracts import ImageMatches
from imgassets.warehouse.lake import Warehouse


@dg.asset(
    **described("catalog", "duckdb", "opencv"),
    deps=[
        dg.AssetDep("image_signals", partition_mapping=dg.AllPartitionMapping()),
        # The images of each product's newest day, which the metadata counts.
        dg.AssetDep("image_set_changes", partition_mapping=dg.AllPartitionMapping()),
    ],
)
def image_matches(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    store: dg.ResourceParam[ImageStore],
) -> dg.MaterializeResult:
    """Images of the whole catalog that look the same: copied photos, stock images, mix-ups.

    Within a product duplicates are found by dedup_clusters; the view same_image_in_products says
    which products share an image.
    """
    report = match_images(warehouse, signals_version(settings.vision), run_id=context.run_id)
    progress = log_progress(context, "compared", "pairs")
    verified = verify_matches(warehouse, store, settings, context.run_id, progress)
    shared = shared_images(warehouse)
    return dg.MaterializeResult(
        metadata={
            **table_metadata(ImageMatches),
            **lineage_metadata("image_matches"),
            "dagster/row_count": report.pairs,
            "snapshot_id": report.snapshot_id,
            "images": report.images,
            "images_with_a_match": report.matched_images,
            "featureless_images_left_out": report.featureless,
            "pairs_across_products_compared": verified.compared,
            "pairs_across_products_waiting": verified.waiting,
            "crowded_bands": report.crowded_bands,
            "exact_groups": shared.exact,
            "near_groups": shared.near,
            "largest_groups": dg.MetadataValue.md(_markdown(shared)),
        }
    )


def _markdown(shared: SharedImages) -> str:
    """Return the images that most products show, as a table."""
    lines = ["| image | products | of them exact | categories |", "|---|---:|---:|---|"]
    lines += [
        f"| `{row['image_id'][:12]}…` | {row['products']} | {row['exact']} | "
        f"{', '.join(row['categories'])} |"
        for row in shared.largest.to_dicts()
    ]
    return "\n".join(lines)


match_job = dg.define_asset_job(
    "match_job",
    selection=dg.AssetSelection.assets("image_matches"),
    description="Look for images that several products share, in the whole catalog.",
)

match_daily = dg.ScheduleDefinition(
    name="match_images_of_all_products",
    job=match_job,
    cron_schedule="0 5 * * *",
    description="At 05:00, after the previous day is closed: image_matches anew.",
)
