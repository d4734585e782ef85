"""Places that products are shown in: furnished rooms, streets, meadows, shelves, laid tables.

Everything is drawn; people are not: none could be drawn that a camera might have seen.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from imgassets.learning.synthetic import silhouettes
from imgassets.learning.synthetic.art import curve
from imgassets.learning.synthetic.backdrops import Backdrop, lit, noise, surface
from imgassets.learning.synthetic.chance import happens, pick
from imgassets.learning.synthetic.colours import Colour, from_hsv, grey

_PROPS = (silhouettes.VASE, silhouettes.LAMP, silhouettes.BOTTLE, silhouettes.CAN, silhouettes.BOX,
          silhouettes.BAG)  # fmt: skip

Floats = np.ndarray
"""RGB, float32, height × width × 3, 0 … 255."""


def furnished_room(height: int, width: int, rng: np.random.Generator) -> Backdrop:
    """A wall with a window or pictures above a floor, furniture along it, out of focus."""
    wall = _tone(rng, 0.25, 0.6, 0.97)
    scene = np.empty((height, width, 3), np.float32)
    scene[:] = wall
    horizon = int(height * rng.uniform(0.52, 0.74))
    scene[horizon:] = surface(height - horizon, width, rng) if height - horizon > 4 else wall * 0.7
    scene[max(0, horizon - height // 40) : horizon] = wall * rng.uniform(0.7, 1.15)
    for _ in range(int(rng.integers(0, 3))):
        _hang(scene, horizon, rng)
    for _ in range(int(rng.integers(1, 4))):
        shape = pick(rng, (silhouettes.SOFA, silhouettes.CHAIR, silhouettes.LAMP, silhouettes.VASE))
        size = height * rng.uniform(0.22, 0.6)
        foot = horizon + height * rng.uniform(0.01, 0.1)
        _prop(scene, shape, (rng.uniform(-0.05, 0.95) * width, foot - size), size, rng)
    shade = np.exp(-np.abs(np.arange(height) - horizon) / max(1.0, 0.05 * height))
    scene *= 1 - 0.2 * shade[:, None, None].astype(np.float32)
    return Backdrop(lit(_soft(scene, rng.uniform(0.002, 0.016)), rng), False)


def street(height: int, width: int, rng: np.random.Generator) -> Backdrop:
    """Fronts of houses with windows above a pavement, out of focus."""
    scene = _sky(height, width, rng)
    horizon = int(height * rng.uniform(0.55, 0.78))
    x = -width * rng.uniform(0, 0.2)
    while x < width:
        wide = width * rng.uniform(0.18, 0.45)
        top = height * rng.uniform(-0.1, 0.3)
        _house(scene, (x, top, x + wide, horizon), rng)
        x += wide
    if height - horizon > 4:
        scene[horizon:] = surface(height - horizon, width, rng, "rough")
    return Backdrop(lit(_soft(scene, rng.uniform(0.004, 0.025)), rng), False)


def meadow(height: int, width: int, rng: np.random.Generator) -> Backdrop:
    """Grass, sand or water below trees or hills and a sky, out of focus with distance."""
    scene = _sky(height, width, rng)
    horizon = int(height * rng.uniform(0.3, 0.6))
    columns = np.linspace(0, 1, width)
    ridge = horizon - height * (0.08 + 0.1 * np.abs(noise(rng, 1, width, 6, 1, 3)[0]))
    rows = np.arange(height)[:, None]
    hills = (rows >= ridge[None]) & (rows < horizon)
    far = _tone(rng, 0.5, 0.25, 0.6, hue=rng.uniform(0.2, 0.6))
    leaves = 1 + 0.3 * noise(rng, height, width, 40, 1, 2)[..., None]
    scene = np.where(hills[..., None], far * leaves, scene)
    for _ in range(int(rng.integers(0, 6))):
        _tree(scene, float(rng.choice(columns)) * width, horizon, rng)
    scene = _soft(scene.astype(np.float32), rng.uniform(0.006, 0.025))
    ground = surface(max(1, height - horizon), width, rng, pick(rng, ("grass", "grass", "rough")))
    scene[horizon:] = ground[: height - horizon]
    return Backdrop(lit(scene, rng), False)


def shelf(height: int, width: int, rng: np.random.Generator) -> Backdrop:
    """A board on a wall with vases, books and boxes on it."""
    scene = np.empty((height, width, 3), np.float32)
    scene[:] = _tone(rng, 0.2, 0.65, 0.97)
    board = int(height * rng.uniform(0.78, 0.9))
    thick = max(3, round(height * rng.uniform(0.02, 0.05)))
    x = width * rng.uniform(0.0, 0.1)
    while x < width:
        size = height * rng.uniform(0.15, 0.45)
        if happens(rng, 0.4):
            x = _books(scene, x, board, size, rng)
        else:
            _prop(scene, pick(rng, _PROPS), (x - size * 0.2, board - size * 0.95), size, rng)
            x += size * 0.7
        x += width * rng.uniform(0.0, 0.25)
    scene[board : board + thick] = surface(thick, width, rng, "wood")
    scene[board + thick : board + 3 * thick] *= 0.8
    return Backdrop(lit(_soft(scene, rng.uniform(0.001, 0.012)), rng), False)


def laid_table(height: int, width: int, rng: np.random.Generator) -> Backdrop:
    """A floor, bed or table seen from above, with plates, leaves, papers and ribbons on it."""
    scene = surface(height, width, rng)
    for _ in range(int(rng.integers(2, 8))):
        centre = (rng.uniform(0, 1) * width, rng.uniform(0, 1) * height)
        size = min(height, width) * rng.uniform(0.08, 0.34)
        pick(rng, (_plate, _paper, _leaf, _ribbon))(scene, centre, size, rng)
    return Backdrop(lit(scene, rng), True)


def _soft(scene: Floats, share: float) -> Floats:
    """Blur a scene as a lens does what is out of focus; ``share`` of its longer side."""
    height, width = scene.shape[:2]
    sigma = share * max(height, width)
    if sigma < 0.3:
        return scene
    coarse = max(1, int(sigma / 2))  # what is so soft has no detail to lose
    size = (max(1, width // coarse), max(1, height // coarse))
    small = cv2.resize(scene, size, interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(small, (0, 0), sigma / coarse)
    return cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR)


def _tone(
    rng: np.random.Generator, saturation: float, low: float, high: float, hue: float | None = None
) -> np.ndarray:
    shade = rng.random() if hue is None else hue
    return np.array(from_hsv(shade, rng.uniform(0, saturation), rng.uniform(low, high)), np.float32)


def _sky(height: int, width: int, rng: np.random.Generator) -> Floats:
    top = _tone(rng, 0.5, 0.7, 1.0, hue=rng.uniform(0.54, 0.62))
    low = _tone(rng, 0.2, 0.85, 1.0, hue=rng.uniform(0.02, 0.62))
    rows = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    clouds = 14 * np.clip(noise(rng, height, width, 3, 3, 3), 0, 1)[..., None]
    return np.clip(top * (1 - rows) + low * rows + clouds, 0, 255).astype(np.float32)


def _shape(scene: Floats, points: np.ndarray, colour: np.ndarray, light: float = 0.15) -> None:
    """Fill an outline (pixels), darker to one side, in place."""
    mask = np.zeros(scene.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.rint(np.asarray(points) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    x, y, wide, tall = cv2.boundingRect(mask)
    if not wide or not tall:
        return
    part = (slice(y, y + tall), slice(x, x + wide))
    slope = 1 + light * np.linspace(1, -1, wide, dtype=np.float32)[None, :, None]
    weight = mask[part][..., None].astype(np.float32) / 255
    scene[part] += (colour * slope - scene[part]) * weight


def _prop(
    scene: Floats, outline: np.ndarray, place: tuple[float, float], size: float,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Draw a piece of furniture or a thing, with a shadow at its foot."""
    points = np.asarray(outline) * size + place
    left, right, foot = points[:, 0].min(), points[:, 0].max(), points[:, 1].max()
    angle = np.linspace(0, 2 * np.pi, 40)
    shadow = np.stack(
        [(left + right) / 2 + (right - left) * 0.5 * np.cos(angle),
         foot + size * 0.03 * np.sin(angle)], axis=1,
    )  # fmt: skip
    ground = scene[int(np.clip(foot, 0, len(scene) - 1))].mean(axis=0)
    _shape(scene, shadow, ground * 0.6, 0.0)
    _shape(scene, points, _tone(rng, 0.6, 0.2, 0.9), rng.uniform(0.05, 0.3))


