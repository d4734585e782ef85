"""Asking people for the types of images that the model is least sure of."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from imgassets.moderation.flags import IMAGE_TYPE
from imgassets.moderation.type_tasks import (
    choose_type_tasks,
    type_choices,
    with_neighbours,
)
from imgassets.operations.categories import category_types
from imgassets.operations.reviews import add_tasks, asked_before, known_types, type_contradictions
from imgassets.settings import Settings
from imgassets.vision.backbones import signals_version
from imgassets.warehouse.contract import NONE, UNSURE, UNTYPED
from imgassets.warehouse.contracts import TypePriorities
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import quote

# A product's newest day is that of its newest image set, typed or not.
_NEWEST_TYPES = """
SELECT product_id, image_id, image_type, best_guess, probability, model_version
FROM image_types
WHERE category = {category} AND (product_id, day) IN (
    SELECT (product_id, max(day)) FROM aggregated_images
    WHERE category = {category} GROUP BY product_id
)
ORDER BY product_id, image_id
"""


def ask_types(warehouse: Warehouse, category: str, settings: Settings) -> int:
    """Ask people for the types of a category's images; return how many questions are new.

    Asked are images in the products' newest sets whose type no person has told and that were not
    asked about before: see :func:`imgassets.moderation.type_tasks.choose_type_tasks` for which come
    first. At most ``review.tasks_per_round`` questions of the category are open at a time, so that
    asking again before anybody answers adds nothing.

    Raises:
        ValueError: the category has no types to choose from.
    """
    images = _images(warehouse, category)
    if images.is_empty():
        return 0
    try:
        choices = type_choices(_types(warehouse, category))
    except ValueError as error:
        raise ValueError(f"category {category}: {error}") from error
    asked = asked_before(warehouse, IMAGE_TYPE, category, settings.review)
    known = known_types(warehouse).select("product_id", "image_id", told="image_type")
    disputed = (
        type_contradictions(warehouse)
        .filter(pl.col("origin") == "label")
        .select("product_id", "image_id", disputed="detail")
    )
    typed = images.join(known, on=["product_id", "image_id"], how="left")
    no_view = [NONE, UNSURE, UNTYPED]
    candidates = (
        typed.with_columns(
            has_view=(~pl.coalesce("told", "image_type").is_in(no_view)).any().over("product_id")
        )
        .filter(pl.col("told").is_null())
        .join(asked.tasks, on="image_id", how="anti")
        .join(disputed, on=["product_id", "image_id"], how="left")
    )
    tasks = choose_type_tasks(category, choices, candidates, asked.budget)
    told = known.join(images, on=["product_id", "image_id"], how="semi").select("image_id").unique()
    compared = pl.concat([tasks.select("image_id"), told])
    embeddings = _embeddings(warehouse, category, compared, settings)
    return add_tasks(
        warehouse, with_neighbours(tasks, told, embeddings, settings.review.neighbours)
    )


def typed_categories(warehouse: Warehouse) -> list[str]:
    """Return the categories that have images whose type matters, sorted."""
    warehouse.initialise()
    return warehouse.sql("SELECT DISTINCT category FROM image_types ORDER BY ALL")[
        "category"
    ].to_list()


def _images(warehouse: Warehouse, category: str) -> pl.DataFrame:
    warehouse.initialise()
    return warehouse.sql(_NEWEST_TYPES.format(category=quote(category)))


def _embeddings(
    warehouse: Warehouse, category: str, images: pl.DataFrame, settings: Settings
) -> pl.DataFrame:
    """Return image_id, embedding of those of the images that are measured, sorted."""
    return warehouse.sql(
        f"""
        SELECT DISTINCT ON (image_id) image_id, embedding
        FROM image_signals SEMI JOIN wanted USING (image_id)
        WHERE category = {quote(category)}
            AND signals_version = {quote(signals_version(settings.vision))}
        ORDER BY image_id, day
        """,
        wanted=images,
    )


def _types(warehouse: Warehouse, category: str) -> Sequence[str]:
    """Return a category's types, those with a rank first; else those that its labels use."""
    listed = category_types(warehouse).filter(pl.col("category") == category)
    if listed.is_empty():
        used = known_types(warehouse).filter(pl.col("category") == category)
        return used["image_type"].unique().sort().to_list()
    where = f"category = {quote(category)}"
    ranked = warehouse.read(TypePriorities, where=where).sort("rank", "image_type")["image_type"]
    types = listed["types"][0].to_list()
    return [*(name for name in ranked if name in types), *types]
