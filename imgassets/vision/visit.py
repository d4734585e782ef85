"""The one visit to an image's pixels: decode, measure, and prepare the backbone's input.

Runs in decoding processes, so it imports neither torch nor polars.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imgassets.vision.decode import Undecodable, decode
from imgassets.vision.inputs import InputSpec, prepare
from imgassets.vision.record import Signals
from imgassets.vision.signals import measure


class Visit(NamedTuple):
    """What a visit brings back.

    Attributes:
        signals: everything measured on the picture.
        square: the backbone's input, RGB, uint8, side × side × 3.
    """

    signals: Signals
    square: np.ndarray


def visit(data: bytes, spec: InputSpec) -> Visit | Undecodable:
    """Decode an image file once and take from it all that later stages need.

    Args:
        data: the file's bytes.
        spec: the backbone's input.

    Returns:
        The visit, or the refusal (as a value: it travels between processes).
    """
    try:
        picture = decode(data)
    except Undecodable as refusal:
        return refusal
    return Visit(measure(picture), prepare(picture, spec))
