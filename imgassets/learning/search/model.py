"""The search model: an encoder, heads of attributes and a re-ranker, saved and loaded as one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from json import JSONDecodeError
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imgassets.learning.registered import hash_files
from imgassets.learning.search.attribute_heads import AttributeHeads
from imgassets.learning.search.encoder import SearchEncoder, encoder_version, load_encoder
from imgassets.learning.search.features import (
    PIXEL_GROUPS,
    feature_matrix,
    reranker_columns,
    reranker_matrix,
)
from imgassets.learning.search.query_attributes import QueryAttributes
from imgassets.learning.search.reranker import Reranker

if TYPE_CHECKING:
    from imgassets.settings import VisionSettings

ENCODER, ATTRIBUTES, RERANKER = "encoder", "attributes", "reranker"
"""Folders of a search model."""

ABOUT = "model.json"

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class SearchModel:
    """What images are embedded, found and re-ranked by.

    Attributes:
        encoder: images and texts to vectors.
        heads: attributes of what an image shows.
        reader: attributes that a query asks for.
        reranker: relevance.
        groups: groups of custom features that are read, of
            :data:`imgassets.learning.search.features.GROUPS`.
        features_version: of the custom features.
        low: score of a query's best image under which the answer is said to be poor.
        encoder_version: names the encoder by content; '' until it is saved.
        inputs_version: names what :meth:`reranker_inputs` are made of; '' until it is saved.
        info: what is known of its making, JSON-able.
    """

    encoder: SearchEncoder
    heads: AttributeHeads
    reader: QueryAttributes
    reranker: Reranker
    groups: tuple[str, ...]
    features_version: str
    low: float
    encoder_version: str = ""
    inputs_version: str = ""
    info: Mapping[str, Any] = field(default_factory=dict)

    def image_features(self, frame: pl.DataFrame) -> Floats:
        """Return the numbers that the encoder's image side reads beside pixels.

        Args:
            frame: custom features, columns of contract ``ImageFeatures`` after its key.
        """
        return feature_matrix(frame, self.encoder.feature_groups)

    def reranker_inputs(self, image_vectors: Floats, frame: pl.DataFrame) -> Floats:
        """Return what the re-ranker reads of images beside their vectors: float32 [n, f].

        Args:
            image_vectors: float32 [n, d].
            frame: their custom features, columns of contract ``ImageFeatures`` after its key.
        """
        attributes = self.heads.matrix(image_vectors, self._of_heads(frame))
        return reranker_matrix(frame, attributes)

    def attributes(self, image_vectors: Floats, frame: pl.DataFrame) -> dict[str, Floats]:
        """Return the probability of each value of each attribute, by attribute [n, values]."""
        return self.heads.probabilities(image_vectors, self._of_heads(frame))

    def scores(
        self, query: str, query_vector: Floats, image_vectors: Floats, inputs: Floats
    ) -> NDArray[np.float64]:
        """Return how probably images answer a query in full.

        Args:
            query: the query.
            query_vector: float32 [d].
            image_vectors: float32 [n, d].
            inputs: float32 [n, f], of :meth:`reranker_inputs`.

        Returns:
            float64 [n], 0 … 1.
        """
        match = self.reader.match(query, shown_values(self.heads, inputs), len(inputs))
        return self.reranker.scores(query_vector, image_vectors, inputs, match)

    def is_low(self, best: float) -> bool:
        """Tell whether the best image of an answer is a poor one."""
        return best < self.low

    def save(self, folder: Path) -> None:
        """Write it into an existing folder."""
        for name, part in (
            (ENCODER, self.encoder), (ATTRIBUTES, self.heads), (RERANKER, self.reranker),
        ):  # fmt: skip
            (folder / name).mkdir()
            part.save(folder / name)
        self.reader.save(folder / RERANKER)
        about = {
            "groups": self.groups,
            "features_version": self.features_version,
            "low": self.low,
            "info": dict(self.info),
        }
        (folder / ABOUT).write_text(json.dumps(about, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, vision: VisionSettings) -> SearchModel:
        """Load what :meth:`save` wrote.

        Raises:
            ValueError: the folder holds no search model, or one of another backbone.
            RuntimeError: a model that its encoder was made from cannot be loaded.
        """
        from safetensors import SafetensorError

        try:
            about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
            version = encoder_version(folder / ENCODER)
            parts = [about["features_version"], version, hash_files(folder / ATTRIBUTES)]
            named = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]
            return cls(
                encoder=load_encoder(folder / ENCODER, vision),
                heads=AttributeHeads.load(folder / ATTRIBUTES),
                reader=QueryAttributes.load(folder / RERANKER),
                reranker=Reranker.load(folder / RERANKER),
                groups=tuple(about["groups"]),
                features_version=about["features_version"],
                low=about["low"],
                encoder_version=version,
                inputs_version=f"{about['features_version']}+{named}",
                info=about["info"],
            )
        except (OSError, KeyError, TypeError, JSONDecodeError, SafetensorError) as error:
            raise ValueError(
                f"{folder} holds no search model, or one of another version of imgassets "
                f"({type(error).__name__}: {error}); train it again (`imgassets train search`)"
            ) from error

    def _of_heads(self, frame: pl.DataFrame) -> Floats:
        return feature_matrix(frame, [group for group in PIXEL_GROUPS if group in self.groups])


def shown_values(heads: AttributeHeads, inputs: Floats) -> dict[str, Floats]:
    """Return by attribute what heads say of images, float32 [n, values].

    Args:
        heads: that made the attributes' columns.
        inputs: float32 [n, f], of :meth:`SearchModel.reranker_inputs`.
    """
    columns = inputs[:, reranker_columns(len(heads.columns))["attributes"]]
    shown, at = {}, 0
    for head in heads.heads:
        shown[head.attribute] = columns[:, at : at + len(head.values)]
        at += len(head.values)
    return shown


def known_values(heads: AttributeHeads) -> dict[str, Sequence[str]]:
    """Return the values that images are told apart by, by attribute."""
    return {head.attribute: head.values for head in heads.heads}
