"""GIF (89a specification) and BMP (Windows bitmap)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from imgassets.ingest.structure.common import CutShort, Header, steps

_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
_MAX_SUB_BLOCKS = 150_000
"""A 32 MB file has 130,000 of at most 255 bytes."""

_TEXTS = frozenset((0xFE, 0xFF))
"""Labels of comment and application extensions."""


def read_gif(data: bytes, metadata_limit: int) -> Header:
    """Walk the blocks up to the trailer.

    The size is that of the canvas, or of the first frame where that is larger (as decoders do).

    Raises:
        CutShort: the file ends before its first picture.
        ValueError: there is no picture, or a file with too many blocks.
        struct.error: the file ends within its header.
    """
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = 13 + _colour_table(flags)
    frames = metadata = 0
    whole = False
    budget = steps(_MAX_SUB_BLOCKS)
    for _ in steps():
        if at >= len(data):
            break
        block = data[at]
        if block == _TRAILER:
            whole = True
            break
        if block == _EXTENSION and at + 1 < len(data):
            start, is_text = at + 2, data[at + 1] in _TEXTS
            at = _after_sub_blocks(data, start, budget)
            metadata += (at - start) * is_text
        elif block == _IMAGE and at + 10 <= len(data):
            left, top, own_width, own_height, flags = struct.unpack_from("<HHHHB", data, at + 1)
            if frames == 0:
                width, height = max(width, left + own_width), max(height, top + own_height)
            frames += 1
            at = _after_sub_blocks(data, at + 11 + _colour_table(flags), budget)
        else:
            # Padding between blocks is met in the wild and skipped by decoders.
            at += 1
    if frames == 0:
        raise ValueError("no picture") if whole else CutShort("no picture")
    return Header(width, height, "palette", 8, 1, whole, frames=frames, metadata_bytes=metadata)


def _colour_table(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _after_sub_blocks(data: bytes, at: int, budget: Iterator[int]) -> int:
    """Return the place after a chain of sub-blocks and its end mark."""
    while at < len(data) and data[at]:
        next(budget)
        at += 1 + data[at]
    return at + 1


_CORE, _INFO = 12, (40, 52, 56, 64, 108, 124)
"""Sizes of the known headers."""

_MAX_COLOURS = 65_536
_BMP_DEPTHS = (1, 4, 8, 16, 24, 32)
_UNCOMPRESSED, _BITFIELDS = 0, 3


def read_bmp(data: bytes, metadata_limit: int) -> Header:
    """Read the bitmap header; uncompressed rows must fit the file, compressed ones tell no length.

    Raises:
        ValueError: the header is of no known kind.
        struct.error: the file ends within its header.
    """
    start, header = struct.unpack_from("<II", data, 10)
    compression, alpha = _UNCOMPRESSED, 0
    if header == _CORE:
        width, height, _, depth = struct.unpack_from("<HHHH", data, 18)
    elif header in _INFO:
        width, height, _, depth, compression = struct.unpack_from("<iiHHI", data, 18)
        if depth <= 8 and struct.unpack_from("<I", data, 46)[0] > _MAX_COLOURS:
            raise ValueError("a palette larger than any")
        if header >= 56 and compression == _BITFIELDS:
            (alpha,) = struct.unpack_from("<I", data, 66)
    else:
        raise ValueError(f"header of {header} bytes")
    if depth not in _BMP_DEPTHS or width <= 0:
        raise ValueError(f"{depth} bits per pixel, {width} pixels wide")
    height = abs(height)
    if compression in (_UNCOMPRESSED, _BITFIELDS):
        whole = start + (width * depth + 31) // 32 * 4 * height <= len(data)
    else:
        whole = len(data) > start
    if depth <= 8:
        return Header(width, height, "palette", depth, 1, whole)
    mode, samples = ("rgba", 4) if alpha else ("rgb", 3)
    return Header(width, height, mode, 5 if depth == 16 else 8, samples, whole)
