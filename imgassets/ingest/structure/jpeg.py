"""JPEG (ITU-T T.81): marker segments."""

from __future__ import annotations

import re
import struct

from imgassets.ingest.structure.common import CutShort, Header, exif_orientation, steps

# One byte before the marker, not a run of them: a run that leads nowhere would be searched through
# again from each of its bytes.
_MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")
_STANDALONE = frozenset((0x01, 0xD8))
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_APPLICATION = frozenset(range(0xE0, 0xF0)) | {0xFE}
_END, _SCAN = 0xD9, 0xDA
_MAX_JUNK = 2**20
"""Bytes between segments, which decoders skip."""

_MODES = {1: "gray", 3: "rgb", 4: "cmyk"}


def read_jpeg(data: bytes, metadata_limit: int) -> Header:
    """Walk the segments up to the first scan, and look for the end mark after it.

    Of an MPO file, that is its first picture.

    Raises:
        CutShort: the file ends before its frame header.
        ValueError: there is no frame header, or there are too many segments or bytes between them.
    """
    at, metadata, exif, whole, junk = 2, 0, b"", False, 0
    frame: tuple[int, int, int, int] | None = None
    for _ in steps():
        found = _MARKER.search(data, at, at + _MAX_JUNK)
        if found is None or found.end() + 2 > len(data):
            break
        marker, junk = found[1][0], junk + found.start() - at
        if junk > _MAX_JUNK:
            raise ValueError(f"more than {_MAX_JUNK} bytes between segments")
        if marker == _END:
            break
        at = found.end()
        if marker in _STANDALONE:
            continue
        size = max(2, int.from_bytes(data[at : at + 2], "big"))
        if marker == _SCAN:
            # Within coded data a 0xFF is followed by 0x00 or a restart mark.
            whole = data.find(b"\xff\xd9", at + size) >= 0
            break
        if marker in _START_OF_FRAME and frame is None:
            frame = struct.unpack_from(">BHHB", data, at + 2)
        elif marker in _APPLICATION:
            metadata += size
            if marker == 0xE1 and not exif and data.startswith(b"Exif\0\0", at + 2):
                exif = data[at + 2 : at + size]
        at += size
    if frame is None:
        raise CutShort("no frame header") if not whole else ValueError("no frame header")
    bit_depth, height, width, samples = frame
    mode = _MODES.get(samples, "other")
    orientation = exif_orientation(exif)
    return Header(
        width, height, mode, bit_depth, samples, whole, orientation, metadata_bytes=metadata
    )
