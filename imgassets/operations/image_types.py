"""Typing images in the warehouse: people's word, shared types, and the champions."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from imgassets.ingest.store import ImageStore
from imgassets.learning.registry import ModelRegistry
from imgassets.learning.shared_types import GROUP, shared_types
from imgassets.learning.type_models import TypeModels, predict_types
from imgassets.operations.flags import flags_of, score_flags
from imgassets.operations.models import squares_of
from imgassets.settings import Settings


class Typed(NamedTuple):
    """Typed images.

    Attributes:
        rows: in contract ``ImageTypes``.
        notes: what a person should know: a registry that is down, a champion that does not fit.
    """

    rows: pl.DataFrame
    notes: list[str]


def type_images(
    images: pl.DataFrame,
    models: TypeModels,
    told_types: pl.DataFrame,
    told_values: pl.DataFrame,
    registry: ModelRegistry,
    store: ImageStore,
    settings: Settings,
) -> Typed:
    """Type images by what people said of them, by shared types, and by the closest champion.

    Args:
        images: day, category, product_id, image_id and the signals that models read.
        models: the champions of these categories, and what types a category has.
        told_types: what people said of types (:func:`imgassets.operations.reviews.known_types`).
        told_values: what they said of flags: image_id, flag, value.
        registry: where the champions of shared types are.
        store: holds the pictures, for a champion that needs pixels again.
        settings: limits and backbone.

    Raises:
        CorruptedModel: a champion's files are not those that were registered.
    """
    flags = flags_of(settings, GROUP)
    scores = score_flags(images, flags, registry, store, settings)
    shared = shared_types(images, scores.frame, flags, models.categories, told_values)
    rows = predict_types(
        images,
        models,
        settings.types,
        told=told_types,
        shared=shared,
        squares=squares_of(store, settings),
    )
    return Typed(rows, [*models.notes, *scores.notes])
