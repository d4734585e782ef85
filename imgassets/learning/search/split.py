"""Which products a search model may learn from, and which it is judged by."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from imgassets.learning.evaluation import place_of

UNASKED_FOR_TEST = 0.5
"""Share of the groups that no query asks for which are in the test's gallery, as what must not be
found."""


class Split(NamedTuple):
    """The two parts.

    Attributes:
        test: ids of the products that nothing is learnt from.
        train: ids of all others, less those left out.
        left_out: products whose very picture is one of the test's.
    """

    test: pl.Series
    train: pl.Series
    left_out: int


def split_products(
    products: pl.DataFrame, queries: pl.DataFrame, judgements: pl.DataFrame, *, seed: int
) -> Split:
    """Split products so that nothing in the test's gallery was ever learnt from.

    A product that answers a query of the test exactly is in the test, with its whole group; other
    groups with an exact answer to a query of the training are in the training; the rest by a hash
    of the group. Products of the training with the same picture as one of the test are left out.

    Args:
        products: ``product_id``, ``group_id``, ``content`` (a hash of the picture's bytes).
        queries: ``query_id``, ``split`` ('train' or 'test').
        judgements: ``query_id``, ``item_id`` (the product), ``relevance``; the highest grade there
            is means exactly.
        seed: of the hash.

    Raises:
        ValueError: no query of the test has an exact answer among the products, or nothing is left
            to learn from.
    """
    best = judgements.filter(
        pl.col("relevance") >= 1, pl.col("relevance") == pl.col("relevance").max()
    ).join(queries.select("query_id", "split"), on="query_id")
    groups = products.select("product_id", "group_id").join(
        best.select(product_id="item_id", split="split"), on="product_id"
    )
    asked = {split: set(groups.filter(split=split)["group_id"]) for split in ("train", "test")}
    if not asked["test"]:
        raise ValueError(
            "no query of the test has an exact answer among the products: do the files name the "
            "same queries and products?"
        )

    def is_test(group: str) -> bool:
        if group in asked["test"] or group in asked["train"]:
            return group in asked["test"]
        return place_of(group, seed) < UNASKED_FOR_TEST

    held = {group for group in products["group_id"].unique() if is_test(group)}
    in_test = products["group_id"].is_in(list(held))
    test, rest = products.filter(in_test), products.filter(~in_test)
    train = rest.join(test.select("content"), on="content", how="anti")
    if train.is_empty():
        raise ValueError(
            "every product is in the test: nothing is left to learn from. Name queries of a split "
            "'train', or group products by columns with more values"
        )
    return Split(test["product_id"].sort(), train["product_id"].sort(), rest.height - train.height)
