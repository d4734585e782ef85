"""The reader of each accepted format."""

from __future__ import annotations

import struct
from collections.abc import Callable

from PIL import features

from imgassets.ingest.structure.avif import read_avif
from imgassets.ingest.structure.common import CutShort, Header
from imgassets.ingest.structure.jpeg import read_jpeg
from imgassets.ingest.structure.png import read_png
from imgassets.ingest.structure.simple import read_bmp, read_gif
from imgassets.ingest.structure.tiff import read_tiff
from imgassets.ingest.structure.webp import read_webp

_READERS: dict[str, Callable[[bytes, int], Header]] = {
    "JPEG": read_jpeg,
    "PNG": read_png,
    "WEBP": read_webp,
    "GIF": read_gif,
    "BMP": read_bmp,
    "TIFF": read_tiff,
}
if features.check("avif"):  # Pillow may be built without it.
    _READERS["AVIF"] = read_avif

FORMATS = tuple(_READERS)
"""Accepted formats, by their names in pillow."""


def read_header(kind: str, data: bytes, metadata_limit: int) -> Header:
    """Read what a file of one of :data:`FORMATS` declares.

    Args:
        kind: the format that the first bytes announce.
        data: the whole file.
        metadata_limit: bytes; compressed metadata is inflated no further than just past it.

    Raises:
        CutShort: the file ends within its header, or before what the header refers to.
        TooIntricate: there are more blocks than in any honest picture.
        ValueError: the header makes no sense.
    """
    try:
        return _READERS[kind](data, metadata_limit)
    except (struct.error, IndexError, OverflowError) as error:
        raise CutShort(str(error)) from None
