"""The products that the category model learns from, and which of them belong together."""

from __future__ import annotations

import hashlib

import polars as pl

from imgassets.learning.category_text import plain

MOST_PRODUCTS = 400
"""Products of a category that are learnt from, at most: more take hours and teach little."""

MIN_PRODUCTS = 3
"""A category with fewer products is left out: it could not even be cross-validated."""

_SAME_TEXT = 80
"""Letters and digits at the start of a description; products that share them are split as one."""

_SHORT = 40
"""A description with fewer says nothing of which products belong together."""


def usable_products(texts: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Return the texts that can be learnt from, with their groups, and what was left out."""
    notes = []
    words = pl.any_horizontal(pl.col("title", "description").is_not_null())
    clear = pl.col("category").n_unique().over("product_id") == 1
    if contradicting := texts.filter(~clear)["product_id"].n_unique():
        notes.append(f"left out: {contradicting} products of which feeds name several categories")
    texts = grouped(texts.filter(words, clear)).unique().sort(pl.all())
    sizes = texts.group_by("category").agg(n=pl.col("product_id").n_unique()).sort("category")
    for category, n in sizes.filter(pl.col("n") < MIN_PRODUCTS).iter_rows():
        notes.append(f"left out '{category}': {n} products, {MIN_PRODUCTS} are needed")
    kept = sizes.filter(pl.col("n") >= MIN_PRODUCTS)
    drawn = pl.col("product_id").map_elements(_digest, return_dtype=pl.String)
    place = drawn.rank("dense").over("category")
    texts = texts.join(kept, on="category", how="semi", maintain_order="left")
    for category, n in kept.filter(pl.col("n") > MOST_PRODUCTS).iter_rows():
        notes.append(f"'{category}': {MOST_PRODUCTS} of {n} products are learnt from")
    texts = texts.filter(place <= MOST_PRODUCTS)
    if kept.height < 2:
        raise ValueError(
            f"a model of categories needs two categories with at least {MIN_PRODUCTS} products "
            f"whose feeds name the category and have a title; found {kept.height}"
        )
    return texts, notes


def grouped(texts: pl.DataFrame) -> pl.DataFrame:
    """Fill in `group_id`: products that are told alike are never on both sides of a split.

    Args:
        texts: as :func:`train_category` takes them.

    Returns:
        The frame with `group_id` of every product: the one that people named; else that of a
        product whose description starts alike; else a digest of that start; the product itself
        where it has no description to speak of.
    """
    start = pl.Series([_start(text) for text in texts["description"]], dtype=pl.String)
    product = pl.col("product_id")
    # Of a product's several descriptions, the one that most products share says what is alike.
    sharing = pl.when(pl.col("start").is_not_null()).then(
        pl.col("product_id").n_unique().over("start")
    )
    told = texts.with_columns(start=start).with_columns(sharing=sharing).with_columns(
        pl.col("start").sort_by("sharing", "start", descending=[True, False], nulls_last=True)
        .first().over(product),
        named=pl.col("group_id").min().over(product),
    )  # fmt: skip
    of_alike = pl.when(pl.col("start").is_not_null()).then(pl.col("named").min().over("start"))
    return told.with_columns(
        group_id=pl.coalesce("named", of_alike, pl.format("text {}", "start"), product)
    ).drop("start", "sharing", "named")


def _start(description: str | None) -> str | None:
    """Return a digest of how a description starts; None where it is too short to say anything."""
    letters = "".join(c for c in plain(description) if c.isalnum())[:_SAME_TEXT]
    return _digest(letters) if len(letters) >= _SHORT else None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
