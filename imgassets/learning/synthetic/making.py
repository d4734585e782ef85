"""Make a defect in a picture, or in an image file."""

from __future__ import annotations

import io
import zlib

import numpy as np
from PIL import Image

from imgassets.learning.synthetic.chance import happens
from imgassets.learning.synthetic.defects import DEFECTS
from imgassets.vision.decode import decode

_JPEG_QUALITY = (80, 95)
"""Of the files, least and most."""

_PNG_SHARE = 0.4
"""Share of placeholders that are PNG files: artwork is, photographs seldom are."""

_CHOICES, _ENCODING = 0, 1
"""Streams of random numbers: what is drawn for the picture does not move the file's quality."""


def make(picture: np.ndarray, name: str, severity: float, seed: int) -> np.ndarray:
    """Make one defect in a picture.

    Args:
        picture: RGB, uint8, height × width × 3; it is never modified.
        name: one of :data:`DEFECTS`.
        severity: 0 (hardly visible) … 1 (gross).
        seed: two seeds differ in kind as well as in amount; the same seed gives the same pixels.

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
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or not picture.size:
        raise ValueError(
            f"a picture must be RGB, uint8, height × width × 3, not {picture.dtype} of shape "
            f"{picture.shape}"
        )
    made = DEFECTS[name].apply(picture, severity, _generator(name, seed, _CHOICES))
    return made.copy() if np.shares_memory(made, picture) else made


def render(data: bytes, name: str, severity: float, seed: int) -> bytes:
    """Make one defect in an image file.

    It runs in worker processes: nothing heavier than OpenCV is imported.

    Args:
        data: the file's bytes, of any accepted format.
        name: one of :data:`DEFECTS`.
        severity: 0 (hardly visible) … 1 (gross).
        seed: likewise of :func:`make`; it also decides about the encoding.

    Returns:
        A JPEG file of quality 80 … 95, or a PNG file for some placeholders; the same bytes for the
        same arguments.

    Raises:
        imgassets.vision.decode.Undecodable: the bytes are no whole picture.
        ValueError: as :func:`make`.
    """
    image = Image.fromarray(make(decode(data), name, severity, seed))
    rng = _generator(name, seed, _ENCODING)
    out = io.BytesIO()
    if DEFECTS[name].flag == "placeholder" and happens(rng, _PNG_SHARE):
        image.save(out, "PNG")
    else:
        image.save(out, "JPEG", quality=int(rng.integers(_JPEG_QUALITY[0], _JPEG_QUALITY[1] + 1)))
    return out.getvalue()


def _generator(name: str, seed: int, stream: int) -> np.random.Generator:
    """Return the random numbers of one defect and seed; a seed may be negative."""
    return np.random.default_rng([seed & (2**64 - 1), zlib.crc32(name.encode()), stream])
