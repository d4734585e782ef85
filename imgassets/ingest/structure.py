"""Whether a picture file is all there: its segments, chunks or blocks up to the end mark."""

from __future__ import annotations

import re

_JPEG_MARKER = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])")
_STANDALONE = frozenset((0x01, 0xD8))


def is_whole(kind: str, data: bytes) -> bool:
    """Tell whether a file reaches its format's end mark; bytes after it do not matter.

    Args:
        kind: ``JPEG``, ``PNG``, ``WEBP``, ``GIF``, ``BMP`` or ``TIFF``; of the last only the
            header is looked at.
        data: The whole file.
    """
    match kind:
        case "JPEG":
            return _jpeg_is_whole(data)
        case "PNG":
            return png_chunks(data)[1]
        case "WEBP":
            return riff_chunks(data)[1]
        case "GIF":
            return _gif_is_whole(data)
        case "BMP":
            return _bmp_is_whole(data)
        case _:
            return len(data) > 8


def _jpeg_is_whole(data: bytes) -> bool:
    """Walk the segments to the first scan, then the scans to the end-of-image marker."""
    at, scanning = 2, False
    while found := _JPEG_MARKER.search(data, at):
        marker = found[1][0]
        if marker == 0xD9:
            return scanning
        at = found.end()
        if marker in _STANDALONE:
            continue
        scanning = scanning or marker == 0xDA
        if at + 2 > len(data):
            return False
        at += max(2, int.from_bytes(data[at : at + 2], "big"))
    return False


def png_chunks(data: bytes) -> tuple[dict[bytes, bytes], bool]:
    """Return the content of each chunk type's first chunk (image data left out).

    The second value tells whether the chunks run up to a complete IEND.
    """
    chunks: dict[bytes, bytes] = {}
    at = 8
    while at + 12 <= len(data):
        size, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if at + 12 + size > len(data):
            return chunks, False
        if name not in (b"IDAT", b"fdAT"):
            chunks.setdefault(name, data[at + 8 : at + 8 + size])
        if name == b"IEND":
            return chunks, True
        at += 12 + size
    return chunks, False


def riff_chunks(data: bytes) -> tuple[dict[bytes, bytes], bool]:
    """Return the content of each WebP chunk type's first chunk.

    The second value tells whether the length in the RIFF header and those of its chunks fit the
    file.
    """
    end = 8 + int.from_bytes(data[4:8], "little")
    chunks: dict[bytes, bytes] = {}
    at, whole = 12, end <= len(data)
    while at + 8 <= min(end, len(data)):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        chunks.setdefault(data[at : at + 4], data[at + 8 : at + 8 + size])
        whole = whole and at + 8 + size <= end
        at += 8 + size + size % 2
    return chunks, whole


def webp_size(chunks: dict[bytes, bytes]) -> tuple[int, int]:
    """Return a WebP picture's width and height in pixels.

    Raises:
        ValueError: no chunk gives a size.
    """
    extended, lossy, lossless = (chunks.get(n, b"") for n in (b"VP8X", b"VP8 ", b"VP8L"))
    if len(extended) >= 10:
        width, height = (int.from_bytes(extended[i : i + 3], "little") + 1 for i in (4, 7))
        if not lossy and not lossless and b"ANMF" not in chunks:
            raise ValueError("extended WebP file without a picture")
        return width, height
    if len(lossy) >= 10 and lossy[3:6] == b"\x9d\x01\x2a" and not lossy[0] & 1:
        width, height = (int.from_bytes(lossy[i : i + 2], "little") & 0x3FFF for i in (6, 8))
        return width, height
    if len(lossless) >= 5 and lossless[0] == 0x2F:
        bits = int.from_bytes(lossless[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    raise ValueError("no VP8, VP8L or VP8X header")


def _gif_is_whole(data: bytes) -> bool:
    """Walk the blocks to the trailer."""
    if len(data) < 13:
        return False
    at = 13 + (3 * 2 ** ((data[10] & 7) + 1) if data[10] & 0x80 else 0)
    while at < len(data):
        block = data[at]
        if block == 0x3B:
            return True
        if block == 0x21:
            at += 2
        elif block == 0x2C and at + 10 <= len(data):
            table = data[at + 9]
            at += 11 + (3 * 2 ** ((table & 7) + 1) if table & 0x80 else 0)
        else:
            # Padding between blocks is met in the wild and skipped by decoders.
            at += 1
            continue
        while at < len(data) and data[at]:
            at += 1 + data[at]
        at += 1
    return False


def _bmp_is_whole(data: bytes) -> bool:
    """Check that uncompressed rows fit the file; compressed ones have no length to check."""
    start, header = (int.from_bytes(data[i : i + 4], "little") for i in (10, 14))
    if header < 40:
        width, height, depth = (int.from_bytes(data[i : i + 2], "little") for i in (18, 20, 24))
        compression = 0
    else:
        width, height = (int.from_bytes(data[i : i + 4], "little", signed=True) for i in (18, 22))
        depth = int.from_bytes(data[28:30], "little")
        compression = int.from_bytes(data[30:34], "little")
    if compression not in (0, 3):
        return len(data) > start
    return start + (abs(width) * depth + 31) // 32 * 4 * abs(height) <= len(data)
