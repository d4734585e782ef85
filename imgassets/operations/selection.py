"""Joining the warehouse with the selection functions."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from imgassets.operations.clicks import read_clicks
from imgassets.operations.images import rows_so_far
from imgassets.selection.ordering import RELEVANCE, ImageSets, order_image_sets
from imgassets.selection.policies import read_policies
from imgassets.settings import Settings
from imgassets.warehouse.contracts import (
    FetchedImages,
    ImageRelevance,
    SupplierOffers,
    TypePriorities,
)
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import Partition

_CELL = ["day", "category"]


def passed_images(
    quality: pl.DataFrame, compliance: pl.DataFrame, signals: pl.DataFrame
) -> pl.DataFrame:
    """Return the images that passed quality and that no flag rejects, with their embeddings.

    Returns:
        Frame (day, category, product_id, image_id, and the other columns of ``signals``), sorted by
        key.
    """
    keys = [*_CELL, "image_id"]
    image = [*_CELL, "product_id", "image_id"]
    rejected = compliance.filter(pl.col("decision") == "rejected")
    return (
        quality.filter("passed")
        .drop("passed")
        .join(rejected, on=image, how="anti")
        .join(signals, on=keys, how="inner")
        .sort(*_CELL, "product_id", "image_id")
    )


def supplier_sequences(
    warehouse: Warehouse, partitions: Iterable[Partition], products: pl.DataFrame
) -> pl.DataFrame:
    """Return each supplier's own images of some products, in its own order, up to each day.

    Args:
        warehouse: the warehouse.
        partitions: the partitions that ``products`` belong to.
        products: distinct (day, category, product_id).

    Returns:
        Frame (day, category, product_id, supplier_id, image_url, image_id, position, first_day);
        ``day`` is the partition's, ``first_day`` the feed's, ``image_id`` null where refused. A
        reference that a supplier repeated counts with its latest position.
    """
    wanted = list(partitions)
    return sequences(
        products,
        rows_so_far(warehouse, SupplierOffers, wanted, products),
        rows_so_far(warehouse, FetchedImages, wanted, products),
    )


def sequences(products: pl.DataFrame, offers: pl.DataFrame, fetched: pl.DataFrame) -> pl.DataFrame:
    """Return what :func:`supplier_sequences` does, from rows in memory.

    Args:
        products: distinct (day, category, product_id).
        offers: rows of ``supplier_offers`` up to the last of these days.
        fetched: rows of ``fetched_images``, likewise.
    """
    keys = [*_CELL, "product_id", "supplier_id", "image_url"]
    references = offers.select(*keys, "position").join(
        fetched.select(*keys, "image_id"), on=keys, how="left"
    )
    return (
        products.select(*_CELL, "product_id")
        .join(references.rename({"day": "first_day"}), on=["category", "product_id"])
        .filter(pl.col("first_day") <= pl.col("day"))
        .sort(*_CELL, "product_id", "supplier_id", "image_url", "first_day")
        .group_by(keys, maintain_order=True)
        .agg(
            pl.col("image_id").last(),
            pl.col("position").last(),
            pl.col("first_day").first(),
        )
        .sort(*_CELL, "product_id", "first_day", "supplier_id", "position", "image_url")
    )


def order_products(
    warehouse: Warehouse,
    settings: Settings,
    partitions: Iterable[Partition],
    *,
    products: pl.DataFrame,
    aggregated: pl.DataFrame,
    signals: pl.DataFrame,
    quality: pl.DataFrame,
    types: pl.DataFrame,
    clusters: pl.DataFrame,
    compliance: pl.DataFrame,
) -> ImageSets:
    """Order the image sets of some products: see :func:`order_image_sets` for the frames.

    Raises:
        ValueError: the file of policies is missing or wrong.
    """
    policies = read_policies(settings.ordering.policies)
    wanted = list(partitions)
    return order_image_sets(
        products=products,
        aggregated=aggregated,
        signals=signals,
        quality=quality,
        types=types,
        clusters=clusters,
        compliance=compliance,
        priorities=warehouse.read(TypePriorities),
        policies=policies,
        before=supplier_sequences(warehouse, wanted, products).drop_nulls("image_id"),
        clicks=read_clicks(warehouse, products),
        relevance=warehouse.read(ImageRelevance, partitions=wanted, columns=[*RELEVANCE]),
    )
