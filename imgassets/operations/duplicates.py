"""De-duplication: joining the warehouse, the image store and what people said with the clusters."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import polars as pl

from imgassets.ingest.store import ImageStore
from imgassets.operations.pixel_pairs import PixelPairs
from imgassets.selection.clusters import Clustered, cluster_duplicates
from imgassets.selection.thresholds import read_thresholds
from imgassets.settings import Settings
from imgassets.warehouse.contract import NONE
from imgassets.warehouse.lake import Warehouse


def deduplicate(
    types: pl.DataFrame,
    signals: pl.DataFrame,
    aggregated: pl.DataFrame,
    quality: pl.DataFrame,
    compliance: pl.DataFrame,
    told: pl.DataFrame,
    warehouse: Warehouse,
    store: ImageStore,
    settings: Settings,
    tell: Callable[[int, int], None] = lambda _done, _total: None,
) -> Clustered:
    """Cluster the images of some partitions.

    Args:
        types: rows of ``image_types``.
        signals: rows of ``image_signals`` of the same partitions.
        aggregated: rows of ``aggregated_images``, likewise.
        quality: rows of ``quality_scores``, likewise.
        compliance: rows of ``compliance_flags``, likewise.
        told: what people said of pairs: left_image_id, right_image_id, same.
        warehouse: where earlier comparisons are.
        store: where the images are.
        settings: see ``[dedup]``.
        tell: called with how many pairs' pixels were compared, and how many are asked for so far.

    Raises:
        ValueError: the file of thresholds or of the comparator's model is missing or wrong.
        RuntimeError: an image does not decode any more.
    """
    typed = types.filter(pl.col("image_type") != NONE)
    thresholds = read_thresholds(settings.dedup.thresholds)
    looking = (
        PixelPairs(warehouse, store, settings, typed, tell)
        if settings.dedup.pixels
        else nullcontext()
    )
    with looking as compare:
        return cluster_duplicates(
            typed, signals, aggregated, quality, compliance, thresholds, compare, told
        )
