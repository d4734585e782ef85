"""De-duplication: joining the warehouse, the image store and what people said with the clusters."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

import polars as pl

from imgassets.ingest.store import ImageStore
from imgassets.operations.pixel_pairs import PairPool, PixelPairs
from imgassets.operations.reviews import known_pairs
from imgassets.selection import IMAGE, PARTITION
from imgassets.selection.clusters import COLUMNS, Clustered, cluster_duplicates
from imgassets.selection.thresholds import read_thresholds
from imgassets.settings import Settings
from imgassets.warehouse.contract import NONE
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import Partition, partition_predicate, quote

_MOST_ROWS = 200_000
"""Images that are held in memory together, about: products are never split."""

# Each table is told the partition: through a join DuckLake would open the files of all of them.
_IMAGES = """
SELECT {columns} FROM (
    SELECT * FROM image_types WHERE {partition} AND image_type <> {none} AND {slice}
)
JOIN (FROM image_signals WHERE {partition}) USING (day, category, image_id)
JOIN (FROM aggregated_images WHERE {partition}) USING (day, category, product_id, image_id)
LEFT JOIN (
    SELECT * EXCLUDE (p_blurry, p_small_object, p_placeholder),
        greatest(p_blurry, p_small_object, p_placeholder) AS defect
    FROM quality_scores WHERE {partition}
) USING (day, category, product_id, image_id)
LEFT JOIN (
    SELECT day, category, product_id, image_id, count(*) AS flags
    FROM compliance_flags WHERE {partition} AND decision = 'review' GROUP BY ALL
) USING (day, category, product_id, image_id)
"""


def deduplicate(
    warehouse: Warehouse,
    store: ImageStore,
    settings: Settings,
    partitions: Collection[Partition],
    tell: Callable[[int, int], None] = lambda _done, _total: None,
) -> Iterator[Clustered]:
    """Cluster the images of some partitions, a part of them at a time.

    However many rows there are, only one partition's are in memory, and of a large partition only a
    slice of its products.

    Args:
        warehouse: where types, signals, and what people said are, and earlier comparisons.
        store: where the images are.
        settings: see ``[dedup]``.
        partitions: what to cluster.
        tell: called with how many pairs' pixels were compared, and how many are asked for so far.

    Yields:
        Rows of ``dedup_clusters`` and ``compared_pairs``, products whole.

    Raises:
        ValueError: the file of thresholds or of the comparator's model is missing or wrong.
        RuntimeError: an image does not decode any more.
    """
    thresholds = read_thresholds(settings.dedup.thresholds)
    told = known_pairs(warehouse)
    with PairPool(store, settings.vision) as pool:
        pixels = PixelPairs(pool, settings.dedup.comparator, tell)
        compare = pixels if settings.dedup.pixels else None
        for images in typed_images(warehouse, partitions):
            if compare is not None:
                compare.recall(warehouse, images)
            yield cluster_duplicates(images, thresholds, compare, told)


def clustered_images(
    aggregated: pl.DataFrame,
    signals: pl.DataFrame,
    quality: pl.DataFrame,
    types: pl.DataFrame,
    flags: pl.DataFrame,
) -> pl.DataFrame:
    """Return the images that show a view, as :func:`typed_images` reads them from the warehouse.

    Args:
        aggregated: rows of ``aggregated_images``.
        signals: rows of ``image_signals``.
        quality: rows of ``quality_scores``.
        types: rows of ``image_types``.
        flags: rows of ``compliance_flags``.

    Returns:
        :data:`imgassets.selection.clusters.COLUMNS`, in no order.
    """
    doubts = flags.filter(pl.col("decision") == "review").group_by(IMAGE).agg(doubts=pl.len())
    return (
        types.filter(pl.col("image_type") != NONE)
        .join(signals, on=[*PARTITION, "image_id"])
        .join(aggregated, on=IMAGE)
        .join(quality, on=IMAGE, how="left")
        .join(doubts, on=IMAGE, how="left")
        .with_columns(
            pl.col("doubts").fill_null(0).cast(pl.Int64),
            defect=pl.max_horizontal("p_blurry", "p_small_object", "p_placeholder"),
        )
        .select(COLUMNS)
    )


def typed_images(
    warehouse: Warehouse, partitions: Collection[Partition], most_rows: int = _MOST_ROWS
) -> Iterator[pl.DataFrame]:
    """Yield the images that show a view, of one partition or a slice of its products at a time.

    Args:
        warehouse: where they are.
        partitions: whose images.
        most_rows: rows of one frame, about.

    Yields:
        :data:`imgassets.selection.clusters.COLUMNS`, in no order.
    """
    if not partitions:
        return
    counts = warehouse.sql(
        f"SELECT day, category, count(*) FROM image_types WHERE {partition_predicate(partitions)} "
        "GROUP BY ALL ORDER BY ALL"
    )
    computed = {"doubts": "coalesce(flags, 0) AS doubts"}
    columns = ", ".join(computed.get(name, name) for name in COLUMNS)
    for day, category, count in counts.iter_rows():
        slices = -(-count // most_rows)
        for number in range(slices):
            yield warehouse.sql(
                _IMAGES.format(
                    columns=columns,
                    partition=partition_predicate([Partition(day, category)]),
                    none=quote(NONE),
                    slice=f"hash(product_id) % {slices} = {number}",
                )
            )
