"""Places that lifestyle pictures are taken in: a desk, a wall, a park."""

from __future__ import annotations

import cv2
import numpy as np

from imgassets.sample.canvas import (
    Array,
    Colour,
    blur,
    bounds,
    cast_shadow,
    ellipse,
    fill,
    gradient,
    lighten,
    mask_of,
    mix,
    noise,
    over,
    puff,
    rounded,
    shade,
    smooth,
    stroke,
)

_WALLS: tuple[Colour, ...] = (
    (214, 222, 218), (228, 214, 198), (196, 208, 222), (222, 206, 210), (206, 200, 190),
)  # fmt: skip
_WOODS: tuple[Colour, ...] = ((190, 140, 92), (150, 104, 68), (214, 178, 134), (120, 84, 60))


def _solid(picture: Array, outline: Array, colour: Colour, depth: float) -> None:
    """Draw a rounded solid body (a mug, a pot) with its shading, in place."""
    height, width = picture.shape[:2]
    left, top, right, bottom = (round(v) for v in bounds(outline))
    x0, y0, x1, y1 = (
        max(0, left - 2),
        max(0, top - 2),
        min(width, right + 3),
        min(height, bottom + 3),
    )
    if x1 - x0 < 8 or y1 - y0 < 8:
        return
    view = picture[y0:y1, x0:x1]
    mask = mask_of(x1 - x0, y1 - y0, outline - np.array([x0, y0]))
    over(view, colour, mask)
    shade(view, puff(mask, depth), mask)


def _wood(picture: Array, top: int, colour: Colour, seed: int) -> None:
    """Cover the picture below row ``top`` with a wooden desk, in place."""
    height, width = picture.shape[:2]
    rows = height - top
    board = gradient(width, rows, lighten(colour, -0.12), lighten(colour, 0.12))
    grain = noise(seed, width, rows, width / 3, 5) * 0.045
    knots = noise(seed + 1, width, rows, width / 2, 40) * 0.05
    shade(board, 1 + grain + knots)
    picture[top:] = board
    picture[top : top + 6] = lighten(colour, 0.25)


def _window_light(picture: Array, seed: int) -> None:
    """Let light fall in from one side: brighter there, darker in the far corner."""
    x = np.linspace(1, 0, 32)[None, :] if seed % 2 else np.linspace(0, 1, 32)[None, :]
    y = np.linspace(1, 0, 32)[:, None]
    shade(picture, 0.82 + 0.2 * x + 0.1 * y)


def _lamp(picture: Array, x: float, foot: float, size: float, colour: Colour) -> None:
    base = ellipse(x, foot, size * 0.26, size * 0.07)
    fill(picture, base + np.array([0, size * 0.03]), lighten(colour, -0.5))
    fill(picture, base, colour)
    arm = np.array([[x, foot], [x - size * 0.12, foot - size * 0.6], [x + size * 0.16,
                    foot - size * 1.05]])  # fmt: skip
    stroke(picture, arm, lighten(colour, -0.25), size * 0.045)
    head = smooth(
        [
            (x + size * 0.06, foot - size * 1.18), (x + size * 0.26, foot - size * 1.1),
            (x + size * 0.42, foot - size * 0.78), (x + size * 0.42, foot - size * 0.78),
            (x - size * 0.06, foot - size * 0.86), (x - size * 0.06, foot - size * 0.86),
        ]
    )  # fmt: skip
    glow = np.zeros(picture.shape[:2], np.uint8)
    centre = (int(x + size * 0.2), int(foot - size * 0.66))
    cv2.circle(glow, centre, int(size * 0.5), 255, -1)
    over(picture, (255, 236, 190), blur(glow, size * 0.2), 0.55)
    _solid(picture, head, colour, size * 0.12)


def _mug(picture: Array, x: float, foot: float, size: float, colour: Colour) -> None:
    height, width = picture.shape[:2]
    mask = mask_of(width, height, ellipse(x + size * 0.1, foot, size * 0.7, size * 0.16))
    cast_shadow(picture, mask, 0, 0, size * 0.06, 0.45)
    handle = ellipse(x + size * 0.52, foot - size * 0.52, size * 0.2, size * 0.28)
    stroke(picture, handle, lighten(colour, -0.2), size * 0.11, closed=True)
    body = smooth(
        [
            (x - size * 0.5, foot - size), (x - size * 0.5, foot - size),
            (x - size * 0.46, foot - size * 0.12), (x - size * 0.3, foot),
            (x + size * 0.3, foot), (x + size * 0.46, foot - size * 0.12),
            (x + size * 0.5, foot - size), (x + size * 0.5, foot - size),
        ]
    )  # fmt: skip
    _solid(picture, body, colour, size * 0.3)
    fill(picture, ellipse(x, foot - size, size * 0.5, size * 0.13), lighten(colour, 0.25))
    fill(picture, ellipse(x, foot - size * 0.98, size * 0.43, size * 0.1), (84, 52, 34))


def plant(picture: Array, x: float, foot: float, size: float, seed: int) -> None:
    """Draw a potted plant that stands at (``x``, ``foot``), ``size`` pixels tall, in place."""
    random = np.random.default_rng(seed)
    for _ in range(22):
        angle = random.uniform(-1.25, 1.25)
        length = size * random.uniform(0.45, 0.8)
        root = np.array([x + random.uniform(-0.08, 0.08) * size, foot - size * 0.36])
        tip = root + length * np.array([np.sin(angle), -np.cos(angle)])
        side = np.array([np.cos(angle), np.sin(angle)]) * size * 0.07
        middle = (root + tip) / 2
        leaf = smooth([tuple(root), tuple(middle + side), tuple(tip), tuple(tip),
                       tuple(middle - side), tuple(root)])  # fmt: skip
        green = mix((44, 104, 62), (126, 178, 92), random.random())
        fill(picture, leaf, green)
        stroke(picture, np.array([root, tip]), lighten(green, -0.2), 2)
    pot = smooth(
        [
            (x - size * 0.2, foot - size * 0.4), (x - size * 0.2, foot - size * 0.4),
            (x - size * 0.15, foot), (x - size * 0.15, foot), (x + size * 0.15, foot),
            (x + size * 0.15, foot), (x + size * 0.2, foot - size * 0.4),
            (x + size * 0.2, foot - size * 0.4),
        ]
    )  # fmt: skip
    _solid(picture, pot, (208, 122, 86), size * 0.12)


