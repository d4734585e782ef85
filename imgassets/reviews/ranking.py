"""Ranks of review photos within their product, from scores."""

from __future__ import annotations

import polars as pl

from imgassets.reviews.duplicates import COLUMNS as COMPARED
from imgassets.reviews.duplicates import founders
from imgassets.selection.thresholds import Thresholds

RANKING_VERSION = "review-ranks-1"
"""Name of the rules of duplicates, ties and order: changed whenever a rank would."""

PRODUCT = ["day", "category", "product_id"]
"""Columns that name a product as known on a day."""

COLUMNS = (*PRODUCT, "submitted_at", "score", *(name for name in COMPARED if name != "category"))
"""Columns of photos that are ranked."""

_DIGITS = 6
"""Digits of a score: beyond, it depends on how many photos were scored at a time."""


def rank_reviews(photos: pl.DataFrame, thresholds: Thresholds) -> pl.DataFrame:
    """Rank each product's photos by score; duplicates stand behind the best of them.

    Equal scores share the rank, and the next rank is left out (1, 2, 2, 4). A product's only photo
    has rank 1.

    Args:
        photos: :data:`COLUMNS`, and any others; score is 0 … 1, higher is better.
        thresholds: the limits within which two photos are one picture.

    Returns:
        The photos with ``status`` ('ranked' or 'duplicate'), ``rank`` (null for duplicates),
        ``n_ranked`` and ``duplicate_of``; products in order, of each the best photo first, then by
        the time it was submitted and by review_id. A duplicate follows what it repeats.
    """
    score = pl.col("score").round(_DIGITS)
    best_first = (
        photos.with_columns(score=score)
        .sort(
            [*PRODUCT, "score", "submitted_at", "review_id"],
            descending=[False] * len(PRODUCT) + [True, False, False],
            nulls_last=True,
            maintain_order=True,
        )
        .with_row_index("_place")
    )
    founder = founders(best_first, PRODUCT, thresholds)
    judged = best_first.with_columns(_founder=founder).with_columns(
        _ranked=pl.col("_founder") == pl.col("review_id")
    )
    ranked = (
        judged.filter("_ranked")
        .with_columns(
            rank=pl.col("score").rank("min", descending=True).over(PRODUCT).cast(pl.Int32),
            n_ranked=pl.len().over(PRODUCT).cast(pl.Int32),
        )
        .select(*PRODUCT, _founder="review_id", rank="rank", n_ranked="n_ranked", _first="_place")
    )
    is_ranked = pl.col("_ranked")
    return (
        judged.join(ranked, on=[*PRODUCT, "_founder"], how="left", maintain_order="left")
        .sort("_first", "_place")
        .with_columns(
            status=pl.when(is_ranked).then(pl.lit("ranked")).otherwise(pl.lit("duplicate")),
            rank=pl.when(is_ranked).then("rank"),
            duplicate_of=pl.when(~is_ranked).then("_founder"),
        )
        .drop("_place", "_founder", "_ranked", "_first")
    )
