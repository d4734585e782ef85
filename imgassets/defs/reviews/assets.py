"""Review photos as files tell of them, and their bytes."""

import dagster as dg

from imgassets.defs.conventions import partitioned, table_from_outside
from imgassets.defs.io_manager import AssetRows, SideRows
from imgassets.defs.partitions import run_partitions
from imgassets.defs.progress import log_progress
from imgassets.ingest.store import ImageStore
from imgassets.operations.images import report_table
from imgassets.operations.review_photos import fetch_review_images
from imgassets.settings import Settings
from imgassets.warehouse.contracts import Quarantine
from imgassets.warehouse.lake import Warehouse

review_images = table_from_outside(
    "review_images",
    "reviews",
    "Customers' review photos, as files tell of them; `imgassets reviews ingest FILE` and the "
    "sensor new_review_files add to it.",
)


@dg.asset(**partitioned("reviews", "python"), deps=["review_images"])
def fetched_review_images(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    store: dg.ResourceParam[ImageStore],
) -> AssetRows:
    """The bytes of every review photo, by content; what did not arrive is quarantined.

    Nothing of a file is changed, its EXIF data included: the service shows thumbnails alone.
    """
    found = fetch_review_images(
        warehouse, store, settings, run_partitions(context), log_progress(context, "fetched")
    )
    # Counts alone: what Dagster keeps of a run could not be taken back if a review is forgotten.
    return AssetRows(
        found.images,
        also=(SideRows(Quarantine, found.quarantine, equals={"stage": "review_fetch"}),),
        metadata={
            "reviews": found.images.height + found.quarantine.height,
            "products": found.images["product_id"].n_unique(),
            "distinct_images": found.images["image_id"].n_unique(),
            "refused": found.quarantine.height,
            "refused_by_rule": report_table(found.quarantine, "rule_id"),
        },
    )
