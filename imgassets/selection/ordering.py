"""The order of a product's images (paper A, II-E)."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from imgassets.selection import IMAGE, PRODUCT
from imgassets.selection.bypass import bypass_status, kept_as_is
from imgassets.selection.changes import changes_of, shown_so_far
from imgassets.selection.clicks import Clicks, no_clicks, rates
from imgassets.selection.facts import facts
from imgassets.selection.heroes import with_eligible
from imgassets.selection.places import reason
from imgassets.selection.policies import OrderingPolicies, Policy
from imgassets.warehouse.contract import UNTYPED

SIGNAL_COLUMNS = ("background_whiteness", "foreground_fraction", "sharpness")
"""Measures of ``image_signals`` that hero rules may ask for, beside (day, category, image_id)."""

RELEVANCE = {
    "day": pl.Date,
    "category": pl.String,
    "product_id": pl.String,
    "image_id": pl.String,
    "score": pl.Float32,
}
"""How well images fit their product's title and description, 0 … 1."""

_UNRANKED, _LAST = 2**20, 2**21
"""Place of types that the category's order does not name, and of those that are pushed down."""

_SET_COLUMNS = [
    *PRODUCT, "rank", "image_id", "image_type", "is_hero", "reason", "policy_rank", "click_rank",
    "click_rate", "ordered_by",
]  # fmt: skip


class ImageSets(NamedTuple):
    """What :func:`order_image_sets` returns.

    Attributes:
        ordered: rows of ``ordered_image_sets``.
        changes: rows of ``image_set_changes``, one for every product.
    """

    ordered: pl.DataFrame
    changes: pl.DataFrame


def order_image_sets(
    *,
    products: pl.DataFrame,
    aggregated: pl.DataFrame,
    signals: pl.DataFrame,
    quality: pl.DataFrame,
    types: pl.DataFrame,
    clusters: pl.DataFrame,
    compliance: pl.DataFrame,
    priorities: pl.DataFrame,
    policies: OrderingPolicies,
    before: pl.DataFrame | None = None,
    clicks: Clicks | None = None,
    relevance: pl.DataFrame | None = None,
) -> ImageSets:
    """Order every product's chosen images and compare them with what the first supplier shows.

    The hero comes first: the policy's rules say who may be it. The other representatives follow one
    of each type, in the category's order of types; then the second of each type in the same order,
    and so on. Types without a rank follow those with one. Within a type the better position wins,
    then quality. Types that the policy pushes down, and then images of something else, come last.
    Where the policy says so and there are clicks enough, click rates order the images instead; who
    may be hero stays. The policy's most images of a set are kept, the last ones left out.

    Bypassed products keep their suppliers' order, and so do those whose images have no types yet.
    An image that compliance rejects is kept in none of them.

    Every image is placed by its own product's rows alone: however products are put together in
    calls, they get the same sets.

    Args:
        products: distinct (day, category, product_id) to make sets for.
        aggregated: rows of ``aggregated_images``.
        signals: (day, category, image_id) and :data:`SIGNAL_COLUMNS` of ``image_signals``.
        quality: rows of ``quality_scores``.
        types: rows of ``image_types``.
        clusters: rows of ``dedup_clusters``.
        compliance: rows of ``compliance_flags``.
        priorities: rows of ``type_priorities``.
        policies: of all categories.
        before: fetched references: day (the partition's), category, product_id, supplier_id,
            image_id, position, first_day (of the reference); None: the images of ``aggregated`` by
            their best position.
        clicks: what was shown and clicked; None: nothing.
        relevance: :data:`RELEVANCE` rows; an image without one is not held against the limit.

    Returns:
        The sets and the changes, each sorted by key.
    """
    products = products.select(PRODUCT).unique()
    rejected = compliance.filter(pl.col("decision") == "rejected")
    status = bypass_status(products, aggregated, rejected, policies)
    bypassed = status.filter(pl.col("status").is_not_null())
    kept = kept_as_is(bypassed, aggregated.join(rejected, on=IMAGE, how="anti"), types)
    images = facts(
        clusters.filter("is_representative").join(
            status.filter(pl.col("status").is_null()), on=PRODUCT, how="semi"
        ),
        aggregated,
        signals,
        quality,
        compliance,
        priorities,
        pl.DataFrame(schema=RELEVANCE) if relevance is None else relevance,
    )
    shared = policies.shared(products["category"].unique().to_list())
    sets = [
        _order(
            images.filter(pl.col("category").is_in(categories)),
            policy,
            aggregated,
            clusters,
            no_clicks() if clicks is None else clicks,
        )
        for policy, categories in shared
    ]
    ordered = (
        pl.concat([kept.with_columns(ordered_by=pl.lit("suppliers")), *sets], how="diagonal")
        .with_columns(is_hero=pl.col("rank") == 1)
        .pipe(_with_all_columns)
        .sort([*PRODUCT, "rank"])
    )
    minimum = pl.DataFrame(
        [(name, policy.min_images) for policy, categories in shared for name in categories],
        schema={"category": pl.String, "min_images": pl.Int64},
        orient="row",
    )
    shown = shown_so_far(aggregated) if before is None else before
    return ImageSets(ordered, changes_of(status, ordered, shown, minimum))


