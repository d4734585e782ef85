"""Sees new and corrected files of review photos, and requests the ranks that they change."""

import hashlib

import dagster as dg
import polars as pl

from imgassets.defs.conventions import counts_of
from imgassets.defs.partitions import CATEGORY_TAG, category_requests, to_key
from imgassets.operations.review_photos import take_in_reviews
from imgassets.operations.review_ranks import plan_ranks
from imgassets.settings import Settings
from imgassets.warehouse.contracts import ReviewFiles, ReviewImages
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import Partition

REVIEW_ASSETS = ("fetched_review_images", "review_signals", "review_image_ranks")
REVIEW_SELECTION = dg.AssetSelection.assets(*REVIEW_ASSETS)
"""What a partition of review photos goes through."""

_FILES_PER_TICK = 20


@dg.sensor(
    target=REVIEW_SELECTION,
    minimum_interval_seconds=60,
    description="Watches IMGASSETS_REVIEW_PHOTOS for csv, jsonl and parquet files; relative image "
    "references start at IMGASSETS_IMAGE_BASE; bad rows go to quarantine.",
)
def new_review_files(
    context: dg.SensorEvaluationContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.SensorResult | dg.SkipReason:
    """Take in new files, add their categories, request the partitions whose ranks are behind."""
    if not settings.review_photos:
        return dg.SkipReason("IMGASSETS_REVIEW_PHOTOS is not set: there is no folder to watch.")
    found = take_in_reviews(
        warehouse, settings, settings.review_photos, settings.image_base, limit=_FILES_PER_TICK
    )
    if found.refused:
        context.log.warning(f"{found.refused} rows of reviews refused: see quarantine")
    behind = _behind(warehouse, settings)
    if not found.files and not behind:
        return dg.SkipReason(f"{found.unchanged} files of reviews, none of them new.")
    files = warehouse.read(ReviewFiles)
    return dg.SensorResult(
        asset_events=(
            [dg.AssetMaterialization("review_images", metadata=counts_of(found))]
            if found.files
            else []
        ),
        dynamic_partitions_requests=category_requests(
            context.instance, (p.category for p in behind)
        ),
        run_requests=[
            # A partition is requested once for each version of the files up to its day, also when
            # an earlier tick died between taking in and requesting.
            dg.RunRequest(
                run_key=f"{partition.category}|{partition.day}:{_content(files, partition)}",
                partition_key=to_key(partition),
                tags={CATEGORY_TAG: partition.category},
            )
            for partition in behind
        ],
    )


def _behind(warehouse: Warehouse, settings: Settings) -> list[Partition]:
    """Return the partitions whose ranks are not made of what stands now, in order."""
    if warehouse.read(ReviewImages, columns=["review_id"]).is_empty():
        return []
    return sorted(plan_ranks(warehouse, settings).partitions)


def _content(files: pl.DataFrame, partition: Partition) -> str:
    """Return what tells the files up to a partition's day from other versions of them."""
    known = files.filter(pl.col("day") <= partition.day).sort("file")
    return hashlib.sha256(repr(known.select("file", "sha256").rows()).encode()).hexdigest()[:16]
