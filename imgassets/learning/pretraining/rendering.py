"""Rendered pictures of goods: drawn, clothed in fabric, crumpled, laid on a surface and lit."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import NamedTuple

import cv2
import numpy as np

from imgassets.learning.pretraining.fabric import any_colour, fabric
from imgassets.learning.pretraining.garments import GARMENTS, Drawing
from imgassets.learning.synthetic.backdrops import natural, noise
from imgassets.learning.synthetic.chance import happens, pick
from imgassets.learning.synthetic.lettering import any_lettering, fitted_mask

KINDS = tuple(GARMENTS)
VIEWS = ("front", "back", "closeup")

_ENLARGED = 2
"""Pictures are drawn this many times larger and reduced by averaging."""

_WORDS = ("MOON", "No. 9", "RIDE", "Sun Club", "1987", "wild", "TEAM", "COAST", "Hello", "07")
_STRAP = 0.014
"""Lines wider than this, in units of the drawing, are straps, which stand beyond the pieces too."""

_BITS = 4
"""Fractional bits of the coordinates that OpenCV draws at."""


class Rendered(NamedTuple):
    """Rendered pictures and what they show.

    Attributes:
        pixels: RGB, uint8, n × side × side × 3.
        kinds: int64, n: place in :data:`KINDS`.
        views: int64, n: place in :data:`VIEWS`.
    """

    pixels: np.ndarray
    kinds: np.ndarray
    views: np.ndarray


def render_many(
    count: int, side: int, seed: int, processes: int = 1,
    tell: Callable[[int], None] = lambda _: None,
) -> Rendered:  # fmt: skip
    """Render pictures; the n-th depends on the seed, the side and n alone.

    Args:
        count: how many.
        side: pixels of the squares.
        seed: 0 or more.
        processes: to share the work among.
        tell: called after each picture with how many are done.
    """
    found = Rendered(
        np.empty((count, side, side, 3), np.uint8), np.empty(count, np.int64),
        np.empty(count, np.int64),
    )  # fmt: skip
    if processes == 1:
        made = map(partial(_numbered, side, seed), range(count))
        _collect(made, found, tell)
        return found
    # Spawned, because this process may have threads; an executor ends its processes, a Pool kills
    # them, which was seen to hang where one was still starting.
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        numbered = partial(_numbered, side, seed)
        _collect(pool.map(numbered, range(count), chunksize=32), found, tell)
    return found


def _collect(
    made: Iterable[tuple[np.ndarray, int, int]], found: Rendered, tell: Callable[[int], None]
) -> None:
    for number, (picture, kind, view) in enumerate(made):
        found.pixels[number], found.kinds[number], found.views[number] = picture, kind, view
        tell(number + 1)


def _numbered(side: int, seed: int, number: int) -> tuple[np.ndarray, int, int]:
    cv2.setNumThreads(1)
    rng = np.random.default_rng([seed, number])
    kind, view = number % len(KINDS), int(rng.choice(3, p=(0.45, 0.3, 0.25)))
    return render(KINDS[kind], VIEWS[view], side, rng), kind, view


def render(kind: str, view: str, side: int, rng: np.random.Generator) -> np.ndarray:
    """Render one picture.

    Args:
        kind: one of :data:`KINDS`.
        view: one of :data:`VIEWS`.
        side: pixels of the square.
        rng: source of randomness.

    Returns:
        RGB, uint8, side × side × 3.
    """
    large = side * _ENLARGED
    front = view == "front" or (view == "closeup" and happens(rng, 0.75))
    drawing = GARMENTS[kind](rng, front)
    place = _placing(large, drawing, view, rng)
    layer, mask = _clothed(large, drawing, place, rng)
    layer, mask = _crumpled(layer, mask, rng)
    ground = _ground(large, rng)
    picture = _laid(ground, layer, mask, rng)
    light = 1 + 0.1 * noise(rng, large, large, 1.5) * rng.random()
    lit = np.clip(picture * light[..., None], 0, 255).astype(np.uint8)
    return cv2.resize(lit, (side, side), interpolation=cv2.INTER_AREA)


def _placing(large: int, drawing: Drawing, view: str, rng: np.random.Generator) -> np.ndarray:
    """Return the matrix (2 × 3) from the drawing's units to pixels."""
    points = np.concatenate([piece.outline for piece in drawing.pieces])
    low, high = points.min(0), points.max(0)
    size = high - low
    fill = rng.uniform(0.72, 1.02) * large
    scale = np.array([fill / size[0], fill / size[1]])
    # Photographs are upright and squeezed into a square: goods become wider than they are.
    even = min(scale) * np.array([rng.uniform(1.0, 1.35), rng.uniform(0.95, 1.05)])
    scale = np.minimum(even, scale)
    centre = (low + high) / 2
    if view == "closeup":
        scale = even * rng.uniform(1.9, 3.6)
        centre = points[int(rng.integers(len(points)))] * 0.6 + centre * 0.4
    angle = rng.normal(0, 0.1)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turn = turn @ np.diag(scale)
    middle = large / 2 + rng.normal(0, 0.03, 2) * large
    return np.hstack([turn, (middle - turn @ centre)[:, None]])


