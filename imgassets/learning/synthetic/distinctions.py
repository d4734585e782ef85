"""What makes a picture another one, which a shop shows beside the first: often a detail."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from imgassets.learning.synthetic.chance import happens, pick
from imgassets.learning.synthetic.colours import dark, vivid
from imgassets.learning.synthetic.segmentation import cut_out
from imgassets.learning.synthetic.stickers import draw_sticker
from imgassets.vision.framing import frame_object

Distinction = Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]
"""(RGB uint8 picture, another picture, random numbers) → a picture that differs from the first."""


def _soft_mask(
    shape: tuple[int, int], box: tuple[int, int, int, int], rng: np.random.Generator
) -> np.ndarray:
    """Mask (float32, 0 … 1) of an ellipse or rectangle with a soft edge; box: x, y, w, h."""
    x, y, w, h = box
    mask = np.zeros(shape, np.float32)
    if happens(rng, 0.6):
        centre, axes = (x + w // 2, y + h // 2), (max(1, w // 2), max(1, h // 2))
        cv2.ellipse(mask, centre, axes, 0, 0, 360, 1.0, -1)
    else:
        mask[y : y + h, x : x + w] = 1.0
    return cv2.GaussianBlur(mask, (0, 0), max(0.8, 0.06 * min(w, h)))[..., None]


def _blend(picture: np.ndarray, other: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return np.rint(picture * (1 - mask) + other * mask).astype(np.uint8)


def _place_on_object(
    picture: np.ndarray, share: tuple[float, float], rng: np.random.Generator
) -> tuple[int, int, int, int]:
    """Choose a box (x, y, w, h) on the object; its sides are this share of the object's."""
    found = frame_object(picture).box
    tall, wide = found.bottom - found.top, found.right - found.left
    w, h = (max(3, int(side * rng.uniform(*share))) for side in (wide, tall))
    x = found.left + int(rng.uniform(0.1, 0.9) * max(1, wide - w))
    y = found.top + int(rng.uniform(0.1, 0.9) * max(1, tall - h))
    return x, y, min(w, picture.shape[1] - x), min(h, picture.shape[0] - y)


def _as_large_as(picture: np.ndarray, other: np.ndarray) -> np.ndarray:
    size = (picture.shape[1], picture.shape[0])
    return cv2.resize(other, size, interpolation=cv2.INTER_AREA)


def another_item(picture: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another picture altogether."""
    return other


def _recoloured(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Turn all hues, in the same light or not; tint what has none; or make light dark."""
    way = rng.random()
    if way < 0.35:
        return _turned_chroma(picture, rng)
    if way < 0.65:
        hsv = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV).astype(np.int32)
        hsv[..., 0] = (hsv[..., 0] + rng.integers(20, 161)) % 180
        hsv[..., 1] = np.clip(hsv[..., 1] * rng.uniform(0.9, 1.7), 0, 255)
        return cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB)
    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    if way < 0.88:
        tint = np.array(vivid(rng) if happens(rng, 0.7) else dark(rng), np.float32)
        strength = rng.uniform(0.5, 1.0)
        tinted = gray[..., None] / 255 * tint
        return np.clip(picture * (1 - strength) + tinted * strength, 0, 255).astype(np.uint8)
    low, high = sorted(rng.uniform(0, 255, 2))
    return np.repeat((high - gray / 255 * (high - low))[..., None], 3, 2).astype(np.uint8)


