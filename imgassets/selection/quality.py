"""The quality rules (paper A, II-A): measured value against limit, a sentence per failure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from imgassets.selection import IMAGE, PARTITION

if TYPE_CHECKING:
    from imgassets.settings import QualitySettings

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
    """

    id: str
    measure: pl.Expr
    limit: float
    sentence: str
    at_most: bool = False
    scale: float = 1.0
    decimals: int = 0

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


def score_quality(
    aggregated: pl.DataFrame, signals: pl.DataFrame, settings: QualitySettings
) -> pl.DataFrame:
    """Judge every aggregated image that has signals.

    Args:
        aggregated: rows of ``aggregated_images``.
        signals: rows of ``image_signals`` of the same partitions.
        settings: the limits.

    Returns:
        Rows of ``quality_scores``, sorted by key. An image without signals was quarantined before
        and gets no row.
    """
    sharing = aggregated.group_by([*PARTITION, "image_id"]).agg(
        pl.col("product_id").n_unique().alias("products_sharing")
    )
    measures = ["sharpness", "foreground_fraction", "detail"]
    judged = aggregated.join(sharing, on=[*PARTITION, "image_id"]).join(
        signals.select(*PARTITION, "image_id", *measures), on=[*PARTITION, "image_id"]
    )
    checks = rules(settings)
    probabilities = [
        pl.max_horizontal([rule.probability() for rule in checks if rule.id == rule_id]).alias(
            f"p_{rule_id}"
        )
        for rule_id in ("blurry", "small_object", "placeholder")
    ]
    failed = pl.concat_list(
        [pl.when(rule.fails()).then(pl.lit(rule.id)) for rule in checks]
    ).list.drop_nulls()
    return (
        judged.with_columns(
            *probabilities,
            failed_rules=failed.list.unique(maintain_order=True),
            reasons=pl.concat_list([rule.reason() for rule in checks]).list.drop_nulls(),
        )
        .with_columns(passed=pl.col("failed_rules").list.len() == 0)
        .select(
            *IMAGE,
            "p_blurry",
            "p_small_object",
            "p_placeholder",
            "passed",
            "failed_rules",
            "reasons",
        )
        .sort(IMAGE)
    )
