"""Words as masks, in many hands.

Only fonts that come with the libraries are used: pillow's Aileron and OpenCV's Rubik (of variable
weight) and WenQuanYi Micro Hei (Cyrillic, Chinese, Japanese, Korean).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from string import capwords

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from imgassets.learning.synthetic.chance import happens, pick

_DRAWN = (64, 128, 256)
"""Sizes (pixels) that words are drawn at: few, so that fonts are loaded once; masks are scaled."""

_ADDRESS = re.compile(r"@|\w\.\w")
"""Sites, accounts and prices are not capitalised."""


@dataclass(frozen=True)
class Lettering:
    """How words look.

    Attributes:
        face: ``aileron``, or a face of OpenCV: ``sans``, ``italic``, ``uni``.
        weight: 300 (light) … 900 (black); Aileron gets it as a stroke.
        width: 0.75 (condensed) … 1.3 (wide).
        slant: sideways share of the height, -0.3 … 0.3.
        case: ``upper``, ``title`` or ``as_is``.
        spacing: 0 or 1 thin spaces between letters.
    """

    face: str = "sans"
    weight: int = 500
    width: float = 1.0
    slant: float = 0.0
    case: str = "as_is"
    spacing: int = 0


def any_lettering(rng: np.random.Generator, bold: bool = False) -> Lettering:
    """Draw a style; ``bold`` for words that shout."""
    face = pick(rng, ("aileron", "aileron", "sans", "sans", "sans", "italic", "uni"))
    weight = int(rng.integers(600, 900)) if bold else int(rng.integers(300, 800))
    width = rng.uniform(0.78, 1.25) if happens(rng, 0.4) else 1.0
    slant = rng.uniform(-0.05, 0.28) if happens(rng, 0.15) else 0.0
    case = pick(rng, ("upper", "title", "as_is", "as_is"))
    return Lettering(face, weight, width, slant, case, int(happens(rng, 0.08)))


def line_mask(words: str, height: int, lettering: Lettering) -> np.ndarray:
    """Draw one line of words.

    Args:
        words: any text; characters that a font lacks are drawn in OpenCV's.
        height: height of the letters with ascenders and descenders, about, in pixels.
        lettering: the style.

    Returns:
        uint8 mask (0 … 255) cut to the ink, at least 1 × 1.
    """
    text = words.upper() if lettering.case == "upper" else words
    if lettering.case == "title" and not _ADDRESS.search(words):
        text = capwords(words)
    if lettering.spacing:
        text = " ".join(text)
    height = max(4, height)
    size = next((drawn for drawn in _DRAWN if drawn >= height), _DRAWN[-1])
    is_plain = lettering.face == "aileron" and text.isascii()
    draw = _draw_aileron if is_plain else _draw_opencv
    mask = _cut_to_ink(draw(text, size, lettering))
    if lettering.slant:
        mask = _slanted(mask, lettering.slant)
    scale = height / (1.2 * size)
    target = (
        max(1, round(mask.shape[1] * scale * lettering.width)),
        max(1, round(mask.shape[0] * scale)),
    )
    method = cv2.INTER_AREA if scale <= 1 else cv2.INTER_CUBIC
    return cv2.resize(mask, target, interpolation=method)


def block_mask(
    lines: list[str], height: int, lettering: Lettering, align: str = "centre"
) -> np.ndarray:
    """Draw lines of words below each other; ``align`` is ``left``, ``centre`` or ``right``."""
    masks = [line_mask(line, height, lettering) for line in lines]
    pitch = max(5, round(height * 1.25))
    width = max(mask.shape[1] for mask in masks)
    tallest = max(mask.shape[0] for mask in masks)
    block = np.zeros((pitch * (len(masks) - 1) + tallest, width), np.uint8)
    for row, mask in enumerate(masks):
        left = {"left": 0, "centre": (width - mask.shape[1]) // 2}.get(align, width - mask.shape[1])
        # Lines of letters without ascenders are lower: they keep the common baseline, about.
        top = row * pitch + max(0, tallest - mask.shape[0]) // 2
        part = block[top : top + mask.shape[0], left : left + mask.shape[1]]
        np.maximum(part, mask[: part.shape[0]], out=part)
    return block


def fitted_mask(
    lines: list[str], width: int, height: int, lettering: Lettering, align: str = "centre"
) -> np.ndarray:
    """Draw lines of words as large as fits into ``width`` × ``height`` pixels."""
    size = max(4, int(height / (1.25 * len(lines) - 0.15)))
    mask = block_mask(lines, size, lettering, align)
    over = max(mask.shape[1] / max(1, width), mask.shape[0] / max(1, height))
    if over <= 1:
        return mask
    target = (max(1, int(mask.shape[1] / over)), max(1, int(mask.shape[0] / over)))
    return cv2.resize(mask, target, interpolation=cv2.INTER_AREA)


def _draw_aileron(text: str, size: int, lettering: Lettering) -> np.ndarray:
    font = _aileron(size)
    stroke = round(size * max(0, lettering.weight - 400) / 9000)
    left, top, right, bottom = font.getbbox(text, stroke_width=stroke)
    image = Image.new("L", (int(right - left) + 8, int(bottom - top) + 8))
    where = (4 - left, 4 - top)
    ImageDraw.Draw(image).text(where, text, fill=255, font=font, stroke_width=stroke)
    return np.array(image)


def _draw_opencv(text: str, size: int, lettering: Lettering) -> np.ndarray:
    face = _opencv_face(lettering.face if lettering.face in ("italic", "uni") else "sans")
    left, top, width, height = cv2.getTextSize(
        (0, 0), text, (0, 0), face, size, weight=lettering.weight
    )
    gap = size // 2
    mask = np.zeros((height + 2 * gap, width + 2 * gap), np.uint8)
    cv2.putText(mask, text, (gap - left, gap - top), (255,), face, size, lettering.weight)
    return mask


def _cut_to_ink(mask: np.ndarray) -> np.ndarray:
    left, top, width, height = cv2.boundingRect(mask)
    return mask[top : top + height, left : left + width] if width else mask[:1, :1]


def _slanted(mask: np.ndarray, slant: float) -> np.ndarray:
    height, width = mask.shape
    reach = int(np.ceil(abs(slant) * height))
    matrix = np.array([[1, -slant, slant * height if slant > 0 else 0], [0, 1, 0]], np.float32)
    return cv2.warpAffine(mask, matrix, (width + reach, height))


@lru_cache(maxsize=8)
def _aileron(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size=size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise RuntimeError("pillow was built without FreeType: words cannot be drawn")
    return font


@lru_cache(maxsize=4)
def _opencv_face(name: str) -> cv2.FontFace:
    return cv2.FontFace(name)
