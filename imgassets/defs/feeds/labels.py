"""Sees new and corrected files of labels and imports their good rows."""

import dagster as dg

from imgassets.operations.label_feed import take_in_labels
from imgassets.settings import Settings
from imgassets.warehouse.lake import Warehouse

_FILES_PER_TICK = 20
_ASSETS = {"types": "image_labels", "flags": "flag_labels"}


@dg.sensor(
    minimum_interval_seconds=60,
    description="Watches IMGASSETS_LABELS for CSV files of labels; bad rows go to quarantine.",
)
def new_label_files(
    context: dg.SensorEvaluationContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.SensorResult | dg.SkipReason:
    """Import new files of labels, and report what they changed as materialisations."""
    if not settings.labels:
        return dg.SkipReason("IMGASSETS_LABELS is not set: there is no folder to watch.")
    found = take_in_labels(warehouse, settings, settings.labels, limit=_FILES_PER_TICK)
    if found.refused:
        context.log.warning(f"{found.refused} rows of labels refused: see quarantine, stage labels")
    if not found.files:
        return dg.SkipReason(f"{found.unchanged} files of labels, none of them new.")
    changed = sorted({_ASSETS[kind] for kind in found.files.values() if kind in _ASSETS})
    return dg.SensorResult(
        asset_events=[
            dg.AssetMaterialization(
                asset_key,
                metadata={
                    "files": len(found.files),
                    "labels_given": found.given,
                    "labels_withdrawn": found.withdrawn,
                    "rows_refused": found.refused,
                },
            )
            for asset_key in changed
        ]
    )
