"""Orders for synthetic pictures, as a guarded process takes them: one string of bytes each.

Runs in decoding processes (:mod:`imgassets.vision.guard`), so it imports neither torch nor polars.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import accumulate

from imgassets.learning.synthetic.making import render
from imgassets.vision.decode import Undecodable

_END = b"\n"


def order(
    data: bytes, defect: str, severity: float, seed: int, others: Sequence[bytes] = ()
) -> bytes:
    """Return the order for one picture: what to do, the file's bytes and those of further files."""
    lengths = [len(data), *map(len, others)]
    return json.dumps([defect, severity, seed, lengths]).encode() + _END + data + b"".join(others)


def fulfil(wanted: bytes) -> bytes | Undecodable:
    """Make the picture of an order; a refusal is a value: it travels between processes."""
    head, _, data = wanted.partition(_END)
    defect, severity, seed, lengths = json.loads(head)
    ends = list(accumulate(lengths))
    files = [data[end - length : end] for end, length in zip(ends, lengths, strict=True)]
    try:
        return render(files[0], defect, severity, seed, files[1:])
    except Undecodable as refusal:
        return refusal
