"""Objects that are small in their frame: padded pictures and objects moved to larger grounds."""

from __future__ import annotations

import cv2
import numpy as np

from imgassets.learning.synthetic.backdrops import natural
from imgassets.learning.synthetic.chance import grow, happens, longest, pick
from imgassets.learning.synthetic.colours import Colour, border_colour, near_white
from imgassets.learning.synthetic.segmentation import Cutout, cut_out
from imgassets.vision.framing import frame_object

_SHARE = (0.20, 0.03)
"""Share of the frame's area that the object's box takes, at severity 0 and 1."""

_PLACES = (
    (0.5, 0.5), (0.5, 0.5), (0.5, 0.5), (0.0, 0.5), (1.0, 0.5), (0.5, 0.0), (0.5, 1.0),
    (0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0),
)  # fmt: skip
"""Where the picture goes on its ground: shares of the free width and height left and above it."""

_ASPECTS = (1.0, 1.0, 4 / 3, 3 / 4, 16 / 9)
"""Width ÷ height of grounds that shops ask for."""


def whitespace_padding(
    picture: np.ndarray, severity: float, rng: np.random.Generator
) -> np.ndarray:
    """Pad a picture with white, light grey or its own border's colour (paper A, II-A)."""
    share = _target_share(severity, rng)
    own = border_colour(picture)
    ground = own if happens(rng, 0.3) else near_white(rng)
    height, width = picture.shape[:2]
    aspect = pick(rng, (width / height, *_ASPECTS))
    fraction = frame_object(picture).foreground_fraction
    area = max(1.05, fraction / share) * height * width
    wide = max(float(width), np.sqrt(area * aspect))
    tall = max(float(height), area / wide)
    wide = max(wide, area / tall)
    limit = _frame_side(picture) * rng.uniform(1.0, 1.6)
    place = _place(rng)
    return _on_ground(picture, (tall, wide), limit, place, ground)


