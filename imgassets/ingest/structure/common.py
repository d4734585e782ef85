"""What the readers of all formats share."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

MAX_BLOCKS = 40_000
"""Blocks (segments, chunks, directory entries …) visited in one file; some 50 ms."""

_MAX_EXIF_FIELDS = 512
"""Fields looked at for the orientation; cameras write some twenty."""

ORIENTATION = 0x0112
"""EXIF and TIFF tag of the orientation, 1 … 8."""


class CutShort(ValueError):
    """The file ends before its header does."""


class TooIntricate(ValueError):
    """The file has more blocks than any honest picture."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"more than {limit} blocks")


class Header(NamedTuple):
    """What a file declares.

    Attributes:
        width: pixels as stored, before the orientation.
        height: pixels as stored.
        mode: one of ``imgassets.warehouse.contracts.MODES``.
        bit_depth: bits per sample.
        samples: samples per pixel.
        whole: the file reaches its end mark and holds all the data it refers to; bytes after the
            end do not matter.
        orientation: EXIF orientation, 1 … 8; 1 if there is none or it is broken.
        frames: frames or pages.
        metadata_bytes: size of EXIF, XMP, ICC profile, texts …, inflated where they are compressed.
    """

    width: int
    height: int
    mode: str
    bit_depth: int
    samples: int
    whole: bool
    orientation: int = 1
    frames: int = 1
    metadata_bytes: int = 0


def steps(limit: int = MAX_BLOCKS) -> Iterator[int]:
    """Count the blocks visited.

    Raises:
        TooIntricate: at the first block too many.
    """
    yield from range(limit)
    raise TooIntricate(limit)


def sniff(data: bytes) -> str | None:
    """Return the format that the first bytes announce, or None where it is not an accepted one."""
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
    if data[4:8] == b"ftyp" and {b"avif", b"avis"} & _brands(data):
        return "AVIF"
    return None


def _brands(data: bytes) -> set[bytes]:
    end = min(len(data), int.from_bytes(data[:4], "big"), 512)
    return {data[at : at + 4] for at in (8, *range(16, end - 3, 4))}


def exif_orientation(exif: bytes) -> int:
    """Return the orientation in an EXIF block, 1 where there is none or the block is broken."""
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(order + "I", tiff, 4)
        (count,) = struct.unpack_from(order + "H", tiff, start)
        for at in range(start + 2, start + 2 + 12 * min(count, _MAX_EXIF_FIELDS), 12):
            tag, kind, _, value = struct.unpack_from(order + "HHIH", tiff, at)
            if tag == ORIENTATION and kind == 3:
                return value if 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1
