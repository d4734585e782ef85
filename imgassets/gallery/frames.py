"""Rows of the newest partition of each product."""

from __future__ import annotations

import polars as pl

PRODUCT = ("category", "product_id")


def latest(frame: pl.DataFrame, days: pl.DataFrame | None = None) -> pl.DataFrame:
    """Keep, for each (category, product_id), the rows of its newest day.

    Args:
        frame: Rows with ``day``, ``category`` and ``product_id``.
        days: The newest day per product (see :func:`newest_days`), where other tables know it too:
            a product that has no row in ``frame`` on that day then keeps none, instead of old ones.
            Rows of products that ``days`` does not list are dropped.
    """
    if days is None:
        return frame.filter(pl.col("day") == pl.col("day").max().over(PRODUCT))
    return frame.join(days, on=["day", *PRODUCT], how="semi")


def newest_days(*frames: pl.DataFrame) -> pl.DataFrame:
    """Return ``category, product_id, day``: each product's newest day in any of the frames."""
    keys = [f.select(*PRODUCT, "day") for f in frames]
    return pl.concat(keys).group_by(PRODUCT).agg(pl.col("day").max())
