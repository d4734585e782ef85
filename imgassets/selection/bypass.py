"""Products that are left as they are (paper A, III-D): nothing to choose, or chosen already."""

from __future__ import annotations

import polars as pl

from imgassets.selection import IMAGE, PRODUCT
from imgassets.selection.policies import OrderingPolicies
from imgassets.warehouse.contract import UNTYPED


def bypass_status(
    products: pl.DataFrame,
    aggregated: pl.DataFrame,
    rejected: pl.DataFrame,
    policies: OrderingPolicies,
) -> pl.DataFrame:
    """Tell which products are bypassed: those without an image, with one, or with curated ones.

    A product all of whose images compliance rejects is not: it is changed. Each category's policy
    says which of the three count.

    Args:
        products: distinct (day, category, product_id).
        aggregated: rows of ``aggregated_images``.
        rejected: images that compliance rejects, by (day, category, product_id, image_id).
        policies: see ``Policy.bypass``.

    Returns:
        Frame (day, category, product_id, status), one row per product: 'bypassed_no_image',
        'bypassed_single_image', 'bypassed_curated', or null for those that are processed.
    """
    bad = rejected.select(IMAGE).unique().with_columns(bad=True)
    counts = (
        aggregated.join(bad, on=IMAGE, how="left")
        .group_by(PRODUCT)
        .agg(
            pl.len().alias("images"),
            pl.col("is_curated").all().alias("all_curated"),
            pl.col("bad").fill_null(value=False).all().alias("all_bad"),
        )
    )
    asked = [
        (category, list(policy.bypass))
        for policy, categories in policies.shared(products["category"].unique().to_list())
        for category in categories
    ]
    rules = pl.DataFrame(
        asked, schema={"category": pl.String, "asked": pl.List(pl.String)}, orient="row"
    )

    def on(rule: str) -> pl.Expr:
        return pl.col("asked").list.contains(rule)

    images = pl.col("images").fill_null(0)
    return (
        products.select(PRODUCT)
        .join(counts, on=PRODUCT, how="left")
        .join(rules, on="category", how="left")
        .select(
            *PRODUCT,
            status=pl.when(images == 0)
            .then(pl.when(on("no_image")).then(pl.lit("bypassed_no_image")))
            .when("all_bad")
            .then(None)
            .when((images == 1) & on("single_image"))
            .then(pl.lit("bypassed_single_image"))
            .when(pl.col("all_curated") & on("curated"))
            .then(pl.lit("bypassed_curated")),
        )
    )


def kept_as_is(
    bypassed: pl.DataFrame, aggregated: pl.DataFrame, types: pl.DataFrame
) -> pl.DataFrame:
    """Rank the images of bypassed products by position alone.

    Args:
        bypassed: rows of :func:`bypass_status` whose status is not null.
        aggregated: rows of ``aggregated_images``, without those that compliance rejects.
        types: rows of ``image_types``.

    Returns:
        Frame (day, category, product_id, rank, image_id, image_type, reason).
    """
    reason = (
        pl.when(pl.col("status") == "bypassed_single_image")
        .then(pl.lit("the product's only image: kept as it is"))
        .otherwise(
            pl.format(
                "chosen by hand at the supplier, like all images of the product: "
                "kept in the supplier's order (position {})",
                pl.col("best_position"),
            )
        )
    )
    return (
        aggregated.join(bypassed, on=PRODUCT)
        .join(types.select(*IMAGE, "image_type"), on=IMAGE, how="left")
        .sort([*PRODUCT, "best_position", "image_id"])
        .select(
            *PRODUCT,
            pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over(PRODUCT).alias("rank"),
            "image_id",
            pl.col("image_type").fill_null(UNTYPED),
            reason.alias("reason"),
        )
    )
