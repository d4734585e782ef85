"""From fetched references to the distinct images of each product, all suppliers together."""

from __future__ import annotations

import polars as pl

from imgassets.warehouse.contracts import AggregatedImages

PRODUCT = ("category", "product_id")
REFERENCE = ("day", *PRODUCT, "supplier_id", "image_url")
KEY = ("day", *PRODUCT, "image_id")


def aggregate(changed: pl.DataFrame, offers: pl.DataFrame, fetched: pl.DataFrame) -> pl.DataFrame:
    """Gather each changed product's images, as known up to and including its day.

    Args:
        changed: Distinct ``day``, ``category``, ``product_id`` to build.
        offers: ``SupplierOffers`` rows of these categories up to the last of these days; later
            ones are not looked at.
        fetched: ``FetchedImages`` rows, likewise.

    Returns:
        A frame that conforms to ``AggregatedImages``, sorted by key: one row per changed product
        and distinct image. A product none of whose images arrived has no row.
    """
    seen = fetched.join(
        offers.select(*REFERENCE, "position", "is_curated"), on=REFERENCE, how="inner"
    ).rename({"day": "seen"})
    images = (
        changed.select("day", *PRODUCT)
        .unique()
        .join(seen, on=PRODUCT, how="inner")
        .filter(pl.col("seen") <= pl.col("day"))
        .group_by(KEY)
        .agg(
            suppliers=pl.col("supplier_id").unique().sort(),
            image_urls=pl.col("image_url").unique().sort(),
            best_position=pl.col("position").min(),
            is_curated=pl.col("is_curated").any(),
            # Facts of the bytes: equal in every row of one image.
            format=pl.col("format").first(),
            width=pl.col("width").first(),
            height=pl.col("height").first(),
            byte_size=pl.col("byte_size").first(),
            mode=pl.col("mode").first(),
            bit_depth=pl.col("bit_depth").first(),
            frames=pl.col("frames").first(),
            first_seen=pl.col("seen").min(),
        )
        .sort(KEY)
    )
    return AggregatedImages.conform(images)
