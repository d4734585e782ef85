"""Rectangles of partitions: what one run each does."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from imgassets.warehouse.partitions import Partition

_MAX_GAP = timedelta(days=7)


def rectangles(
    sizes: Mapping[Partition, int],
    existing: frozenset[Partition],
    category_order: Sequence[str],
    max_rows: int,
) -> list[list[Partition]]:
    """Cover partitions with rectangles of consecutive categories and days, one run each.

    Args:
        sizes: feed rows of the partitions to run.
        existing: every partition that some feed names; no rectangle touches one that is not to run.
        category_order: all categories, in the order that a range of partition keys follows.
        max_rows: feed rows of a rectangle, about.
    """
    places = {category: index for index, category in enumerate(category_order)}
    fresh = _Days(existing - set(sizes), places)
    merged: list[_Box] = []
    for index, days in sorted(_Days(sizes, places).by_place.items()):
        of_category: list[_Box] = []
        for day in days:
            box = _Box(index, index, day, day, sizes[Partition(day, category_order[index])])
            _append(of_category, box, fresh, max_rows)
        for box in of_category:
            _append(merged, box, fresh, max_rows)
    return [
        [
            Partition(low + timedelta(days=offset), category_order[index])
            for index in range(start, stop + 1)
            for offset in range((high - low).days + 1)
        ]
        for start, stop, low, high, _ in merged
    ]


class _Box(NamedTuple):
    """A rectangle of categories (by index, inclusive) and days (inclusive) with its feed rows."""

    start: int
    stop: int
    first: date
    last: date
    rows: int


class _Days:
    """The days of partitions by their category's place, so that a rectangle looks at its own.

    Args:
        partitions: of any categories; those without a place are passed over.
        places: index of each category.
    """

    def __init__(self, partitions: Collection[Partition], places: Mapping[str, int]) -> None:
        self.by_place: dict[int, list[date]] = {}
        for day, category in sorted(partitions):
            if category in places:
                self.by_place.setdefault(places[category], []).append(day)

    def meets(self, box: _Box) -> bool:
        """Tell whether any partition lies in a rectangle."""
        for place in range(box.start, box.stop + 1):
            days = self.by_place.get(place, [])
            at = bisect_left(days, box.first)
            if at < len(days) and days[at] <= box.last:
                return True
        return False


def _append(boxes: list[_Box], box: _Box, fresh: _Days, max_rows: int) -> None:
    """Join ``box`` to the last one where the union stays small and touches nothing fresh."""
    if not boxes:
        boxes.append(box)
        return
    last = boxes[-1]
    union = _Box(
        min(last.start, box.start),
        max(last.stop, box.stop),
        min(last.first, box.first),
        max(last.last, box.last),
        last.rows + box.rows,
    )
    apart = max(box.first - last.last, last.first - box.last)
    if (
        union.rows <= max_rows
        and apart <= _MAX_GAP
        and box.start - last.stop <= 1
        and not fresh.meets(union)
    ):
        boxes[-1] = union
    else:
        boxes.append(box)
