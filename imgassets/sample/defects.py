"""What happens to a picture on its way through suppliers: copies made of it, and defects.

All functions take a finished picture with the object's share of the frame and return the same, or
the bytes of a file. None of the usable variants makes a picture narrower than
:data:`MIN_USABLE_SIDE` or its object smaller than :data:`MIN_OBJECT_FRACTION` of the frame.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from imgassets.sample.canvas import (
    Array,
    Colour,
    Shot,
    blank,
    ellipse,
    fill,
    gradient,
    mask_of,
    over,
    rounded,
    stroke,
    write,
)

MIN_USABLE_SIDE = 300
"""Pixels of the shorter side that every usable picture has."""

MIN_OBJECT_FRACTION = 0.30
"""Share of the frame that the object's bounding box takes in every usable picture."""

COPIES = ("exact", "resized", "padded", "toned", "cropped")
"""Ways in which another supplier's file of the same photograph differs."""

BROKEN = ("corrupt", "not_an_image", "dead_url")
"""Defects that leave nothing to look at."""

NOT_AN_IMAGE = (
    b"<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head>\n"
    b"<body><h1>Not Found</h1><p>The picture has moved.</p></body></html>\n"
)
"""What some servers send instead of a missing picture."""


def encode(picture: Array, quality: int = 88) -> bytes:
    """Return ``picture`` as JPEG bytes of ``quality`` 1 … 100."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    done, data = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options)
    if not done:
        raise ValueError(f"OpenCV cannot encode a picture of shape {picture.shape} as JPEG")
    return bytes(data)


def _resize(picture: Array, factor: float) -> Array:
    size = (round(picture.shape[1] * factor), round(picture.shape[0] * factor))
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return cv2.resize(picture, size, interpolation=method)


def resized(shot: Shot, random: np.random.Generator) -> Shot:
    """Scale to 62 … 88 %, less where the picture would become too narrow."""
    least = (MIN_USABLE_SIDE + 8) / min(shot.picture.shape[:2])
    factor = min(1.0, max(least, random.uniform(0.62, 0.88)))
    return Shot(_resize(shot.picture, factor), shot.object_fraction)


def padded(shot: Shot, random: np.random.Generator) -> Shot:
    """Add a white margin of 4 … 9 % on each side, less where the object would become small."""
    most = (np.sqrt(shot.object_fraction / (MIN_OBJECT_FRACTION + 0.01)) - 1) / 2
    share = max(0.0, min(most, random.uniform(0.04, 0.09)))
    height, width = shot.picture.shape[:2]
    x, y = int(width * share), int(height * share)
    framed = cv2.copyMakeBorder(
        shot.picture, y, y, x, x, cv2.BORDER_CONSTANT, value=(255, 255, 255)
    )
    fraction = shot.object_fraction * width * height / (framed.shape[0] * framed.shape[1])
    return Shot(framed, fraction)


def toned(shot: Shot, random: np.random.Generator) -> Shot:
    """Change brightness and warmth by a few per cent."""
    light = random.uniform(0.93, 1.05)
    warmth = random.uniform(-0.035, 0.035)
    factor = np.array([light + warmth, light, light - warmth])
    return Shot(np.clip(shot.picture * factor, 0, 255).astype(np.uint8), shot.object_fraction)


def cropped(shot: Shot, random: np.random.Generator) -> Shot:
    """Cut 1 … 3 % off each side."""
    height, width = shot.picture.shape[:2]
    left, right = (int(width * random.uniform(0.01, 0.03)) for _ in range(2))
    top, bottom = (int(height * random.uniform(0.01, 0.03)) for _ in range(2))
    part = shot.picture[top : height - bottom, left : width - right]
    # Studio margins are wider than the cut, so the object itself stays whole.
    fraction = shot.object_fraction * width * height / (part.shape[0] * part.shape[1])
    return Shot(np.ascontiguousarray(part), min(1.0, fraction))


def blurry(shot: Shot, random: np.random.Generator) -> Shot:
    """Put it out of focus, or enlarge it from a thumbnail."""
    height, width = shot.picture.shape[:2]
    if random.random() < 0.5:
        sigma = max(height, width) * random.uniform(0.013, 0.02)
        return Shot(cv2.GaussianBlur(shot.picture, (0, 0), sigma), shot.object_fraction)
    thumbnail = _resize(shot.picture, random.uniform(40, 60) / max(height, width))
    picture = cv2.resize(thumbnail, (width, height), interpolation=cv2.INTER_CUBIC)
    return Shot(picture, shot.object_fraction)


def small_object(shot: Shot, random: np.random.Generator) -> Shot:
    """Put a studio picture small on a wide white frame: its object takes 5 … 14 % of it."""
    target = random.uniform(0.055, 0.135)
    height, width = shot.picture.shape[:2]
    frame_w, frame_h = 720, round(random.uniform(600, 720))
    factor = np.sqrt(target * frame_w * frame_h / (shot.object_fraction * width * height))
    # A very wide or tall picture must still fit into the frame.
    factor = min(factor, 0.95 * frame_w / width, 0.95 * frame_h / height)
    small = _resize(shot.picture, factor)
    h, w = small.shape[:2]
    picture = blank(frame_w, frame_h)
    x, y = (frame_w - w) // 2, int((frame_h - h) * random.uniform(0.35, 0.65))
    picture[y : y + h, x : x + w] = small
    return Shot(picture, shot.object_fraction * h * w / (frame_w * frame_h))


def low_resolution(shot: Shot, random: np.random.Generator) -> Shot:
    """Scale so that the longest side has 90 … 190 pixels."""
    factor = random.uniform(92, 188) / max(shot.picture.shape[:2])
    return Shot(_resize(shot.picture, factor), shot.object_fraction)


@lru_cache(maxsize=1)
def _seal() -> tuple[Array, Array]:
    """Return a red starburst with 'SALE' and its mask, 480 pixels square."""
    side = 480
    angle = np.linspace(0, 2 * np.pi, 49)[:-1]
    radius = np.where(np.arange(48) % 2, 205, 236)
    star = np.stack([240 + radius * np.cos(angle), 240 + radius * np.sin(angle)], axis=1)
    picture = gradient(side, side, (232, 52, 44), (196, 22, 30))
    stroke(picture, ellipse(240, 240, 184, 184), (255, 236, 200), 7, closed=True)
    write(picture, "SALE", (240, 212), 128, (255, 255, 255), weight=3)
    write(picture, "-30 %", (240, 316), 76, (255, 226, 90), weight=1)
    return picture, mask_of(side, side, star)


@lru_cache(maxsize=1)
def _ribbon() -> tuple[Array, Array]:
    """Return a diagonal corner ribbon and its mask, 640 pixels square."""
    side = 640
    band = blank(side * 2, side * 2, (24, 120, 62))
    write(band, "SPECIAL OFFER", (side, side), 84, (255, 255, 255), weight=2)
    for y in (side - 66, side + 66):
        stroke(band, np.array([[0, y], [2 * side, y]]), (214, 240, 200), 5)
    shift = np.array([side * 0.36 - side, side * 0.36 - side])
    matrix = cv2.getRotationMatrix2D((side, side), 45, 1.0)
    matrix[:, 2] += shift
    turned = cv2.warpAffine(band, matrix, (side, side), flags=cv2.INTER_LINEAR)
    mask = np.zeros((2 * side, 2 * side), np.uint8)
    mask[side - 84 : side + 84] = 255
    return turned, cv2.warpAffine(mask, matrix, (side, side), flags=cv2.INTER_LINEAR)


def promo_badge(shot: Shot, random: np.random.Generator) -> Shot:
    """Stick a sale seal or a corner ribbon on it."""
    picture = shot.picture.copy()
    height, width = picture.shape[:2]
    is_seal = random.random() < 0.6
    art, mask = _seal() if is_seal else _ribbon()
    side = round(min(height, width) * (random.uniform(0.3, 0.4) if is_seal else 0.55))
    art = cv2.resize(art, (side, side), interpolation=cv2.INTER_AREA)
    mask = cv2.resize(mask, (side, side), interpolation=cv2.INTER_AREA)
    gap = round(side * 0.06) if is_seal else 0
    x = width - side - gap if is_seal and random.random() < 0.7 else gap
    over(picture[gap : gap + side, x : x + side], art, mask)
    return Shot(picture, shot.object_fraction)


@lru_cache(maxsize=1)
def placeholder_panel() -> bytes:
    """Return the grey 'image coming soon' panel that one supplier sends for many products."""
    picture = gradient(1200, 1200, (226, 228, 230), (208, 210, 214))
    ink: Colour = (158, 162, 168)
    stroke(picture, rounded(390, 330, 420, 320, 36), ink, 22, closed=True)
    fill(picture, ellipse(500, 440, 40, 40), ink)
    hills = np.array([[410, 630], [540, 500], [620, 570], [700, 470], [790, 630]])
    fill(picture, hills, ink)
    write(picture, "Image coming soon", (600, 780), 96, (126, 130, 138))
    return encode(cv2.resize(picture, (600, 600), interpolation=cv2.INTER_AREA))


@lru_cache(maxsize=1)
def placeholder_art() -> bytes:
    """Return another supplier's placeholder: a line drawing of a parcel on pale blue."""
    picture = gradient(1200, 1200, (222, 234, 244), (206, 222, 238))
    ink: Colour = (92, 128, 168)
    front = np.array([[360, 460], [600, 560], [600, 840], [360, 740]])
    right = np.array([[600, 560], [840, 460], [840, 740], [600, 840]])
    lid = np.array([[360, 460], [600, 360], [840, 460], [600, 560]])
    for outline, tint in ((front, (240, 246, 250)), (right, (226, 236, 246)),
                          (lid, (250, 252, 254))):  # fmt: skip
        fill(picture, outline, tint)
        stroke(picture, outline, ink, 14, closed=True)
    stroke(picture, np.array([[480, 410], [720, 510], [720, 600]]), ink, 10)
    write(picture, "NO PHOTO AVAILABLE", (600, 970), 76, ink, weight=1)
    return encode(cv2.resize(picture, (640, 640), interpolation=cv2.INTER_AREA))


def truncated(data: bytes, random: np.random.Generator) -> bytes:
    """Return the first 30 … 60 % of a file."""
    return data[: int(len(data) * random.uniform(0.3, 0.6))]
