"""Laying one picture over another: the affine map between two pictures of (perhaps) one thing.

Matrices are 2 × 3 and map pixel centres of the left picture to those of the right one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np

from imgassets.vision.framing import Box, frame_object

SIDE = 192
"""Longer side (pixels) that pictures are compared at: larger ones are reduced to it."""

_COARSE = 64
"""Longer side that candidates are judged at."""

_LEAST_SIDE = 16
"""A shorter side is stretched to this: filters and registration need some pixels to work on."""

_TRUSTED = 0.9
"""Correlation from which no features are looked for."""

_MOST_ANISOTROPY = 1.6
"""A copy is never stretched more than this in one direction against the other."""

_AREA = (0.05, 20.0)
"""Least and most area that a map may make of one pixel."""

_LEAST_OVERLAP = 0.6
"""Share of the left frame under which a map's score falls: a corner that fits proves little."""


class Registration(NamedTuple):
    """Two pictures laid over each other.

    Attributes:
        left: RGB, uint8, height × width × 3.
        right: the right picture in the left one's frame, likewise; its edge is repeated where it
            does not reach.
        overlap: bool, height × width: where both pictures are.
        reached: the same in the right picture's own frame.
        unmoved: the right picture in its own frame, RGB, uint8.
        matrix: maps the left picture's pixels to those of ``unmoved``, float32, 2 × 3.
        correlation: of both in the overlap, -1 … 1.
    """

    left: np.ndarray
    right: np.ndarray
    overlap: np.ndarray
    reached: np.ndarray
    unmoved: np.ndarray
    matrix: np.ndarray
    correlation: float


def reduce_for_comparison(picture: np.ndarray) -> np.ndarray:
    """Reduce a picture to at most :data:`SIDE` pixels; no side gets shorter than 16."""
    height, width = picture.shape[:2]
    scale = min(1.0, SIDE / max(height, width))
    size = (max(_LEAST_SIDE, round(width * scale)), max(_LEAST_SIDE, round(height * scale)))
    if size == (width, height):
        return picture
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def register(left: np.ndarray, right: np.ndarray) -> Registration:
    """Find the affine map that lays the right picture over the left one.

    Candidates are frame on frame, object on object (margins do not count), and, where neither
    fits, a similarity from ORB features (Rublee et al. 2011) by RANSAC. Each is refined by the
    enhanced correlation coefficient (ECC, Evangelidis and Psarakis 2008) at a coarse scale; the
    best is refined again at full scale. Pictures of different things get some map, too: a low
    correlation says so.

    Args:
        left: RGB, uint8, reduced for comparison.
        right: likewise.
    """
    gray_left = cv2.cvtColor(left, cv2.COLOR_RGB2GRAY)
    gray_right = cv2.cvtColor(right, cv2.COLOR_RGB2GRAY)
    scale = _COARSE / max(*gray_left.shape, *gray_right.shape)
    coarse_left, coarse_right = _coarse(gray_left, scale), _coarse(gray_right, scale)
    best, matrix = -2.0, np.eye(2, 3, dtype=np.float32)
    for candidate in _candidates(left, right):
        for map_ in _with_refined(coarse_left, coarse_right, _rescaled(candidate, scale)):
            found = _score(coarse_left, coarse_right, map_)
            if found > best:
                best, matrix = found, map_
    if best < _TRUSTED:
        by_features = _match_features(gray_left, gray_right)
        if by_features is not None:
            for map_ in _with_refined(coarse_left, coarse_right, _rescaled(by_features, scale)):
                found = _score(coarse_left, coarse_right, map_)
                if found > best:
                    best, matrix = found, map_
    fine_left, fine_right = _smooth(gray_left), _smooth(gray_right)
    matrix = _rescaled(matrix, 1 / scale)
    scored = [
        (_score(fine_left, fine_right, map_), map_)
        for map_ in _with_refined(fine_left, fine_right, matrix)
    ]
    correlation, matrix = max(scored, key=lambda pair: pair[0])
    return _lay_over(left, right, matrix, correlation)


def _lay_over(
    left: np.ndarray, right: np.ndarray, matrix: np.ndarray, correlation: float
) -> Registration:
    (height, width), (to_height, to_width) = left.shape[:2], right.shape[:2]
    whole = np.full((to_height, to_width), 255, np.uint8)
    back = cv2.invertAffineTransform(matrix)
    frame = np.full((height, width), 255, np.uint8)
    return Registration(
        left,
        _warp(right, matrix, (width, height), cv2.BORDER_REPLICATE),
        _warp(whole, matrix, (width, height)) > 250,
        _warp(frame, back, (to_width, to_height)) > 200,
        right,
        matrix,
        correlation,
    )


