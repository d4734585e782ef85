"""The visit of text search to a picture's pixels: custom features, and an encoder's input.

Runs in decoding processes, so it imports neither torch nor polars.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imgassets.vision.custom_features import custom_features
from imgassets.vision.decode import Undecodable, decode
from imgassets.vision.inputs import InputSpec, prepare
from imgassets.vision.record import CustomFeatures


class SearchVisit(NamedTuple):
    """What a visit brings back.

    Attributes:
        features: the picture's custom features.
        square: the encoder's input, RGB, uint8, side × side × 3; None where none was asked for.
    """

    features: CustomFeatures
    square: np.ndarray | None


def visit_for_search(data: bytes, spec: InputSpec | None) -> SearchVisit | Undecodable:
    """Decode an image file once and take from it all that text search reads.

    Args:
        data: the file's bytes.
        spec: the encoder's input; None where only features are wanted.

    Returns:
        The visit, or the refusal (as a value: it travels between processes).
    """
    try:
        picture = decode(data)
    except Undecodable as refusal:
        return refusal
    return SearchVisit(custom_features(picture), None if spec is None else prepare(picture, spec))
