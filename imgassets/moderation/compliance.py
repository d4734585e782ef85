"""Compliance (paper A, II-B): which flags images deserve, and which nobody has looked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from imgassets.warehouse.contracts import ComplianceFlags, FlagAssessments

if TYPE_CHECKING:
    from imgassets.moderation.flags import Flag

ASSESSED, NOT_ASSESSED = "assessed", "not_assessed"
REJECTED, REVIEW = "rejected", "review"

_CELL = ["day", "category"]
_IMAGE = [*_CELL, "product_id", "image_id"]

SCORED = {
    "image_id": pl.String,
    "flag": pl.String,
    "probability": pl.Float32,
    "limit": pl.Float64,
    "reject_limit": pl.Float64,
    "review_limit": pl.Float64,
    "model_version": pl.String,
}
"""What models say: one row per image and flag, with the model's limits."""


class Compliance(NamedTuple):
    """What became of a partition's images: flags, and which flags were looked for."""

    flags: pl.DataFrame
    assessments: pl.DataFrame


def assess(
    images: pl.DataFrame,
    scored: pl.DataFrame,
    told: pl.DataFrame,
    flags: Mapping[str, Flag],
    cells: Iterable[tuple[object, str]],
) -> Compliance:
    """Flag images by what models and people say; people overrule models.

    Args:
        images: day, category, product_id, image_id.
        scored: :data:`SCORED` rows of these images.
        told: image_id, flag, value: what people said.
        flags: the compliance flags.
        cells: the partitions, (day, category).

    Returns:
        Rows of ``compliance_flags`` and ``flag_assessments``, sorted by key.
    """
    people = told.filter(pl.col("flag").is_in(list(flags)))
    by_people = images.join(people.filter("value"), on="image_id").select(
        *_IMAGE,
        "flag",
        source=pl.lit("human"),
        decision=pl.lit(REJECTED),
        reason=pl.format("{}: people say so", _title("flag", flags)),
    )
    reaches = pl.col("probability") >= pl.col("review_limit")
    rejected = pl.col("probability") >= pl.col("reject_limit")
    by_models = (
        images.join(scored.filter(reaches), on="image_id")
        .join(people, on=["image_id", "flag"], how="anti")
        .select(
            *_IMAGE,
            "flag",
            "probability",
            "model_version",
            source=pl.lit("model"),
            decision=pl.when(rejected).then(pl.lit(REJECTED)).otherwise(pl.lit(REVIEW)),
            reason=pl.format(
                "{}: probability {}, {} from {} (model version {})",
                _title("flag", flags),
                pl.col("probability").round(2),
                pl.when(rejected).then(pl.lit("rejected")).otherwise(pl.lit("people are asked")),
                pl.when(rejected).then("reject_limit").otherwise("review_limit").round(2),
                "model_version",
            ),
        )
    )
    said = scored.select("image_id", "flag", "probability", "model_version")
    found = pl.concat(
        [by_people.join(said, on=["image_id", "flag"], how="left"), by_models],
        how="diagonal_relaxed",
    ).with_columns(pl.col("model_version").fill_null(""))
    return Compliance(
        ComplianceFlags.conform(found).sort(ComplianceFlags.primary_key()),
        _assessments(images, scored, flags, cells),
    )


def quarantine_rows(found: Compliance, aggregated: pl.DataFrame) -> pl.DataFrame:
    """Return the quarantine rows of rejected images.

    Args:
        found: what :func:`assess` returned.
        aggregated: rows of ``aggregated_images``, for their references.
    """
    by_people = pl.col("source") == "human"
    limits = found.assessments.select(*_CELL, "flag", "reject_limit")
    return (
        found.flags.filter(pl.col("decision") == REJECTED)
        .join(aggregated.select(*_IMAGE, "image_urls"), on=_IMAGE)
        .join(limits, on=[*_CELL, "flag"], how="left")
        .select(
            *_CELL,
            stage=pl.lit("compliance"),
            rule_id="flag",
            measured=pl.when(by_people)
            .then(pl.lit("people say yes"))
            .otherwise(pl.format("probability {}", pl.col("probability").round(3))),
            limit=pl.when(by_people)
            .then(pl.lit("people say no"))
            .otherwise(pl.format("probability under {}", pl.col("reject_limit").round(3))),
            detail="reason",
            product_id="product_id",
            supplier_id=pl.lit(None, pl.String),
            image_url=pl.col("image_urls").list.first(),
            image_id="image_id",
            feed_file=pl.lit(None, pl.String),
            feed_row=pl.lit(None, pl.Int32),
        )
        .sort(*_IMAGE, "rule_id")
    )


def _assessments(
    images: pl.DataFrame,
    scored: pl.DataFrame,
    flags: Mapping[str, Flag],
    cells: Iterable[tuple[object, str]],
) -> pl.DataFrame:
    """Return what was looked for where: a flag counts as assessed where a model saw images."""
    models = ["model_version", "reject_limit", "review_limit"]
    seen = (
        images.join(scored, on="image_id")
        .group_by(*_CELL, "flag")
        .agg(pl.col(models).first(), n_images=pl.len())
    )
    partitions = pl.DataFrame(
        list(cells), schema={"day": pl.Date, "category": pl.String}, orient="row"
    )
    wanted = pl.DataFrame({"flag": sorted(flags)}, schema={"flag": pl.String})
    rows = (
        partitions.join(wanted, how="cross")
        .join(seen, on=[*_CELL, "flag"], how="left")
        .with_columns(
            status=pl.when(pl.col("model_version").is_null())
            .then(pl.lit(NOT_ASSESSED))
            .otherwise(pl.lit(ASSESSED)),
            model_version=pl.col("model_version").fill_null(""),
            n_images=pl.col("n_images").fill_null(0),
        )
    )
    return FlagAssessments.conform(rows).sort(FlagAssessments.primary_key())


def _title(column: str, flags: Mapping[str, Flag]) -> pl.Expr:
    titles = {flag.id: flag.title for flag in flags.values()}
    return pl.col(column).replace_strict(titles, default=pl.col(column), return_dtype=pl.String)
