"""Photographs as customers take them, drawn, and the same spoilt on purpose."""

from __future__ import annotations

import io
from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image

from imgassets.sample.products import products


def good_photo(place: int = 0, side: int = 480) -> np.ndarray:
    """A product in use, RGB; `place` says which of the sample's products."""
    return products(1)[place].photograph("lifestyle", 0, side).picture


def jpeg(picture: np.ndarray, quality: int = 90) -> bytes:
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG", quality=quality)
    return out.getvalue()


def _brightness(picture: np.ndarray, factor: float) -> np.ndarray:
    return np.clip(picture * factor, 0, 255).astype(np.uint8)


def _noisy(picture: np.ndarray, deviation: float) -> np.ndarray:
    random = np.random.default_rng(0)
    return np.clip(picture + random.normal(0, deviation, picture.shape), 0, 255).astype(np.uint8)


def _far(picture: np.ndarray, share: float) -> np.ndarray:
    """The picture's middle as an object on a plain wall; `share` of the frame is its side."""
    height, width = picture.shape[:2]
    object_ = cv2.resize(picture[: height // 2], (int(width * share), int(height * share)))
    wall = np.full_like(picture, 200)
    top, left = (height - object_.shape[0]) // 2, (width - object_.shape[1]) // 2
    wall[top : top + object_.shape[0], left : left + object_.shape[1]] = object_
    return wall


SPOILT: dict[str, Callable[[np.ndarray, float], bytes]] = {
    "too_small": lambda p, s: jpeg(cv2.resize(p, None, fx=0.5 - s / 4, fy=0.5 - s / 4)),
    "blurry": lambda p, s: jpeg(cv2.GaussianBlur(p, (0, 0), 1.5 + 3 * s)),
    "dark": lambda p, s: jpeg(_brightness(p, 0.6 - 0.4 * s)),
    "overexposed": lambda p, s: jpeg(_brightness(p, 1.2 + 0.3 * s)),
    "noisy": lambda p, s: jpeg(_noisy(p, 6 + 20 * s)),
    "compressed": lambda p, s: jpeg(p, round(14 - 10 * s)),
    "too_far": lambda p, s: jpeg(_far(p, 0.5 - 0.3 * s)),
}
"""Problem to what makes it: of a good photo and a severity, 0 … 1, the file."""