def grabcut_white(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Cut the object out and put it on far too much white (paper A, II-A)."""
    cutout = cut_out(picture)
    ground, faint = near_white(rng), rng.uniform(0.0, 0.35)
    height, width = frame(picture, rng)
    backdrop = np.full((height, width, 3), ground, np.uint8)
    place = _place(rng)
    return stand(backdrop, cutout, _target_share(severity, rng), place, faint, False, rng)


def grabcut_natural(picture: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Cut the object out and put it small on a natural ground, with its shadow (paper A, II-A)."""
    cutout = cut_out(picture)
    height, width = frame(picture, rng)
    backdrop = natural(height, width, rng)
    x, y = rng.uniform(0.1, 0.9), rng.uniform(0.15, 0.85)
    place = (x, y if backdrop.seen_from_above else rng.uniform(0.72, 0.92))
    share, shadow = _target_share(severity, rng), rng.uniform(0.3, 0.65)
    return stand(backdrop.picture, cutout, share, place, shadow, backdrop.seen_from_above, rng)


def pad(
    picture: np.ndarray, left: int, right: int, top: int, bottom: int, colour: Colour
) -> np.ndarray:
    """Return the picture with a margin of one colour, in pixels per side."""
    return cv2.copyMakeBorder(picture, top, bottom, left, right, cv2.BORDER_CONSTANT, value=colour)


def _target_share(severity: float, rng: np.random.Generator) -> float:
    return grow(*_SHARE, severity) * rng.uniform(0.85, 1.0)


def _place(rng: np.random.Generator) -> tuple[float, float]:
    x, y = pick(rng, _PLACES)
    jitter = rng.uniform(-0.06, 0.06, 2)
    return float(np.clip(x + jitter[0], 0, 1)), float(np.clip(y + jitter[1], 0, 1))


def _frame_side(picture: np.ndarray) -> int:
    """Return the picture's longer side; of a very long and thin one, less: frames are no strips."""
    return min(longest(picture), max(512, 2 * min(picture.shape[:2])))


def frame(picture: np.ndarray, rng: np.random.Generator) -> tuple[int, int]:
    """Return height and width of a new frame, as long as the picture or a little longer."""
    side = _frame_side(picture) * rng.uniform(1.0, 1.4)
    aspect = pick(rng, _ASPECTS)
    wide, tall = (side, side / aspect) if aspect >= 1 else (side * aspect, side)
    return max(8, round(tall)), max(8, round(wide))


def _on_ground(
    picture: np.ndarray,
    size: tuple[float, float],
    limit: float,
    place: tuple[float, float],
    ground: Colour,
) -> np.ndarray:
    """Put a picture on a ground of ``size`` (height, width), all of it at most ``limit`` long."""
    scale = min(1.0, limit / max(size))
    height, width = (max(1, round(side * scale)) for side in picture.shape[:2])
    if scale < 1:
        picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    free_y = max(0, round(size[0] * scale) - height)
    free_x = max(0, round(size[1] * scale) - width)
    left, top = round(free_x * place[0]), round(free_y * place[1])
    return pad(picture, left, free_x - left, top, free_y - top, ground)


def stand(
    backdrop: np.ndarray,
    cutout: Cutout,
    share: float,
    place: tuple[float, float],
    shadow: float,
    seen_from_above: bool,
    rng: np.random.Generator,
) -> np.ndarray:
    """Put an object on a backdrop.

    Args:
        backdrop: RGB, uint8; not modified.
        cutout: the object.
        share: the object's box as a share of the frame's area.
        place: shares of the free width and height to its left and above it.
        shadow: darkness of its shadow, 0 … 1.
        seen_from_above: whether the shadow lies beside the object, else under it.
        rng: source of randomness.
    """
    height, width = backdrop.shape[:2]
    rows, columns = cutout.alpha.shape
    scale = np.sqrt(share * height * width / (rows * columns))
    # Enlarging would blur it; and a very long object must still fit in.
    scale = min(scale, 1.0, 0.96 * height / rows, 0.96 * width / columns)
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    small = cv2.resize(cutout.picture, size, interpolation=cv2.INTER_AREA)
    alpha = cv2.resize(cutout.alpha, size, interpolation=cv2.INTER_AREA)
    left, top = round((width - size[0]) * place[0]), round((height - size[1]) * place[1])
    box = (slice(top, top + size[1]), slice(left, left + size[0]))
    dark = _shadow(backdrop.shape[:2], alpha, left, top, seen_from_above, rng)
    scene = backdrop * (1 - shadow * dark[..., None])
    weight = alpha[..., None].astype(np.float32) / 255
    scene[box] = scene[box] * (1 - weight) + small * weight
    return np.clip(scene + 0.5, 0, 255).astype(np.uint8)


def _shadow(
    shape: tuple[int, ...], alpha: np.ndarray, left: int, top: int, beside: bool,
    rng: np.random.Generator,
) -> np.ndarray:  # fmt: skip
    """Return an object's shadow, float32 0 … 1: its outline moved aside, or an ellipse under it."""
    rows, columns = alpha.shape
    side = max(rows, columns)
    angle, reach, softness = rng.uniform(0, 2 * np.pi), rng.uniform(0.01, 0.07), rng.uniform(1, 2)
    dark = np.zeros(shape[:2], np.uint8)
    if beside:
        x, y = left + round(side * reach * np.cos(angle)), top + round(side * reach * np.sin(angle))
        y0, x0, y1, x1 = max(0, y), max(0, x), min(shape[0], y + rows), min(shape[1], x + columns)
        dark[y0:y1, x0:x1] = alpha[y0 - y : y1 - y, x0 - x : x1 - x]
        sigma = softness * side * 0.02
    else:
        centre = (left + columns // 2, top + rows - max(1, rows // 60))
        axes = (max(1, round(columns * 0.42)), max(1, round(min(rows, columns) * 0.05)))
        cv2.ellipse(dark, centre, axes, 0, 0, 360, 255, cv2.FILLED)
        sigma = softness * side * 0.022
    return cv2.GaussianBlur(dark, (0, 0), max(0.5, sigma)).astype(np.float32) / 255
