"""Comparing two image files: the task of a decoding process."""

from __future__ import annotations

from typing import NamedTuple

from imgassets.selection.pairs.differences import measure_pair
from imgassets.selection.pairs.record import PairMeasures
from imgassets.vision.decode import Undecodable, decode
from imgassets.vision.record import Signals
from imgassets.vision.signals import measure

_LENGTH_BYTES = 8


class ComparedFiles(NamedTuple):
    """What two files show: their pair's measures, and each one's signals."""

    measures: PairMeasures
    left: Signals
    right: Signals


def request(left: bytes, right: bytes) -> bytes:
    """Return the message that asks :func:`compare_files` about two files."""
    return len(left).to_bytes(_LENGTH_BYTES) + left + right


def compare_files(message: bytes) -> ComparedFiles | Undecodable:
    """Decode two files, measure each, and lay one over the other.

    Args:
        message: see :func:`request`.

    Returns:
        What they show, or why one of them is no picture (as a value: it travels between
        processes).

    Raises:
        MemoryError: the process may not take the memory that decoding needs.
    """
    end = _LENGTH_BYTES + int.from_bytes(message[:_LENGTH_BYTES])
    try:
        left, right = decode(message[_LENGTH_BYTES:end]), decode(message[end:])
    except Undecodable as refusal:
        return refusal
    return ComparedFiles(measure_pair(left, right), measure(left), measure(right))
