"""Quality (paper A, II-A): models where there are any, else rules; people overrule both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from imgassets.selection import IMAGE, PARTITION

if TYPE_CHECKING:
    from imgassets.settings import QualitySettings

DEFECTS = ("blurry", "small_object", "placeholder")
"""Flags that a model may judge instead of the rules of that name. Resolution is always measured."""

STEEPNESS = 4.0
"""How fast a probability moves away from 0.5 as the value leaves the limit: twice the limit gives
1 / (1 + 2⁴) = 0.06 or 0.94."""


@dataclass(frozen=True)
class Rule:
    """One thing that an image must keep.

    Attributes:
        id: name of the rule in ``failed_rules``.
        measure: expression of the measured value over aggregated images joined with signals.
        limit: the value from which (or, with ``at_most``, to which) the rule is kept.
        at_most: whether the limit is the largest good value instead of the smallest.
        sentence: what to tell a person, with the measured value for ``{}``.
        scale: factor on the measured value in the sentence.
        decimals: decimal places of the measured value in the sentence.
        beside_model: whether the rule holds even where a model judges its flag: it knows something
            that no single image tells.
    """

    id: str
    measure: pl.Expr
    limit: float
    sentence: str
    at_most: bool = False
    scale: float = 1.0
    decimals: int = 0
    beside_model: bool = False

    def fails(self) -> pl.Expr:
        """Whether the limit is broken; keeping it exactly is good."""
        return self.measure > self.limit if self.at_most else self.measure < self.limit

    def probability(self) -> pl.Expr:
        """Probability of the defect: 0.5 exactly at the limit, over 0.5 where the rule fails.

        A logistic curve over the logarithm of value ÷ limit.
        """
        if self.limit <= 0:
            return self.fails().cast(pl.Float32)
        ratio = self.measure.cast(pl.Float64) / self.limit
        badness = ratio if self.at_most else pl.when(ratio > 0).then(1 / ratio).otherwise(1e9)
        odds = badness.clip(1e-9, 1e9) ** STEEPNESS
        return (odds / (1 + odds)).cast(pl.Float32)

    def reason(self) -> pl.Expr:
        """The sentence where the rule fails, null where it is kept."""
        value = self.measure.cast(pl.Float64) * self.scale
        shown = value.round(self.decimals)
        text = (shown.cast(pl.Int64) if self.decimals == 0 else shown).cast(pl.String)
        return pl.when(self.fails()).then(pl.format(self.sentence, text))


def rules(settings: QualitySettings) -> list[Rule]:
    """Return the rules with the settings' limits, in the order that reasons are listed in."""
    return [
        Rule(
            "low_resolution",
            pl.max_horizontal("width", "height"),
            settings.min_longest_side,
            f"longest side {{}} px, at least {settings.min_longest_side} px needed",
        ),
        Rule(
            "blurry",
            pl.col("sharpness"),
            settings.min_sharpness,
            f"blurry: edge sharpness {{}}, at least {settings.min_sharpness:g} needed",
            decimals=2,
        ),
        Rule(
            "small_object",
            pl.col("foreground_fraction"),
            settings.min_foreground_fraction,
            "object fills {} % of the frame, at least "
            f"{settings.min_foreground_fraction * 100:g} % needed",
            scale=100,
        ),
        Rule(
            "placeholder",
            pl.col("products_sharing"),
            settings.max_products_sharing,
            "placeholder: the same file stands for {} products, at most "
            f"{settings.max_products_sharing} allowed",
            at_most=True,
            beside_model=True,
        ),
        Rule(
            "placeholder",
            pl.col("detail"),
            settings.min_detail,
            "placeholder: flat artwork, tone variety {}, at least "
            f"{settings.min_detail:g} needed",
            decimals=2,
        ),
    ]


LEARNED = {
    "image_id": pl.String,
    "flag": pl.String,
    "probability": pl.Float32,
    "limit": pl.Float64,
    "model_version": pl.String,
}
"""What models say: one row per image and flag that a model judged."""

TOLD = {"image_id": pl.String, "flag": pl.String, "value": pl.Boolean}
"""What people say: one row per image and flag that somebody judged."""


SHARING = {"category": pl.String, "image_id": pl.String, "products": pl.UInt32}
"""How many products of a category show one image."""


