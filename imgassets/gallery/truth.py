"""The truth of a sample catalog, joined to what the warehouse knows of its images."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import polars as pl

RULE_GROUPS: Mapping[str, Collection[str]] = {
    "corrupt": ("empty_body", "not_an_image", "truncated", "undecodable", "undecodable_header"),
    "not_an_image": ("not_an_image",),
    "dead_url": ("connection_failed", "http_status", "missing_file", "timeout"),
}
"""Quarantine rules that are the right answer to a broken file, by its defect in the truth."""

REFERENCE = ("product_id", "image_url")

_IMAGE_COLUMNS = (
    "image_url", "product_id", "view", "source_id", "defects", "usable",
)  # fmt: skip
_PRODUCT_COLUMNS = ("product_id", "expected_order", "expected_views")


def read_truth(folder: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read ``images.csv`` and ``products.csv`` of a truth folder, every column as text."""
    images, products = (
        pl.read_csv(folder / name, infer_schema=False) for name in ("images.csv", "products.csv")
    )
    return images, products


def clean_images(truth: pl.DataFrame) -> pl.DataFrame:
    """Return one row per reference: text columns without nulls, ``defects`` a list, flags Boolean.

    Adds ``broken``: no picture can come of it (its defects name a broken file).
    """
    text = truth.select(pl.col(c).cast(pl.String).fill_null("") for c in _IMAGE_COLUMNS)
    defects = pl.col("defects").str.split(";").list.eval(pl.element().filter(pl.element() != ""))
    return text.with_columns(
        defects=defects, usable=pl.col("usable").str.to_lowercase() == "true"
    ).with_columns(
        broken=pl.col("defects").list.eval(pl.element().is_in(list(RULE_GROUPS))).list.any()
    )


def clean_products(truth: pl.DataFrame) -> pl.DataFrame:
    """Return one row per product with the expected sources and views as lists."""
    text = truth.select(pl.col(c).cast(pl.String).fill_null("") for c in _PRODUCT_COLUMNS)
    return text.with_columns(
        pl.when(pl.col(c) == "").then(pl.lit([], pl.List(pl.String))).otherwise(
            pl.col(c).str.split(";")
        ).alias(c)
        for c in _PRODUCT_COLUMNS[1:]
    )  # fmt: skip


def split_products(truth_products: pl.DataFrame) -> frozenset[str]:
    """Return the ids of the products held out from training.

    They are those whose ``split`` is 'test', or all where the truth has no such column.
    """
    if "split" in truth_products.columns:
        truth_products = truth_products.filter(pl.col("split") == "test")
    return frozenset(truth_products.get_column("product_id").to_list())
