"""The code location: one Definitions, from everything under imgassets.defs."""

from __future__ import annotations

import dagster as dg

from imgassets.defs import checks, jobs
from imgassets.defs.feeds import assets as feeds
from imgassets.defs.feeds.sensors import feed_sensor
from imgassets.defs.gallery import assets as gallery
from imgassets.defs.images import assets as images
from imgassets.defs.images import signals
from imgassets.defs.marketplaces import assets as marketplaces
from imgassets.defs.models import assets as models
from imgassets.defs.moderation import assets as moderation
from imgassets.defs.resources import build_resources
from imgassets.defs.selection import assets as selection
from imgassets.settings import Settings


@dg.definitions
def defs() -> dg.Definitions:
    """Return all assets, checks, jobs, automation and resources."""
    return dg.Definitions(
        assets=[
            *dg.load_assets_from_modules(
                [
                    feeds,
                    images,
                    signals,
                    marketplaces,
                    moderation,
                    selection,
                    models,
                    gallery,
                ]
            ),
            models.image_labels,
            models.type_priorities,
            moderation.flag_labels,
            moderation.review_answers,
        ],
        asset_checks=[checks.table_checks],
        jobs=[jobs.training_job, jobs.flag_training_job, jobs.round_job],
        schedules=[jobs.close_previous_day],
        sensors=[feed_sensor],
        # One process per run: a step's own process would pay for imports and models again.
        executor=dg.in_process_executor,
        resources=build_resources(Settings()),
    )