def _turned_chroma(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Turn the chroma by 40 … 320° and move it: another colour in the very same light."""
    colours = cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb).astype(np.float32)
    angle = rng.uniform(0.7, 5.6)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    chroma = (colours[..., 1:] - 128) @ (turn * rng.uniform(0.8, 1.4))
    colours[..., 1:] = chroma + 128 + rng.uniform(-25, 25, 2)
    return cv2.cvtColor(np.clip(colours, 0, 255).astype(np.uint8), cv2.COLOR_YCrCb2RGB)


def colourway(picture: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The object, or the middle of it, in another colour."""
    height, width = picture.shape[:2]
    if happens(rng, 0.5):
        box = _place_on_object(picture, (0.5, 0.9), rng)
        mask = np.zeros((height, width), np.float32)
        mask[box[1] : box[1] + box[3], box[0] : box[0] + box[2]] = 1.0
        mask = cv2.GaussianBlur(mask, (0, 0), max(1.0, box[2] / rng.uniform(8, 30)))[..., None]
    else:
        mask = _object_mask(picture)
    # A pale thing in another colour is a weak difference.
    return _blend(picture, _recoloured(picture, rng), mask * np.float32(rng.uniform(0.3, 1.0)))


def _object_mask(picture: np.ndarray) -> np.ndarray:
    """Mask (float32, 0 … 1) of what differs from the border's colour: all of it if none does."""
    box = frame_object(picture).box
    mask = np.zeros(picture.shape[:2], np.float32)
    inner = box.crop(picture)
    ground = np.median(np.concatenate([picture[0], picture[-1]]), axis=0)
    box.crop(mask)[:] = (np.abs(inner - ground).max(axis=2) > 24).astype(np.float32)
    if mask.mean() < 0.1:
        mask[:] = 1.0
    return cv2.GaussianBlur(mask, (0, 0), 1.0)[..., None]


def recoloured_part(picture: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A part of the object in another colour."""
    box = _place_on_object(picture, (0.15, 0.4), rng)
    mask = _soft_mask(picture.shape[:2], box, rng)
    return _blend(picture, _recoloured(picture, rng), mask)


def accessory(picture: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Something laid beside or before the object: a part of another picture, or its object."""
    height, width = picture.shape[:2]
    share = rng.uniform(0.1, 0.28, 2)
    w, h = max(4, int(width * share[0])), max(4, int(height * share[1]))
    box = frame_object(other).box
    thing, alpha = np.ascontiguousarray(box.crop(other)), None
    if happens(rng, 0.4):
        thing, alpha = cut_out(other)
    thing = cv2.resize(thing, (w, h), interpolation=cv2.INTER_AREA)
    x = pick(rng, (int(width * 0.02), width - w - int(width * 0.02)))
    if happens(rng, 0.3):
        x = int(rng.integers(0, width - w))
    y = int(rng.integers(int(height * 0.03), max(int(height * 0.03) + 1, int(height * 0.97) - h)))
    made = picture.copy()
    place = made[y : y + h, x : x + w]
    mask = 1.0 if alpha is None else cv2.resize(alpha, (w, h))[..., None] / np.float32(255)
    place[:] = (place * (1 - mask) + thing * mask).astype(np.uint8)
    return made


def stylus(picture: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A thin long thing, as a pen, strap or cable, beside or over the object."""
    height, width = picture.shape[:2]
    length = rng.uniform(0.25, 0.7) * max(height, width)
    thick = max(2, round(rng.uniform(0.015, 0.04) * max(height, width)))
    middle = rng.uniform(0.2, 0.8, 2) * (width, height)
    angle = rng.uniform(0, np.pi)
    half = length / 2 * np.array([np.cos(angle), np.sin(angle)])
    start, end = (np.rint(middle + way * half).astype(int).tolist() for way in (-1, 1))
    made = picture.copy()
    cv2.line(made, start, end, (dark if happens(rng, 0.6) else vivid)(rng), thick, cv2.LINE_AA)
    return made


def detail_swapped(picture: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A part of the object is another part: of another picture, or from elsewhere in this one."""
    box = _place_on_object(picture, (0.14, 0.32), rng)
    w, h = box[2:]
    source = _as_large_as(picture, other)
    if happens(rng, 0.4):
        shift = pick(rng, ((w, 0), (-w, 0), (0, h), (0, -h)))
        source = np.roll(picture, shift[::-1], axis=(0, 1))
    return _blend(picture, source, _soft_mask(picture.shape[:2], box, rng))


def detail_removed(picture: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A part of the object is gone: what is around it has been drawn over it."""
    x, y, w, h = _place_on_object(picture, (0.12, 0.3), rng)
    mask = np.zeros(picture.shape[:2], np.uint8)
    mask[y : y + h, x : x + w] = 255
    return cv2.inpaint(picture, mask, 3, cv2.INPAINT_TELEA)


def emblem(picture: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A print on the object: a face, a heart, a flag, stars."""
    x, y, w, h = _place_on_object(picture, (0.15, 0.35), rng)
    side = max(6, min(w, h))
    drawn = draw_sticker(float(side), rng).convert("RGBA").resize((side, side))
    mark = np.asarray(drawn, np.float32)
    made = picture.copy()
    place = made[y : y + side, x : x + side]
    mark = mark[: place.shape[0], : place.shape[1]]
    alpha = mark[..., 3:] / 255
    place[:] = (place * (1 - alpha) + mark[..., :3] * alpha).astype(np.uint8)
    return made


def stripes(picture: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A pattern of stripes over the object or a part of it."""
    height, width = picture.shape[:2]
    box = _place_on_object(picture, (0.3, 0.9), rng)
    period = rng.uniform(0.04, 0.12) * max(height, width)
    angle = rng.uniform(0, np.pi)
    ys, xs = np.mgrid[:height, :width]
    on = np.sin((xs * np.cos(angle) + ys * np.sin(angle)) * 2 * np.pi / period) > 0.2
    mask = _soft_mask((height, width), box, rng) * on[..., None] * np.float32(rng.uniform(0.5, 1))
    mask = mask * _object_mask(picture)
    return _blend(picture, np.broadcast_to(np.array(vivid(rng)), picture.shape), mask)


def detail_crop(picture: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A close-up: 45 … 72 % of both sides."""
    return _cropped(picture, rng.uniform(0.45, 0.72), rng)


def _cropped(picture: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    height, width = picture.shape[:2]
    h, w = int(height * share), int(width * share)
    y, x = int(rng.integers(0, height - h + 1)), int(rng.integers(0, width - w + 1))
    part = picture[y : y + h, x : x + w]
    return cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR)


def mirrored(picture: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Left and right exchanged: the other side of it, or another pose."""
    return np.ascontiguousarray(picture[:, ::-1])


def upside_down(picture: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Turned by a quarter or a half."""
    turn = pick(rng, (cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_COUNTERCLOCKWISE))
    return cv2.rotate(picture, turn)


def in_two_poses(picture: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same thing bent otherwise: a smooth warp that no affine map undoes."""
    height, width = picture.shape[:2]
    amount = rng.uniform(0.05, 0.1) * max(height, width)
    coarse = rng.normal(0, 1, (2, 3, 3)).astype(np.float32)
    bend = np.stack([cv2.resize(c, (width, height), interpolation=cv2.INTER_CUBIC) for c in coarse])
    ys, xs = np.mgrid[:height, :width].astype(np.float32)
    return cv2.remap(
        picture,
        xs + np.float32(amount) * bend[0],
        ys + np.float32(amount) * bend[1],
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )


DISTINCTIONS: dict[str, Distinction] = {
    change.__name__: change
    for change in (
        another_item, colourway, recoloured_part, accessory, stylus, detail_swapped, detail_removed,
        emblem, stripes, detail_crop, mirrored, upside_down, in_two_poses,
    )
}  # fmt: skip
"""Changes that make another picture, by name."""