def _hang(scene: Floats, horizon: int, rng: np.random.Generator) -> None:
    """Hang a window or a framed picture on the wall, in place."""
    width = scene.shape[1]
    wide, tall = width * rng.uniform(0.12, 0.34), horizon * rng.uniform(0.2, 0.55)
    x, y = rng.uniform(0, 0.85) * width, rng.uniform(0.04, 0.3) * horizon
    frame = np.array([(x, y), (x + wide, y), (x + wide, y + tall), (x, y + tall)])
    inner = (frame - frame.mean(axis=0)) * 0.88 + frame.mean(axis=0)
    _shape(scene, frame, _tone(rng, 0.4, 0.15, 1.0), 0.0)
    is_window = happens(rng, 0.5)
    glass = _tone(rng, 0.15, 0.93, 1.0) if is_window else _tone(rng, 0.6, 0.3, 0.9)
    _shape(scene, inner, glass, 0.0 if is_window else 0.2)
    if is_window:
        x += wide / 2
        bar = np.array([(x - 1, y), (x + 2, y), (x + 2, y + tall), (x - 1, y + tall)])
        _shape(scene, bar, _tone(rng, 0.1, 0.7, 0.9), 0.0)


def _house(scene: Floats, box: tuple[float, float, float, float], rng: np.random.Generator) -> None:
    left, top, right, bottom = box
    wall = _tone(rng, 0.4, 0.35, 0.95)
    _shape(scene, np.array([(left, top), (right, top), (right, bottom), (left, bottom)]), wall)
    glass = wall * rng.uniform(0.25, 0.6)
    columns, rows = int(rng.integers(2, 5)), int(rng.integers(2, 5))
    wide, tall = (right - left) / columns, (bottom - top) / rows
    for column in range(columns):
        for row in range(rows):
            x, y = left + (column + 0.25) * wide, top + (row + 0.2) * tall
            pane = np.array([(x, y), (x + wide / 2, y), (x + wide / 2, y + tall * 0.6),
                             (x, y + tall * 0.6)])  # fmt: skip
            _shape(scene, pane, glass * rng.uniform(0.8, 1.3), 0.0)


