"""Sees new and corrected feed files, adds their categories, requests what they touch."""

import dagster as dg

from imgassets.defs.jobs import main_job
from imgassets.defs.partitions import CATEGORY, to_key
from imgassets.operations.feeds import Registered, register_feeds
from imgassets.settings import Settings
from imgassets.warehouse.lake import Warehouse

_FILES_PER_TICK = 20


@dg.sensor(
    job=main_job,
    minimum_interval_seconds=60,
    description="Watches IMGASSETS_FEEDS; relative image references start at IMGASSETS_IMAGE_BASE.",
)
def feed_sensor(
    context: dg.SensorEvaluationContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.SensorResult | dg.SkipReason:
    """Register new feed files and request a run of every partition they touch."""
    if not settings.feeds:
        return dg.SkipReason("IMGASSETS_FEEDS is not set: there is no folder to watch.")
    found = register_feeds(
        warehouse, settings, settings.feeds, settings.image_base, limit=_FILES_PER_TICK
    )
    for refused in found.refused:
        context.log.warning(f"not a feed: {refused.path}: {refused.detail}")
    if not found.touched:
        return dg.SkipReason(f"{found.unchanged} feed files, none of them new or changed.")
    return dg.SensorResult(
        dynamic_partitions_requests=_new_categories(context, found),
        run_requests=[
            dg.RunRequest(
                run_key=f"{partition}:{'+'.join(sorted(found.files))}:{context.cursor or 0}",
                partition_key=to_key(partition),
            )
            for partition in sorted(found.touched)
        ],
        cursor=str(int(context.cursor or 0) + 1),
    )


def _new_categories(
    context: dg.SensorEvaluationContext, found: Registered
) -> list[dg.AddDynamicPartitionsRequest]:
    present = set(context.instance.get_dynamic_partitions(CATEGORY.name or ""))
    new = sorted({partition.category for partition in found.touched} - present)
    return [CATEGORY.build_add_request(new)] if new else []
