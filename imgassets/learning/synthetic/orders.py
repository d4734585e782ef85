"""Orders for synthetic pictures, as a guarded process takes them: one string of bytes each.

Runs in decoding processes (:mod:`imgassets.vision.guard`), so it imports neither torch nor polars.
"""

from __future__ import annotations

import json

from imgassets.learning.synthetic.making import render
from imgassets.vision.decode import Undecodable

_END = b"\n"


def order(data: bytes, defect: str, severity: float, seed: int) -> bytes:
    """Return the order for one picture: what to do, and the file's bytes."""
    return json.dumps([defect, severity, seed]).encode() + _END + data


def fulfil(wanted: bytes) -> bytes | Undecodable:
    """Make the picture of an order; a refusal is a value: it travels between processes."""
    head, _, data = wanted.partition(_END)
    try:
        return render(data, *json.loads(head))
    except Undecodable as refusal:
        return refusal
