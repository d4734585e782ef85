"""What is shown on the screens of tablets and laptops: wallpapers, icons, windows, text."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from imgassets.sample.canvas import (
    Array,
    Colour,
    blank,
    ellipse,
    fill,
    gradient,
    lighten,
    mask_of,
    mix,
    noise,
    over,
    rounded,
    stroke,
    write,
)

_PALETTES: dict[str, tuple[Colour, Colour, Colour]] = {
    "dunes": ((250, 205, 150), (226, 120, 80), (110, 46, 62)),
    "waves": ((190, 232, 240), (52, 140, 190), (16, 52, 104)),
    "peaks": ((206, 214, 240), (120, 130, 190), (40, 44, 88)),
    "meadow": ((222, 240, 196), (108, 176, 96), (26, 92, 74)),
    "night": ((74, 60, 130), (30, 26, 74), (10, 10, 28)),
    "candy": ((255, 224, 130), (255, 140, 120), (120, 80, 200)),
}

_APP_COLOURS: tuple[Colour, ...] = (
    (236, 94, 84), (250, 178, 62), (92, 190, 112), (64, 146, 232), (146, 98, 222), (54, 190, 190),
    (240, 240, 244), (52, 56, 66), (236, 120, 172),
)  # fmt: skip

_INK: tuple[Colour, ...] = (
    (130, 200, 250), (240, 180, 110), (160, 220, 140), (220, 140, 200), (210, 214, 222),
)  # fmt: skip


@lru_cache(maxsize=8)
def _wallpaper(width: int, height: int, theme: str, seed: int) -> Array:
    sky, middle, deep = _PALETTES[theme]
    picture = gradient(width, height, lighten(sky, 0.15), mix(sky, middle, 0.6))
    random = np.random.default_rng(seed)
    sun = (width * random.uniform(0.25, 0.75), height * random.uniform(0.22, 0.4))
    glow = np.zeros((height, width), np.uint8)
    cv2.circle(glow, (int(sun[0]), int(sun[1])), int(width * 0.13), 255, -1, cv2.LINE_AA)
    over(picture, lighten(sky, 0.6), glow, 0.8)
    x = np.linspace(0, width, 80)
    layers = 5
    for i in range(layers):
        share = (i + 1) / layers
        base = height * (0.42 + 0.12 * i)
        phase = random.uniform(0, 6, 3)
        line = (
            base
            + height * 0.06 * np.sin(x / width * 4 + phase[0])
            + height * 0.03 * np.sin(x / width * 9 + phase[1])
        )
        if theme == "peaks":
            line -= height * 0.08 * np.abs(np.sin(x / width * 7 + phase[2]))
        ridge = np.concatenate([np.stack([x, line], axis=1), [[width, height], [0, height]]])
        tint = mix(mix(sky, middle, min(1.0, 1.6 * share)), deep, max(0.0, 2 * share - 1))
        fill(picture, ridge, tint)
    return picture


def _status_bar(picture: Array, unit: float) -> None:
    width = picture.shape[1]
    write(picture, "9:41", (unit * 0.9, unit * 0.62), unit * 0.5, (255, 255, 255))
    fill(picture, rounded(width - unit * 1.4, unit * 0.45, unit * 0.75, unit * 0.36, 4),
         (255, 255, 255))  # fmt: skip
    for i in range(3):
        bar = rounded(width - unit * (2.3 - 0.22 * i), unit * (0.72 - 0.11 * i), unit * 0.14,
                      unit * (0.1 + 0.11 * i), 2)  # fmt: skip
        fill(picture, bar, (255, 255, 255))


def _icon(picture: Array, x: float, y: float, size: float, colour: Colour, glyph: int) -> None:
    """Draw one app icon whose top left corner is (``x``, ``y``)."""
    fill(picture, rounded(x, y, size, size, size * 0.24), colour)
    fill(picture, rounded(x, y, size, size * 0.5, size * 0.24), lighten(colour, 0.12))
    ink: Colour = (60, 64, 74) if sum(colour) > 640 else (255, 255, 255)
    cx, cy, r = x + size / 2, y + size / 2, size * 0.26
    if glyph % 5 == 0:
        stroke(picture, ellipse(cx, cy, r, r), ink, size * 0.09, closed=True)
    elif glyph % 5 == 1:
        fill(picture, np.array([[cx - r, cy - r], [cx + r, cy], [cx - r, cy + r]]), ink)
    elif glyph % 5 == 2:
        for i in (-1, 0, 1):
            fill(picture, rounded(cx - r, cy + i * r * 0.7 - 2, 2 * r, size * 0.08, 3), ink)
    elif glyph % 5 == 3:
        fill(picture, rounded(cx - r, cy - r * 0.7, 2 * r, 1.5 * r, r * 0.4), ink)
        fill(picture, ellipse(cx, cy, r * 0.35, r * 0.35), colour)
    else:
        angle = np.linspace(-np.pi / 2, 1.5 * np.pi, 11)[:-1]
        length = np.where(np.arange(10) % 2, r * 0.5, r * 1.15)
        star = np.stack([cx + length * np.cos(angle), cy + length * np.sin(angle)], axis=1)
        fill(picture, star, ink)


def home_screen(width: int, height: int, theme: str, seed: int) -> Array:
    """Return a tablet's home screen: wallpaper, clock, a grid of icons and a dock.

    Args:
        width: Pixels.
        height: Pixels.
        theme: A wallpaper: dunes, waves, peaks, meadow, night or candy.
        seed: Picks icons and hills.
    """
    picture = _wallpaper(width, height, theme, seed).copy()
    random = np.random.default_rng(seed)
    unit = min(width, height) / 18
    _status_bar(picture, unit)
    write(picture, "09:41", (width / 2, height * 0.14), unit * 2.6, (255, 255, 255), weight=1)
    write(picture, "Monday 5 January", (width / 2, height * 0.14 + unit * 2), unit * 0.75,
          (255, 255, 255))  # fmt: skip
    columns = 5 if width < height else 7
    rows = 4 if width < height else 2
    size = unit * 1.9
    pitch = width / (columns + 0.6)
    for i in range(rows * columns):
        row, column = divmod(i, columns)
        x = (width - pitch * columns) / 2 + pitch * (column + 0.5) - size / 2
        y = height * 0.34 + row * size * 1.65
        colour = _APP_COLOURS[int(random.integers(len(_APP_COLOURS)))]
        _icon(picture, x, y, size, colour, int(random.integers(5)))
        fill(picture, rounded(x + size * 0.2, y + size * 1.12, size * 0.6, size * 0.09, 3),
             (245, 245, 248))  # fmt: skip
    dock = rounded(width * 0.16, height - unit * 3.4, width * 0.68, unit * 2.7, unit * 0.8)
    over(picture, (255, 255, 255), mask_of(width, height, dock), 0.38)
    for i in range(5):
        x = width * 0.16 + width * 0.68 * (i + 0.5) / 5 - size / 2
        colour = _APP_COLOURS[int(random.integers(len(_APP_COLOURS)))]
        _icon(picture, x, height - unit * 3.0, size, colour, i)
    return picture


def book_page(width: int, height: int, seed: int) -> Array:
    """Return an e-reader's page: a chapter head and lines of words in grey ink."""
    picture = blank(width, height, (226, 224, 216))
    random = np.random.default_rng(seed)
    margin = width * 0.09
    write(picture, "CHAPTER FOUR", (width / 2, height * 0.1), width * 0.035, (70, 70, 70))
    write(picture, "The Lighthouse", (width / 2, height * 0.155), width * 0.07, (40, 40, 40))
    line_height = height * 0.029
    y = height * 0.24
    while y < height * 0.93:
        x = margin + (width * 0.05 if random.random() < 0.15 else 0)
        end = width - margin - (width * random.uniform(0.1, 0.5) if random.random() < 0.15 else 0)
        while x < end:
            word = min(width * random.uniform(0.03, 0.12), end - x)
            fill(picture, rounded(x, y, word, line_height * 0.36, 3), (84, 84, 82))
            x += word + width * 0.014
        y += line_height
    return picture


