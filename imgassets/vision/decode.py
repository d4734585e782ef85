"""Decode an image file once, into the one picture that every signal is computed from."""

from __future__ import annotations

import io
import struct
import warnings

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
"""Formats that are read at all, recognised by content; a file's name is never looked at."""

WORKING_SIDE = 512
"""Pictures are halved while their longer side stays at least this long (pixels).

A picture of up to 1023 px is therefore taken at its own size, and a larger one at 512 to 1023 px.
Halving only ever averages whole blocks of 2, 4 or 8 pixels (inside the DCT for a JPEG, where it
also saves most of the decoding), so hashes and edge widths keep their meaning.
"""

MAX_PIXELS = 64_000_000
"""Pictures that declare more pixels are refused before anything is decompressed."""


_BROKEN = (
    OSError, ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError,
    EOFError, SyntaxError, RuntimeError, MemoryError, struct.error,
)  # fmt: skip
"""What pillow's readers raise on hostile files."""


class Undecodable(Exception):
    """These bytes are no picture that can be shown.

    Attributes:
        rule_id: the rule that refused them: ``not_an_image``, ``too_many_pixels`` or
            ``undecodable``.
        measured: what was found.
        limit: what the rule allows.
        detail: one sentence for a person.
    """

    def __init__(self, rule_id: str, measured: str, limit: str, detail: str) -> None:
        super().__init__(rule_id, measured, limit, detail)
        self.rule_id = rule_id
        self.measured = measured
        self.limit = limit
        self.detail = detail


def decode(data: bytes, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Decode the first frame of an image file.

    The EXIF orientation is applied, transparency composited on white, and every mode (CMYK, LAB,
    palette, 1 and 16 bit, gray) converted to RGB.

    Args:
        data: the file's bytes.
        max_pixels: largest accepted picture, in pixels of the file.

    Returns:
        RGB picture, uint8, height × width × 3, C-contiguous; at most 1023 px long unless it is
        more than ``2 * WORKING_SIDE`` times as long as wide.

    Raises:
        Undecodable: the bytes are of no accepted format, truncated, broken or far too large.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _decode(data, max_pixels)
    except UnidentifiedImageError:
        raise Undecodable(
            "not_an_image",
            f"{len(data)} bytes starting with {data[:8].hex() or 'nothing'}",
            ", ".join(FORMATS),
            "The content is no image of an accepted format.",
        ) from None
    except Image.DecompressionBombError as error:
        raise _too_many(str(error), max_pixels) from None
    except _BROKEN as error:
        raise Undecodable(
            "undecodable",
            f"{type(error).__name__}: {error}"[:200],
            "a whole picture",
            "The file is truncated or broken: it does not decode to a whole picture.",
        ) from None


def _decode(data: bytes, max_pixels: int) -> np.ndarray:
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        width, height = image.size
        if width < 1 or height < 1:
            raise ValueError(f"picture of {width} × {height} pixels")
        if width * height > max_pixels:
            raise _too_many(f"{width} × {height} pixels", max_pixels)
        factor = _halvings(max(width, height))
        if image.format == "JPEG" and factor > 1 and image.mode in ("L", "RGB"):
            image.draft(None, (-(-width // factor), -(-height // factor)))
        _load(image)
        factor = _halvings(max(image.size))
        rgb = _to_rgb(_upright(image))
        if factor > 1:
            rgb = rgb.reduce((min(factor, rgb.width), min(factor, rgb.height)))
        return np.ascontiguousarray(rgb)


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What undoes each EXIF orientation (EXIF 2.32, tag 0x0112)."""


def _upright(image: Image.Image) -> Image.Image:
    """Apply the EXIF orientation; metadata that cannot be read turns nothing."""
    try:
        turn = _TURNS.get(image.getexif().get(0x0112, 1))
    except _BROKEN:
        turn = None
    return image if turn is None else image.transpose(turn)


def _load(image: ImageFile.ImageFile) -> None:
    """Decompress the first frame completely; a file cut short is an error."""
    image.seek(0)
    image.load()


def _halvings(longest: int) -> int:
    factor = 1
    while longest // (2 * factor) >= WORKING_SIDE:
        factor *= 2
    return factor


def _to_rgb(image: Image.Image) -> Image.Image:
    """Convert any mode to RGB on white (16-bit samples keep their upper eight bits)."""
    if image.mode.startswith("I") or image.mode == "F":
        return _high_depth_to_rgb(image)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def _high_depth_to_rgb(image: Image.Image) -> Image.Image:
    """Convert 16-bit, 32-bit and floating-point gray to RGB by their own range."""
    samples = np.nan_to_num(np.asarray(image, dtype=np.float64))
    if image.mode == "F" and samples.max(initial=0.0) <= 1.0:
        samples = samples * 255.0
    elif samples.max(initial=0.0) > 255.0:
        samples = samples / 257.0
    gray = np.clip(np.rint(samples), 0, 255).astype(np.uint8)
    return Image.fromarray(gray, "L").convert("RGB")


def _too_many(measured: str, max_pixels: int) -> Undecodable:
    return Undecodable(
        "too_many_pixels",
        measured[:200],
        f"{max_pixels} pixels",
        "The picture declares more pixels than are accepted.",
    )