def desk(width: int, height: int, seed: int, edge: float = 0.5) -> Array:
    """Return a desk before a wall, with a lamp, a mug and a plant at the sides.

    Args:
        width: Pixels of the drawing.
        height: Pixels of the drawing.
        seed: Picks colours and which side things stand on.
        edge: Where the desk begins, as a share of the height.
    """
    random = np.random.default_rng(seed)
    wall = _WALLS[int(random.integers(len(_WALLS)))]
    wood = _WOODS[int(random.integers(len(_WOODS)))]
    picture = gradient(width, height, lighten(wall, 0.1), lighten(wall, -0.06))
    top = int(height * edge)
    frame = rounded(width * (0.08 if seed % 2 else 0.66), height * 0.05, width * 0.24,
                    height * 0.24, 4)  # fmt: skip
    cast_shadow(picture, mask_of(width, height, frame), 8, 14, 14, 0.35)
    fill(picture, frame, (250, 248, 244))
    left, upper = frame.min(axis=0) + 22
    right, lower = frame.max(axis=0) - 22
    fill(picture, rounded(left, upper, right - left, lower - upper, 0), lighten(wall, -0.2))
    hill = np.array([[left, lower], [left, lower - (lower - upper) * 0.4],
                     [(left + right) / 2, upper + (lower - upper) * 0.3],
                     [right, lower - (lower - upper) * 0.2], [right, lower]])  # fmt: skip
    fill(picture, hill, lighten(wood, 0.2))
    _wood(picture, top, wood, seed)
    colours: tuple[Colour, ...] = ((236, 232, 224), (60, 92, 110), (206, 92, 74), (64, 66, 70))
    tint = colours[int(random.integers(len(colours)))]
    if seed % 2:
        _lamp(picture, width * 0.86, top + height * 0.06, height * 0.36, lighten(tint, 0.1))
        plant(picture, width * 0.12, top + height * 0.07, height * 0.3, seed)
        _mug(picture, width * 0.92, height * 0.9, height * 0.13, tint)
    else:
        _lamp(picture, width * 0.1, top + height * 0.06, height * 0.36, lighten(tint, 0.1))
        plant(picture, width * 0.9, top + height * 0.07, height * 0.28, seed)
        _mug(picture, width * 0.09, height * 0.88, height * 0.13, tint)
    _window_light(picture, seed)
    return picture


def room(width: int, height: int, seed: int) -> Array:
    """Return a plain wall with a skirting board, floor and a plant; free in the middle."""
    random = np.random.default_rng(seed)
    wall = _WALLS[int(random.integers(len(_WALLS)))]
    wood = _WOODS[int(random.integers(len(_WOODS)))]
    picture = gradient(width, height, lighten(wall, 0.06), lighten(wall, -0.1))
    shade(picture, 1 + 0.012 * noise(seed, width // 2, height // 2, 6, 6))
    top = int(height * 0.87)
    _wood(picture, top, wood, seed)
    fill(picture, rounded(0, top - height * 0.035, width, height * 0.035, 0), (244, 242, 238))
    plant(picture, width * (0.1 if seed % 2 else 0.9), height * 0.94, height * 0.4, seed)
    _window_light(picture, seed)
    return picture


def park(width: int, height: int, seed: int) -> Array:
    """Return a meadow with trees out of focus behind it, under a bright sky."""
    random = np.random.default_rng(seed)
    picture = gradient(width, height, (150, 196, 232), (230, 240, 242))
    horizon = int(height * 0.52)
    for i in range(16):
        x = random.uniform(-0.05, 1.05) * width
        r = height * random.uniform(0.08, 0.17)
        y = horizon - r * random.uniform(0.3, 1.3)
        green = mix((52, 104, 62), (150, 186, 96), random.random())
        if i % 3 == 0:
            fill(picture, rounded(x - r * 0.1, y, r * 0.2, horizon - y + 4, 2), (100, 80, 62))
        for _ in range(5):
            dx, dy = random.uniform(-0.5, 0.5, 2) * r
            fill(picture, ellipse(x + dx, y + dy, r * 0.7, r * 0.6),
                 lighten(green, random.uniform(-0.15, 0.15)))  # fmt: skip
    picture[:] = cv2.GaussianBlur(picture, (0, 0), height * 0.006)
    meadow = gradient(width, height - horizon, (150, 184, 92), (82, 134, 58))
    shade(meadow, 1 + 0.07 * noise(seed, width, height - horizon, 4, 16)
          + 0.05 * noise(seed + 1, width, height - horizon, 120, 40))  # fmt: skip
    picture[horizon:] = meadow
    path = smooth(
        [
            (width * 0.55, horizon), (width * 0.55, horizon), (width * 0.6, horizon + height * 0.1),
            (width * 0.5, height), (width * 0.5, height), (width * 1.1, height),
            (width * 1.1, height), (width * 0.72, horizon + height * 0.1),
            (width * 0.58, horizon), (width * 0.58, horizon),
        ]
    )  # fmt: skip
    over(picture, (222, 206, 172), mask_of(width, height, path), 0.85)
    _window_light(picture, seed)
    return picture
