"""Decode an image file once, into the one picture that every signal is computed from."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Callable
from functools import partial

import numpy as np
from PIL import AvifImagePlugin, Image, ImageFile, UnidentifiedImageError, features

from imgassets.ingest.structure.common import ORIENTATION, exif_orientation
from imgassets.ingest.structure.webp import read_webp
from imgassets.vision.colour import to_srgb
from imgassets.vision.jpeg import decode_jpeg

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF") + (
    ("AVIF",) if features.check("avif") else ()
)
"""Formats that are read at all, recognised by content; a file's name is never looked at."""

AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # Processes already fill the cores.

WORKING_SIDE = 256
"""Pictures are halved while their longer side stays at least this long (pixels).

A picture of up to 511 px is therefore taken at its own size, and a larger one at 256 to 511 px.
Halving only ever averages whole blocks of 2, 4 or 8 pixels (inside the DCT for a JPEG, where it
also saves most of the decoding), so hashes and edge widths keep their meaning: pHash and dHash move
by less than one bit of 64 on average. The common backbones' 224 px are kept; at 192 px the blur of
an enlarged thumbnail begins to look sharp.
"""

MAX_PIXELS = 64_000_000
"""Pictures that declare more pixels are refused before anything is decompressed."""

_LARGE_CANVAS = 64 * 2**20
"""Bytes: a WebP decoder that cannot be had although it needs no more than this is no question of
memory."""

_STRIP_PIXELS = 2**20
"""Pixels converted at a time: a large picture is held once in its own mode, never twice."""

