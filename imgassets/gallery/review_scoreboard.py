"""How well ranked review photos match the truth of a sample, as rows of the scoreboard."""

from __future__ import annotations

import polars as pl

from imgassets.gallery.scoreboard import ScoreRow
from imgassets.statistics import pair_counts, spearman


def score_review_photos(
    truth: pl.DataFrame, ranks: pl.DataFrame, votes_note: str
) -> list[ScoreRow]:
    """Compare ranks with what was done to each photo.

    Args:
        truth: review_id, problem ('' for none), severity (0 … 1), copy_of ('' for none).
        ranks: rows of ``review_image_ranks``, the newest of each review.
        votes_note: what is to be said of the votes.
    """
    text = pl.col("problem", "copy_of").fill_null("")
    known = ranks.join(truth.with_columns(text).drop("product_id", strict=False), on="review_id")
    return [_order(known, votes_note), _weaknesses(known), _copies(known)]


def _order(known: pl.DataFrame, votes_note: str) -> ScoreRow:
    score, severity = known["score"].to_numpy(), known["severity"].to_numpy()
    _, right, pairs = pair_counts(score, -severity, known["product_id"].to_numpy())
    voted = known.filter(pl.col("impressions") > 0)
    rate = (voted["helpful_votes"] / voted["impressions"]).to_numpy()
    return ScoreRow(
        "Review photos of a product, pairs in order",
        found=round(float(right.sum())),
        missed=0,
        wrong=round(float(pairs.sum() - right.sum())),
        result=float(right.sum() / pairs.sum()) if pairs.sum() else None,
        note=f"Result: share of pairs. Spearman with severity {spearman(score, severity):.2f}, "
        f"with votes per impression {spearman(voted['score'].to_numpy(), rate):.2f} "
        f"({votes_note}).",
    )


def _weaknesses(known: pl.DataFrame) -> ScoreRow:
    said, spoilt = pl.col("weakness"), pl.col("problem") != ""
    right = known.filter(spoilt, said == pl.col("problem")).height
    total = known.filter(spoilt).height
    return ScoreRow(
        "Weakness of review photos named",
        found=right,
        missed=total - right,
        wrong=known.filter(said != "", said != pl.col("problem")).height,
        note="Missed: also the mildest ones, which are within the limits.",
    )


def _copies(known: pl.DataFrame) -> ScoreRow:
    """Count pairs of a photo and its copy, whichever of both has the rank."""
    found = known.filter(pl.col("duplicate_of").is_not_null())
    told = {frozenset(pair) for pair in found.select("review_id", "duplicate_of").iter_rows()}
    copies = known.filter(pl.col("copy_of") != "").select("review_id", "copy_of")
    true = {frozenset(pair) for pair in copies.iter_rows()}
    return ScoreRow(
        "Copies among review photos",
        found=len(told & true),
        missed=len(true - told),
        wrong=len(told - true),
    )
