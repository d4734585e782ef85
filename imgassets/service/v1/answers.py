"""From what the selection made to what the REST interface answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import polars as pl

from imgassets.operations.live_selection import Selected
from imgassets.operations.set_history import ProductSet
from imgassets.selection import IMAGE
from imgassets.selection.decisions import LEFT_OUT
from imgassets.service.v1.messages import (
    ChosenImage,
    ImageSet,
    LeftOutImage,
    RefusedImage,
    ShownSet,
)

_DECIMALS = 4


def image_set_of(
    product_id: str, category: str, selected: Selected, refused: Sequence[RefusedImage] = ()
) -> ImageSet:
    """Return the answer about one product.

    Args:
        product_id: the product.
        category: its category, as a slug.
        selected: what became of its offers; with none of them it has no row of changes.
        refused: references that were no offers.
    """
    status = selected.changes["status"]
    facts = selected.aggregated.select(*IMAGE, "image_urls", "suppliers", "width", "height")
    chosen = selected.ordered.join(facts, on=IMAGE).sort("rank")
    left_out = (
        selected.decisions.filter(pl.col("decision") == LEFT_OUT)
        .rename({"rule": "rule_id", "twin_image_id": "duplicate_of"})
        .join(facts, on=IMAGE)
        .sort("rule_id", "image_id")
    )
    never = selected.quarantine.filter(pl.col("stage") == "fetch").sort("image_url")
    return ImageSet(
        product_id=product_id,
        category=category,
        status=status[0] if len(status) else "bypassed_no_image",
        images=[_chosen(row) for row in chosen.iter_rows(named=True)],
        left_out=[_left_out(row) for row in left_out.iter_rows(named=True)],
        refused=[*refused, *(_refused(row) for row in never.iter_rows(named=True))],
        notes=list(selected.notes),
        snapshot_id=selected.snapshot_id,
        seconds={step: round(taken, _DECIMALS) for step, taken in selected.seconds.items()},
    )


def shown_set_of(found: ProductSet) -> ShownSet:
    """Return the answer about what a product shows."""
    copied = {name: getattr(found, name) for name in _COPIED}
    return ShownSet(
        **copied,
        images=[_chosen(asdict(image)) for image in found.images],
        left_out=[_left_out(asdict(image)) for image in found.left_out],
    )


_COPIED = (
    "product_id", "category", "title", "day", "status", "snapshot_id", "snapshot_time",
)  # fmt: skip
_CHOSEN = (
    "rank", "image_id", "image_type", "is_hero", "reason", "suppliers", "width", "height",
)  # fmt: skip


def _chosen(image: Mapping[str, Any]) -> ChosenImage:
    return ChosenImage(urls=image["image_urls"], **{name: image[name] for name in _CHOSEN})


def _left_out(image: Mapping[str, Any]) -> LeftOutImage:
    same = ("image_id", "reason", "duplicate_of", "suppliers")
    return LeftOutImage(
        rule=image["rule_id"], urls=image["image_urls"], **{name: image[name] for name in same}
    )


def _refused(row: Mapping[str, Any]) -> RefusedImage:
    same = ("measured", "limit", "detail")
    return RefusedImage(
        url=row["image_url"], rule=row["rule_id"], **{name: row[name] for name in same}
    )
