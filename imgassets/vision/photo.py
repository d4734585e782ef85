"""What a customer's photograph is judged by before it is submitted; runs in a guarded process.

One decode and a few measures: neither hashes nor a backbone, so an answer takes milliseconds.
Imports neither torch nor polars.
"""

from __future__ import annotations

import io

import cv2
import numpy as np
from PIL import Image

from imgassets.vision.decode import FORMATS, Undecodable, decode
from imgassets.vision.exposure import blockiness, exposure, noise
from imgassets.vision.framing import frame_object, reduce_to_map
from imgassets.vision.record import PhotoMeasures
from imgassets.vision.sharpness import lines_across, sharpness


def measure_photo(data: bytes) -> PhotoMeasures | Undecodable:
    """Decode an image file once and measure it.

    Returns:
        The measures, or the refusal (as a value: it travels between processes).

    Raises:
        MemoryError: the process may not take the memory that decoding needs.
    """
    try:
        picture = decode(data)
    except Undecodable as refusal:
        return refusal
    # What was decoded has a header that can be read; turning it does not change the longer side.
    with Image.open(io.BytesIO(data), formats=FORMATS) as file:
        longer_side = max(file.size)
    return measures_of(picture, longer_side)


def measures_of(picture: np.ndarray, longer_side: int) -> PhotoMeasures:
    """Measure a decoded picture.

    Args:
        picture: RGB, uint8, height × width × 3, at working size.
        longer_side: of the file, in pixels.
    """
    small = reduce_to_map(picture)
    framing = frame_object(small)
    box = framing.box.scaled(small.shape[:2], picture.shape[:2])
    return measures_beside(
        picture, longer_side, sharpness(lines_across(box.crop(picture))), framing.object_extent
    )


def measures_beside(
    picture: np.ndarray, longer_side: int, sharpness: float, object_extent: float
) -> PhotoMeasures:
    """Measure what is neither sharpness nor framing, and return it with these.

    Args:
        picture: RGB, uint8, height × width × 3, at working size.
        longer_side: of the file, in pixels.
        sharpness: of the same picture, as :class:`imgassets.vision.record.Signals` has it.
        object_extent: likewise.
    """
    luma = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    light = exposure(picture)
    return PhotoMeasures(
        longer_side=longer_side,
        sharpness=sharpness,
        bright=light.bright,
        clipped=light.clipped,
        noise=noise(luma),
        blockiness=blockiness(luma),
        object_extent=object_extent,
    )


def warm_up() -> None:
    """Load or compile the kernels, for processes that are to answer their first photo in time."""
    measures_of(np.zeros((32, 32, 3), np.uint8), 32)
