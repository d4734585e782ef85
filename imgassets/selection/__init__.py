"""From signals to image sets: quality rules, duplicates and order.

Every function takes and returns polars frames that may hold several (day, category) partitions;
none knows where they are kept.
"""

PARTITION = ["day", "category"]
"""Columns that name a partition."""

PRODUCT = [*PARTITION, "product_id"]
"""Columns that name a product within a partition."""

IMAGE = [*PRODUCT, "image_id"]
"""Columns that name an image of a product."""
