"""What is measured on a pair of pictures, and the version of how; imports nothing that computes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

MEASURES_VERSION = "pairs-1"
"""Name of the algorithms that measure pairs: changed whenever any measure of any pair changes."""

WINDOWS = (24, 12, 6)
"""Windows that differences are averaged in: the side is this part of the picture's longer side."""

MEASURES: tuple[str, ...] = (
    "correlation", "gain", "offset", "saturation", "tint",
    "content_only_left", "content_only_right", "frame_only_left", "frame_only_right",
    "anisotropy", "rotation",
    *(
        f"{name}_{window}_{part}"
        for window in WINDOWS
        for name in ("edges", "colours", "tone", "hue", "structure", "variety", "contrast")
        for part in ("median", "q90", "q97", "most", "peak")
    ),
)  # fmt: skip
"""What :func:`~imgassets.selection.pairs.differences.measure_pair` measures, in its order."""


class PictureBox(NamedTuple):
    """A part of a picture, as shares (0 … 1) of its height and width."""

    top: float
    left: float
    height: float
    width: float


class PairMeasures(NamedTuple):
    """What two pictures show when one lies over the other.

    Attributes:
        values: float32, one per name in :data:`MEASURES`.
        left_box: where the left picture differs most from the right one.
        right_box: the same place in the right picture.
        blank: one or both pictures show nothing at all, so that nothing can be laid over.
        blank_distance: then the difference of their mean colours, gray levels, 255 if only one is
            blank; else 0.
    """

    values: np.ndarray
    left_box: PictureBox
    right_box: PictureBox
    blank: bool
    blank_distance: float
