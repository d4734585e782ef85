"""Attributes of what images show, by the champion's heads, from stored vectors and features."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from imgassets.learning.features import embedding_matrix
from imgassets.learning.search.champion import SearchChampion
from imgassets.warehouse.contracts import ImageAttributes

MIN_PROBABILITY = 0.01
"""Values that are less probable are not listed beside the most probable one."""

_KEY = ["day", "category", "image_id"]


class Attributes(NamedTuple):
    """Attributes of images.

    Attributes:
        rows: in contract ``ImageAttributes``.
        n_images: images that were looked at.
        not_ready: images without a vector by the champion's encoder, or whose features another
            version measured: they have no rows.
    """

    rows: pl.DataFrame
    n_images: int
    not_ready: int


def attribute_rows(
    features: pl.DataFrame, embeddings: pl.DataFrame, champion: SearchChampion
) -> Attributes:
    """Say what images show: the attributes that products of their category have.

    Args:
        features: rows of contract ``ImageFeatures``.
        embeddings: rows of contract ``ImageEmbeddings`` of the same partitions.
        champion: without a model there are no rows.
    """
    model = champion.model
    if model is None:
        return Attributes(ImageAttributes.create_empty(), 0, features.height)
    ready = features.filter(pl.col("features_version") == model.features_version).join(
        embeddings.filter(pl.col("encoder_version") == champion.encoder_version),
        on=_KEY,
        how="inner",
    )
    if ready.is_empty():
        return Attributes(ImageAttributes.create_empty(), 0, features.height)
    frame = ready.select(name for name in features.columns if name not in _KEY)
    said = model.attributes(embedding_matrix(ready), frame)
    empty = ImageAttributes.create_empty()
    parts: list[pl.DataFrame] = [empty]
    for head in model.heads.heads:
        places = np.flatnonzero(ready["category"].is_in(head.categories).to_numpy())
        known = _most_probable_first(said[head.attribute][places], head.values)
        parts.append(
            ready.select(_KEY)[places].with_columns(
                attribute=pl.lit(head.attribute),
                value=known.list.first().struct.field("value"),
                probability=known.list.first().struct.field("probability"),
                probabilities=known,
                encoder_version=pl.lit(champion.encoder_version),
                model_version=pl.lit(champion.version),
            )
        )
    rows = pl.concat([part.select(empty.columns) for part in parts])
    return Attributes(
        rows.sort(ImageAttributes.primary_key()), ready.height, features.height - ready.height
    )


def _most_probable_first(p: np.ndarray, values: tuple[str, ...]) -> pl.Series:
    """Return by image its values and their probabilities, a list of structs."""
    order = np.argsort(-p, axis=1, kind="stable")
    listed = [
        [
            {"value": values[place], "probability": float(row[place])}
            for rank, place in enumerate(places)
            if rank == 0 or row[place] >= MIN_PROBABILITY
        ]
        for row, places in zip(p, order, strict=True)
    ]
    return pl.Series("probabilities", listed, ImageAttributes.create_empty()["probabilities"].dtype)
