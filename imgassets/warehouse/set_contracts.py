"""Contracts of image sets: their order, what it changed, and what the order may follow."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from imgassets.warehouse.contract import IMAGE_ID, Partitioned

ORDERED_BY = ("policy", "clicks", "suppliers")
"""What may give an image its place."""

STATUSES = (
    "changed", "unchanged", "bypassed_no_image", "bypassed_single_image", "bypassed_curated",
)  # fmt: skip
"""What may have become of a product's image set."""


class OrderedImageSets(Partitioned):
    """One chosen image of one product at its rank."""

    product_id = dy.String(primary_key=True, description="Product.")
    rank = dy.Int32(primary_key=True, min=1, description="1 is the hero.")
    image_id = dy.String(regex=IMAGE_ID, description="The image.")
    image_type = dy.String(description="Its type, or 'untyped'.")
    is_hero = dy.Bool(description="rank = 1.")
    reason = dy.String(description="Why it stands here, or why the product was bypassed.")
    policy_rank = dy.Int32(
        nullable=True, min=1, description="Its place by the policy alone; null if bypassed."
    )
    click_rank = dy.Int32(
        nullable=True, min=1, description="Its place by clicks; null where there are none to learn."
    )
    click_rate = dy.Float32(
        nullable=True,
        min=0,
        description="Clicks per look, without the position's effect, shrunk to the policy's place.",
    )
    ordered_by = dy.String(
        nullable=True,
        check=lambda c: c.is_in(ORDERED_BY),
        description="What gave the set its order: policy, clicks or suppliers; null in old rows.",
    )


class ImageSetChanges(Partitioned):
    """One product's image set before and after."""

    product_id = dy.String(primary_key=True, description="Product.")
    status = dy.String(
        check=lambda c: c.is_in(STATUSES), description="changed, unchanged or bypassed_*."
    )
    before = dy.List(dy.String(), description="The first supplier's images in its own order.")
    after = dy.List(dy.String(), description="The chosen set in order.")
    added = dy.List(dy.String(), description="In after, not in before.")
    removed = dy.List(dy.String(), description="In before, not in after.")
    moved = dy.List(dy.String(), description="In both, at another relative place.")
    hero_changed = dy.Bool(description="The first image differs.")
    missing_images = dy.Int32(
        nullable=True, min=0, description="Images by which the set stays under its minimum."
    )


class ImageClicks(Partitioned):
    """One image at one position of one product's page on one day: how often shown and clicked."""

    product_id = dy.String(primary_key=True, min_length=1, description="Product.")
    image = dy.String(
        primary_key=True,
        min_length=1,
        description="The image shown: its image_id, or its image_url as in the feed.",
    )
    position = dy.Int32(primary_key=True, min=1, description="Place it was shown at, from 1.")
    impressions = dy.Int64(min=0, description="Times its product's page was shown so.")
    clicks = dy.Int64(min=0, description="Times that it was clicked then.")

    @dy.rule()
    def clicks_were_shown(cls) -> pl.Expr:
        """No image is clicked more often than it is shown."""
        return pl.col("clicks") <= pl.col("impressions")


class ImageRelevance(Partitioned):
    """How well one image fits the title and description of one product."""

    product_id = dy.String(primary_key=True, description="Product.")
    image_id = dy.String(primary_key=True, regex=IMAGE_ID, description="The image.")
    score = dy.Float32(min=0, max=1, description="1: shows what the text says; 0: something else.")
    model_version = dy.String(description="Encoders that compared them.")
