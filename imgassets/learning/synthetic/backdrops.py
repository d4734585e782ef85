"""Natural backgrounds made from noise: floors, cloth, grass, rooms, blurred scenes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np

from imgassets.learning.synthetic.chance import happens, pick
from imgassets.learning.synthetic.colours import Colour, from_hsv, grey


class Backdrop(NamedTuple):
    """A background.

    Attributes:
        picture: RGB, uint8, height × width × 3.
        seen_from_above: whether objects lie on it, instead of standing in front of it.
    """

    picture: np.ndarray
    seen_from_above: bool


def natural(height: int, width: int, rng: np.random.Generator) -> Backdrop:
    """Make a background of any kind, lit unevenly."""
    kind = int(rng.integers(len(_SURFACES) + 3))
    if kind < len(_SURFACES):
        picture = _SURFACES[kind](height, width, rng)
    elif kind == len(_SURFACES):
        picture = _surroundings(height, width, rng)
    else:
        picture = _room(height, width, rng)
    return Backdrop(lit(picture, rng), kind < len(_SURFACES))


def lit(scene: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a scene (float, 0 … 255) as a camera sees it, uint8: uneven light, and its noise."""
    height, width = scene.shape[:2]
    light = 1 + 0.16 * noise(rng, height, width, 1.3) + _slope(height, width, rng)
    seen = scene * light[..., None] + rng.normal(0, 1.5, (height, width, 1))
    return np.clip(seen, 0, 255).astype(np.uint8)


def surface(
    height: int, width: int, rng: np.random.Generator, kind: str | None = None
) -> np.ndarray:
    """Return a floor, cloth or ground, float32 RGB: wood, fabric, rough, grass or tiles, or any."""
    return (_BY_NAME[kind] if kind else pick(rng, _SURFACES))(height, width, rng)


def noise(
    rng: np.random.Generator, height: int, width: int, cells: float, stretch: float = 1.0,
    octaves: int = 1,
) -> np.ndarray:  # fmt: skip
    """Return smooth noise of about -1 … 1, float32, height × width.

    Args:
        rng: source of randomness.
        height: pixels.
        width: pixels.
        cells: bumps along the longer side.
        stretch: how many times longer than high a bump is.
        octaves: layers, each of half the size and strength of the one before.
    """
    side = max(height, width)
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        density = cells * 2**octave
        shape = (
            min(height, max(2, round(density * height / side * np.sqrt(stretch)) + 1)),
            min(width, max(2, round(density * width / side / np.sqrt(stretch)) + 1)),
        )
        bumps = rng.normal(0, 0.5, shape).astype(np.float32)
        layer = cv2.resize(bumps, (width, height), interpolation=cv2.INTER_CUBIC)
        total += layer * 0.5**octave
    return total


