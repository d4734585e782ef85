"""What makes estimates by itself: the sensor of files, and the weekly schedule."""

from datetime import timedelta

import dagster as dg

from imgassets.defs.conventions import counts_of
from imgassets.defs.partitions import (
    CATEGORY,
    RANGE_END,
    RANGE_START,
    category_requests,
    to_key,
)
from imgassets.operations.engagement import take_in_engagement, take_in_interventions
from imgassets.operations.impact import last_day_of_engagement
from imgassets.settings import Settings
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import Partition

IMPACT_ASSETS = ("interventions", "causal_impact")
IMPACT_SELECTION = dg.AssetSelection.assets(*IMPACT_ASSETS)

_FILES_PER_TICK = 20


@dg.sensor(
    minimum_interval_seconds=60,
    description="Watches IMGASSETS_ENGAGEMENT and IMGASSETS_INTERVENTIONS for csv, jsonl and "
    "parquet files; bad rows go to quarantine.",
)
def new_engagement_files(
    context: dg.SensorEvaluationContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.SensorResult | dg.SkipReason:
    """Take in new files, add their categories, and report what changed as materialisations."""
    watched = [
        ("engagement_daily", settings.engagement, take_in_engagement),
        ("interventions", settings.interventions, take_in_interventions),
    ]
    if not any(folder for _, folder, _ in watched):
        return dg.SkipReason("IMGASSETS_ENGAGEMENT and IMGASSETS_INTERVENTIONS are not set.")
    events, categories, unchanged = [], set[str](), 0
    for asset, folder, take_in in watched:
        if not folder:
            continue
        found = take_in(warehouse, settings, folder, limit=_FILES_PER_TICK)
        unchanged += found.unchanged
        categories |= found.categories
        if found.refused:
            context.log.warning(f"{found.refused} rows refused: see quarantine")
        if found.files:
            events.append(dg.AssetMaterialization(asset, metadata=counts_of(found)))
    if not events:
        return dg.SkipReason(f"{unchanged} files, none of them new.")
    return dg.SensorResult(
        asset_events=events,
        dynamic_partitions_requests=category_requests(context.instance, categories),
    )


@dg.schedule(
    cron_schedule="0 6 * * 1",
    target=IMPACT_SELECTION,
    description="Mondays at 06:00: interventions, and causal_impact of all categories as of the "
    "previous day, or of the last day that engagement is known of.",
)
def weekly_impact(
    context: dg.ScheduleEvaluationContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.RunRequest | dg.SkipReason:
    """Request one run of all categories: their placebos are pooled, so one run is enough."""
    known = last_day_of_engagement(warehouse)
    if known is None:
        return dg.SkipReason("no engagement is known: `imgassets impact ingest` adds some")
    day = min(known, context.scheduled_execution_time.date() - timedelta(days=1))
    if day < settings.first_day:
        return dg.SkipReason(f"engagement ends on {day}, before the first day of partitions")
    categories = context.instance.get_dynamic_partitions(CATEGORY.name or "")
    if not categories:
        return dg.SkipReason("there are no categories yet")
    first, last = (to_key(Partition(day, name)) for name in (categories[0], categories[-1]))
    return dg.RunRequest(
        run_key=f"impact|{context.scheduled_execution_time.date()}",
        tags={RANGE_START: str(first), RANGE_END: str(last)},
    )
