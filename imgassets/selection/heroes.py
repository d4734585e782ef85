"""Which images may be first: the rules of a policy, one after another (paper A, III-B)."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from imgassets.selection import PRODUCT
from imgassets.selection.policies import HeroRule

_TITLES = {
    "white_background": "white background",
    "frame_fill": "object's share of the frame",
    "sharpness": "sharpness",
    "longest_side": "longest side",
    "quality": "quality",
}
_ROUNDING = 1e-6
"""How much less than a limit still meets it: measures are stored in single precision."""


def with_eligible(images: pl.DataFrame, rules: Sequence[HeroRule]) -> pl.DataFrame:
    """Tell which images may be first, and which rules said so.

    Each rule keeps the candidates that meet it. One that nobody meets is passed over: the best
    there is stands. An image of something else is no candidate while there is another.

    Args:
        images: (day, category, product_id, image_type), ``irrelevant``; ``place``, which orders the
            types; ``first_type``, the category's, or null; ``one_item``; and the measures that
            rules name.
        rules: in the order in which they are asked.

    Returns:
        The images, with ``eligible`` (true for at least one of each product), ``decided`` and
        ``passed_over``: the rules that turned others away, and those that nobody met, each with the
        image's own measure; both are empty lists where there are none.
    """
    suited = ~pl.col("irrelevant")
    images = images.with_columns(eligible=suited | ~suited.any().over(PRODUCT))
    for number, rule in enumerate(rules):
        met = pl.col("eligible") & _meets(rule).fill_null(False)
        images = images.with_columns(met=met).with_columns(
            somebody=pl.col("met").any().over(PRODUCT),
            fewer=pl.col("met").sum().over(PRODUCT) < pl.col("eligible").sum().over(PRODUCT),
        )
        images = images.with_columns(
            pl.when("somebody").then("met").otherwise("eligible").alias("eligible"),
            pl.when(pl.col("somebody") & pl.col("fewer"))
            .then(_decided(rule))
            .alias(f"decided_{number}"),
            pl.when(_unmet(rule)).then(_passed_over(rule)).alias(f"passed_over_{number}"),
        ).drop("met", "somebody", "fewer")
    decided, passed_over = (
        [f"{kind}_{number}" for number in range(len(rules))] for kind in ("decided", "passed_over")
    )
    none = pl.lit([], dtype=pl.List(pl.String))
    return images.with_columns(
        decided=pl.concat_list(decided).list.drop_nulls() if rules else none,
        passed_over=pl.concat_list(passed_over).list.drop_nulls() if rules else none,
    ).drop(*decided, *passed_over)


def _meets(rule: HeroRule) -> pl.Expr:
    """Whether a candidate does, compared with the other candidates where the rule asks that."""
    if rule.rule == "first_type":
        return pl.col("place") == pl.col("place").filter("eligible").min().over(PRODUCT)
    if rule.rule == "one_item":
        return pl.col("one_item")
    measure = pl.col(rule.rule).cast(pl.Float64)
    if rule.at_least is not None:
        return measure >= rule.at_least - _ROUNDING
    best = measure.filter(pl.col("eligible")).max().over(PRODUCT)
    return measure >= best - (rule.within or 0.0) - _ROUNDING


def _unmet(rule: HeroRule) -> pl.Expr:
    """Whether nobody met the rule; of ``first_type``, that only later types are there."""
    if rule.rule == "first_type":
        return pl.col("first_type").is_not_null() & (pl.col("image_type") != pl.col("first_type"))
    return ~pl.col("somebody")


def _decided(rule: HeroRule) -> pl.Expr:
    if rule.rule == "first_type":
        return pl.lit(None, pl.String)  # every place's reason begins with the type
    if rule.rule == "one_item":
        return pl.lit("one item alone")
    limit = (
        f"(at least {rule.at_least:g})"
        if rule.at_least is not None
        else f"(within {rule.within:g} of the best)"
    )
    return pl.format(f"{_TITLES[rule.rule]} {{}} {limit}", _shown(rule))


def _passed_over(rule: HeroRule) -> pl.Expr:
    if rule.rule == "first_type":
        there = (pl.col("image_type") == pl.col("first_type")).any().over(PRODUCT)
        none = pl.when(there).then(pl.format("no {} image will do", "first_type"))
        return none.otherwise(pl.format("no {} image", "first_type"))
    if rule.rule == "one_item":
        return pl.lit("none shows one item alone")
    wanted = "" if rule.at_least is None else f", at least {rule.at_least:g} wanted"
    return pl.format(f"{_TITLES[rule.rule]} {{}}{wanted}", _shown(rule))


def _shown(rule: HeroRule) -> pl.Expr:
    measure = pl.col(rule.rule).cast(pl.Float64)
    if rule.rule == "longest_side":
        return measure.cast(pl.Int64).cast(pl.String)
    return measure.round(2).cast(pl.String).fill_null("unknown")