def code_editor(width: int, height: int, seed: int) -> Array:
    """Return a laptop's screen full of code, with a file list on the left."""
    picture = blank(width, height, (30, 32, 40))
    random = np.random.default_rng(seed)
    fill(picture, rounded(0, 0, width * 0.19, height, 0), (24, 25, 32))
    fill(picture, rounded(0, 0, width, height * 0.05, 0), (44, 46, 56))
    for i, colour in enumerate([(236, 94, 84), (250, 190, 62), (92, 200, 112)]):
        fill(picture, ellipse(width * (0.016 + 0.018 * i), height * 0.025, width * 0.006,
                              width * 0.006), colour)  # fmt: skip
    step = height * 0.031
    for i in range(int(height * 0.9 / step)):
        y = height * 0.07 + i * step
        if i < 18:
            fill(picture, rounded(width * (0.02 + 0.012 * (i % 3)), y,
                                  width * random.uniform(0.05, 0.11), step * 0.34, 3),
                 (110, 116, 130))  # fmt: skip
        x = width * (0.23 + 0.022 * random.integers(0, 4))
        for _ in range(int(random.integers(0, 7))):
            token = width * random.uniform(0.015, 0.08)
            ink = _INK[int(random.integers(len(_INK)))]
            fill(picture, rounded(x, y, token, step * 0.36, 3), ink)
            x += token + width * 0.008
    return picture


