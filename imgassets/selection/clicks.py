"""An order learned from clicks, freed of the effect of the position (paper A, II-E and V).

An image's rate is its clicks ÷ its looks, looks being impressions weighted by propensity: clicks
weighted by inverse propensity, each impression counting as much as it can tell (a plain mean of
inversely weighted clicks has the same expectation, and explodes at positions that nobody looks at).
"""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from imgassets.selection import IMAGE, PRODUCT
from imgassets.selection.positions import SHOWN, ClickModel, no_model


class Clicks(NamedTuple):
    """What :func:`rates` needs.

    Attributes:
        shown: :data:`SHOWN` rows of the products in question.
        model: of their categories, from all of these categories' products.
    """

    shown: pl.DataFrame
    model: ClickModel


def no_clicks() -> Clicks:
    """Return what is known where nothing was clicked."""
    return Clicks(pl.DataFrame(schema=SHOWN), no_model())


def rates(
    images: pl.DataFrame,
    aggregated: pl.DataFrame,
    clusters: pl.DataFrame,
    clicks: Clicks,
    shrinkage: float,
) -> pl.DataFrame:
    """Return each image's click rate, shrunk to the mean rate of the policy's place.

    The rate is the mean of a beta posterior: its prior has the place's mean and counts as
    ``shrinkage`` looks. Clicks on an image's duplicates are its own: they show the same.

    Args:
        images: (day, category, product_id, image_id, policy_rank).
        aggregated: rows of ``aggregated_images``, for the references of each image.
        clusters: rows of ``dedup_clusters``.
        clicks: what was shown and clicked.
        shrinkage: looks that the prior counts as.

    Returns:
        The rows of ``images`` with click_rate (Float64, null where the product has no clicks that
        can be compared) and impressions (of all images of the product).
    """
    if clicks.shown.is_empty():
        return images.with_columns(
            impressions=pl.lit(0, pl.Int64), click_rate=pl.lit(None, pl.Float64)
        )
    evidence = _evidence(images, aggregated, clusters, clicks)
    last = clicks.model.places.group_by("category").agg(last=pl.col("policy_rank").max())
    joined = (
        images.join(evidence, on=IMAGE, how="left")
        .join(last, on="category", how="left")
        .with_columns(place=pl.min_horizontal("policy_rank", "last"))
        .join(
            clicks.model.places.rename({"policy_rank": "place"}),
            on=["category", "place"],
            how="left",
        )
        .with_columns(pl.col("impressions", "clicks", "looks").fill_null(0))
        .with_columns(impressions=pl.col("impressions").sum().over(PRODUCT))
    )
    rate = (pl.col("clicks") + shrinkage * pl.col("place_rate")) / (pl.col("looks") + shrinkage)
    return joined.select(
        *images.columns,
        "impressions",
        click_rate=pl.when(pl.col("impressions") > 0).then(rate),
    )


def _evidence(
    images: pl.DataFrame, aggregated: pl.DataFrame, clusters: pl.DataFrame, clicks: Clicks
) -> pl.DataFrame:
    """Sum impressions, clicks and looks of each image of a set: its own and its duplicates'."""
    wanted = images.select(PRODUCT).unique()
    stands_for = clusters.select(*IMAGE, "cluster_id").join(wanted, on=PRODUCT, how="semi")
    named = aggregated.join(wanted, on=PRODUCT, how="semi").select(
        *IMAGE, image=pl.concat_list("image_urls", pl.concat_list("image_id"))
    )
    return (
        named.explode("image")
        .join(clicks.shown, on=["category", "product_id", "image"])
        .join(clicks.model.propensities, on=["category", "position"])
        .join(stands_for, on=IMAGE, how="left")
        .with_columns(image_id=pl.coalesce("cluster_id", "image_id"))
        .group_by(IMAGE)
        .agg(
            pl.col("impressions", "clicks").sum(),
            looks=(pl.col("impressions") * pl.col("propensity")).sum(),
        )
    )
