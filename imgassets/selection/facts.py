"""What decides an image's place, from all the tables that know something of it."""

from __future__ import annotations

import polars as pl

from imgassets.selection import IMAGE, PARTITION

_COMPOSITES = ("collage", "multi_view")
"""Flags of compliance that say, even as a question, that an image shows more than one item."""


def facts(
    representatives: pl.DataFrame,
    aggregated: pl.DataFrame,
    signals: pl.DataFrame,
    quality: pl.DataFrame,
    compliance: pl.DataFrame,
    priorities: pl.DataFrame,
    relevance: pl.DataFrame,
) -> pl.DataFrame:
    """Join all that decides an image's place.

    Args:
        representatives: rows of ``dedup_clusters``.
        aggregated: rows of ``aggregated_images``.
        signals: (day, category, image_id, background_whiteness, foreground_fraction, sharpness).
        quality: rows of ``quality_scores``.
        compliance: rows of ``compliance_flags``.
        priorities: rows of ``type_priorities``.
        relevance: (day, category, product_id, image_id, score).

    Returns:
        One row per representative: its key, image_type, type_rank (null without one) and the
        category's first_type; best_position; the measures of hero rules, null where nothing was
        measured: longest_side, white_background, frame_fill, sharpness and quality; composite (true
        or null); and score (null where its relevance is not known).
    """
    doubtful = (
        compliance.filter(pl.col("flag").is_in(_COMPOSITES))
        .select(IMAGE)
        .unique()
        .with_columns(composite=True)
    )
    first = priorities.sort("category", "rank", "image_type").unique("category", keep="first")
    defect = pl.max_horizontal("p_blurry", "p_small_object", "p_placeholder")
    return (
        representatives.select(*IMAGE, "image_type")
        .join(
            aggregated.select(
                *IMAGE, "best_position", longest_side=pl.max_horizontal("width", "height")
            ),
            on=IMAGE,
        )
        .join(
            signals.select(
                *PARTITION,
                "image_id",
                white_background="background_whiteness",
                frame_fill="foreground_fraction",
                sharpness="sharpness",
            ),
            on=[*PARTITION, "image_id"],
            how="left",
        )
        .join(quality.select(*IMAGE, quality=1 - defect), on=IMAGE, how="left")
        .join(doubtful, on=IMAGE, how="left")
        .join(relevance.select(*IMAGE, "score"), on=IMAGE, how="left")
        .join(
            priorities.select("category", "image_type", type_rank="rank"),
            on=["category", "image_type"],
            how="left",
        )
        .join(first.select("category", first_type="image_type"), on="category", how="left")
    )
