"""What decisions rest on besides an image itself: people's answers, categories, shared files."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from imgassets.operations.categories import category_types
from imgassets.operations.reviews import known_pairs, known_types, known_values
from imgassets.selection.quality import SHARING
from imgassets.warehouse.contracts import TypePriorities
from imgassets.warehouse.lake import Warehouse

_KNOWN = """
SELECT category FROM feed_files UNION SELECT category FROM categories
UNION SELECT category FROM type_priorities ORDER BY category
"""

_SHARED = """
SELECT category, image_id, max(products) AS products FROM (
    SELECT day, category, image_id, count(DISTINCT product_id) AS products
    FROM aggregated_images GROUP BY ALL HAVING products > {least}
) GROUP BY ALL ORDER BY ALL
"""

CHECKED_EVERY = 1.0
"""Seconds that what was read is taken for the newest: reading the snapshot's number takes some 20
milliseconds."""


@dataclass(frozen=True)
class Standing:
    """What stands at one snapshot of the warehouse.

    Attributes:
        snapshot_id: the snapshot.
        values: what people said of flags: image_id, flag, value.
        types: what they said of types: :func:`imgassets.operations.reviews.known_types`.
        pairs: what they said of pairs: :func:`imgassets.operations.reviews.known_pairs`.
        known_categories: those that any feed or list names, sorted.
        categories: :func:`imgassets.operations.categories.category_types`.
        priorities: rows of ``type_priorities``.
        clicked: categories with clicks on images.
        sharing: images that more products of a category show than one may
            (:data:`imgassets.selection.quality.SHARING`).
    """

    snapshot_id: int
    values: pl.DataFrame
    types: pl.DataFrame
    pairs: pl.DataFrame
    known_categories: tuple[str, ...]
    categories: pl.DataFrame
    priorities: pl.DataFrame
    clicked: frozenset[str]
    sharing: pl.DataFrame


def read_standing(warehouse: Warehouse, max_products_sharing: int) -> Standing:
    """Read what stands now.

    Args:
        warehouse: the warehouse.
        max_products_sharing: products that may show one image; images of no more are left out.
    """
    warehouse.initialise()
    snapshot_id = warehouse.snapshot_id()
    sharing = warehouse.sql(_SHARED.format(least=max_products_sharing))
    return Standing(
        snapshot_id=snapshot_id,
        values=known_values(warehouse).select("image_id", "flag", "value"),
        types=known_types(warehouse),
        pairs=known_pairs(warehouse),
        known_categories=tuple(warehouse.sql(_KNOWN)["category"]),
        categories=category_types(warehouse),
        priorities=warehouse.read(TypePriorities),
        clicked=frozenset(warehouse.sql("SELECT DISTINCT category FROM image_clicks")["category"]),
        sharing=sharing.cast(pl.Schema(SHARING)),
    )


class StandingReader:
    """Reads what stands, again only when the warehouse has a newer snapshot; thread-safe.

    Args:
        warehouse: the warehouse.
        max_products_sharing: see :func:`read_standing`.
        clock: monotonic time in seconds.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        max_products_sharing: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._warehouse = warehouse
        self._most = max_products_sharing
        self._clock = clock
        self._lock = threading.Lock()
        self._checked = 0.0
        self._standing: Standing | None = None

    def __call__(self) -> Standing:
        """Return what stands now, or did a second ago."""
        with self._lock:
            if self._standing is None or self._clock() - self._checked > CHECKED_EVERY:
                if (
                    self._standing is None
                    or self._warehouse.snapshot_id() != self._standing.snapshot_id
                ):
                    self._standing = read_standing(self._warehouse, self._most)
                self._checked = self._clock()
            return self._standing
