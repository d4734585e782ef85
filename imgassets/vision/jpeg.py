"""The fast way through a JPEG: libjpeg-turbo, straight to the size that is worked at.

A JPEG's blocks can be decoded to a half, a quarter or an eighth of their size inside the inverse
DCT: what would be averaged away is never computed. Whatever is odd about a file (its colours, its
profile, a warning of the decoder) is left to the general decoder.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import cv2
import numpy as np
import simplejpeg

from imgassets.ingest.structure.common import exif_orientation

MAX_REDUCTION = 8
"""The DCT's blocks are 8 × 8: no smaller scale than an eighth."""

_PLAIN_FRAMES = (0xC0, 0xC1, 0xC2)
"""Start-of-frame markers of baseline, extended and progressive Huffman coding."""

_STANDALONE = (0x01, *range(0xD0, 0xD9))
"""Markers without a length."""

_SCAN_MARKERS = (0xD9, 0xDA)
"""End of image and start of scan: the header ends there."""


def decode_jpeg(data: bytes, working_side: int, max_pixels: int) -> np.ndarray | None:
    """Decode a plain JPEG at the smallest DCT scale that keeps the working size.

    Args:
        data: the file's bytes.
        working_side: the picture is halved while its longer side stays at least this long.
        max_pixels: largest accepted picture, in pixels of the file.

    Returns:
        RGB picture, uint8, height × width × 3, upright by its EXIF orientation; None where the
        bytes are no JPEG, or one that the general decoder should judge: neither gray nor YCbCr,
        of more than 8 bits, arithmetic-coded or lossless, with a colour profile other than sRGB,
        too large, or with anything that libjpeg-turbo warns about.
    """
    header = _read_header(data)
    if header is None or header.width * header.height > max_pixels:
        return None
    longest, factor = max(header.width, header.height), 1
    while longest // (2 * factor) >= working_side:
        factor *= 2
    if factor > MAX_REDUCTION:
        return None
    height, width = -(-header.height // factor), -(-header.width // factor)
    try:
        picture = simplejpeg.decode_jpeg(data, "RGB", min_height=height, min_width=width)
    except ValueError:
        return None
    return _upright(picture, header.orientation) if picture.shape[:2] == (height, width) else None


class _Header(NamedTuple):
    """What the segments before the first scan say: the stored size, and the EXIF orientation."""

    width: int
    height: int
    orientation: int


def _read_header(data: bytes) -> _Header | None:
    """Read a JPEG's header; None unless it is of the plain kind."""
    if data[:2] != b"\xff\xd8":
        return None
    at, end, width, height = 2, len(data), 0, 0
    exif, profile, transform, components = b"", b"", -1, b""
    while at + 4 <= end and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker in _SCAN_MARKERS:
            break
        if marker in _STANDALONE:
            return None
        length = int.from_bytes(data[at + 2 : at + 4])
        body = data[at + 4 : at + 2 + length]
        if marker in _PLAIN_FRAMES and len(body) >= 6:
            if width or body[0] != 8:
                return None
            height, width = struct.unpack(">HH", body[1:5])
            components = body[6 : 6 + 3 * body[5] : 3]
        elif 0xC3 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return None
        elif marker == 0xE1 and body[:6] == b"Exif\0\0" and not exif:
            exif = body
        elif marker == 0xE2 and body[:12] == b"ICC_PROFILE\0":
            profile += body[14:]
        elif marker == 0xEE and body[:5] == b"Adobe" and len(body) >= 12:
            transform = body[11]
        at += 2 + length
    is_ycc = len(components) == 3 and transform != 0 and components != b"RGB"
    if not (width and height and (is_ycc or len(components) == 1)):
        return None
    if profile and not _is_srgb(profile):
        return None
    return _Header(width, height, exif_orientation(exif))


def _is_srgb(profile: bytes) -> bool:
    """Whether an ICC profile's description starts with "sRGB" (ICC.1:2022, desc and mluc)."""
    if profile[16:20] != b"RGB ":
        return False
    count = int.from_bytes(profile[128:132])
    for entry in range(132, min(132 + 12 * count, len(profile) - 11), 12):
        if profile[entry : entry + 4] == b"desc":
            start, length = struct.unpack_from(">II", profile, entry + 4)
            text = profile[start : start + length]
            name = text[28:].decode("utf-16-be", "ignore") if text[:4] == b"mluc" else ""
            return name.startswith("sRGB") or text[12:16] == b"sRGB"
    return False


def _upright(picture: np.ndarray, orientation: int) -> np.ndarray:
    """Undo an EXIF orientation."""
    if orientation in (5, 6, 7, 8):
        picture = cv2.transpose(picture)
    flip = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}.get(orientation)
    return picture if flip is None else cv2.flip(picture, flip)
