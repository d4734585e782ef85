"""The code location: one Definitions, from everything under imgassets.defs."""

from __future__ import annotations

import dagster as dg

from imgassets.defs import checks, jobs
from imgassets.defs.alerts import alert_sensors
from imgassets.defs.analyst import assets as analyst
from imgassets.defs.catalog import assets as catalog
from imgassets.defs.executors import executor_of
from imgassets.defs.feeds import assets as feeds
from imgassets.defs.feeds import category
from imgassets.defs.feeds.labels import new_label_files
from imgassets.defs.feeds.sensors import feed_sensor
from imgassets.defs.gallery import assets as gallery
from imgassets.defs.images import assets as images
from imgassets.defs.images import signals
from imgassets.defs.impact import assets as impact
from imgassets.defs.impact import automation as impact_automation
from imgassets.defs.impact.checks import impact_checks
from imgassets.defs.maintenance import assets as maintenance
from imgassets.defs.marketplaces import assets as marketplaces
from imgassets.defs.models import assets as models
from imgassets.defs.moderation import assets as moderation
from imgassets.defs.moderation import questions
from imgassets.defs.resources import build_resources
from imgassets.defs.reviews import assets as reviews
from imgassets.defs.reviews import nima, ranker
from imgassets.defs.reviews import ranks as review_ranks
from imgassets.defs.reviews import signals as review_signals
from imgassets.defs.reviews.sensors import new_review_files
from imgassets.defs.search import attributes as search_attributes
from imgassets.defs.search import embeddings as search_embeddings
from imgassets.defs.search import features as search_features
from imgassets.defs.search import index as search_index
from imgassets.defs.search import models as search_models
from imgassets.defs.search import relevance as search_relevance
from imgassets.defs.selection import assets as selection
from imgassets.settings import Settings


@dg.definitions
def defs() -> dg.Definitions:
    """Return all assets, checks, jobs, automation and resources."""
    settings = Settings()
    return dg.Definitions(
        assets=[
            *dg.load_assets_from_modules(
                [
                    feeds,
                    category,
                    images,
                    signals,
                    marketplaces,
                    moderation,
                    questions,
                    selection,
                    models,
                    gallery,
                    analyst,
                    catalog,
                    impact,
                    reviews,
                    review_signals,
                    nima,
                    ranker,
                    review_ranks,
                    search_models,
                    search_features,
                    search_embeddings,
                    search_attributes,
                    search_relevance,
                    search_index,
                    maintenance,
                ]
            ),
            models.image_labels,
            models.type_priorities,
            moderation.flag_labels,
            moderation.review_answers,
            selection.image_clicks,
            search_attributes.attribute_labels,
            impact.engagement_daily,
            reviews.review_images,
        ],
        asset_checks=[
            checks.table_checks,
            impact_checks,
            review_ranks.review_rank_checks,
            search_index.search_index_check,
        ],
        jobs=[
            *jobs.TRAINING_JOBS,
            *nima.NIMA_JOBS.values(),
            ranker.ranker_job,
            search_models.search_training_job,
            category.category_job,
            catalog.match_job,
            review_ranks.ranking_report_job,
            maintenance.maintenance_job,
        ],
        schedules=[
            jobs.close_previous_day,
            catalog.match_daily,
            impact_automation.weekly_impact,
            review_ranks.rank_previous_day,
            review_ranks.weekly_ranking_report,
            search_index.index_previous_day,
            maintenance.weekly_maintenance,
        ],
        sensors=[
            feed_sensor,
            new_label_files,
            new_review_files,
            impact_automation.new_engagement_files,
            *alert_sensors(settings),
        ],
        executor=executor_of(settings),
        resources=build_resources(settings),
    )
