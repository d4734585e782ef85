"""PNG and APNG (W3C Portable Network Graphics, third edition): chunks."""

from __future__ import annotations

import struct
import zlib

from imgassets.ingest.structure.common import Header, exif_orientation, steps

_MODES = {0: ("gray", 1), 2: ("rgb", 3), 3: ("palette", 1), 4: ("gray_alpha", 2), 6: ("rgba", 4)}
_WITH_KEY_COLOUR = {"gray": "gray_alpha", "rgb": "rgba"}
_PIXELS = frozenset((b"IHDR", b"PLTE", b"IDAT", b"IEND", b"fcTL", b"fdAT"))


def read_png(data: bytes, metadata_limit: int) -> Header:
    """Walk the chunks up to IEND; compressed texts and profiles count with their inflated size.

    Raises:
        ValueError: the first chunk is no valid image header, or a file with too many chunks.
        struct.error: the file ends within the image header.
    """
    width, height, bit_depth, colour, *methods = struct.unpack_from(">IIBBBB", data, 16)
    known = colour in _MODES and bit_depth in (1, 2, 4, 8, 16) and methods == [0, 0]
    if data[12:16] != b"IHDR" or not known:
        raise ValueError("no valid image header")
    mode, samples = _MODES[colour]
    at, metadata, frames, whole, exif = 8, 0, 1, False, b""
    for _ in steps():
        if at + 12 > len(data):
            break
        size, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if at + 12 + size > len(data):
            break
        if name == b"IEND":
            whole = True
            break
        if name == b"acTL" and size >= 4:
            frames = max(1, int.from_bytes(data[at + 8 : at + 12], "big"))
        elif name == b"tRNS":
            mode = _WITH_KEY_COLOUR.get(mode, mode)
        elif name not in _PIXELS:
            content = data[at + 8 : at + 8 + size]
            if metadata <= metadata_limit:
                metadata += size + _inflated(name, content, metadata_limit)
            if name == b"eXIf":
                exif = content
        at += 12 + size
    orientation = exif_orientation(exif)
    return Header(
        width, height, mode, bit_depth, samples, whole, orientation, frames, metadata_bytes=metadata
    )


def _inflated(name: bytes, content: bytes, limit: int) -> int:
    """Return the size of a chunk's compressed text or profile, at most one more than the limit."""
    if name in (b"zTXt", b"iCCP"):  # keyword, NUL, method, deflated
        compressed = content.partition(b"\0")[2][1:]
    elif name == b"iTXt":  # keyword, NUL, flag, method, language, NUL, keyword, NUL, text
        rest = content.partition(b"\0")[2]
        compressed = rest[2:].split(b"\0", 2)[-1] if rest[:1] == b"\1" else b""
    else:
        return 0
    try:
        return len(zlib.decompressobj().decompress(compressed, limit + 1))
    except zlib.error:
        return 0  # Broken metadata is no reason to refuse a picture.