def _tree(scene: Floats, x: float, foot: int, rng: np.random.Generator) -> None:
    size = len(scene) * rng.uniform(0.15, 0.45)
    trunk = np.array([(-0.04, 0.0), (0.04, 0.0), (0.03, -0.5), (-0.03, -0.5)]) * size + (x, foot)
    _shape(scene, trunk, _tone(rng, 0.5, 0.15, 0.4, hue=0.08), 0.1)
    angle = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    radius = size * rng.uniform(0.22, 0.4, 12)
    crown = np.stack(
        [x + radius * np.cos(angle), foot - size * 0.7 + radius * np.sin(angle)], axis=1
    )
    _shape(scene, curve(crown), _tone(rng, 0.8, 0.25, 0.6, hue=rng.uniform(0.08, 0.36)), 0.2)


def _books(scene: Floats, x: float, board: int, size: float, rng: np.random.Generator) -> float:
    """Put some books on a shelf; return where they end."""
    for _ in range(int(rng.integers(2, 7))):
        wide, tall = size * rng.uniform(0.06, 0.16), size * rng.uniform(0.6, 1.0)
        spine = np.array(
            [(x, board), (x + wide, board), (x + wide, board - tall), (x, board - tall)]
        )
        _shape(scene, spine, _tone(rng, 0.7, 0.2, 0.9), 0.1)
        x += wide + 1
    return x


Centre = tuple[float, float]


def _plate(scene: Floats, centre: Centre, size: float, rng: np.random.Generator) -> None:
    tone = _tone(rng, 0.3, 0.6, 1.0)
    angle = np.linspace(0, 2 * np.pi, 60)
    round_ = np.stack([np.cos(angle), np.sin(angle)], axis=1) * size / 2
    _shape(scene, round_ + centre + size * 0.03, tone * 0.35, 0.0)
    _shape(scene, round_ + centre, tone, 0.08)
    _shape(scene, round_ * 0.7 + centre, tone * rng.uniform(0.85, 0.97), -0.06)


def _paper(scene: Floats, centre: Centre, size: float, rng: np.random.Generator) -> None:
    """A magazine, a card or a book, lying askew."""
    wide, tall, turn = size * 0.7, size, rng.uniform(0, np.pi)
    corners = np.array([(-wide, -tall), (wide, -tall), (wide, tall), (-wide, tall)]) / 2
    turned = corners @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    tone = _tone(rng, 0.4, 0.4, 1.0)
    _shape(scene, turned + centre + size * 0.02, tone * 0.4, 0.0)
    _shape(scene, turned + centre, tone, 0.04)


def _leaf(scene: Floats, centre: Centre, size: float, rng: np.random.Generator) -> None:
    """Some leaves or petals round a stem."""
    colour = _tone(rng, 0.8, 0.35, 0.85, hue=pick(rng, (0.3, 0.34, 0.95, 0.12)))
    for turn in rng.uniform(0, 2 * np.pi, int(rng.integers(3, 8))):
        along = np.array([np.cos(turn), np.sin(turn)])
        across = np.array([-along[1], along[0]])
        tip, wide = along * size * rng.uniform(0.35, 0.6), across * size * 0.12
        blade = curve(np.stack([0 * tip, tip / 2 + wide, tip, tip / 2 - wide]))
        _shape(scene, blade + centre, colour * rng.uniform(0.75, 1.1), 0.12)


def _ribbon(scene: Floats, centre: Centre, size: float, rng: np.random.Generator) -> None:
    """A cable, a belt or a ribbon in loops."""
    points = curve(rng.normal(0, 0.6, (6, 2)) * size + centre, closed=False)
    colour: Colour = pick(rng, (grey(rng, 20, 240), from_hsv(rng.random(), 0.6, 0.7)))
    path = np.rint(points * 16).astype(np.int32)
    wide = max(1, round(size * rng.uniform(0.02, 0.1)))
    cv2.polylines(scene, [path], False, colour, wide, cv2.LINE_AA, 4)


PLACES: dict[str, Callable[[int, int, np.random.Generator], Backdrop]] = {
    "room": furnished_room,
    "street": street,
    "meadow": meadow,
    "shelf": shelf,
    "table": laid_table,
}
"""Kinds of places by name."""
