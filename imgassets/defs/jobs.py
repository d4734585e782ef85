"""Jobs, and what runs by the clock."""

from datetime import timedelta

import dagster as dg
import polars as pl

from imgassets.defs.partitions import CATEGORY_TAG, to_key
from imgassets.operations.planning import fingerprints, stale_partitions
from imgassets.settings import Settings
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import Partition

MAIN_ASSETS = [
    "supplier_offers",
    "fetched_images",
    "aggregated_images",
    "image_signals",
    "marketplace_compliance",
    "quality_scores",
    "compliance_flags",
    "flag_assessments",
    "image_types",
    "dedup_clusters",
    "ordered_image_sets",
    "image_set_changes",
]
SIGNAL_ASSETS = MAIN_ASSETS[: MAIN_ASSETS.index("image_signals") + 1]

MAIN_SELECTION = dg.AssetSelection.assets(*MAIN_ASSETS, "gallery")
"""What the sensor and the schedule run. It is deliberately no job of its own: a backfill launched
from a job's page hands a run over a (day, category) range only the range's first partition (see
:func:`imgassets.defs.partitions.run_partitions`); one launched from the asset graph is right."""

round_job = dg.define_asset_job(
    "round_job",
    selection=dg.AssetSelection.assets("review_rounds"),
    description="One round of the loop: train a flag's model, scan the catalog, ask people.",
)

flag_training_job = dg.define_asset_job(
    "flag_training_job",
    selection=dg.AssetSelection.assets("flag_model"),
    description="Train the models of flags and promote those that are better.",
)

training_job = dg.define_asset_job(
    "training_job",
    selection=dg.AssetSelection.assets("image_type_model"),
    description="Train the image-type model of all categories and promote it if it is better.",
)

vertical_training_job = dg.define_asset_job(
    "vertical_training_job",
    selection=dg.AssetSelection.assets("vertical_type_model"),
    description="Train the verticals' models of image types and promote those that are better.",
)

category_training_job = dg.define_asset_job(
    "category_training_job",
    selection=dg.AssetSelection.assets("category_type_model"),
    description="Train categories' own models of image types and promote those that are better.",
)

TYPE_JOBS = {
    "global": ("training_job", "image_type_model"),
    "vertical": ("vertical_training_job", "vertical_type_model"),
    "category": ("category_training_job", "category_type_model"),
}
"""Job and asset that train the model of each kind of scope."""

TRAINING_JOBS = (
    training_job,
    vertical_training_job,
    category_training_job,
    flag_training_job,
    round_job,
)


@dg.schedule(
    cron_schedule="0 2 * * *",
    target=MAIN_SELECTION,
    description="At 02:00, closes the previous day: every partition of it that is not up to date.",
)
def close_previous_day(
    context: dg.ScheduleEvaluationContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
) -> list[dg.RunRequest] | dg.SkipReason:
    """Request a run of each stale partition of the day before the tick."""
    day = context.scheduled_execution_time.date() - timedelta(days=1)
    stale = stale_partitions(warehouse, fingerprints(warehouse, settings))
    categories = stale.filter(pl.col("day") == day)["category"].to_list()
    if not categories:
        return dg.SkipReason(f"every partition of {day} is up to date")
    return [
        dg.RunRequest(
            run_key=f"{category}|{day}",
            partition_key=to_key(Partition(day, category)),
            tags={CATEGORY_TAG: category},
        )
        for category in categories
    ]
