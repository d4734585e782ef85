"""search_index: the images of the newest sets, kept findable; its check, and when it is made."""

from datetime import timedelta

import dagster as dg

from imgassets.defs.conventions import partitioned
from imgassets.defs.partitions import (
    ALL_DAYS_SO_FAR,
    CATEGORY_TAG,
    DAY_CATEGORY,
    run_partitions,
    to_key,
)
from imgassets.learning.registry import ModelRegistry
from imgassets.learning.search.champion import find_search_model, load_search_model
from imgassets.operations.search_index import (
    images_out_of_step,
    no_model,
    plan_index,
    refresh_index,
)
from imgassets.settings import Settings
from imgassets.warehouse.lake import Warehouse

INDEX_ASSETS = (
    "image_features",
    "image_embeddings",
    "image_attributes",
    "image_relevance",
    "search_index",
)
INDEX_SELECTION = dg.AssetSelection.assets(*INDEX_ASSETS)
"""What a partition's images go through until they are found by what they show."""


@dg.asset(
    **partitioned("search", "numpy"),
    deps=[
        dg.AssetDep("ordered_image_sets", partition_mapping=ALL_DAYS_SO_FAR),
        dg.AssetDep("image_set_changes", partition_mapping=ALL_DAYS_SO_FAR),
        dg.AssetDep("image_features", partition_mapping=ALL_DAYS_SO_FAR),
        dg.AssetDep("image_embeddings", partition_mapping=ALL_DAYS_SO_FAR),
    ],
)
def search_index(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    registry: dg.ResourceParam[ModelRegistry],
) -> dg.MaterializeResult:
    """The index of product images by what they show, a folder of this machine.

    A run adds what is new in its partitions' categories and takes out what left their newest sets;
    where the model's encoder is another one, the index is built anew of all categories.
    """
    champion = load_search_model(registry, settings.vision)
    if champion.model is None:
        return dg.MaterializeResult(metadata={"notes": no_model(champion)})
    categories = {partition.category for partition in run_partitions(context)}
    found = refresh_index(warehouse, settings, champion, categories)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": found.index.rows,
            "added": found.index.added,
            "removed": found.index.removed,
            "inputs_renewed": found.index.renewed,
            "built_anew": found.index.is_new,
            "approximate": found.index.is_approximate,
            **({} if found.recall is None else {"recall_at_10": found.recall}),
            "images_without_a_vector": found.waiting,
            "model_version": champion.version,
            "encoder_version": champion.encoder_version,
            "notes": "; ".join(champion.notes) or "none",
        }
    )


@dg.asset_check(
    asset="search_index",
    name="holds_the_newest_sets",
    description="The index is of the search model's encoder and holds exactly the images of the "
    "newest sets that this one has embedded.",
    partitions_def=DAY_CATEGORY,
)
def search_index_check(
    context: dg.AssetCheckExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    registry: dg.ResourceParam[ModelRegistry],
) -> dg.AssetCheckResult:
    """Compare the categories of the run's partitions with the warehouse."""
    champion = load_search_model(registry, settings.vision)
    if champion.model is None:
        return dg.AssetCheckResult(passed=True, metadata={"notes": no_model(champion)})
    categories = None
    if context.has_partition_key or context.has_partition_key_range:
        categories = {partition.category for partition in run_partitions(context)}
    try:
        missing, surplus = images_out_of_step(warehouse, settings, champion, categories)
    except ValueError as error:
        return dg.AssetCheckResult(passed=False, metadata={"problem": str(error)})
    return dg.AssetCheckResult(
        passed=not missing and not surplus, metadata={"missing": missing, "surplus": surplus}
    )


@dg.schedule(
    cron_schedule="0 4 * * *",
    target=INDEX_SELECTION,
    description="At 04:00: every partition of the previous day whose newest sets hold images that "
    "the search model has not seen.",
)
def index_previous_day(
    context: dg.ScheduleEvaluationContext,
    warehouse: dg.ResourceParam[Warehouse],
    registry: dg.ResourceParam[ModelRegistry],
) -> list[dg.RunRequest] | dg.SkipReason:
    """Request a run of each such partition of the day before the tick."""
    day = context.scheduled_execution_time.date() - timedelta(days=1)
    try:
        champion = find_search_model(registry)
        behind = plan_index(warehouse, champion, first=day, last=day).partitions
    except ValueError as error:
        return dg.SkipReason(str(error))
    if not behind:
        return dg.SkipReason(f"every image of the sets of {day} has been seen")
    return [
        dg.RunRequest(
            run_key=f"search|{champion.version}|{partition.category}|{day}",
            partition_key=to_key(partition),
            tags={CATEGORY_TAG: partition.category},
        )
        for partition in behind
    ]
