"""Drawing primitives: masks, blending, textures, soft shading and text.

Everything is drawn at :data:`SUPERSAMPLE` times the final size and reduced with area averaging,
which is what makes edges smooth. Pictures are RGB ``uint8`` arrays, masks one-channel ``uint8``
(0 … 255), points ``(n, 2)`` float arrays in pixels of the enlarged drawing, x right and y down.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
Colour: TypeAlias = tuple[int, int, int]

SUPERSAMPLE = 2
"""Enlargement of the drawing over the final picture, per side."""

_SUBPIXEL_BITS = 4

# Large drawings are worked on in bands of rows that fit the processor's cache.
_BAND = 96


@dataclass(frozen=True)
class Shot:
    """One finished photograph of a product.

    Attributes:
        picture: RGB picture at its final size.
        object_fraction: Share of the frame (0 … 1) covered by the product's bounding box.
    """

    picture: Array
    object_fraction: float


def blank(width: int, height: int, colour: Colour = (255, 255, 255)) -> Array:
    """Return a picture of one colour, ``width`` × ``height`` pixels."""
    picture = np.empty((height, width, 3), np.uint8)
    cv2.rectangle(picture, (0, 0), (width, height), colour, cv2.FILLED)
    return picture


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """Return the colour ``share`` (0 … 1) of the way from ``a`` to ``b``."""
    red, green, blue = (
        round(min(255, max(0, x + (y - x) * share))) for x, y in zip(a, b, strict=True)
    )
    return red, green, blue


def lighten(colour: Colour, share: float) -> Colour:
    """Mix ``colour`` with white (positive ``share``) or black (negative), -1 … 1."""
    return mix(colour, (255, 255, 255) if share > 0 else (0, 0, 0), abs(share))


def gradient(width: int, height: int, top: Colour, bottom: Colour) -> Array:
    """Return a linear gradient from ``top`` to ``bottom``, ``width`` × ``height`` pixels."""
    steps = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    ramp = (np.array(top) * (1 - steps) + np.array(bottom) * steps).astype(np.uint8)
    return cv2.repeat(ramp[:, None], 1, width)


def fill(picture: Array, points: Array, colour: Colour) -> None:
    """Fill a polygon in place, anti-aliased."""
    fixed = np.round(np.asarray(points) * 2**_SUBPIXEL_BITS).astype(np.int32)
    cv2.fillPoly(picture, [fixed], colour, cv2.LINE_AA, _SUBPIXEL_BITS)


def stroke(
    picture: Array, points: Array, colour: Colour | int, thickness: float, closed: bool = False
) -> None:
    """Draw a polyline in place, ``thickness`` pixels wide (at least one)."""
    fixed = np.round(np.asarray(points) * 2**_SUBPIXEL_BITS).astype(np.int32)
    width = max(1, round(thickness))
    cv2.polylines(picture, [fixed], closed, colour, width, cv2.LINE_AA, _SUBPIXEL_BITS)


def dashes(picture: Array, points: Array, colour: Colour, thickness: float, length: float) -> None:
    """Draw a row of stitches along a polyline; stitches and gaps are ``length`` pixels."""
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    starts = np.arange(0, along[-1] - length, 2 * length)
    for start in starts:
        ends = np.array([start, start + length])
        segment = np.stack([np.interp(ends, along, points[:, i]) for i in (0, 1)], axis=1)
        stroke(picture, segment, colour, thickness)


def mask_of(width: int, height: int, points: Array) -> Array:
    """Return the mask of a polygon on a ``width`` × ``height`` drawing."""
    mask = np.zeros((height, width), np.uint8)
    fixed = np.round(np.asarray(points) * 2**_SUBPIXEL_BITS).astype(np.int32)
    cv2.fillPoly(mask, [fixed], 255, cv2.LINE_AA, _SUBPIXEL_BITS)
    return mask


def over(picture: Array, paint: Array | Colour, mask: Array, opacity: float = 1.0) -> None:
    """Blend ``paint`` (a picture of the same size, or a colour) over ``picture`` in place.

    Args:
        picture: Picture to change.
        paint: What to put on it.
        mask: Where, 0 … 255.
        opacity: Factor on the mask, 0 … 1.
    """
    x, y, w, h = cv2.boundingRect(mask)
    for row in range(y, y + h, _BAND):
        part = slice(row, min(row + _BAND, y + h)), slice(x, x + w)
        weight = mask[part].astype(np.float32) * np.float32(opacity / 255)
        bottom = picture[part]
        top = blank(w, len(weight), paint) if isinstance(paint, tuple) else paint[part]
        picture[part] = cv2.blendLinear(top, bottom, weight, 1 - weight)


def shade(picture: Array, factor: Array, mask: Array | None = None) -> None:
    """Multiply ``picture`` in place by ``factor`` (about 0.4 … 1.3), within ``mask`` if given.

    ``factor`` may be smaller than the picture: shading is soft, so it is computed coarsely.
    """
    height, width = picture.shape[:2]
    full = cv2.resize(factor.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    for row in range(0, height, _BAND):
        band = picture[row : row + _BAND]
        light = cv2.cvtColor(full[row : row + _BAND], cv2.COLOR_GRAY2RGB)
        lit = cv2.multiply(band, light, dtype=cv2.CV_8U)
        if mask is None:
            band[:] = lit
        else:
            over(band, lit, mask[row : row + _BAND])


def blur(mask: Array, sigma: float) -> Array:
    """Blur a mask by ``sigma`` pixels; computed on a quarter-size copy when that cannot show."""
    if sigma < 8:
        return cv2.GaussianBlur(mask, (0, 0), sigma)
    height, width = mask.shape[:2]
    small = cv2.resize(mask, (width // 4, height // 4), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / 4)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


def cast_shadow(
    picture: Array, mask: Array, dx: float, dy: float, sigma: float, strength: float
) -> None:
    """Darken ``picture`` in place under the mask, moved by (``dx``, ``dy``) and blurred."""
    height, width = mask.shape
    # A shadow is soft: moved and blurred on a quarter-size copy nobody can tell.
    small = cv2.resize(mask, (width // 4, height // 4), interpolation=cv2.INTER_AREA)
    move = np.array([[1.0, 0, dx / 4], [0, 1.0, dy / 4]])
    small = cv2.warpAffine(small, move, (width // 4, height // 4))
    small = cv2.GaussianBlur(small, (0, 0), max(sigma / 4, 0.5))
    soft = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    over(picture, (28, 26, 32), soft, strength)


def puff(mask: Array, depth: float, light: tuple[float, float] = (-0.5, -0.75)) -> Array:
    """Return the shading of a stuffed, cushion-like body with the outline of ``mask``.

    Args:
        mask: The body.
        depth: Pixels from the edge over which the surface curves.
        light: Direction the light comes from, in the picture plane.

    Returns:
        Factors around 1 at a quarter of the mask's size, for :func:`shade`.
    """
    height, width = mask.shape
    small = cv2.resize(mask, (width // 4, height // 4), interpolation=cv2.INTER_AREA)
    # A border lets a body that leaves the frame curve at its own edge only, not at the frame's.
    small = cv2.copyMakeBorder(small, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    inside = cv2.distanceTransform((small > 127).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    reach = max(depth / 4, 1.0)
    height_map = np.sqrt(1 - (1 - np.clip(inside / reach, 0, 1)) ** 2) * reach
    height_map = cv2.GaussianBlur(height_map, (0, 0), max(1.0, reach / 6))
    slope_x = cv2.Sobel(height_map, cv2.CV_32F, 1, 0, scale=0.125)
    slope_y = cv2.Sobel(height_map, cv2.CV_32F, 0, 1, scale=0.125)
    facing = 1 / np.sqrt(slope_x**2 + slope_y**2 + 1)
    # Where the surface rises towards +x its normal leans to -x, hence the sign.
    lit = -(slope_x * light[0] + slope_y * light[1]) * facing
    factor: Array = 0.62 + 0.38 * facing + 0.28 * lit
    return factor


# A product's views ask for the same few fields again; more of them would only fill memory.
@lru_cache(maxsize=8)
def noise(seed: int, width: int, height: int, stretch_x: float, stretch_y: float) -> Array:
    """Return smooth noise of mean 0 and deviation about 1, ``height`` × ``width``.

    Args:
        seed: Picks the field; equal arguments give equal noise.
        width: Pixels.
        height: Pixels.
        stretch_x: Length of a blob sideways, in pixels.
        stretch_y: Length of a blob downwards, in pixels.
    """
    random = np.random.default_rng(seed)
    cells = (max(2, round(height / stretch_y)), max(2, round(width / stretch_x)))
    field = random.standard_normal(cells, dtype=np.float32)
    return cv2.resize(field, (width, height), interpolation=cv2.INTER_CUBIC)


@lru_cache(maxsize=8)
def _weave_tile(pitch: int, strength: float) -> Array:
    """Return one square of cloth that continues itself on all sides."""
    side = 48 * pitch
    phase = np.arange(side, dtype=np.float32) * (2 * np.pi / pitch)
    threads = np.sin(phase)[None, :] * np.sin(phase)[:, None]
    grain = noise(7, side, side, 2.5, 2.5)
    factor: Array = 1 + strength * threads + 0.45 * strength * grain
    return factor


def weave(width: int, height: int, pitch: int, strength: float) -> Array:
    """Return woven cloth as shading factors around 1.

    Args:
        width: Pixels.
        height: Pixels.
        pitch: Distance of two threads, in whole pixels.
        strength: Depth of the threads, 0 … 0.2.
    """
    tile = _weave_tile(pitch, strength)
    side = len(tile)
    return cv2.repeat(tile, -(-height // side), -(-width // side))[:height, :width]


def brushed(width: int, height: int, strength: float) -> Array:
    """Return brushed metal as shading factors around 1: fine lines that run sideways."""
    fine = noise(11, width, height, 160, 2)
    broad = noise(12, width, height, width / 3, height / 3)
    factor: Array = 1 + strength * fine + 0.6 * strength * broad
    return factor


@lru_cache(maxsize=32)
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size=size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise RuntimeError("this Pillow was built without FreeType: install the official wheel")
    return font


def write(
    picture: Array,
    text: str,
    centre: tuple[float, float],
    size: float,
    colour: Colour,
    anchor: str = "mm",
    weight: float = 0,
) -> None:
    """Write ``text`` in place.

    Args:
        picture: Picture to change.
        text: One line.
        centre: Anchor point in pixels.
        size: Height of the font in pixels.
        colour: Colour of the letters.
        anchor: Pillow's anchor code; 'mm' centres the line on the point.
        weight: Pixels added around each letter to make it bold.
    """
    font = _font(max(6, round(size)))
    stroke_width = round(weight)
    height, width = picture.shape[:2]
    # Pillow copies what it draws on: hand it only the part that the line covers.
    line = font.getbbox(text, anchor=anchor, stroke_width=stroke_width)
    left, top = max(0, int(centre[0] + line[0]) - 2), max(0, int(centre[1] + line[1]) - 2)
    right = min(width, int(centre[0] + line[2]) + 3)
    bottom = min(height, int(centre[1] + line[3]) + 3)
    if right <= left or bottom <= top:
        return
    part = Image.fromarray(picture[top:bottom, left:right])
    ImageDraw.Draw(part).text(
        (centre[0] - left, centre[1] - top),
        text,
        fill=colour,
        font=font,
        anchor=anchor,
        stroke_width=stroke_width,
        stroke_fill=colour,
    )
    picture[top:bottom, left:right] = np.asarray(part)


def rounded(x: float, y: float, width: float, height: float, radius: float) -> Array:
    """Return the outline of a rounded rectangle whose top left corner is (``x``, ``y``)."""
    radius = min(radius, width / 2, height / 2)
    turn = np.linspace(0, np.pi / 2, 8)
    corners = []
    for i, (cx, cy) in enumerate(
        [
            (x + width - radius, y + height - radius),
            (x + radius, y + height - radius),
            (x + radius, y + radius),
            (x + width - radius, y + radius),
        ]
    ):
        angle = turn + i * np.pi / 2
        corners.append(np.stack([cx + radius * np.cos(angle), cy + radius * np.sin(angle)], axis=1))
    return np.concatenate(corners)


def smooth(points: list[tuple[float, float]], closed: bool = True, steps: int = 10) -> Array:
    """Return a Catmull-Rom curve through ``points``.

    Args:
        points: What the curve passes through; a point named twice in a row is a sharp corner.
        closed: Return to the first point.
        steps: Points drawn per span.
    """
    p = [np.array(point, float) for point in points]
    corners = [i for i in range(len(p) - 1) if np.array_equal(p[i], p[i + 1])]
    if not corners:
        return _spline(np.array(p), closed, steps)
    if closed:
        # Begin behind the first corner; what precedes it becomes the end of the round.
        first = corners[0] + 1
        p = p[first:] + p[:first]
    pieces, start = [], 0
    for i in range(len(p)):
        if i == len(p) - 1 or np.array_equal(p[i], p[i + 1]):
            if i > start:
                pieces.append(_spline(np.array(p[start : i + 1]), False, steps))
            start = i + 1
    return np.concatenate(pieces)


def _spline(p: Array, closed: bool, steps: int) -> Array:
    """Return a Catmull-Rom curve without corners through ``(n, 2)`` points."""
    n = len(p)
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    spans = []
    for i in range(n if closed else n - 1):
        if closed:
            a, b, c, d = p[(i - 1) % n], p[i], p[(i + 1) % n], p[(i + 2) % n]
        else:
            a, b, c, d = p[max(i - 1, 0)], p[i], p[i + 1], p[min(i + 2, n - 1)]
        cubic = (3 * b - a - 3 * c + d) * t**3 + (2 * a - 5 * b + 4 * c - d) * t**2
        spans.append(0.5 * (2 * b + (c - a) * t + cubic))
    curve = np.concatenate(spans)
    return curve if closed else np.concatenate([curve, p[-1:]])


def ellipse(cx: float, cy: float, rx: float, ry: float) -> Array:
    """Return the outline of an ellipse."""
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    return np.stack([cx + rx * np.cos(angle), cy + ry * np.sin(angle)], axis=1)


def finish(picture: Array, object_box: tuple[float, float, float, float]) -> Shot:
    """Reduce a drawing to its final size.

    Args:
        picture: Enlarged drawing.
        object_box: The product's left, top, right and bottom in pixels of the drawing; parts
            outside the frame do not count.
    """
    height, width = picture.shape[:2]
    small = cv2.resize(
        picture, (width // SUPERSAMPLE, height // SUPERSAMPLE), interpolation=cv2.INTER_AREA
    )
    left, top = max(0.0, object_box[0]), max(0.0, object_box[1])
    right, bottom = min(width, object_box[2]), min(height, object_box[3])
    return Shot(small, float((right - left) * (bottom - top) / (width * height)))


def bounds(points: Array) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of some points."""
    low, high = points.min(axis=0), points.max(axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])
