"""TIFF (revision 6.0) and BigTIFF: directories of tags."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from imgassets.ingest.structure.common import ORIENTATION, CutShort, Header, steps

_WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _SAMPLES, _EXTRA = 256, 257, 258, 262, 277, 338
_STRIPS, _TILES = (273, 279), (324, 325)
"""Tags of the offsets and the byte counts of the pixel data."""

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8,
          17: 8, 18: 8}  # fmt: skip
"""Bytes of one value of each type of field."""

_INTEGERS = {1: "u1", 3: "u2", 4: "u4", 13: "u4", 16: "u8", 18: "u8"}
_MODES = {0: "gray", 1: "gray", 2: "rgb", 3: "palette", 5: "cmyk", 6: "rgb"}
_WITH_EXTRA_SAMPLE = {"gray": "gray_alpha", "rgb": "rgba"}


class _Layout(NamedTuple):
    """How directories are written.

    Attributes:
        order: byte order, as the struct module spells it.
        length: struct code of a directory's number of fields.
        entry: struct codes of a field's tag, type and number of values.
        offset: struct code of an offset.
        inline: bytes of an offset, and of the values that stand in its place.
    """

    order: str
    length: str
    entry: str
    offset: str
    inline: int


class _Field(NamedTuple):
    """One field: the type and number of its values, and where they start."""

    kind: int
    length: int
    at: int


def read_tiff(data: bytes, metadata_limit: int) -> Header:
    """Read the first directory, and count the others.

    All strips or tiles must lie within the file; metadata is every other field of the first
    directory, whether or not the file holds all that it claims.

    Raises:
        CutShort: the first directory runs past the end of the file.
        ValueError: a needed field is missing or absurd, or the directories have too many fields.
        struct.error: a directory lies beyond the end of the file.
    """
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    layout = _Layout(order, *(("Q", "HHQ", "Q", 8) if big else ("H", "HHI", "I", 4)))
    (start,) = struct.unpack_from(order + layout.offset, data, 8 if big else 4)
    budget = steps()
    fields, following = _directory(data, start, layout, budget)

    def first(tag: int, default: int | None = None) -> int:
        values = _integers(data, fields.get(tag), order)
        if len(values):
            return int(values[0])
        if default is None:
            raise ValueError(f"no tag {tag}")
        return default

    samples, mode = first(_SAMPLES, 1), _MODES.get(first(_PHOTOMETRIC, 0), "other")
    if _EXTRA in fields:
        mode = _WITH_EXTRA_SAMPLE.get(mode, mode)
    pixel_tags = _TILES if _TILES[0] in fields else _STRIPS
    metadata = sum(
        _SIZES.get(field.kind, 1) * field.length
        for tag, field in fields.items()
        if tag not in _STRIPS + _TILES
    )
    orientation, bit_depth = first(ORIENTATION, 1), first(_BITS, 1)
    if not 1 <= bit_depth <= 64:
        raise ValueError(f"{bit_depth} bits per sample")
    return Header(
        first(_WIDTH),
        first(_HEIGHT),
        mode,
        bit_depth,
        samples,
        _holds(data, fields, pixel_tags, order),
        orientation if 1 <= orientation <= 8 else 1,
        1 + _count_directories(data, start, following, layout, budget),
        metadata,
    )


def _directory(
    data: bytes, start: int, layout: _Layout, budget: Iterator[int]
) -> tuple[dict[int, _Field], int]:
    """Return a directory's fields by tag, and the offset of the next directory (0: none)."""
    order = layout.order
    (count,) = struct.unpack_from(order + layout.length, data, start)
    at = start + struct.calcsize(order + layout.length)
    size = struct.calcsize(order + layout.entry) + layout.inline
    if at + count * size > len(data):
        raise CutShort("a directory runs past the end of the file")
    fields: dict[int, _Field] = {}
    for place in range(at, at + count * size, size):
        next(budget)
        tag, kind, n = struct.unpack_from(order + layout.entry, data, place)
        value = place + size - layout.inline
        if _SIZES.get(kind, 1) * n > layout.inline:
            (value,) = struct.unpack_from(order + layout.offset, data, value)
        fields.setdefault(tag, _Field(kind, n, value))
    end = at + count * size
    tail = data[end : end + layout.inline]
    following = struct.unpack(order + layout.offset, tail)[0] if len(tail) == layout.inline else 0
    return fields, following


def _count_directories(
    data: bytes, start: int, at: int, layout: _Layout, budget: Iterator[int]
) -> int:
    """Follow the chain of directories until it ends, breaks or comes back on itself."""
    seen = {start}
    order, n = layout.order, 0
    head = struct.calcsize(order + layout.length)
    size = struct.calcsize(order + layout.entry) + layout.inline
    while at and at not in seen and at + head <= len(data):
        next(budget)
        seen.add(at)
        n += 1
        (count,) = struct.unpack_from(order + layout.length, data, at)
        at += head + count * size
        if at + layout.inline > len(data):
            break
        (at,) = struct.unpack_from(order + layout.offset, data, at)
    return n


def _integers(data: bytes, field: _Field | None, order: str) -> np.ndarray:
    """Return a field's values; none where it is absent, not of integers or beyond the file."""
    if field is None or field.kind not in _INTEGERS:
        return np.empty(0, np.uint64)
    dtype = np.dtype(order + _INTEGERS[field.kind])
    if field.at + dtype.itemsize * field.length > len(data):
        return np.empty(0, np.uint64)
    return np.frombuffer(data, dtype, field.length, field.at)


def _holds(data: bytes, fields: dict[int, _Field], tags: tuple[int, int], order: str) -> bool:
    """Tell whether all strips or tiles end within the file."""
    starts, counts = (_integers(data, fields.get(tag), order) for tag in tags)
    if not len(starts):
        raise ValueError("no pixel data")
    # Without byte counts (allowed by old writers) only the starts can be checked.
    sizes = counts if len(counts) == len(starts) else np.ones(len(starts))
    return bool((starts.astype(np.float64) + sizes <= len(data)).all())
