"""Laying look-alikes of different products over each other: signals miss a detail's colour."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from imgassets import __version__
from imgassets.ingest.store import ImageStore
from imgassets.operations.pixel_pairs import PairPool, PixelPairs
from imgassets.selection.pairs.verdict import comparator_version
from imgassets.settings import Settings
from imgassets.warehouse.contracts import MatchVerdicts
from imgassets.warehouse.lake import Addition, CommitMessage, Warehouse
from imgassets.warehouse.partitions import quote

_AT_ONCE = 1000
"""Pairs of one commit: what a kill loses."""

_WAITING = """
WITH shown AS (
    SELECT DISTINCT a.image_id, a.product_id
    FROM aggregated_images AS a JOIN latest_partitions USING (day, category, product_id)
), across AS (
    SELECT DISTINCT m.left_image_id, m.right_image_id, phash_distance + edge_dhash_distance AS bits
    FROM image_matches AS m
    JOIN shown AS l ON l.image_id = m.left_image_id
    JOIN shown AS r ON r.image_id = m.right_image_id AND r.product_id <> l.product_id
)
FROM across ANTI JOIN (
    FROM match_verdicts WHERE comparator_version = {version}
) USING (left_image_id, right_image_id)
"""


class Verified(NamedTuple):
    """Pairs that were compared now, and pairs that still wait."""

    compared: int
    waiting: int


def verify_matches(
    warehouse: Warehouse,
    store: ImageStore,
    settings: Settings,
    run_id: str = "",
    tell: Callable[[int, int], None] = lambda _done, _total: None,
) -> Verified:
    """Compare the pixels of look-alikes that different products show, the nearest pairs first.

    Each pair is compared once, at most ``dedup.catalog_pairs`` of them in one go: the next run goes
    on. They are committed a thousand at a time.

    Args:
        warehouse: holds ``image_matches``.
        store: where the images are.
        settings: the comparator and how many pairs to compare.
        run_id: for the commits' messages.
        tell: called with how many pairs were compared, and how many are asked for so far.
    """
    warehouse.initialise()
    waiting = _WAITING.format(version=quote(comparator_version(settings.dedup.comparator)))
    total = int(warehouse.sql(f"SELECT count(*) FROM ({waiting})").item())
    wanted = warehouse.sql(
        f"SELECT left_image_id, right_image_id FROM ({waiting}) "
        f"ORDER BY bits, left_image_id, right_image_id LIMIT {settings.dedup.catalog_pairs}"
    )
    with PairPool(store, settings.vision) as pool:
        compare = PixelPairs(pool, settings.dedup.comparator, tell)
        for part in wanted.iter_slices(_AT_ONCE):
            warehouse.replace(
                [Addition(MatchVerdicts, compare(part))],
                CommitMessage("match_verdicts", run_id, __version__),
            )
    return Verified(wanted.height, total - wanted.height)
