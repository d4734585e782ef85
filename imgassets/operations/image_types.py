"""Typing images in the warehouse: people's word, shared types, and the champions."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from imgassets.ingest.store import ImageStore
from imgassets.learning.registry import ModelRegistry
from imgassets.learning.shared_types import GROUP, shared_types
from imgassets.learning.type_models import predict_types
from imgassets.operations.flags import flags_of, score_flags, told_values
from imgassets.operations.models import answering_models, squares_of
from imgassets.operations.reviews import known_types
from imgassets.settings import Settings
from imgassets.warehouse.lake import Warehouse


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
    registry: ModelRegistry,
    warehouse: Warehouse,
    store: ImageStore,
    settings: Settings,
) -> Typed:
    """Type images by what people said of them, by shared types, and by the closest champion.

    Args:
        images: day, category, product_id, image_id and the signals that models read.
        registry: where the champions are.
        warehouse: holds people's words and the categories' lists.
        store: holds the pictures, for a champion that needs pixels again.
        settings: limits and backbone.

    Raises:
        CorruptedModel: a champion's files are not those that were registered.
    """
    models = answering_models(registry, warehouse, images["category"].unique(), settings)
    flags = flags_of(settings, GROUP)
    scores = score_flags(images, flags, registry, store, settings)
    shared = shared_types(images, scores.frame, flags, models.categories, told_values(warehouse))
    rows = predict_types(
        images,
        models,
        settings.types,
        told=known_types(warehouse),
        shared=shared,
        squares=squares_of(store, settings),
    )
    return Typed(rows, [*models.notes, *scores.notes])
