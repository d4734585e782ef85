"""From what the selection made to what the REST interface answers."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from imgassets.operations.live_selection import Selected
from imgassets.operations.set_history import ProductSet
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
    changes = selected.changes["status"]
    facts = {row["image_id"]: row for row in selected.aggregated.iter_rows(named=True)}
    never = selected.quarantine.filter(pl.col("stage") == "fetch")
    left_out = selected.decisions.filter(pl.col("decision") == LEFT_OUT)
    return ImageSet(
        product_id=product_id,
        category=category,
        status=changes[0] if len(changes) else "bypassed_no_image",
        images=[
            ChosenImage(
                **{name: row[name] for name in _CHOSEN},
                urls=facts[row["image_id"]]["image_urls"],
                suppliers=facts[row["image_id"]]["suppliers"],
                width=facts[row["image_id"]]["width"],
                height=facts[row["image_id"]]["height"],
            )
            for row in selected.ordered.sort("rank").iter_rows(named=True)
        ],
        left_out=[
            LeftOutImage(
                image_id=row["image_id"],
                rule=row["rule"],
                reason=row["reason"],
                duplicate_of=row["twin_image_id"],
                urls=facts[row["image_id"]]["image_urls"],
                suppliers=facts[row["image_id"]]["suppliers"],
            )
            for row in left_out.sort("rule", "image_id").iter_rows(named=True)
        ],
        refused=[
            *refused,
            *(
                RefusedImage(
                    url=row["image_url"],
                    rule=row["rule_id"],
                    measured=row["measured"],
                    limit=row["limit"],
                    detail=row["detail"],
                )
                for row in never.sort("image_url").iter_rows(named=True)
            ),
        ],
        notes=list(selected.notes),
        snapshot_id=selected.snapshot_id,
        seconds={step: round(taken, _DECIMALS) for step, taken in selected.seconds.items()},
    )


_CHOSEN = ("rank", "image_id", "image_type", "is_hero", "reason")


def shown_set_of(found: ProductSet) -> ShownSet:
    """Return the answer about what a product shows."""
    return ShownSet(
        product_id=found.product_id,
        category=found.category,
        title=found.title,
        day=found.day,
        status=found.status,
        snapshot_id=found.snapshot_id,
        snapshot_time=found.snapshot_time,
        images=[
            ChosenImage(
                **{name: getattr(image, name) for name in (*_CHOSEN, "suppliers")},
                urls=image.image_urls,
                width=image.width,
                height=image.height,
            )
            for image in found.images
        ],
        left_out=[
            LeftOutImage(
                image_id=image.image_id,
                rule=image.rule_id,
                reason=image.reason,
                duplicate_of=image.duplicate_of,
                urls=image.image_urls,
                suppliers=image.suppliers,
            )
            for image in found.left_out
        ],
    )
