"""Drawing a stored file anew for people to look at; runs in a guarded process.

What a supplier sent never reaches a browser: the file is decoded to pixels and these are encoded
again, so EXIF, GPS positions and whatever else hides in a file stay behind.
"""

from __future__ import annotations

import io

from PIL import Image

from imgassets.vision.decode import Undecodable, decode

_SIDE_BYTES = 2


def request(data: bytes, side: int) -> bytes:
    """Return the message that asks :func:`draw` for a picture: the side, then the file."""
    return side.to_bytes(_SIDE_BYTES) + data


def draw(message: bytes) -> bytes | Undecodable:
    """Return a file's picture as WebP, at most as long as asked for and never enlarged.

    Args:
        message: see :func:`request`.

    Returns:
        The WebP file, or why the bytes are no picture.

    Raises:
        MemoryError: the process may not take the memory that decoding needs.
    """
    side = int.from_bytes(message[:_SIDE_BYTES])
    try:
        picture = Image.fromarray(decode(message[_SIDE_BYTES:], working_side=side))
    except Undecodable as error:
        return error
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    picture.save(out, "WEBP", quality=80, method=2)
    return out.getvalue()
