"""Embeddings of images in three steps: plan what is missing, embed it, collect the rows.

They are made by the champion's encoder, which is named by its content: a champion that brings the
same encoder keeps them, one that brings another has all images embedded again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import polars as pl

from imgassets.ingest.store import ImageStore
from imgassets.learning.search.champion import SearchChampion
from imgassets.learning.search.model import ENCODER
from imgassets.operations.signal_shards import Load, SignalsKind
from imgassets.settings import RaySettings, Settings
from imgassets.vision.schema import Schema
from imgassets.warehouse.contracts import ImageEmbeddings
from imgassets.warehouse.lake import Warehouse

_SCHEMA: Schema = {
    name: dtype
    for name, dtype in ImageEmbeddings.create_empty().schema.items()
    if name not in ("day", "category")
}


def plan_embeddings(
    images: pl.DataFrame, warehouse: Warehouse, settings: Settings, champion: SearchChampion
) -> pl.DataFrame:
    """Return the images that the champion's encoder has not embedded yet.

    Args:
        images: rows with an ``image_id``.
        warehouse: holds embeddings made before, in any partition.
        settings: name the store of what is not committed yet.
        champion: of the registry; without one nothing is planned.

    Returns:
        A column ``image_id``, sorted.
    """
    if champion.folder is None:
        return images.select("image_id").clear()
    return _kind(champion).plan(images, warehouse, settings)


def infer_embeddings(
    plan: pl.DataFrame,
    store: ImageStore,
    settings: Settings,
    champion: SearchChampion,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Embed the planned images into shards; see :meth:`SignalsKind.infer`.

    Raises:
        ValueError: the encoder is of another backbone than the settings'.
        RuntimeError: a model that it was made from cannot be loaded.
    """
    if not plan.is_empty():
        _kind(champion).infer(plan, store, settings, progress)


def collect_embeddings(
    images: pl.DataFrame, warehouse: Warehouse, settings: Settings, champion: SearchChampion
) -> pl.DataFrame:
    """Return the rows of images of some partitions; those that do not decode have none.

    Args:
        images: (day, category, image_id) rows.
        warehouse: holds embeddings made before, in any partition.
        settings: as when they were inferred.
        champion: likewise; without one there are no rows.

    Raises:
        RuntimeError: an image has no outcome, perhaps because another model became champion
            meanwhile; the asset has to be run again.
    """
    if champion.folder is None:
        return ImageEmbeddings.create_empty()
    found = _kind(champion).collect(images, warehouse, settings)
    cells = images.select("day", "category", "image_id").unique()
    rows = cells.join(found.signals, on="image_id", how="inner")
    return rows.select(ImageEmbeddings.column_names()).sort(ImageEmbeddings.primary_key())


def _kind(champion: SearchChampion) -> SignalsKind:
    assert champion.folder is not None
    encoder = champion.folder / ENCODER

    def outcomes(
        ids: Sequence[str], load: Load, settings: Settings, ray: RaySettings | None
    ) -> Iterator[pl.DataFrame]:
        # Loaded where it is used: it brings what draws and measures pictures.
        from imgassets.learning.search.embedding import embedding_outcomes

        return embedding_outcomes(ids, load, encoder, settings.vision, ray)

    return SignalsKind(
        asset="image_embeddings",
        table=ImageEmbeddings,
        # image_features decodes the same files and says which cannot be.
        stage="image_features",
        schema=_SCHEMA,
        version=lambda _: champion.encoder_version,
        outcomes=outcomes,
        version_column="encoder_version",
    )
