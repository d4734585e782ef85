"""One sentence for every image: why it was chosen or left out."""

from __future__ import annotations

import polars as pl

from imgassets.selection import IMAGE, PRODUCT
from imgassets.warehouse.contract import NONE

CHOSEN, LEFT_OUT = "chosen", "left_out"


def explain(
    aggregated: pl.DataFrame,
    quality: pl.DataFrame,
    types: pl.DataFrame,
    clusters: pl.DataFrame,
    ordered: pl.DataFrame,
    compliance: pl.DataFrame,
) -> pl.DataFrame:
    """Explain what became of every aggregated image.

    Args:
        aggregated: rows of ``aggregated_images``.
        quality: rows of ``quality_scores``.
        types: rows of ``image_types``, 'none' included.
        clusters: rows of ``dedup_clusters``.
        ordered: rows of ``ordered_image_sets``.
        compliance: rows of ``compliance_flags``.

    Returns:
        day, category, product_id, image_id, decision ('chosen' or 'left_out'), rank (null if left
        out) and reason, one row per aggregated image, chosen ones first by rank.
    """
    rejected = (
        compliance.filter(pl.col("decision") == "rejected")
        .sort(*IMAGE, "flag")
        .group_by(IMAGE, maintain_order=True)
        .agg(pl.col("reason").str.join("; ").alias("rejected"))
    )
    facts = (
        aggregated.select(IMAGE)
        .join(ordered.select(*IMAGE, "rank", "reason"), on=IMAGE, how="left")
        .join(quality.select(*IMAGE, "passed", "reasons"), on=IMAGE, how="left")
        .join(types.select(*IMAGE, "image_type"), on=IMAGE, how="left")
        .join(clusters.drop("image_type"), on=IMAGE, how="left")
        .join(rejected, on=IMAGE, how="left")
        .join(ordered.group_by(PRODUCT).agg(shown=pl.len()), on=PRODUCT, how="left")
    )
    chosen = pl.col("rank").is_not_null()
    return (
        facts.select(
            *IMAGE,
            pl.when(chosen).then(pl.lit(CHOSEN)).otherwise(pl.lit(LEFT_OUT)).alias("decision"),
            "rank",
            pl.when(chosen).then("reason").otherwise(_why_left_out()).alias("reason"),
        )
        .sort([*IMAGE[:-1], "rank", "image_id"], nulls_last=True)
    )  # fmt: skip


def _why_left_out() -> pl.Expr:
    probability = pl.col("probability").cast(pl.Float64).round(4)
    compared = (
        pl.when(pl.col("decided_by") == "people")
        .then(pl.lit("people said that both show the same"))
        .when(pl.col("decided_by") == "pixels")
        .then(pl.format("laid over each other, the same with probability {}", probability))
        .otherwise(
            pl.format(
                "by their signals, pHash {} bits, edge hash {} bits, colour {}",
                "phash_distance",
                "edge_dhash_distance",
                pl.col("hsv_distance").round(2),
            )
        )
    )
    duplicate = pl.format("duplicate of {}: {}", pl.col("cluster_id").str.head(8), compared)
    return (
        pl.when(pl.col("passed").is_null())
        .then(pl.lit("could not be decoded: see quarantine"))
        # Before quality: it also takes images from products whose set is otherwise kept as it is.
        .when(pl.col("rejected").is_not_null())
        .then("rejected")
        .when(~pl.col("passed"))
        .then(pl.col("reasons").list.join("; "))
        .when(pl.col("image_type") == NONE)
        .then(pl.lit("shows no view of the product"))
        .when(pl.col("is_representative").not_())
        .then(duplicate)
        .when(_cut())
        .then(pl.format("the set is full: {} images come before it, the most allowed", "shown"))
        .otherwise(pl.lit("not typed or compared yet"))
    )


def _cut() -> pl.Expr:
    """Whether an image that is in no set would be, if the set might hold more."""
    left_out, full = pl.col("rank").is_null(), pl.col("shown").is_not_null()
    return pl.col("is_representative").fill_null(False) & left_out & full


def with_rules(
    decisions: pl.DataFrame,
    quality: pl.DataFrame,
    types: pl.DataFrame,
    clusters: pl.DataFrame,
    compliance: pl.DataFrame,
) -> pl.DataFrame:
    """Add the id of the rule that left an image out, and the image that a duplicate repeats.

    Args:
        decisions: what :func:`explain` returned.
        quality: rows of ``quality_scores``.
        types: rows of ``image_types``, 'none' included.
        clusters: rows of ``dedup_clusters``.
        compliance: rows of ``compliance_flags``.

    Returns:
        The decisions with ``rule`` and ``twin_image_id`` (null unless the rule is 'duplicate').
    """
    failed = quality.select(*IMAGE, pl.col("failed_rules").list.first().alias("failed"))
    flagged = (
        compliance.filter(pl.col("decision") == "rejected")
        .sort(*IMAGE, "flag")
        .unique(IMAGE, keep="first", maintain_order=True)
        .select(*IMAGE, flagged="flag")
    )
    duplicate = ~pl.col("is_representative")
    twins = clusters.select(
        *IMAGE, "is_representative", twin_image_id=pl.when(duplicate).then("cluster_id")
    )
    shown = decisions.group_by(PRODUCT).agg(shown=pl.col("rank").max())
    return (
        decisions.join(failed, on=IMAGE, how="left")
        .join(flagged, on=IMAGE, how="left")
        .join(types.select(*IMAGE, "image_type"), on=IMAGE, how="left")
        .join(twins, on=IMAGE, how="left")
        .join(shown, on=PRODUCT, how="left")
        .with_columns(
            rule=pl.coalesce(
                "flagged",
                "failed",
                pl.when(pl.col("image_type") == NONE).then(pl.lit("type_none")),
                pl.when(pl.col("twin_image_id").is_not_null()).then(pl.lit("duplicate")),
                pl.when(_cut()).then(pl.lit("over_maximum")),
                pl.lit("not_chosen"),
            )
        )
        .drop("failed", "flagged", "image_type", "is_representative", "shown")
    )
