"""Judging images in the warehouse: quality by models, rules and people, and compliance flags."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import polars as pl

from imgassets.ingest.store import ImageStore
from imgassets.learning.registry import ModelRegistry
from imgassets.moderation.compliance import Compliance, assess
from imgassets.operations.flags import Scores, flags_of, score_flags
from imgassets.selection.quality import DEFECTS, score_quality
from imgassets.settings import Settings

_IMAGE = ["day", "category", "product_id", "image_id"]


class Judged(NamedTuple):
    """Judged images.

    Attributes:
        rows: of ``quality_scores``.
        notes: what a person should know: a registry that is down, a champion that does not fit.
    """

    rows: pl.DataFrame
    notes: list[str]


class Flagged(NamedTuple):
    """Flags of images.

    Attributes:
        found: rows of ``compliance_flags`` and ``flag_assessments``.
        scores: what the models said.
    """

    found: Compliance
    scores: Scores


def judge_quality(
    aggregated: pl.DataFrame,
    signals: pl.DataFrame,
    told: pl.DataFrame,
    registry: ModelRegistry,
    store: ImageStore,
    settings: Settings,
    sharing: pl.DataFrame | None = None,
) -> Judged:
    """Judge images by models where there are champions, else by rules; people overrule both.

    Args:
        aggregated: rows of ``aggregated_images``.
        signals: of these images: :data:`imgassets.operations.flags.SIGNAL_COLUMNS`.
        told: what people said: image_id, flag, value.
        registry: where the champions are.
        store: holds the pictures, for a champion that needs pixels again.
        settings: the rules' limits, and the backbone.
        sharing: category, image_id, products: how many products show an image, where that is more
            than ``aggregated`` knows of.

    Raises:
        CorruptedModel: a champion's files are not those that were registered.
    """
    models = score_flags(signals, DEFECTS, registry, store, settings)
    rows = score_quality(
        aggregated, signals, settings.quality, learned=models.frame, told=told, sharing=sharing
    )
    return Judged(rows, models.notes)


def flag_images(
    aggregated: pl.DataFrame,
    signals: pl.DataFrame,
    cells: Iterable[tuple[object, str]],
    told: pl.DataFrame,
    registry: ModelRegistry,
    store: ImageStore,
    settings: Settings,
) -> Flagged:
    """Judge every image that decodes by every compliance flag that has a model.

    Args:
        aggregated: rows of ``aggregated_images``.
        signals: as :func:`judge_quality` takes them.
        cells: the partitions, (day, category).
        told: likewise.
        registry: likewise.
        store: likewise.
        settings: the registry of flags, and the backbone.

    Raises:
        CorruptedModel: a champion's files are not those that were registered.
    """
    flags = flags_of(settings, "compliance")
    scores = score_flags(signals, flags, registry, store, settings)
    decoded = signals.select("day", "category", "image_id")
    images = aggregated.select(_IMAGE).join(decoded, on=["day", "category", "image_id"], how="semi")
    return Flagged(assess(images, scores.frame, told, flags, cells), scores)
