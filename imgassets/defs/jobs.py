"""Jobs and schedules."""

from __future__ import annotations

import dagster as dg

from imgassets.defs.partitions import DAY_CATEGORY

MAIN_ASSETS = [
    "supplier_offers",
    "fetched_images",
    "aggregated_images",
    "image_signals",
    "quality_scores",
    "image_types",
    "dedup_clusters",
    "ordered_image_sets",
    "image_set_changes",
]
SIGNAL_ASSETS = MAIN_ASSETS[: MAIN_ASSETS.index("image_signals") + 1]

main_job = dg.define_asset_job(
    "main_job",
    selection=dg.AssetSelection.assets(*MAIN_ASSETS, "gallery"),
    partitions_def=DAY_CATEGORY,
    description="Feeds in, ordered image sets out, for (day, category) partitions.",
)

training_job = dg.define_asset_job(
    "training_job",
    selection=dg.AssetSelection.assets("image_type_model"),
    description="Train the image-type model on all labels and promote it if it is better.",
)

daily_schedule = dg.build_schedule_from_partitioned_job(
    main_job,
    name="close_previous_day",
    hour_of_day=2,
    description="At 02:00, closes the previous day: one run per category.",
)