def score_quality(
    aggregated: pl.DataFrame,
    signals: pl.DataFrame,
    settings: QualitySettings,
    learned: pl.DataFrame | None = None,
    told: pl.DataFrame | None = None,
    sharing: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Judge every aggregated image that has signals.

    Args:
        aggregated: rows of ``aggregated_images``.
        signals: rows of ``image_signals`` of the same partitions.
        settings: the rules' limits.
        learned: :data:`LEARNED` rows; a flag without any is judged by its rules.
        told: :data:`TOLD` rows; they overrule models and rules.
        sharing: :data:`SHARING` rows of images that more products show than ``aggregated`` tells.

    Returns:
        Rows of ``quality_scores``, sorted by key. An image without signals was quarantined before
        and gets no row.
    """
    measures = ["sharpness", "foreground_fraction", "detail"]
    judged = aggregated.join(_sharing(aggregated, sharing), on=[*PARTITION, "image_id"]).join(
        signals.select(*PARTITION, "image_id", *measures), on=[*PARTITION, "image_id"]
    )
    for flag in DEFECTS:
        judged = _with_evidence(judged, flag, learned, told)
    checks = rules(settings)
    measured = [rule for rule in checks if rule.id not in DEFECTS]
    failed = [pl.when(rule.fails()).then(pl.lit(rule.id)) for rule in measured]
    failed += [pl.when(_fails(flag, checks)).then(pl.lit(flag)) for flag in DEFECTS]
    reasons = [rule.reason() for rule in measured]
    reasons += [reason for flag in DEFECTS for reason in _reasons(flag, checks)]
    return (
        judged.with_columns(
            *(_probability(flag, checks).alias(f"p_{flag}") for flag in DEFECTS),
            failed_rules=pl.concat_list(failed).list.drop_nulls(),
            reasons=pl.concat_list(reasons).list.drop_nulls(),
            judged_by=pl.concat_list([_judged_by(flag) for flag in DEFECTS]),
        )
        .with_columns(passed=pl.col("failed_rules").list.len() == 0)
        .select(
            *IMAGE, "p_blurry", "p_small_object", "p_placeholder", "passed", "failed_rules",
            "judged_by", "reasons",
        )
        .sort(IMAGE)
    )  # fmt: skip


def _sharing(aggregated: pl.DataFrame, elsewhere: pl.DataFrame | None) -> pl.DataFrame:
    """Count the products that show each image: of its partition, or more where known."""
    here = aggregated.group_by([*PARTITION, "image_id"]).agg(
        pl.col("product_id").n_unique().alias("here")
    )
    known = elsewhere if elsewhere is not None else pl.DataFrame(schema=SHARING)
    return here.join(known, on=["category", "image_id"], how="left").select(
        *PARTITION, "image_id", products_sharing=pl.max_horizontal("here", "products")
    )


def _with_evidence(
    judged: pl.DataFrame, flag: str, learned: pl.DataFrame | None, told: pl.DataFrame | None
) -> pl.DataFrame:
    """Add what a model and people say about a flag: nulls where they say nothing."""
    models = learned if learned is not None else pl.DataFrame(schema=LEARNED)
    people = told if told is not None else pl.DataFrame(schema=TOLD)
    evidence = models.filter(pl.col("flag") == flag).select(
        "image_id",
        pl.col("probability").alias(f"{flag}_model"),
        pl.col("limit").alias(f"{flag}_limit"),
        pl.col("model_version").alias(f"{flag}_version"),
    )
    answers = people.filter(pl.col("flag") == flag).select(
        "image_id", pl.col("value").alias(f"{flag}_told")
    )
    return judged.join(evidence, on="image_id", how="left").join(answers, on="image_id", how="left")


def _rules_of(flag: str, checks: list[Rule], *, beside_model: bool | None = None) -> list[Rule]:
    return [
        rule for rule in checks if rule.id == flag and beside_model in (None, rule.beside_model)
    ]


def _by_model(flag: str) -> pl.Expr:
    return pl.col(f"{flag}_model").is_not_null()


def _fails(flag: str, checks: list[Rule]) -> pl.Expr:
    beside = [rule.fails() for rule in _rules_of(flag, checks, beside_model=True)]
    model = pl.any_horizontal(pl.col(f"{flag}_model") >= pl.col(f"{flag}_limit"), *beside)
    by_rule = pl.any_horizontal([rule.fails() for rule in _rules_of(flag, checks)])
    return pl.coalesce(f"{flag}_told", pl.when(_by_model(flag)).then(model).otherwise(by_rule))


def _probability(flag: str, checks: list[Rule]) -> pl.Expr:
    by_rule = pl.max_horizontal([rule.probability() for rule in _rules_of(flag, checks)])
    return pl.coalesce(f"{flag}_model", by_rule)


def _reasons(flag: str, checks: list[Rule]) -> list[pl.Expr]:
    """Return the sentences of a flag, each null where it does not apply."""
    told = pl.col(f"{flag}_told")
    title = flag.replace("_", " ")
    people = pl.when(told).then(pl.lit(f"{title}: people say so"))
    model = pl.when(told.is_null() & (pl.col(f"{flag}_model") >= pl.col(f"{flag}_limit"))).then(
        pl.format(
            title + ": probability {}, less than {} needed (model version {})",
            pl.col(f"{flag}_model").round(2),
            pl.col(f"{flag}_limit").round(2),
            f"{flag}_version",
        )
    )
    sentences: list[pl.Expr] = [people, model]
    for rule in _rules_of(flag, checks):
        counts = told.is_null() & (pl.lit(rule.beside_model) | ~_by_model(flag))
        sentences.append(pl.when(counts).then(rule.reason()))
    return sentences


def _judged_by(flag: str) -> pl.Expr:
    return (
        pl.when(pl.col(f"{flag}_told").is_not_null())
        .then(pl.lit(f"{flag}: people"))
        .when(_by_model(flag))
        .then(pl.format(flag + ": model {}", f"{flag}_version"))
        .otherwise(pl.lit(f"{flag}: rules"))
    )