def _moved(points: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Return points in fixed-point pixels."""
    pixels = points @ place[:, :2].T + place[:, 2]
    return np.round(np.clip(pixels, -8000, 8000) * 2**_BITS).astype(np.int32)


def _clothed(
    large: int, drawing: Drawing, place: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the good in its fabric: RGB float32, and its mask, uint8."""
    scale = float(np.sqrt(abs(np.linalg.det(place[:, :2]))))
    base = any_colour(rng)
    cloth = fabric(large, base, rng, scale / large)
    other = fabric(large, any_colour(rng), rng, scale / large)
    whole = np.zeros((large, large), np.uint8)
    layer = np.zeros((large, large, 3), np.float32)
    edge = rng.uniform(0.5, 0.9)
    for piece in drawing.pieces:
        mask, shade = np.zeros((large, large), np.uint8), np.ones((large, large), np.float32)
        outline = _moved(piece.outline, place)
        cv2.fillPoly(mask, [outline], 255, cv2.LINE_8, _BITS)
        cv2.polylines(shade, [outline], True, edge, max(1, large // 110), cv2.LINE_AA, _BITS)
        drawn = (other if piece.contrast else cloth) * (piece.light * shade)[..., None]
        cv2.copyTo(drawn, mask, layer)
        whole |= mask
    dark, bright = np.ones((large, large), np.float32), np.zeros((large, large), np.float32)
    for line in drawing.lines:
        wide, path = max(1, round(line.width * scale)), _moved(line.path, place)
        if line.width > _STRAP:
            band = np.zeros((large, large), np.uint8)
            cv2.polylines(band, [path], False, 255, wide, cv2.LINE_8, _BITS)
            cv2.copyTo(other, band & ~whole, layer)
            whole |= band
        canvas, level = (dark, line.light) if line.light <= 1 else (bright, line.light - 1)
        cv2.polylines(canvas, [path], False, level, wide, cv2.LINE_AA, _BITS)
    layer = layer * dark[..., None] + 110 * bright[..., None]
    button = np.array(any_colour(rng), float)
    for x, y, radius in drawing.dots:
        at = _moved(np.array([[x, y]]), place)[0]
        wide = max(2**_BITS, round(radius * scale * 2**_BITS))
        cv2.circle(layer, at.tolist(), wide, button.tolist(), cv2.FILLED, cv2.LINE_AA, _BITS)
    if drawing.badge is not None:
        _print(layer, drawing.badge, place, rng)
    return layer, whole


def _print(
    layer: np.ndarray, badge: tuple[float, float, float], place: np.ndarray,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Print words or shapes on the cloth, in place."""
    x, y, half = badge
    large = len(layer)
    centre = place[:, :2] @ (x, y) + place[:, 2]
    wide = max(4, int(2 * half * abs(place[0, 0])))
    tall = max(4, int(wide * rng.uniform(0.3, 1.1)))
    wide, tall = min(wide, 2 * large), min(tall, 2 * large)
    if happens(rng, 0.55):
        words = [pick(rng, _WORDS) for _ in range(int(rng.integers(1, 3)))]
        stamp = fitted_mask(words, wide, tall, any_lettering(rng, bold=True))
    else:
        stamp = np.zeros((tall, wide), np.uint8)
        for _ in range(int(rng.integers(1, 6))):
            corners = rng.uniform(0, 1, (int(rng.integers(3, 9)), 2)) * (wide, tall)
            cv2.fillPoly(
                stamp, [cv2.convexHull(corners.astype(np.int32))], int(rng.integers(120, 256))
            )
    top, left = (int(centre[1] - stamp.shape[0] / 2), int(centre[0] - stamp.shape[1] / 2))
    y0, x0 = max(0, top), max(0, left)
    y1, x1 = min(large, top + stamp.shape[0]), min(large, left + stamp.shape[1])
    if y1 <= y0 or x1 <= x0:
        return
    weight = stamp[y0 - top : y1 - top, x0 - left : x1 - left, None] / np.float32(255)
    ink = np.array(any_colour(rng), np.float32)
    layer[y0:y1, x0:x1] = layer[y0:y1, x0:x1] * (1 - weight) + ink * weight


def _crumpled(
    layer: np.ndarray, mask: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Bend the good as cloth lies, and fold its light."""
    large = len(mask)
    strength = rng.uniform(0.0, 0.05) * large
    rows, columns = np.mgrid[:large, :large].astype(np.float32)
    for cells in (2.5, 7):
        rows += strength * 2.5 / cells * noise(rng, large, large, cells)
        columns += strength * 2.5 / cells * noise(rng, large, large, cells)
    folds = noise(rng, large, large, rng.uniform(3, 9), rng.uniform(0.15, 1.2), octaves=3)
    creases = np.exp(-((noise(rng, large, large, 5, rng.uniform(0.2, 3), 2) * 6) ** 2))
    light = 1 + rng.uniform(0.03, 0.22) * folds - rng.uniform(0, 0.2) * creases
    bent = cv2.remap(layer, columns, rows, cv2.INTER_LINEAR)
    outline = cv2.remap(mask, columns, rows, cv2.INTER_LINEAR)
    return bent * light[..., None], outline


def _ground(large: int, rng: np.random.Generator) -> np.ndarray:
    """Return what the good lies on: a surface, a plain sheet, or white."""
    kind = rng.random()
    if kind < 0.6:
        return natural(large, large, rng).picture.astype(np.float32)
    if kind < 0.8:
        colour = np.array(any_colour(rng), np.float32)
        folds = 1 + rng.uniform(0, 0.15) * noise(rng, large, large, 4, rng.uniform(0.3, 3), 3)
        return folds[..., None] * colour
    return np.full((large, large, 3), rng.uniform(225, 255), np.float32)


def _laid(
    ground: np.ndarray, layer: np.ndarray, mask: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Lay the good on the ground, with the shadow it casts."""
    large = len(mask)
    reach = rng.uniform(0.004, 0.03) * large
    angle = rng.uniform(0, 2 * np.pi)
    move = np.array([[1, 0, reach * np.cos(angle)], [0, 1, reach * np.sin(angle)]])
    shadow = cv2.GaussianBlur(cv2.warpAffine(mask, move, (large, large)), (0, 0), reach)
    shaded = ground * (1 - rng.uniform(0.1, 0.6) / 255 * shadow[..., None].astype(np.float32))
    weight = mask[..., None].astype(np.float32) / 255
    return shaded * (1 - weight) + layer * weight
