"""The one visit to a review photo's pixels: all that is measured, and both networks' inputs.

Runs in decoding processes, so it imports neither torch nor polars. No face is looked for and none
is measured: nothing that is kept tells who is in a photo.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imgassets.vision import photo, signals
from imgassets.vision.decode import Undecodable, decode, upright_size
from imgassets.vision.inputs import InputSpec, prepare
from imgassets.vision.record import PhotoMeasures, Signals


class PhotoVisit(NamedTuple):
    """What a visit brings back.

    Attributes:
        width: of the file, in pixels, its EXIF orientation applied.
        height: likewise.
        signals: as of a product image.
        measures: what a customer's photo is judged by; the same as
            :func:`imgassets.vision.photo.measure_photo` finds.
        square: the general backbone's input, RGB, uint8, side × side × 3.
        tower_square: the towers' input; None where there are no towers.
    """

    width: int
    height: int
    signals: Signals
    measures: PhotoMeasures
    square: np.ndarray
    tower_square: np.ndarray | None


def visit_photo(
    data: bytes, spec: InputSpec, tower_spec: InputSpec | None
) -> PhotoVisit | Undecodable:
    """Decode an image file once and take from it all that later stages need.

    Args:
        data: the file's bytes.
        spec: the general backbone's input.
        tower_spec: the towers' input; None where there are no towers.

    Returns:
        The visit, or the refusal (as a value: it travels between processes).
    """
    try:
        picture = decode(data)
    except Undecodable as refusal:
        return refusal
    width, height = upright_size(data)
    found = signals.measure(picture)
    return PhotoVisit(
        width,
        height,
        found,
        photo.measures_beside(picture, max(width, height), found.sharpness, found.object_extent),
        prepare(picture, spec),
        None if tower_spec is None else prepare(picture, tower_spec),
    )


def warm_up() -> None:
    """Load or compile the kernels, for processes that are to answer their first photo in time."""
    signals.warm_up()
    photo.warm_up()