_BROKEN = (
    OSError, ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError,
    EOFError, SyntaxError, RuntimeError, struct.error,
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


def decode(
    data: bytes, max_pixels: int = MAX_PIXELS, working_side: int = WORKING_SIDE
) -> np.ndarray:
    """Decode the first frame of an image file.

    The EXIF orientation is applied, colours are converted to sRGB by the file's profile,
    transparency is composited on white, and every mode (CMYK, LAB, palette, 1 and 16 bit, gray)
    becomes RGB. Nothing else of the file survives: neither EXIF nor GPS nor XMP.

    Args:
        data: the file's bytes.
        max_pixels: largest accepted picture, in pixels of the file.
        working_side: the picture is halved while its longer side stays at least this long
            (pixels). Signals are defined at :data:`WORKING_SIDE` alone.

    Returns:
        RGB picture, uint8, height × width × 3, C-contiguous; less than ``2 * working_side`` px
        long unless it is more than that many times as long as wide.

    Raises:
        Undecodable: the bytes are of no accepted format, truncated, broken or far too large.
        MemoryError: the process may not take the memory that decoding needs.
    """
    plain = decode_jpeg(data, working_side, max_pixels)
    if plain is not None:
        return plain
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _decode(data, max_pixels, working_side)
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
        if "out of memory" in str(error) or _webp_lacks_memory(data, error):
            raise MemoryError(str(error)) from None
        raise Undecodable(
            "undecodable",
            f"{type(error).__name__}: {error}"[:200],
            "a whole picture",
            "The file is truncated or broken: it does not decode to a whole picture.",
        ) from None


def upright_size(data: bytes) -> tuple[int, int]:
    """Return width and height of a file that decodes, in pixels, its EXIF orientation applied.

    Raises:
        OSError: the header cannot be read; never of bytes that :func:`decode` takes.
    """
    with Image.open(io.BytesIO(data), formats=FORMATS) as file:
        width, height = file.size
        return (height, width) if _orientation(file) in _SIDEWAYS else (width, height)


def _webp_lacks_memory(data: bytes, error: Exception) -> bool:
    """Tell why pillow got no WebP decoder: it says the same of no memory and of a broken file."""
    if str(error) != "could not create decoder object":
        return False
    try:
        header = read_webp(data, 0)
    except (ValueError, IndexError):
        return False
    # Two canvases in the decoder, and pillow's picture.
    return header.whole and 12 * header.width * header.height > _LARGE_CANVAS


def _decode(data: bytes, max_pixels: int, working_side: int) -> np.ndarray:
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        width, height = image.size
        if width < 1 or height < 1:
            raise ValueError(f"picture of {width} × {height} pixels")
        if width * height > max_pixels:
            raise _too_many(f"{width} × {height} pixels", max_pixels)
        factor = halvings(max(width, height), working_side)
        if image.format == "JPEG" and factor > 1:
            image.draft(None, (-(-width // factor), -(-height // factor)))
        _load(image)
        reduced = _reduce(image, halvings(max(image.size), working_side))
        rgb = to_srgb(reduced, image.info.get("icc_profile"))
        # A copy: numba compiles anew for the read-only array that pillow lends.
        return np.array(_upright(rgb, image))


_TURNS: dict[object, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What undoes each EXIF orientation (EXIF 2.32, tag 0x0112)."""

_SIDEWAYS = (5, 6, 7, 8)
"""Orientations that swap width and height."""


def _upright(picture: Image.Image, file: Image.Image) -> Image.Image:
    """Apply a file's orientation."""
    turn = _TURNS.get(_orientation(file))
    return picture if turn is None else picture.transpose(turn)


def _orientation(file: Image.Image) -> object:
    """Return a file's orientation: in TIFF and AVIF the format's own, else its EXIF block's.

    1 to 8 if it keeps the standard; metadata that cannot be read turns nothing.
    """
    if file.format in ("TIFF", "AVIF"):
        try:
            return file.getexif().get(ORIENTATION, 1)
        except _BROKEN:
            return 1
    return exif_orientation(file.info.get("exif", b""))


def _load(image: ImageFile.ImageFile) -> None:
    """Decompress the first frame completely; a file cut short is an error."""
    image.seek(0)
    image.load()


def halvings(longest: int, working_side: int = WORKING_SIDE) -> int:
    """Return how many of a file's pixels stand side by side in one of the picture: a power of 2."""
    factor = 1
    while longest // (2 * factor) >= working_side:
        factor *= 2
    return factor


def _reduce(image: Image.Image, factor: int) -> Image.Image:
    """Average blocks of ``factor`` × ``factor`` pixels of a loaded picture, strip by strip.

    Returns:
        A picture of mode RGB, on white; or of mode L or CMYK, which a colour profile may be for.
    """
    width, height = image.size
    across, down = min(factor, width), min(factor, height)
    flat = _flattening(image)
    rows = down * max(1, _STRIP_PIXELS // (width * down))
    if rows >= height:
        whole = flat(image)
        return whole.reduce((across, down)) if factor > 1 else whole
    out: Image.Image | None = None
    for top in range(0, height, rows):
        strip = flat(image.crop((0, top, width, min(top + rows, height))))
        strip = strip.reduce((across, down))
        if out is None:
            out = Image.new(strip.mode, (strip.width, -(-height // down)))
        out.paste(strip, (0, top // down))
    assert out is not None  # A picture has at least one row.
    return out


def _flattening(image: Image.Image) -> Callable[[Image.Image], Image.Image]:
    """Return what makes a strip of the picture opaque, 8 bits deep and of a plain mode."""
    if image.mode.startswith("I") or image.mode == "F":
        return partial(_to_eight_bits, scale=_scale_to_eight_bits(image))
    if image.has_transparency_data:
        return _on_white
    if image.mode in ("RGB", "L", "CMYK"):
        return lambda strip: strip
    return lambda strip: strip.convert("RGB")


def _on_white(strip: Image.Image) -> Image.Image:
    rgba = strip.convert("RGBA")
    white = Image.new("RGB", rgba.size, "white")
    white.paste(rgba, mask=rgba.getchannel("A"))
    return white


def _scale_to_eight_bits(image: Image.Image) -> float:
    """Return the factor that brings high-depth gray to 0 … 255, by the range it uses."""
    rows = max(1, _STRIP_PIXELS // image.width)
    strips = (
        np.asarray(image.crop((0, top, image.width, min(top + rows, image.height))))
        for top in range(0, image.height, rows)
    )
    largest = max(float(np.nan_to_num(strip).max(initial=0)) for strip in strips)
    if image.mode == "F" and largest <= 1.0:
        return 255.0
    return 1 / 257.0 if largest > 255.0 else 1.0


def _to_eight_bits(strip: Image.Image, scale: float) -> Image.Image:
    samples = np.nan_to_num(np.asarray(strip, dtype=np.float32)) * np.float32(scale)
    return Image.fromarray(np.clip(np.rint(samples), 0, 255).astype(np.uint8), "L")


def _too_many(measured: str, max_pixels: int) -> Undecodable:
    return Undecodable(
        "too_many_pixels",
        measured[:200],
        f"{max_pixels} pixels",
        "The picture declares more pixels than are accepted.",
    )
