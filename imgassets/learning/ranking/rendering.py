"""Orders for distorted photos, as a guarded process takes them: one string of bytes each.

Runs in decoding processes (:mod:`imgassets.vision.guard`), so it imports neither torch nor polars.
"""

from __future__ import annotations

import json

import cv2

from imgassets.learning.synthetic.distortions import distort
from imgassets.vision.decode import Undecodable, decode

_END = b"\n"

_COMPRESSION = [cv2.IMWRITE_PNG_COMPRESSION, 1]


def order(data: bytes, family: str, severity: float, seed: int) -> bytes:
    """Return the order for one photo: what to do, and the file's bytes."""
    return json.dumps([family, severity, seed]).encode() + _END + data


def fulfil(wanted: bytes) -> bytes | Undecodable:
    """Make the photo of an order; a refusal is a value: it travels between processes.

    The picture is distorted at working size, and an image without distortion (family '') passes
    the same way: every example is a PNG file, so that nothing can be learnt from the encoding.
    """
    head, _, data = wanted.partition(_END)
    family, severity, seed = json.loads(head)
    try:
        picture = decode(data)
    except Undecodable as refusal:
        return refusal
    made = distort(picture, family, severity, seed) if family else picture
    _, png = cv2.imencode(".png", cv2.cvtColor(made, cv2.COLOR_RGB2BGR), _COMPRESSION)
    return png.tobytes()
