"""How one picture becomes another file of the same picture, between suppliers."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from imgassets.learning.synthetic import harmless
from imgassets.learning.synthetic.blur import through_jpeg
from imgassets.learning.synthetic.chance import happens, pick
from imgassets.learning.synthetic.colours import border_colour

Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]
"""(RGB uint8 picture, random numbers) → picture; the one that is given stays as it is."""


def resized(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Reduce to 30 … 85 % of its size, or enlarge by up to a half."""
    factor = rng.uniform(1.1, 1.5) if happens(rng, 0.2) else rng.uniform(0.3, 0.85)
    how = pick(rng, (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4))
    size = (max(1, round(picture.shape[1] * factor)), max(1, round(picture.shape[0] * factor)))
    return cv2.resize(picture, size, interpolation=how)


def recompressed(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Encode as JPEG again, at quality 12 … 90."""
    return through_jpeg(picture, int(rng.integers(12, 91)))


def padded(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add a margin: a little on each side, or much on two or four; white or as the edge."""
    height, width = picture.shape[:2]
    if happens(rng, 0.6):
        shares = rng.uniform(0, 0.08, 4)
    else:
        sides = pick(rng, ((1, 1, 0, 0), (0, 0, 1, 1), (1, 1, 1, 1)))
        shares = rng.uniform(0.05, 0.3) * np.array(sides)
    top, bottom, left, right = (shares * (height, height, width, width)).astype(int).tolist()
    ground = (
        (255, 255, 255)
        if happens(rng, 0.7)
        else pick(rng, (tuple(int(c) for c in border_colour(picture)), (0, 0, 0), (240, 240, 240)))
    )
    return cv2.copyMakeBorder(picture, top, bottom, left, right, cv2.BORDER_CONSTANT, value=ground)


def trimmed(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Cut up to 6 % off each side."""
    height, width = picture.shape[:2]
    cuts = rng.uniform(0, 0.06, 4) if happens(rng, 0.5) else np.full(4, rng.uniform(0.005, 0.05))
    top, bottom, left, right = (cuts * (height, height, width, width)).astype(int).tolist()
    return np.ascontiguousarray(picture[top : height - bottom, left : width - right])


def _moved(picture: np.ndarray, matrix: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    height, width = picture.shape[:2]
    if happens(rng, 0.5):
        return cv2.warpAffine(
            picture,
            matrix,
            (width, height),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
    ground = (255.0, 255.0, 255.0) if happens(rng, 0.6) else border_colour(picture)
    return cv2.warpAffine(
        picture,
        matrix,
        (width, height),
        flags=cv2.INTER_LINEAR,
        borderValue=tuple(map(float, ground)),
    )


def translated(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Move by up to 5 % of each side."""
    height, width = picture.shape[:2]
    x, y = rng.uniform(-0.05, 0.05, 2) * (width, height)
    return _moved(picture, np.array([[1, 0, x], [0, 1, y]], np.float64), rng)


def rotated(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Turn by up to 4°."""
    height, width = picture.shape[:2]
    angle = float(rng.uniform(-4, 4))
    return _moved(picture, cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0), rng)


def sheared(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Shear and stretch by up to 4 %."""
    height, width = picture.shape[:2]
    a, b, c, d = rng.uniform(-0.04, 0.04, 4)
    linear = np.array([[1 + a, b], [c, 1 + d]])
    centre = np.array([width / 2, height / 2])
    return _moved(picture, np.column_stack([linear, centre - linear @ centre]), rng)


def sharpened(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Unsharp mask: 30 … 80 %, radius 1 … 2.5 pixels."""
    amount = rng.uniform(0.3, 0.8)
    soft = cv2.GaussianBlur(picture, (0, 0), rng.uniform(1, 2.5))
    return cv2.addWeighted(picture, 1 + amount, soft, -amount, 0)


def softened(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blur by less than a pixel and a half."""
    return cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.3))


def contrasted(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Contrast of 78 … 128 %."""
    factor = rng.uniform(0.78, 1.28)
    return np.clip((picture.astype(np.float32) - 128) * factor + 128, 0, 255).astype(np.uint8)


def brightened(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add up to 25 gray levels, or apply a gamma of 0.8 … 1.25."""
    if happens(rng, 0.6):
        return np.clip(picture.astype(np.float32) + rng.uniform(-25, 25), 0, 255).astype(np.uint8)
    levels = (np.arange(256) / 255) ** rng.uniform(0.8, 1.25) * 255
    return cv2.LUT(picture, levels.round().astype(np.uint8))


def toned(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Change brightness, contrast, warmth and saturation together by a few per cent."""
    return harmless.toned(picture, float(rng.uniform()), rng)


def noisy(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add noise of 2 … 6 gray levels."""
    noise = rng.normal(0, rng.uniform(2, 6), picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def grayed(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Take the colours away: a grayscale file."""
    return cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


COPIES: dict[str, Change] = {
    change.__name__: change
    for change in (
        resized, recompressed, padded, trimmed, translated, rotated, sheared, sharpened, softened,
        contrasted, brightened, toned, noisy, grayed,
    )
}  # fmt: skip
"""Changes that leave a picture the same picture, by name."""