def _candidates(left: np.ndarray, right: np.ndarray) -> Iterator[np.ndarray]:
    frames = [Box(0, p.shape[0], 0, p.shape[1]) for p in (left, right)]
    objects = [frame_object(p).box for p in (left, right)]
    yield _box_to_box(*frames)
    if objects != frames:
        yield _box_to_box(*objects)


def _box_to_box(box: Box, to: Box) -> np.ndarray:
    across = (to.right - to.left) / (box.right - box.left)
    down = (to.bottom - to.top) / (box.bottom - box.top)
    # A pixel's centre lies half a pixel inside its corner.
    x = to.left - 0.5 - (box.left - 0.5) * across
    y = to.top - 0.5 - (box.top - 0.5) * down
    return np.array([[across, 0, x], [0, down, y]], np.float32)


def _rescaled(matrix: np.ndarray, scale: float) -> np.ndarray:
    """Return the same map between both pictures at another scale."""
    linear, centre = matrix[:, :2], np.array([0.5, 0.5])
    shifted = linear @ centre - centre
    moved = scale * (matrix[:, 2] - shifted) + shifted
    return np.column_stack([linear, moved]).astype(np.float32)


def _coarse(gray: np.ndarray, scale: float) -> np.ndarray:
    size = (max(4, round(gray.shape[1] * scale)), max(4, round(gray.shape[0] * scale)))
    return _smooth(cv2.resize(gray, size, interpolation=cv2.INTER_AREA))


def _smooth(gray: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(gray, (0, 0), 1.0).astype(np.float32)


def _with_refined(left: np.ndarray, right: np.ndarray, matrix: np.ndarray) -> list[np.ndarray]:
    """Return the map and, where the search converges to something sensible, its refinement."""
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 25, 1e-4)
    try:
        _, refined = cv2.findTransformECC(
            left, right, matrix.copy(), cv2.MOTION_AFFINE, criteria, None, 3
        )
    except cv2.error:
        return [matrix]  # It did not converge.
    return [matrix, refined] if _is_plausible(refined) else [matrix]


def _is_plausible(matrix: np.ndarray) -> bool:
    linear = matrix[:, :2]
    if not np.isfinite(matrix).all() or not _AREA[0] < np.linalg.det(linear) < _AREA[1]:
        return False
    most, least = np.linalg.svd(linear, compute_uv=False)
    return bool(most / least < _MOST_ANISOTROPY)


def _score(left: np.ndarray, right: np.ndarray, matrix: np.ndarray) -> float:
    """Correlation in the overlap, less where the overlap is small."""
    size = (left.shape[1], left.shape[0])
    mask = (_warp(np.ones_like(right), matrix, size) > 0.99).astype(np.float32)
    count = float(mask.sum())
    if count < 16:
        return -1.0
    laid = _warp(right, matrix, size)
    first = (left - float((left * mask).sum()) / count) * mask
    second = (laid - float((laid * mask).sum()) / count) * mask
    spread = float(np.sqrt(np.square(first).sum() * np.square(second).sum()))
    correlation = float((first * second).sum()) / spread if spread > 1e-3 * count else 0.0
    return correlation - 0.5 * max(0.0, _LEAST_OVERLAP - count / mask.size)


def _match_features(left: np.ndarray, right: np.ndarray) -> np.ndarray | None:
    """Find a similarity between two gray pictures by their features; None where there is none."""
    orb = cv2.ORB_create(  # type: ignore[attr-defined]  # missing in OpenCV's stubs
        400, fastThreshold=7, edgeThreshold=12, patchSize=24
    )
    points_left, about_left = orb.detectAndCompute(left, None)
    points_right, about_right = orb.detectAndCompute(right, None)
    if min(len(points_left), len(points_right)) < 8:
        return None
    matches = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(about_left, about_right)
    if len(matches) < 8:
        return None
    here = np.array([points_left[m.queryIdx].pt for m in matches], np.float32)
    there = np.array([points_right[m.trainIdx].pt for m in matches], np.float32)
    cv2.setRNGSeed(0)  # RANSAC draws at random.
    matrix, inliers = cv2.estimateAffinePartial2D(
        here, there, method=cv2.RANSAC, ransacReprojThreshold=3.0, maxIters=500
    )
    if matrix is None or int(inliers.sum()) < 8 or not _is_plausible(matrix):
        return None
    return np.asarray(matrix, np.float32)


def _warp(
    picture: np.ndarray,
    matrix: np.ndarray,
    size: tuple[int, int],
    border: int = cv2.BORDER_CONSTANT,
) -> np.ndarray:
    """Sample a picture at the places that a frame of ``size`` (width, height) is mapped to."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(picture, matrix, size, flags=flags, borderMode=border, borderValue=0)
