"""The operator that turns image ids into vectors of a search model's encoder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from imgassets.learning.search.encoder import encoder_version, load_encoder
from imgassets.learning.search.features import feature_matrix
from imgassets.vision.engine import run_operator
from imgassets.vision.operator import Load, SignalsOperator, stacked
from imgassets.vision.schema import Schema
from imgassets.vision.search_features import SearchFeatures
from imgassets.vision.search_schema import FEATURES_SCHEMA
from imgassets.vision.search_visit import SearchVisit

if TYPE_CHECKING:
    from imgassets.settings import RaySettings, VisionSettings

EMBEDDING_SCHEMA: Schema = {
    "image_id": pl.String,
    "encoder_version": pl.String,
    "embedding": pl.List(pl.Float32),
}
"""Columns of a frame of embeddings: those of the table, without the partition's."""


class ImageEmbedder(SearchFeatures):
    """The operator: one decode for pixels and custom features, one forward pass.

    Args:
        vision: batch size, decoding processes and their limits, device.
        folder: a saved encoder.
        load: returns an image's bytes; what it raises ends the computation.
    """

    schema = EMBEDDING_SCHEMA
    version_column = "encoder_version"

    def __init__(self, vision: VisionSettings, folder: Path, load: Load) -> None:
        self.encoder = load_encoder(folder, vision)
        super().__init__(vision, self.encoder.input, load)
        self.version = encoder_version(folder)

    def columns(self, visits: Sequence[SearchVisit]) -> dict[str, object]:
        """Return the vector."""
        seen = super().columns(visits)
        features = pl.DataFrame(seen, {name: FEATURES_SCHEMA[name] for name in seen})
        matrix = feature_matrix(features, self.encoder.feature_groups)
        squares = [visit.square for visit in visits if visit.square is not None]
        vectors = self.encoder.embed_images(stacked(squares, self.encoder.input.side), matrix)
        return {"embedding": list(vectors)}


def embedding_outcomes(
    ids: Sequence[str],
    load: Load,
    folder: Path,
    vision: VisionSettings,
    ray: RaySettings | None = None,
) -> Iterator[pl.DataFrame]:
    """Embed images, batch by batch.

    Args:
        ids: image ids; repeats are computed once.
        load: returns an image's bytes; called from several threads; what it raises ends the
            computation.
        folder: a saved encoder; with Ray, one that all machines see.
        vision: batch size, decoding processes, device.
        ray: the cluster to compute on; by default this process.

    Yields:
        Frames of :data:`EMBEDDING_SCHEMA` and the refusal, one row per image, as they become ready.
    """
    kind: type[SignalsOperator[SearchVisit]] = ImageEmbedder
    yield from run_operator(kind, (vision, folder, load), ids, vision, ray)
