"""Make a defect in a picture, or in an image file."""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence

import numpy as np
from PIL import Image

from imgassets.learning.synthetic.chance import happens
from imgassets.learning.synthetic.defects import DEFECTS
from imgassets.vision.decode import decode

_JPEG_QUALITY = (80, 95)
"""Of the files, least and most."""

_PNG_SHARE = 0.4
"""Share of placeholders and charts that are PNG files: artwork is, photographs seldom are."""

_CHOICES, _ENCODING = 0, 1
"""Streams of random numbers: what is drawn for the picture does not move the file's quality."""


def make(
    picture: np.ndarray, name: str, severity: float, seed: int, others: Sequence[np.ndarray] = ()
) -> np.ndarray:
    """Make one defect in a picture.

    Args:
        picture: RGB, uint8, height × width × 3; it is never modified.
        name: one of :data:`DEFECTS`.
        severity: 0 (hardly visible) … 1 (gross).
        seed: two seeds differ in kind as well as in amount; the same seed gives the same pixels.
        others: further pictures of the same product, likewise; most defects have no use for them.

    Returns:
        RGB, uint8; some defects change the size.

    Raises:
        ValueError: the name is unknown, the severity is outside 0 … 1, or the picture has another
            shape or type.
    """
    if name not in DEFECTS:
        raise ValueError(f"unknown defect {name!r}: the known ones are {', '.join(DEFECTS)}")
    if not 0 <= severity <= 1:
        raise ValueError(
            f"severity {severity:g} of {name!r} is outside 0 … 1 "
            f"(any of the defects {', '.join(DEFECTS)} takes 0 … 1)"
        )
    for one in (picture, *others):
        if one.ndim != 3 or one.shape[2] != 3 or one.dtype != np.uint8 or not one.size:
            raise ValueError(
                f"a picture must be RGB, uint8, height × width × 3, not {one.dtype} of shape "
                f"{one.shape}"
            )
    defect, rng = DEFECTS[name], _generator(name, seed, _CHOICES)
    further = (others,) if defect.several else ()
    made = defect.apply(picture, severity, rng, *further)
    return made.copy() if np.shares_memory(made, picture) else made


def render(
    data: bytes, name: str, severity: float, seed: int, others: Sequence[bytes] = ()
) -> bytes:
    """Make one defect in an image file.

    It runs in worker processes: nothing heavier than OpenCV is imported.

    Args:
        data: the file's bytes, of any accepted format.
        name: one of :data:`DEFECTS`.
        severity: 0 (hardly visible) … 1 (gross).
        seed: likewise of :func:`make`; it also decides about the encoding.
        others: files of further pictures of the same product.

    Returns:
        A JPEG file of quality 80 … 95, or a PNG file for some placeholders and charts; the same
        bytes for the same arguments.

    Raises:
        imgassets.vision.decode.Undecodable: the bytes are no whole picture.
        ValueError: as :func:`make`.
    """
    further = [decode(other) for other in others]
    image = Image.fromarray(make(decode(data), name, severity, seed, further))
    rng = _generator(name, seed, _ENCODING)
    out = io.BytesIO()
    is_artwork = DEFECTS[name].flag in ("placeholder", "size_chart")
    if is_artwork and happens(rng, _PNG_SHARE):
        image.save(out, "PNG")
    else:
        image.save(out, "JPEG", quality=int(rng.integers(_JPEG_QUALITY[0], _JPEG_QUALITY[1] + 1)))
    return out.getvalue()


def _generator(name: str, seed: int, stream: int) -> np.random.Generator:
    """Return the random numbers of one defect and seed; a seed may be negative."""
    return np.random.default_rng([seed & (2**64 - 1), zlib.crc32(name.encode()), stream])
