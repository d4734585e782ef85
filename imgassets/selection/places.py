"""Sentences that say why a chosen image stands where it does."""

from __future__ import annotations

import polars as pl

from imgassets.selection import PRODUCT
from imgassets.selection.policies import Policy
from imgassets.warehouse.contract import UNTYPED

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")


def reason(policy: Policy) -> pl.Expr:
    """Sentence for a chosen image's place: its type, what moved it, and of a hero the rules.

    It reads image_type, type_rank, category, turn, best_position, pushed, irrelevant, score,
    eligible, decided, passed_over, typed, rank, policy_rank, click_rate and ordered_by.
    """
    by_type = (
        pl.when(pl.col("image_type") == UNTYPED)
        .then(pl.format("no type yet: by the suppliers' position {}", pl.col("best_position")))
        .when("irrelevant")
        .then(
            pl.format(
                "shows something else: relevance {} to title and description, at least "
                f"{policy.min_relevance:g} needed",
                pl.col("score").cast(pl.Float64).round(2),
            )
        )
        .when(pl.col("ordered_by") == "clicks")
        .then(pl.format("{} image", "image_type"))
        .when("pushed")
        .then(pl.format("{}: a type that adds little, after all others", "image_type"))
        .otherwise(_turn_of_type())
    )
    hero = (pl.col("rank") == 1) & pl.col("typed")
    by_clicks = pl.when(pl.col("ordered_by") == "clicks").then(
        pl.format(
            "; by clicks on {} % of looks, by the policy at place {}",
            (100 * pl.col("click_rate")).round(2),
            "policy_rank",
        )
    )
    return pl.concat_str(
        by_type,
        pl.when(hero).then(_hero()).otherwise(pl.lit("")),
        by_clicks.otherwise(pl.lit("")),
    )


def _turn_of_type() -> pl.Expr:
    turn = pl.col("turn")
    ordinal = pl.when(turn <= len(_ORDINALS)).then(
        pl.lit(list(_ORDINALS)).list.get(turn - 1, null_on_oob=True)
    ).otherwise(pl.format("{}th", turn))  # fmt: skip
    return (
        pl.when((turn == 1) & pl.col("type_rank").is_not_null())
        .then(
            pl.format("first {} image: type rank {} of {}", "image_type", "type_rank", "category")
        )
        .when(turn == 1)
        .then(
            pl.format(
                "first {} image: a type without a rank in {}, after those with one",
                "image_type",
                "category",
            )
        )
        .otherwise(
            pl.format(
                "{} {}: extra image of a type, moved after {} of each",
                ordinal,
                "image_type",
                pl.when(turn == 2)
                .then(pl.lit("one"))
                .when(turn == 3)
                .then(pl.lit("two"))
                .otherwise((turn - 1).cast(pl.String)),
            )
        )
    )


def _hero() -> pl.Expr:
    """What made the hero: '; hero by white background 0.98 (at least 0.9)'."""
    may_be = pl.col("eligible").sum().over(PRODUCT)
    tie = (
        pl.when(may_be == 1)
        .then(pl.lit(None, pl.String))
        .when(pl.col("ordered_by") == "clicks")
        .then(pl.format("clicks, the most of {}", may_be))
        .otherwise(
            pl.format("the suppliers' position {}, the first of {}", "best_position", may_be)
        )
    )
    rules = pl.concat_list("decided", pl.concat_list(tie)).list.drop_nulls()
    best = pl.col("passed_over").list.join("; ")
    return pl.concat_str(
        pl.lit("; hero"),
        pl.when(rules.list.len() > 0)
        .then(pl.format(" by {}", rules.list.join(", ")))
        .otherwise(pl.lit("")),
        pl.when(best != "").then(pl.format(", the best there is: {}", best)).otherwise(pl.lit("")),
    )
