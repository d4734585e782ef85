"""What an image file says it is, without decoding a pixel of it."""

from __future__ import annotations

import threading
import warnings
from dataclasses import dataclass
from io import BytesIO

from PIL import BmpImagePlugin, GifImagePlugin, Image, JpegImagePlugin, PngImagePlugin
from PIL import TiffImagePlugin as Tiff

from imgassets.ingest import structure
from imgassets.ingest.refusal import Refusal

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
MIN_SIDE = 2
"""Pixels; smaller pictures are tracking pixels and spacers."""

_ORIENTATION = 0x0112
_WARNINGS = threading.Lock()
"""Python's warning filters are one list per process: only one probe at a time swaps them."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A file that looks like a whole picture.

    Attributes:
        format: One of `FORMATS`, by content.
        width: Pixels, EXIF orientation applied.
        height: Pixels, EXIF orientation applied.
        byte_size: Bytes of the file.
    """

    format: str
    width: int
    height: int
    byte_size: int


def probe(data: bytes, max_pixels: int) -> Probe | Refusal:
    """Look at a file's signature, header and structure; never raises.

    A file that passes can still fail to decode: its compressed pixels are not looked at.

    Args:
        data: The whole file.
        max_pixels: Largest accepted width × height.
    """
    if not data:
        return Refusal("empty_body", "0 bytes", "≥ 1 byte", "The file is empty.")
    kind = _signature(data)
    if kind is None:
        return Refusal(
            "not_an_image",
            f"starts with {data[:16]!r}",
            ", ".join(FORMATS),
            "The content is of none of the accepted picture formats, whatever its name says.",
        )
    try:
        with _WARNINGS, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            width, height, orientation, whole = _HEADERS[kind](data)
    except Exception as error:
        # Pillow's parsers raise nearly anything on hostile bytes (KeyError, struct.error,
        # RecursionError, MemoryError …); whatever it is, the file is to blame, not this program.
        return _unreadable(kind, data, error)
    if width * height > max_pixels:
        return Refusal(
            "too_many_pixels",
            f"{width} × {height} = {width * height} pixels",
            f"≤ {max_pixels} pixels",
            f"The {kind} header announces a picture larger than is accepted.",
        )
    if min(width, height) < MIN_SIDE:
        return Refusal(
            "too_small",
            f"{width} × {height} pixels",
            f"each side ≥ {MIN_SIDE} pixels",
            "The picture is a spacer or a tracking pixel.",
        )
    if not whole:
        return _truncated(kind, data)
    if orientation >= 5:
        width, height = height, width
    return Probe(kind, width, height, len(data))


def _truncated(kind: str, data: bytes) -> Refusal:
    return Refusal(
        "truncated",
        f"{len(data)} bytes without the end of the {kind} data",
        "a complete file",
        "The file was cut off; fetch it again from the supplier.",
    )


def _unreadable(kind: str, data: bytes, error: Exception) -> Refusal:
    try:
        cut = not structure.is_whole(kind, data)
    except Exception:
        cut = False
    if cut:
        return _truncated(kind, data)
    return Refusal(
        "undecodable_header",
        f"{type(error).__name__}: {error}",
        f"a valid {kind} header",
        f"The file starts like {kind}, but its header makes no sense.",
    )


def _signature(data: bytes) -> str | None:
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if data.startswith(b"BM"):
        return "BMP"
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    return None


Header = tuple[int, int, int, bool]
"""Width, height, EXIF orientation (1 … 8) and whether the file is structurally complete."""

# Pillow's classes are opened directly, not through Image.open, which would stop at its own
# process-wide pixel limit before the size could be reported.


def _jpeg(data: bytes) -> Header:
    with JpegImagePlugin.JpegImageFile(BytesIO(data)) as image:
        width, height = image.size
        exif = image.info.get("exif", b"")
    return width, height, _orientation(exif), structure.is_whole("JPEG", data)


def _png(data: bytes) -> Header:
    with PngImagePlugin.PngImageFile(BytesIO(data)) as image:
        width, height = image.size
    chunks, whole = structure.png_chunks(data)
    return width, height, _orientation(chunks.get(b"eXIf", b"")), whole


def _webp(data: bytes) -> Header:
    # Pillow would allocate the whole canvas just to open the file.
    chunks, whole = structure.riff_chunks(data)
    width, height = structure.webp_size(chunks)
    return width, height, _orientation(chunks.get(b"EXIF", b"")), whole


def _gif(data: bytes) -> Header:
    with GifImagePlugin.GifImageFile(BytesIO(data)) as image:
        width, height = image.size
    return width, height, 1, structure.is_whole("GIF", data)


def _bmp(data: bytes) -> Header:
    with BmpImagePlugin.BmpImageFile(BytesIO(data)) as image:
        width, height = image.size
    return width, height, 1, structure.is_whole("BMP", data)


def _tiff(data: bytes) -> Header:
    with Tiff.TiffImageFile(BytesIO(data)) as image:
        tags = image.tag_v2
        # As stored: image.size has the orientation applied already.
        width, height = tags[Tiff.IMAGEWIDTH], tags[Tiff.IMAGELENGTH]
        tiled = Tiff.TILEOFFSETS in tags
        offsets = tags.get(Tiff.TILEOFFSETS if tiled else Tiff.STRIPOFFSETS, ())
        counts = tags.get(Tiff.TILEBYTECOUNTS if tiled else Tiff.STRIPBYTECOUNTS, ())
        orientation = tags.get(_ORIENTATION, 1)
        # Without byte counts (allowed by old writers) only the starts can be checked.
        counts = counts if len(counts) == len(offsets) else (1,) * len(offsets)
        whole = all(start + n <= len(data) for start, n in zip(offsets, counts, strict=True))
    return width, height, orientation if isinstance(orientation, int) else 1, whole


_HEADERS = {"JPEG": _jpeg, "PNG": _png, "WEBP": _webp, "GIF": _gif, "BMP": _bmp, "TIFF": _tiff}


def _orientation(exif: bytes) -> int:
    """Return the EXIF orientation, 1 where there is none or the EXIF block is broken."""
    if not exif:
        return 1
    tags = Image.Exif()
    try:
        tags.load(exif)
        value = tags.get(_ORIENTATION, 1)
    except Exception:
        # Broken metadata is no reason to refuse a picture, and Pillow raises nearly anything here.
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1