def desktop(width: int, height: int, theme: str, seed: int) -> Array:
    """Return a laptop's desktop: wallpaper, one window with a chart, a task bar."""
    picture = _wallpaper(width, height, theme, seed).copy()
    random = np.random.default_rng(seed)
    x0, y0 = width * random.uniform(0.08, 0.3), height * random.uniform(0.1, 0.2)
    w, h = width * 0.56, height * 0.6
    fill(picture, rounded(x0 + 6, y0 + 10, w, h, 14), mix((0, 0, 0), _PALETTES[theme][2], 0.5))
    fill(picture, rounded(x0, y0, w, h, 14), (250, 250, 252))
    fill(picture, rounded(x0, y0, w, h * 0.1, 14), (226, 228, 234))
    for i in range(9):
        bar = h * random.uniform(0.12, 0.5)
        colour = _APP_COLOURS[i % 6]
        fill(picture, rounded(x0 + w * (0.06 + 0.062 * i), y0 + h * 0.88 - bar, w * 0.042, bar, 4),
             colour)  # fmt: skip
    for i in range(8):
        fill(picture, rounded(x0 + w * 0.68, y0 + h * (0.18 + 0.09 * i),
                              w * random.uniform(0.14, 0.27), h * 0.03, 4),
             (150, 156, 168))  # fmt: skip
    bar_mask = mask_of(width, height, rounded(0, height * 0.93, width, height * 0.08, 0))
    over(picture, (20, 22, 30), bar_mask, 0.55)
    size = height * 0.045
    for i in range(9):
        colour = _APP_COLOURS[(i + seed) % len(_APP_COLOURS)]
        _icon(picture, width * 0.5 + (i - 4.5) * size * 1.5, height * 0.943, size, colour, i)
    return picture


def glass(picture: Array, strength: float = 0.1) -> None:
    """Lay the reflection of a window over a screen, in place."""
    height, width = picture.shape[:2]
    band = np.array([[width * 0.55, 0], [width * 0.95, 0], [width * 0.45, height], [0, height]])
    over(picture, (255, 255, 255), mask_of(width, height, band), strength)
    thin = np.array([[width * 0.99, 0], [width * 1.05, 0], [width * 0.6, height],
                     [width * 0.5, height]])  # fmt: skip
    over(picture, (255, 255, 255), mask_of(width, height, thin), strength * 0.8)


def speckle(picture: Array, seed: int, strength: float) -> None:
    """Give a plain plastic or painted face its fine grain, in place."""
    height, width = picture.shape[:2]
    grain = noise(seed, width, height, 2, 2) * strength
    picture[:] = np.clip(picture + grain[..., None], 0, 255).astype(np.uint8)