def _with_all_columns(ordered: pl.DataFrame) -> pl.DataFrame:
    """Add the columns that bypassed products alone would lack."""
    nothing = {"policy_rank": pl.Int32, "click_rank": pl.Int32, "click_rate": pl.Float32}
    return ordered.with_columns(
        pl.lit(None, dtype).alias(name)
        for name, dtype in nothing.items()
        if name not in ordered.columns
    ).select(_SET_COLUMNS)


def _order(
    images: pl.DataFrame,
    policy: Policy,
    aggregated: pl.DataFrame,
    clusters: pl.DataFrame,
    clicks: Clicks,
) -> pl.DataFrame:
    """Rank the images of the categories that share a policy."""
    pushed = pl.col("image_type").is_in(policy.push_down)
    placed = images.with_columns(
        pushed=pushed,
        irrelevant=(pl.col("score") < policy.min_relevance).fill_null(False),
        one_item=pl.col("composite").is_null() & ~pushed,
        typed=(pl.col("image_type") != UNTYPED).any().over(PRODUCT),
        place=pl.when(pushed).then(_LAST).otherwise(pl.col("type_rank").fill_null(_UNRANKED)),
    )
    placed = _by_policy(with_eligible(placed, policy.hero))
    placed = _by_clicks(placed, policy, aggregated, clusters, clicks)
    rank = pl.when(pl.col("ordered_by") == "clicks").then("click_rank").otherwise("policy_rank")
    placed = placed.with_columns(rank=rank).with_columns(reason=reason(policy))
    if policy.max_images:
        placed = placed.filter(pl.col("rank") <= policy.max_images)
    return placed.select(
        *PRODUCT, "rank", "image_id", "image_type", "policy_rank", "click_rank",
        pl.col("click_rate").cast(pl.Float32), "ordered_by", "reason",
    )  # fmt: skip


def _numbered() -> pl.Expr:
    return pl.int_range(1, pl.len() + 1, dtype=pl.Int32)


def _by_policy(images: pl.DataFrame) -> pl.DataFrame:
    """Add ``turn`` (of its type, 1 is the first) and ``policy_rank``."""
    merits = ["best_position", "quality", "image_id"]
    worst_first = [False, True, False]
    # Without types nobody knows what is front: the suppliers' order stands.
    hero = pl.col("eligible") & pl.col("typed")
    return (
        images.sort([*PRODUCT, hero, *merits], descending=[False] * 3 + [True, *worst_first],
                    nulls_last=True)
        .with_columns(is_first=hero & (_numbered().over(PRODUCT) == 1))
        .sort([*PRODUCT, "is_first", *merits], descending=[False] * 3 + [True, *worst_first],
              nulls_last=True)
        .with_columns(turn=_numbered().over([*PRODUCT, "irrelevant", "image_type"]))
        .sort(
            [*PRODUCT, ~pl.col("is_first"), "irrelevant", "pushed", "turn", "place",
             "best_position", "image_id"],
            nulls_last=True,
        )
        .with_columns(policy_rank=_numbered().over(PRODUCT))
    )  # fmt: skip


def _by_clicks(
    images: pl.DataFrame,
    policy: Policy,
    aggregated: pl.DataFrame,
    clusters: pl.DataFrame,
    clicks: Clicks,
) -> pl.DataFrame:
    """Add ``click_rate``, ``click_rank`` and ``ordered_by``."""
    rated = rates(
        images.select(*IMAGE, "policy_rank"), aggregated, clusters, clicks, policy.clicks.shrinkage
    )
    images = images.join(rated.drop("policy_rank"), on=IMAGE).with_columns(
        click_rate=pl.when("typed").then("click_rate")
    )
    learned = pl.col("click_rate").is_not_null() & (
        pl.col("impressions") >= policy.clicks.min_impressions
    )
    if not policy.clicks.learned:
        learned = pl.lit(False)
    return (
        images.sort([*PRODUCT, ~pl.col("eligible"), -pl.col("click_rate"), "policy_rank"])
        .with_columns(first_by_clicks=_numbered().over(PRODUCT) == 1)
        .sort(
            [*PRODUCT, ~pl.col("first_by_clicks"), "irrelevant", -pl.col("click_rate"),
             "policy_rank"]
        )
        .with_columns(
            click_rank=pl.when(pl.col("click_rate").is_not_null()).then(
                _numbered().over(PRODUCT)
            ),
            ordered_by=pl.when(learned)
            .then(pl.lit("clicks"))
            .when("typed")
            .then(pl.lit("policy"))
            .otherwise(pl.lit("suppliers")),
        )
        .sort([*PRODUCT, "policy_rank"])
    )  # fmt: skip
