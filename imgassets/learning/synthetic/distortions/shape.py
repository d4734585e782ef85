"""Distortions of framing: what is cut off, turned, or seen at a slant.

Nothing is filled in but a plain background, in its own colour: edges of a fill would give the
distortion away.
"""

from __future__ import annotations

import cv2
import numpy as np

from imgassets.learning.synthetic.chance import shift
from imgassets.learning.synthetic.colours import border_colour
from imgassets.vision.framing import frame_object, reduce_to_map

_CUT = (0.12, 0.6)
"""Share of the object that a crop cuts off, at severity 0 and 1."""

_DEGREES = (4.0, 40.0)
"""Angle of rotation, likewise."""

_SLANT = (0.08, 0.36)
"""Share that a tilted camera loses of the near edge, at each of its ends."""

_PLAIN = 12.0
"""Gray levels: a border that deviates by less on average is a plain background."""

_LEAST_SIDE = 8
"""Pixels that a crop leaves, where there are as many."""


def crop_vertical(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Cut off the upper or the lower part of the object."""
    return _cut(picture, severity, rng)


def crop_horizontal(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Cut off the left or the right part of the object."""
    return np.ascontiguousarray(_cut(picture.transpose(1, 0, 2), severity, rng).transpose(1, 0, 2))


def rotation(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Turn the camera; on a plain background the whole object stays, else the middle is shown."""
    height, width = picture.shape[:2]
    angle = shift(*_DEGREES, severity) * rng.uniform(0.9, 1.1) * (1 if rng.random() < 0.5 else -1)
    ground, zoom = border_colour(picture), 1.0
    if not _is_plain(picture, ground):
        # The largest upright frame of the same shape that lies within the turned picture.
        turn = np.radians(abs(angle))
        longer, shorter = max(height, width), min(height, width)
        zoom = float(np.cos(turn) + np.sin(turn) * longer / shorter)
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), float(angle), zoom)
    return cv2.warpAffine(
        picture, matrix, (width, height), flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_CONSTANT, borderValue=tuple(map(float, ground)),
    )  # fmt: skip


def tilt(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """See the picture at a slant: one edge comes near and loses its ends (keystone)."""
    height, width = picture.shape[:2]
    lost = shift(*_SLANT, severity) * rng.uniform(0.92, 1.08)
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    near = int(rng.integers(4))
    seen = corners.copy()
    first, second = near, (near + 1) % 4
    along = corners[second] - corners[first]
    seen[first] += lost * along
    seen[second] -= lost * along
    size = np.array([width - 1, height - 1], np.float32)
    matrix = cv2.getPerspectiveTransform(seen * size, corners * size)
    return cv2.warpPerspective(
        picture, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )


def _cut(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Cut rows off at the top or the bottom, counted from where the object begins."""
    picture = np.ascontiguousarray(picture)
    height, _ = picture.shape[:2]
    small = reduce_to_map(picture)
    box = frame_object(small).box.scaled(small.shape[:2], picture.shape[:2])
    rows = round((box.bottom - box.top) * shift(*_CUT, severity) * rng.uniform(0.95, 1.05))
    most = max(0, height - _LEAST_SIDE)
    if rng.random() < 0.5:
        return np.ascontiguousarray(picture[min(box.top + rows, most) :])
    return np.ascontiguousarray(picture[: max(box.bottom - rows, height - most)])


def _is_plain(picture: np.ndarray, ground: tuple[int, int, int]) -> bool:
    border = (picture[0], picture[-1], picture[:, 0], picture[:, -1])
    away = np.abs(np.concatenate(border).astype(np.float32) - np.array(ground, np.float32))
    return float(away.mean()) < _PLAIN