def _slope(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Light that falls off to one side by up to a quarter."""
    strength, angle = rng.uniform(0, 0.25), rng.uniform(0, 2 * np.pi)
    rows = np.linspace(-0.5, 0.5, height, dtype=np.float32)[:, None] * np.sin(angle)
    columns = np.linspace(-0.5, 0.5, width, dtype=np.float32)[None] * np.cos(angle)
    return (strength * (rows + columns)).astype(np.float32)


def _wood(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Planks: each with its own tone and grain, dark joints between."""
    tone = from_hsv(rng.uniform(0.05, 0.11), rng.uniform(0.15, 0.65), rng.uniform(0.3, 0.9))
    upright = happens(rng, 0.4)
    if upright:
        height, width = width, height
    planks = int(rng.integers(3, 12))
    edges = np.linspace(0, height, planks + 1).astype(int)
    factor = np.ones((height, width), np.float32)
    contrast = rng.uniform(0.5, 1.4)
    for top, bottom in pairwise(edges):
        if bottom - top < 2:
            continue
        rows = bottom - top
        grain = noise(rng, rows, width, rng.uniform(20, 40), 30, octaves=3)
        rings = np.sin(6 * noise(rng, rows, width, 3, 8) + 9 * np.linspace(0, 1, rows)[:, None])
        factor[top:bottom] = 1 + contrast * (0.10 * grain + 0.05 * rings) + rng.normal(0, 0.06)
        factor[top : top + max(1, height // 250)] *= rng.uniform(0.35, 0.7)
        joint = int(rng.integers(width))
        factor[top:bottom, joint : joint + max(1, width // 300)] *= 0.6
    picture = factor[..., None] * np.array(tone, np.float32)
    return np.ascontiguousarray(picture.transpose(1, 0, 2)) if upright else picture


def _fabric(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Cloth or carpet: a weave, and folds that are soft shadows."""
    tone = from_hsv(rng.random(), rng.uniform(0.05, 0.7), rng.uniform(0.25, 0.95))
    pitch = rng.uniform(2.2, 6.0)
    rows = np.sin(np.arange(height, dtype=np.float32)[:, None] * (2 * np.pi / pitch))
    columns = np.sin(np.arange(width, dtype=np.float32)[None] * (2 * np.pi / pitch))
    weave = rng.uniform(0.02, 0.08) * rows * columns
    folds = rng.uniform(0.03, 0.22) * noise(rng, height, width, 4, rng.uniform(0.2, 5), 2)
    fuzz = rng.normal(0, rng.uniform(0.01, 0.07), (height, width)).astype(np.float32)
    return (1 + weave + folds + fuzz)[..., None] * np.array(tone, np.float32)


def _rough(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Concrete, sand, plaster or stone: noise of all sizes in one or two tones."""
    base: Colour = grey(rng, 110, 220)
    if happens(rng, 0.4):
        base = from_hsv(rng.uniform(0.06, 0.13), rng.uniform(0.1, 0.4), rng.uniform(0.5, 0.9))
    cloud = noise(rng, height, width, rng.uniform(3, 12), 1.0, octaves=5)
    veins = np.exp(-((noise(rng, height, width, 4, 1, 3) * 9) ** 2)) * happens(rng, 0.3)
    factor = 1 + rng.uniform(0.04, 0.16) * cloud - 0.25 * veins
    return factor[..., None] * np.array(base, np.float32)


def _grass(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Lawn or leaves: short upright strokes in greens."""
    green = np.array(
        from_hsv(rng.uniform(0.2, 0.36), rng.uniform(0.4, 0.8), rng.uniform(0.3, 0.65)), np.float32
    )
    blades = noise(rng, height, width, 140, 0.25) + noise(rng, height, width, 60, 0.3)
    patches = noise(rng, height, width, 6, 1, 3)
    picture = (1 + 0.25 * blades + 0.15 * patches)[..., None] * green
    picture[..., 0] += 14 * patches
    return picture


def _tiles(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Tiled floor, often in perspective."""
    tone = np.array(grey(rng, 120, 235), np.float32)
    other = tone * rng.uniform(0.35, 1.0)
    count, cell = int(rng.integers(4, 10)), 48
    board = np.empty((count * cell, count * cell, 3), np.float32)
    for row in range(count):
        for column in range(count):
            colour = (tone if (row + column) % 2 else other) * rng.normal(1, 0.03)
            board[row * cell : (row + 1) * cell, column * cell : (column + 1) * cell] = colour
    joint = tone * rng.uniform(0.4, 1.1)
    for at in range(0, count * cell, cell):
        board[at : at + 2] = joint
        board[:, at : at + 2] = joint
    board *= 1 + 0.06 * noise(rng, *board.shape[:2], 10, 1, 3)[..., None]
    full = count * cell
    squeeze = rng.uniform(0, 0.35) * full
    source = np.array([[squeeze, 0], [full - squeeze, 0], [full, full], [0, full]], np.float32)
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(source, target)
    return cv2.warpPerspective(
        board, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
    )


_SURFACES: tuple[Callable[[int, int, np.random.Generator], np.ndarray], ...] = (
    _wood, _wood, _fabric, _rough, _grass, _tiles,
)  # fmt: skip

_BY_NAME = {
    "wood": _wood, "fabric": _fabric, "rough": _rough, "grass": _grass, "tiles": _tiles,
}  # fmt: skip


def _surroundings(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """A scene far out of focus: patches of colour that run into each other."""
    shape = (int(rng.integers(3, 7)), int(rng.integers(3, 7)))
    hue, spread = rng.uniform(0.02, 0.62), rng.uniform(0.02, 0.1)
    patches = np.array(
        [
            from_hsv(hue + rng.normal(0, spread), rng.uniform(0.04, 0.42), rng.uniform(0.25, 0.95))
            for _ in range(shape[0] * shape[1])
        ],
        np.float32,
    )
    grid = patches.reshape(*shape, 3)
    scene = cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(scene, 10, 250)


def _room(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """A wall above a floor or table."""
    wall = np.array(
        from_hsv(rng.random(), rng.uniform(0.0, 0.25), rng.uniform(0.55, 0.97)), np.float32
    )
    picture = np.empty((height, width, 3), np.float32)
    picture[:] = wall
    picture *= 1 + 0.02 * noise(rng, height, width, 60, 1, 2)[..., None]
    horizon = int(height * rng.uniform(0.5, 0.75))
    floor = pick(rng, (_wood, _fabric, _rough, _tiles))
    if height - horizon >= 4:
        picture[horizon:] = floor(height - horizon, width, rng)
        if happens(rng, 0.4):
            skirting = max(1, height // 40)
            picture[max(0, horizon - skirting) : horizon] = wall * rng.uniform(0.7, 1.15)
    shade = np.exp(-np.abs(np.arange(height) - horizon) / max(1.0, 0.05 * height))
    return picture * (1 - 0.2 * shade[:, None, None].astype(np.float32))
