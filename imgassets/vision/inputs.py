"""What a backbone looks at: a picture fitted into a square, made where the picture was decoded."""

from __future__ import annotations

from typing import Literal, NamedTuple

import cv2
import numpy as np


class InputSpec(NamedTuple):
    """How a backbone wants its pictures.

    Attributes:
        side: pixels of the square's side.
        fit: ``pad`` keeps the proportions on a white square, ``squeeze`` fills the square.
    """

    side: int
    fit: Literal["pad", "squeeze"]


def prepare(picture: np.ndarray, spec: InputSpec) -> np.ndarray:
    """Fit a picture into a backbone's square; nothing is cut off.

    Args:
        picture: RGB, uint8, height × width × 3.
        spec: the square.

    Returns:
        RGB, uint8, side × side × 3.
    """
    side = spec.side
    if spec.fit == "squeeze":
        return cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    square = np.full((side, side, 3), 255, np.uint8)
    top, left = (side - size[1]) // 2, (side - size[0]) // 2
    square[top : top + size[1], left : left + size[0]] = cv2.resize(
        picture, size, interpolation=method
    )
    return square
