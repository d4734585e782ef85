"""What a product showed: now, at a moment, or after the feeds of a day; and what changed since.

A moment is a moment of the warehouse: what stood there then, right or wrong. A day is a day of the
feeds: what is known now of the products that feeds changed until that day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from imgassets.warehouse.contracts import ImageSetChanges
from imgassets.warehouse.history import AsOf, Snapshot, latest_snapshot, snapshot_at, writes
from imgassets.warehouse.lake import Warehouse

_NEWEST = """
SELECT day, category, status, before, added, removed, moved, hero_changed,
    missing_images
FROM image_set_changes
QUALIFY row_number() OVER (PARTITION BY category ORDER BY day DESC) = 1
ORDER BY category
"""

TITLES = """
SELECT category, product_id, first(title ORDER BY day DESC, supplier_id, title) AS title
FROM supplier_offers
WHERE title IS NOT NULL
GROUP BY ALL
"""
"""Products' titles as the first supplier that names them wrote them, newest feed first."""

_SHOWN = """
SELECT o.* EXCLUDE (day, category, product_id), a.image_urls, a.suppliers, a.width, a.height
FROM ordered_image_sets AS o JOIN aggregated_images AS a USING (day, category, product_id, image_id)
ORDER BY o.rank
"""

_LEFT_OUT = """
SELECT
    d.image_id, d.rule_id, d.reason, d.image_type,
    if(c.is_representative, NULL, c.cluster_id) AS duplicate_of,
    d.image_urls, d.suppliers, d.width, d.height
FROM image_decisions AS d
LEFT JOIN dedup_clusters AS c USING (day, category, product_id, image_id)
WHERE d.rank IS NULL
ORDER BY d.rule_id, d.image_id
"""


class NoImageSet(LookupError):
    """There is no image set of this product, or was none then."""


class SeveralCategories(ValueError):
    """The product is in several categories, and none was named.

    Attributes:
        categories: which, sorted.
    """

    def __init__(self, product_id: str, categories: list[str]) -> None:
        super().__init__(
            f"product '{product_id}' is in the categories {', '.join(categories)}: name one"
        )
        self.categories = categories


@dataclass(frozen=True)
class ShownImage:
    """One image of a set, at its rank from 1.

    ``policy_rank``, ``click_rank``, ``click_rate`` and ``ordered_by`` are those of
    ``ordered_image_sets``, null where the set was ordered before there were any.
    """

    rank: int
    image_id: str
    image_type: str
    is_hero: bool
    reason: str
    image_urls: list[str]
    suppliers: list[str]
    width: int
    height: int
    policy_rank: int | None = None
    click_rank: int | None = None
    click_rate: float | None = None
    ordered_by: str | None = None


@dataclass(frozen=True)
class LeftOutImage:
    """One image that arrived and is not shown; ``duplicate_of`` is the one that it repeats."""

    image_id: str
    rule_id: str
    reason: str
    image_type: str | None
    duplicate_of: str | None
    image_urls: list[str]
    suppliers: list[str]
    width: int
    height: int


@dataclass(frozen=True)
class ProductSet:
    """A product's image set.

    Attributes:
        product_id: the product.
        category: its category.
        day: of the feeds that the set was made from.
        title: as the first supplier that names it wrote it, newest feed first; None: nobody did.
        status: as in ``image_set_changes``.
        snapshot_id: the snapshot that was read.
        snapshot_time: when that was committed, in UTC.
        before: image ids, the first supplier's images in its own order.
        added: image ids that are shown and were not in ``before``.
        removed: image ids the other way round.
        moved: image ids in both, at another place among those.
        hero_changed: the first image differs.
        missing_images: how many images it has less than its policy's minimum; None: not known.
        images: what is shown, in order.
        left_out: what is not, by rule.
    """

    product_id: str
    category: str
    day: date
    title: str | None
    status: str
    snapshot_id: int
    snapshot_time: datetime
    before: list[str]
    added: list[str]
    removed: list[str]
    moved: list[str]
    hero_changed: bool
    missing_images: int | None
    images: list[ShownImage]
    left_out: list[LeftOutImage]


def image_set(
    warehouse: Warehouse,
    product_id: str,
    *,
    category: str | None = None,
    at: datetime | None = None,
    day: date | None = None,
    with_left_out: bool = True,
) -> ProductSet:
    """Return what a product shows.

    Args:
        warehouse: the warehouse.
        product_id: the product.
        category: its category; None: the only one it is in.
        at: what was shown at this moment (UTC if it names no zone); None: now.
        day: what feeds up to this day led to; None: all feeds.
        with_left_out: also say what is not shown and why, which takes most of the time.

    Raises:
        NoImageSet: there is none of this product, or there was none then.
        SeveralCategories: the product is in several, and none was named.
        BeforeHistory: what stood at the moment is not kept.
    """
    snapshot = standing_snapshot(warehouse, at)
    rows = AsOf(
        warehouse, snapshot.snapshot_id, category=category, product_ids=[product_id], until=day
    )
    found = rows.sql(_NEWEST)
    if found.is_empty():
        raise NoImageSet(_no_set(product_id, category, at, day))
    if found.height > 1:
        raise SeveralCategories(product_id, found["category"].to_list())
    changes = found.row(0, named=True)
    of_day = rows.until(changes["day"], only=True)
    left_out = of_day.sql(_LEFT_OUT).iter_rows(named=True) if with_left_out else ()
    titles = rows.until(changes["day"]).sql(TITLES)["title"]
    return ProductSet(
        product_id=product_id,
        title=titles[0] if len(titles) else None,
        snapshot_id=snapshot.snapshot_id,
        snapshot_time=snapshot.time,
        images=[ShownImage(**row) for row in of_day.sql(_SHOWN).iter_rows(named=True)],
        left_out=[LeftOutImage(**row) for row in left_out],
        **changes,
    )


def standing_snapshot(warehouse: Warehouse, at: datetime | None) -> Snapshot:
    """Return the snapshot that stood at a moment; None: now.

    Raises:
        BeforeHistory: what stood at the moment is not kept.
    """
    return latest_snapshot(warehouse) if at is None else snapshot_at(warehouse, at)


def snapshots(warehouse: Warehouse, category: str | None = None) -> list[Snapshot]:
    """Return the snapshots that changed image sets, latest first: of each run its last one.

    Args:
        warehouse: the warehouse.
        category: only those that touched sets of this category; None: all.
    """
    found: dict[str, Snapshot] = {}
    for snapshot in writes(warehouse, ImageSetChanges, category):
        found.setdefault(snapshot.run_id or str(snapshot.snapshot_id), snapshot)
    return list(found.values())


def _no_set(product_id: str, category: str | None, at: datetime | None, day: date | None) -> str:
    place = f" in category '{category}'" if category is not None else ""
    when = [f"at {at:%Y-%m-%d %H:%M:%S}"] if at is not None else []
    when += [f"from feeds up to {day}"] if day is not None else []
    there = f"there was no image set of product '{product_id}'{place} " + " ".join(when)
    return there if when else f"there is no image set of product '{product_id}'{place}"
