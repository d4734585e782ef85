"""How well each image fits its product's title and description: rows of ``image_relevance``."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import polars as pl

from imgassets.learning.features import embedding_matrix
from imgassets.learning.search.champion import SearchChampion
from imgassets.learning.search.relevance import RelevanceScale
from imgassets.operations.product_texts import product_texts
from imgassets.warehouse.contracts import AggregatedImages, ImageRelevance
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import Partition, quote

_CELL = ["day", "category"]


class Relevance(NamedTuple):
    """What was found.

    Attributes:
        rows: of contract ``ImageRelevance``, of the partitions asked for.
        without_text: images of products that have neither title nor description.
        not_embedded: images without an embedding of the champion's encoder.
        notes: what a person should know.
    """

    rows: pl.DataFrame
    without_text: int = 0
    not_embedded: int = 0
    notes: tuple[str, ...] = ()


def relevance_rows(
    warehouse: Warehouse, champion: SearchChampion, partitions: Collection[Partition]
) -> Relevance:
    """Compare the images of some partitions with what their products' suppliers wrote.

    Args:
        warehouse: holds images, offers and embeddings.
        champion: the search model, loaded; without one there are no rows.
        partitions: (day, category) partitions wanted.

    Raises:
        ValueError: the champion's files hold no scale of relevance.
    """
    if champion.model is None or champion.folder is None:
        return Relevance(ImageRelevance.create_empty(), notes=champion.notes)
    scale = RelevanceScale.load(champion.folder)
    images = warehouse.read(
        AggregatedImages, partitions=partitions, columns=[*_CELL, "product_id", "image_id"]
    )
    texts = product_texts(images, warehouse)
    told = images.join(texts, on=[*_CELL, "product_id"]).filter(pl.col("text") != "")
    embedded = warehouse.sql(
        "SELECT DISTINCT ON (image_id) image_id, embedding FROM image_embeddings "
        "SEMI JOIN wanted USING (image_id) "
        f"WHERE encoder_version = {quote(champion.encoder_version)} "
        "ORDER BY image_id, day, category",
        wanted=told.select("image_id").unique(),
    )
    rows = told.join(embedded, on="image_id")
    if rows.is_empty():
        return Relevance(
            ImageRelevance.create_empty(), images.height - told.height, told.height, champion.notes
        )
    distinct = rows["text"].unique(maintain_order=True)
    place = {text: number for number, text in enumerate(distinct)}
    vectors = champion.model.encoder.embed_texts(list(place))
    texts_of_rows = vectors[[place[text] for text in rows["text"]]]
    scores = scale.scores(embedding_matrix(rows), texts_of_rows)
    found = rows.with_columns(score=pl.Series(scores), model_version=pl.lit(champion.version))
    return Relevance(
        ImageRelevance.conform(found),
        images.height - told.height,
        told.height - rows.height,
        champion.notes,
    )
