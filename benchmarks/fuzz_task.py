"""What `fuzz.py` runs in its decoding process, which cannot import the running script."""

from __future__ import annotations

from imgassets.vision.decode import Undecodable, decode


def decoded_size(data: bytes) -> tuple[int, int] | str:
    """Return the height and width of the decoded picture, or the rule that refused the file."""
    try:
        height, width = decode(data).shape[:2]
    except Undecodable as refusal:
        return refusal.rule_id
    return height, width
