"""ICC profiles (ICC.1:2001-04 and ICC.1:2022) whose effect cannot be overlooked."""

from __future__ import annotations

import struct

from PIL import ImageCms


def red_is_blue() -> bytes:
    """Return sRGB with the primaries of red and blue exchanged, under another name."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    named = srgb.replace("sRGB".encode("utf-16-be"), "test".encode("utf-16-be"))
    return (
        named.replace(b"rXYZ", b"swap", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"swap", b"bXYZ", 1)
    )


def linear_gray() -> bytes:
    """Return a profile of gray whose values are proportional to light."""
    return _profile(b"GRAY", b"XYZ ", {b"kTRC": b"curv" + bytes(8)})


def any_ink_is_black() -> bytes:
    """Return a profile of CMYK by which paper is white and any full ink black."""
    identity = bytes(range(256))
    lightness = [255] + [0] * 15
    grid = b"".join(bytes((value, 128, 128)) for value in lightness)
    matrix = struct.pack(">9i", *(65536 * (k % 4 == 0) for k in range(9)))
    head = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + matrix
    return _profile(b"CMYK", b"Lab ", {b"A2B0": head + identity * 4 + grid + identity * 3})


def _profile(space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    description = b"desc" + bytes(4) + struct.pack(">I", 5) + b"test\0" + bytes(78)
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)
    tags = {b"desc": description, b"wtpt": white, b"cprt": b"text" + bytes(4) + b"CC0\0"} | tags
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += name + struct.pack(">II", start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    kind = b"prtr" if space == b"CMYK" else b"mntr"
    header = struct.pack(
        ">I4sI4s4s4s12s4s", start + len(body), bytes(4), 0x02400000, kind, space, connection,
        bytes(12), b"acsp",
    )  # fmt: skip
    illuminant = struct.pack(">3i", 63190, 65536, 54061)
    header += bytes(28) + illuminant
    return header.ljust(128, b"\0") + table + body
