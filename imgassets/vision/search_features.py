"""Custom features of many images, with or without an encoder's squares; no network runs here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imgassets.vision.custom_features import warm_up
from imgassets.vision.engine import batches_of_looks, run_operator
from imgassets.vision.inputs import InputSpec
from imgassets.vision.operator import Load, SignalsOperator, fields_of, stacked
from imgassets.vision.record import FEATURES_VERSION, CustomFeatures
from imgassets.vision.search_schema import FEATURES_SCHEMA
from imgassets.vision.search_visit import SearchVisit, visit_for_search

if TYPE_CHECKING:
    from imgassets.settings import RaySettings, Settings, VisionSettings


class SearchFeatures(SignalsOperator[SearchVisit]):
    """The operator.

    Args:
        vision: batch size, decoding processes and their limits.
        spec: the encoder's input; None where only features are wanted.
        load: returns an image's bytes; what it raises ends the computation.
    """

    schema = FEATURES_SCHEMA
    version_column = "features_version"

    def __init__(self, vision: VisionSettings, spec: InputSpec | None, load: Load) -> None:
        task = partial(visit_for_search, spec=spec)
        super().__init__(FEATURES_VERSION, task, warm_up, vision, load)

    def columns(self, visits: Sequence[SearchVisit]) -> dict[str, object]:
        """Return all features."""
        return fields_of([visit.features for visit in visits], CustomFeatures._fields)


def feature_outcomes(
    ids: Sequence[str], load: Load, settings: Settings, ray: RaySettings | None = None
) -> Iterator[pl.DataFrame]:
    """Compute the features of images, batch by batch.

    Args:
        ids: image ids; repeats are computed once.
        load: returns an image's bytes; called from several threads; what it raises ends the
            computation.
        settings: batch size and decoding processes.
        ray: the cluster to compute on; by default this process.

    Yields:
        Frames of :data:`imgassets.vision.search_schema.FEATURES_OUTCOME_SCHEMA`, one row per
        image, as they become ready.
    """
    yield from run_operator(
        SearchFeatures, (settings.vision, None, load), ids, settings.vision, ray
    )


def look_at_images(
    ids: Sequence[str], load: Load, spec: InputSpec, vision: VisionSettings
) -> Iterator[tuple[pl.DataFrame, NDArray[np.uint8]]]:
    """Decode images once for an encoder and its custom features, batch by batch.

    Args:
        ids: image ids, or any names that ``load`` knows; repeats are looked at once.
        load: returns an image's bytes; called from several threads; what it raises ends it.
        spec: the encoder's input.
        vision: batch size and decoding processes.

    Yields:
        Features (:data:`imgassets.vision.search_schema.FEATURES_SCHEMA`) and squares, RGB, uint8,
        images × side × side × 3, in the same order. An image that cannot be decoded is in neither.
    """
    with SearchFeatures(vision, spec, load) as operator:
        for looks in batches_of_looks(operator, sorted(set(ids)), vision):
            features = operator.finish(looks).filter(pl.col("refusal").is_null()).drop("refusal")
            found = [look.found for look in looks]
            squares = [
                visit.square
                for visit in found
                if isinstance(visit, SearchVisit) and visit.square is not None
            ]
            yield features, stacked(squares, spec.side)
