"""AVIF (AV1 Image File Format 1.1 over ISO/IEC 14496-12 and 23008-12): boxes."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from imgassets.ingest.structure.common import CutShort, Header, steps

_PARTS = frozenset((b"ftyp", b"meta", b"moov", b"mdat"))
"""Boxes that a picture is made of; what else stands beside them does not matter."""

_ALPHA = b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"
_ROTATED = {0: 1, 1: 8, 2: 3, 3: 6}
"""EXIF orientation of each quarter turn (anticlockwise) of an ``irot`` box."""


class _Box(NamedTuple):
    kind: bytes
    start: int
    end: int


def read_avif(data: bytes, metadata_limit: int) -> Header:
    """Read the properties of the primary item; of a sequence, count its samples.

    Metadata is the size of the descriptive boxes (``meta``, ``moov``).

    Raises:
        CutShort: the file ends before its description.
        ValueError: the primary item has no size, or a file with too many boxes.
        struct.error: a box ends within its content.
    """
    budget = steps()
    top = list(_boxes(data, 0, len(data), budget))
    parts = [box for box in top if box.kind in _PARTS]
    has_pixels = any(box.kind == b"mdat" or b"idat" in data[box.start : box.end] for box in parts)
    whole = has_pixels and all(box.end <= len(data) for box in parts)
    described = [box for box in top if box.kind in (b"meta", b"moov")]
    if not described:
        raise ValueError("no description") if whole else CutShort("no description")
    properties = _primary_properties(data, described, budget)
    extent = next((data[p.start + 4 : p.start + 12] for p in properties if p.kind == b"ispe"), b"")
    if len(extent) < 8:
        raise ValueError("the primary item has no size")
    width, height = struct.unpack(">II", extent)
    turn = next((data[p.start] & 3 for p in properties if p.kind == b"irot"), 0)
    codec = next((data[p.start + 2] for p in properties if p.kind == b"av1C"), 0)
    bit_depth = 8 if not codec & 0x40 else 12 if codec & 0x20 else 10
    has_alpha = any(data.find(_ALPHA, box.start, box.end) >= 0 for box in described)
    mode = (
        ("gray_alpha" if has_alpha else "gray") if codec & 0x10 else "rgba" if has_alpha else "rgb"
    )
    return Header(
        width,
        height,
        mode,
        bit_depth,
        (1 if codec & 0x10 else 3) + has_alpha,
        whole,
        _ROTATED[turn],
        _count_samples(data, described, budget),
        sum(box.end - box.start for box in described),
    )


def _boxes(data: bytes, at: int, end: int, budget: Iterator[int]) -> Iterator[_Box]:
    """Yield the boxes within a range; the last may claim to end beyond it."""
    while at + 8 <= end:
        next(budget)
        size, kind = struct.unpack_from(">I4s", data, at)
        start = at + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, start)
            start += 8
        at = at + size if size else end
        if at < start:
            raise ValueError("a box shorter than its header")
        yield _Box(kind, start, at)


def _inside(data: bytes, boxes: list[_Box], path: bytes, budget: Iterator[int]) -> list[_Box]:
    """Return the boxes at a path of kinds below these boxes, e.g. ``b"iprp/ipco"``."""
    for kind in path.split(b"/"):
        boxes = [
            child
            for box in boxes
            for child in _boxes(data, box.start, min(box.end, len(data)), budget)
            if child.kind == kind
        ]
    return boxes


def _primary_properties(data: bytes, top: list[_Box], budget: Iterator[int]) -> list[_Box]:
    """Return the property boxes that belong to the primary item."""
    meta = [b._replace(start=b.start + 4) for b in top if b.kind == b"meta"]
    primary = _inside(data, meta, b"pitm", budget)
    stores = _inside(data, meta, b"iprp/ipco", budget)
    links = _inside(data, meta, b"iprp/ipma", budget)
    if not primary or not stores or not links:
        raise ValueError("no primary item")
    wide = data[primary[0].start] > 0
    (item,) = struct.unpack_from(">I" if wide else ">H", data, primary[0].start + 4)
    properties = list(_boxes(data, stores[0].start, min(stores[0].end, len(data)), budget))
    wanted = _associations(data, links[0], item, budget)
    return [properties[i - 1] for i in wanted if 0 < i <= len(properties)]


def _associations(data: bytes, box: _Box, item: int, budget: Iterator[int]) -> list[int]:
    """Return the numbers (from 1) of an item's properties in an ``ipma`` box."""
    version, flags = data[box.start], data[box.start + 3]
    (count,) = struct.unpack_from(">I", data, box.start + 4)
    at = box.start + 8
    for _ in range(count):
        next(budget)
        (owner,) = struct.unpack_from(">I" if version else ">H", data, at)
        at += 4 if version else 2
        n, at = data[at], at + 1
        size = 2 if flags & 1 else 1
        mask = 0x7FFF if flags & 1 else 0x7F
        if owner == item:
            ends = range(at, at + n * size, size)
            return [int.from_bytes(data[i : i + size], "big") & mask for i in ends]
        at += n * size
    return []


def _count_samples(data: bytes, top: list[_Box], budget: Iterator[int]) -> int:
    tables = _inside(
        data, [b for b in top if b.kind == b"moov"], b"trak/mdia/minf/stbl/stsz", budget
    )
    counts = [struct.unpack_from(">I", data, table.start + 8)[0] for table in tables]
    return max([1, *counts])
