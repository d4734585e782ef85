"""Every image judged by every rule that stands on its partition's day: frames in, frame out."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import polars as pl

from imgassets.marketplaces.rules import Rule, standing_rules
from imgassets.warehouse.contracts import MarketplaceCompliance

if TYPE_CHECKING:
    from imgassets.settings import MarketplaceSettings

_IMAGE = ("day", "category", "product_id", "image_id")
_FACTS = ("width", "height", "byte_size", "format", "mode", "bit_depth", "frames")
SIGNALS = ("background_pure_white", "object_extent")
"""Columns of ``image_signals`` that rules measure."""


def judge_images(
    aggregated: pl.DataFrame,
    signals: pl.DataFrame,
    references: pl.DataFrame,
    settings: MarketplaceSettings,
    rules: Sequence[Rule] | None = None,
) -> pl.DataFrame:
    """Judge every aggregated image by every marketplace's rules.

    An image without signals is judged by its bytes and references; rules about pixels stay
    undecided. A rule about references is kept where one reference keeps it, and undecided where
    none can be measured; ``measured`` then shows the first that keeps it, else the first that does
    not, in the order of locations.

    Args:
        aggregated: rows of ``aggregated_images``.
        signals: rows of ``image_signals`` of the same partitions; columns that no rule measures
            may be absent.
        references: rows of ``fetched_images`` of these products, of all days up to the last
            partition's; a partition looks at those up to its own day.
        settings: which categories are apparel.
        rules: the rules; None takes those that come with imgassets.

    Returns:
        Rows of ``marketplace_compliance``, sorted by key.
    """
    standing = standing_rules() if rules is None else tuple(rules)
    categories = aggregated["category"].unique().sort().to_list()
    apparel = [c for c in categories if _matches(c, settings.apparel_categories)]
    images = (
        aggregated.select(*_IMAGE, *_FACTS)
        .join(
            signals.select("day", "category", "image_id", *SIGNALS),
            on=["day", "category", "image_id"],
            how="left",
        )
        .join(_judge_references(aggregated, references, standing), on=_IMAGE, how="left")
        .sort(_IMAGE)
        .with_row_index("place")
        .with_columns(apparel=pl.col("category").is_in(apparel))
        .lazy()
    )
    rows = pl.concat([_rows(images, rule, number) for number, rule in enumerate(standing)])
    # Two integers order the rows as their long keys do: images are sorted, and so are rules.
    ordered = rows.sort("place", "number").select(MarketplaceCompliance.column_names())
    return MarketplaceCompliance.conform(ordered.collect())


def _matches(category: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(category, pattern) for pattern in patterns)


def _judge_references(
    aggregated: pl.DataFrame, references: pl.DataFrame, rules: Sequence[Rule]
) -> pl.DataFrame:
    """Return one row per image with ``<rule>.kept`` and ``<rule>.text`` of rules on references."""
    asked = [rule for rule in rules if rule.decidable and rule.measured_by.of_reference]
    judged = (
        aggregated.select(_IMAGE)
        .join(
            references.rename({"day": "seen"}).select(
                "seen", *_IMAGE[1:], "image_location", "format", "extension", "extension_matches"
            ),
            on=_IMAGE[1:],
        )
        .filter(pl.col("seen") <= pl.col("day"))
        .sort(*_IMAGE, "image_location")
        .select(
            *_IMAGE,
            *(rule.kept().alias(_kept(rule)) for rule in asked),
            *(rule.measured_by.text.alias(_text(rule)) for rule in asked),
        )
    )
    first = [
        pl.col(_text(rule)).filter(pl.col(_kept(rule)) == good).first()
        for good in (True, False)
        for rule in asked
    ]
    keeps, breaks = first[: len(asked)], first[len(asked) :]
    return judged.group_by(_IMAGE).agg(
        # The greatest of the verdicts; null where no reference can be measured.
        *(pl.col(_kept(rule)).max() for rule in asked),
        *(pl.coalesce(good, bad) for good, bad in zip(keeps, breaks, strict=True)),
    )


def _kept(rule: Rule) -> str:
    return f"{rule.id}.kept"


def _text(rule: Rule) -> str:
    return f"{rule.id}.text"


def _rows(images: pl.LazyFrame, rule: Rule, number: int) -> pl.LazyFrame:
    """Return one rule's rows, with ``place`` and ``number`` to sort them by."""
    kept: pl.Expr = pl.lit(None, pl.Boolean)
    text: pl.Expr = pl.lit(None, pl.String)
    missing: pl.Expr = pl.lit(rule.undecided)
    if rule.decidable:
        measure = rule.measured_by
        missing = measure.missing
        on_reference = measure.of_reference
        kept = pl.col(_kept(rule)) if on_reference else rule.kept()
        text = pl.col(_text(rule)) if on_reference else measure.text
    wanted = pl.col("day") >= rule.effective_from
    if rule.effective_until is not None:
        wanted &= pl.col("day") <= rule.effective_until
    if rule.applies != "all":
        wanted &= pl.col("apparel") == (rule.applies == "apparel")
    return images.filter(wanted).select(
        *_IMAGE,
        "place",
        number=pl.lit(number),
        authority=pl.lit(rule.authority),
        rule_id=pl.lit(rule.id),
        status=pl.when(kept.is_null())
        .then(pl.lit("undecided"))
        .when(kept)
        .then(pl.lit("pass"))
        .otherwise(pl.lit("fail")),
        measured=pl.when(kept.is_null()).then(missing).otherwise(text),
        limit=pl.lit(rule.limit_text()),
        severity=pl.lit(rule.severity),
        scope=pl.lit(rule.scope),
        title=pl.lit(rule.title),
    )
