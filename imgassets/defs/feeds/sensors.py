"""Sees new and corrected feed files, adds their categories, requests what they touch."""

import dagster as dg

from imgassets.defs.jobs import MAIN_SELECTION
from imgassets.defs.partitions import CATEGORY_TAG, category_requests, to_key
from imgassets.learning.registry import ModelRegistry
from imgassets.operations.feeds import register_feeds
from imgassets.operations.planning import fingerprints, stale_partitions
from imgassets.settings import Settings
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import Partition

_FILES_PER_TICK = 20


@dg.sensor(
    target=MAIN_SELECTION,
    minimum_interval_seconds=60,
    description="Watches IMGASSETS_FEEDS; relative image references start at IMGASSETS_IMAGE_BASE.",
)
def feed_sensor(
    context: dg.SensorEvaluationContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    registry: dg.ResourceParam[ModelRegistry],
) -> dg.SensorResult | dg.SkipReason:
    """Register new feed files, resolve missing categories, request runs of what is touched."""
    if not settings.feeds:
        return dg.SkipReason("IMGASSETS_FEEDS is not set: there is no folder to watch.")
    found = register_feeds(
        warehouse, settings, settings.feeds, settings.image_base, registry, limit=_FILES_PER_TICK
    )
    for note in found.notes:
        context.log.warning(note)
    for refused in found.refused:
        context.log.warning(f"not a feed: {refused.feed_file}: {refused.refusal.detail}")
    stale = stale_partitions(warehouse, fingerprints(warehouse, settings))
    if stale.is_empty():
        return dg.SkipReason(f"{found.unchanged} feed files, and every partition is up to date.")
    return dg.SensorResult(
        dynamic_partitions_requests=category_requests(context.instance, stale["category"]),
        run_requests=[
            # The key names the feeds' content: a partition is requested once for each version of
            # its feeds, also when an earlier tick died between registering and requesting.
            dg.RunRequest(
                run_key=f"{row['category']}|{row['day']}:{row['feeds_hash']}",
                partition_key=to_key(Partition(row["day"], row["category"])),
                # dagster.yaml runs one run of a category at a time, in this order: a day's
                # partition needs the images of the days before.
                tags={CATEGORY_TAG: row["category"]},
            )
            for row in stale.iter_rows(named=True)
        ],
    )
