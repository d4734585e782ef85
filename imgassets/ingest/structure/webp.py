"""WebP (RFC 9649): RIFF chunks."""

from __future__ import annotations

from imgassets.ingest.structure.common import Header, exif_orientation, steps

_METADATA = frozenset((b"EXIF", b"XMP ", b"ICCP"))
_ALPHA, _EXIF = 0x10, 0x08
"""Flags of the extended header."""


def read_webp(data: bytes, metadata_limit: int) -> Header:
    """Walk the chunks; the lengths in the RIFF header and in its chunks must fit the file.

    Raises:
        ValueError: no chunk gives the picture's size, or a file with too many chunks.
    """
    end = 8 + int.from_bytes(data[4:8], "little")
    at, whole, frames, metadata = 12, end <= len(data), 0, 0
    heads: dict[bytes, bytes] = {}
    exif = b""
    for _ in steps():
        if at + 8 > min(end, len(data)):
            break
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        heads.setdefault(name, data[at + 8 : at + 8 + min(size, 16)])
        if name == b"EXIF":
            exif = exif or data[at + 8 : at + 8 + size]
        frames += name == b"ANMF"
        metadata += size * (name in _METADATA)
        whole = whole and at + 8 + size <= end
        at += 8 + size + size % 2
    if not heads.get(b"VP8X", b"\0")[0] & _EXIF:
        exif = b""  # Decoders pass over a block that the extended header does not announce.
    width, height, has_alpha = _canvas(heads)
    mode, samples = ("rgba", 4) if has_alpha else ("rgb", 3)
    return Header(
        width, height, mode, 8, samples, whole, exif_orientation(exif), max(1, frames), metadata
    )


def _canvas(heads: dict[bytes, bytes]) -> tuple[int, int, bool]:
    """Return width and height in pixels, and whether there is an alpha channel."""
    extended, lossy, lossless = (heads.get(n, b"") for n in (b"VP8X", b"VP8 ", b"VP8L"))
    if len(extended) >= 10:
        if not lossy and not lossless and b"ANMF" not in heads:
            raise ValueError("extended file without a picture")
        width, height = (int.from_bytes(extended[i : i + 3], "little") + 1 for i in (4, 7))
        return width, height, bool(extended[0] & _ALPHA)
    if len(lossy) >= 10 and lossy[3:6] == b"\x9d\x01\x2a" and not lossy[0] & 1:
        width, height = (int.from_bytes(lossy[i : i + 2], "little") & 0x3FFF for i in (6, 8))
        return width, height, False
    if len(lossless) >= 5 and lossless[0] == 0x2F:
        bits = int.from_bytes(lossless[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1)
    raise ValueError("no VP8, VP8L or VP8X header")
