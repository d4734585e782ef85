"""Types that every category shares (lifestyle, several views, size charts): who takes which.

Their models are heads like those of flags: drawn examples and people's answers train them, and one
head serves every category. A category has such a type where its list of types names it: what one
shop calls a lifestyle picture is the usual front view of another, whose garments are all worn.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from imgassets.moderation.flags import Flag

GROUP = "type"
"""Group of the flags that are types."""

TYPED = {
    "day": pl.Date,
    "category": pl.String,
    "image_id": pl.String,
    "image_type": pl.String,
    "probability": pl.Float32,
    "model_version": pl.String,
}
"""What :func:`shared_types` returns."""

_CELL_IMAGE = ["day", "category", "image_id"]


def shared_types(
    images: pl.DataFrame,
    scores: pl.DataFrame,
    flags: Mapping[str, Flag],
    types: pl.DataFrame,
    told: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Type images by the heads that all categories share.

    An image takes the type of highest probability among those that its category lists and whose
    head is sure: the probability reaches the head's reject limit. Where people have said yes or
    no to a type, that counts instead, with probability 1.

    Args:
        images: day, category, image_id; an image may occur in several partitions and products.
        scores: :data:`imgassets.moderation.compliance.SCORED` rows of these images.
        flags: known flags; those of the group 'type' count, others are passed over.
        types: category and `types`, the list of types that its images may have.
        told: image_id, flag, value: what people said.

    Returns:
        :data:`TYPED` rows, one per day, category and image that takes such a type, sorted; an image
        that no head is sure of has none. ``model_version`` is ``<type>:<version>``, or
        ``<type>:people``.
    """
    shared = [flag.id for flag in flags.values() if flag.group == GROUP]
    people = (
        pl.DataFrame(schema={"image_id": pl.String, "flag": pl.String, "value": pl.Boolean})
        if told is None
        else told.select("image_id", "flag", "value")
    ).filter(pl.col("flag").is_in(shared))
    by_people = people.filter("value").select(
        "image_id", "flag", probability=pl.lit(1.0, pl.Float32), version=pl.lit("people")
    )
    by_models = (
        scores.filter(
            pl.col("flag").is_in(shared) & (pl.col("probability") >= pl.col("reject_limit"))
        )
        .join(people, on=["image_id", "flag"], how="anti")
        .select("image_id", "flag", "probability", version="model_version")
    )
    listed = types.select("category", flag="types").explode("flag").drop_nulls().unique()
    order = pl.col("flag").replace_strict(
        {name: place for place, name in enumerate(shared)}, return_dtype=pl.Int32
    )
    return (
        images.select(_CELL_IMAGE)
        .unique()
        .join(pl.concat([by_people, by_models]), on="image_id")
        .join(listed, on=["category", "flag"], how="semi")
        .sort(*_CELL_IMAGE, pl.col("probability"), order, descending=[False] * 3 + [True, False])
        .unique(_CELL_IMAGE, keep="first", maintain_order=True)
        .select(
            *_CELL_IMAGE,
            "probability",
            image_type="flag",
            model_version=pl.format("{}:{}", "flag", "version"),
        )
        .select(pl.col(name).cast(dtype) for name, dtype in TYPED.items())
        .sort(_CELL_IMAGE)
    )
