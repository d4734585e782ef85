"""Custom features of one decoded picture (paper C): box, dominant colours and texture."""

from __future__ import annotations

import cv2
import numpy as np

from imgassets.vision.dominant_colours import (
    colour_histogram,
    dominant_colours,
    lab_of,
    sample_object,
)
from imgassets.vision.framing import reduce_to_map
from imgassets.vision.object_box import find_object
from imgassets.vision.record import CustomFeatures
from imgassets.vision.texture import texture


def custom_features(picture: np.ndarray) -> CustomFeatures:
    """Measure every custom feature of one picture (RGB, uint8), on its map.

    ``paper C`` is the fashion retrieval with neural re-ranking that search follows.
    """
    small = reduce_to_map(picture)
    height, width = small.shape[:2]
    found = find_object(small)
    box = found.box
    pixels, weights = sample_object(lab_of(small), found.mask, box)
    gray = cv2.cvtColor(box.crop(small), cv2.COLOR_RGB2GRAY)
    return CustomFeatures(
        box_left=box.left / width,
        box_top=box.top / height,
        box_right=box.right / width,
        box_bottom=box.bottom / height,
        object_share=float(found.mask.mean()),
        box_source=found.source,
        colours=dominant_colours(pixels, weights),
        colour_histogram=colour_histogram(pixels, weights).tolist(),
        texture=texture(gray, box.crop(found.mask)).tolist(),
    )


def warm_up() -> None:
    """Load or compile the kernels, for processes that are to answer their first picture in time."""
    custom_features(np.zeros((32, 32, 3), np.uint8))
