"""Frames for `order_image_sets` from a handful of images, without pixels or a warehouse."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl

from imgassets.selection.clicks import Clicks
from imgassets.selection.ordering import RELEVANCE, ImageSets, order_image_sets
from imgassets.selection.policies import OrderingPolicies, Policy, read_policies
from imgassets.selection.positions import SHOWN, fit_clicks
from imgassets.warehouse.contracts import ImageSetChanges, OrderedImageSets

DAY = date(2026, 1, 5)
TYPES = ("front", "back", "closeup")
_DEFAULTS: dict[str, Any] = {
    "product_id": "p1", "type": "front", "position": 1, "curated": False, "white": 1.0,
    "fill": 0.6, "sharpness": 0.4, "width": 800, "height": 1000, "defect": 0.0, "flags": (),
    "rejected": False, "duplicate_of": None, "relevance": None,
}  # fmt: skip


def image_id(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def url(name: str) -> str:
    return f"images/{name}.jpg"


def image(name: str, **differs: object) -> dict[str, Any]:
    """Return an image: a good front photo but for what differs."""
    assert not set(differs) - set(_DEFAULTS), differs
    return {"name": name, **_DEFAULTS, **differs}


def policies(**of_bags: object) -> OrderingPolicies:
    """Return the shipped policies, some keys of which are others for bags."""
    shipped = read_policies().default
    clicks = shipped.clicks.model_dump() | dict(of_bags.pop("clicks", {}))  # type: ignore[call-overload]
    bags = Policy.model_validate(shipped.model_dump() | {"clicks": clicks} | of_bags)
    return OrderingPolicies(default=shipped, categories={"bags": bags})


def clicks(
    rows: Iterable[tuple[str, str, int, int, int]], others: Iterable[tuple[Any, ...]] = ()
) -> Clicks:
    """Return clicks of (product, image as shown, position, impressions, clicks).

    The model is fitted to these and to those of ``others``.
    """
    own, more = (
        pl.DataFrame([("bags", *row) for row in part], schema=SHOWN, orient="row")
        for part in (list(rows), list(others))
    )
    return Clicks(own, fit_clicks(pl.concat([own, more])))


def order(
    images: Sequence[Mapping[str, Any]],
    by: OrderingPolicies | None = None,
    *,
    clicks: Clicks | None = None,
    types: Sequence[str] = TYPES,
    products: Sequence[str] | None = None,
    before: pl.DataFrame | None = None,
) -> ImageSets:
    """Order images; what comes back keeps the tables' contracts."""
    wanted = sorted({i["product_id"] for i in images}) if products is None else products
    cell = {"day": DAY, "category": "bags"}
    rows = [cell | dict(i) | {"image_id": image_id(i["name"])} for i in images]
    kept = [row for row in rows if not row["rejected"]]
    found = order_image_sets(
        products=_frame(
            [cell | {"product_id": p} for p in wanted], day=pl.Date, category=pl.String,
            product_id=pl.String,
        ),
        aggregated=_of_images(
            [
                row
                | {
                    "image_urls": [url(row["name"])],
                    "best_position": row["position"],
                    "is_curated": row["curated"],
                }
                for row in rows
            ],
            image_urls=pl.List(pl.String), best_position=pl.Int32, is_curated=pl.Boolean,
            width=pl.Int32, height=pl.Int32,
        ),
        signals=_of_images(
            [
                row | {"background_whiteness": row["white"], "foreground_fraction": row["fill"]}
                for row in rows
            ],
            background_whiteness=pl.Float32, foreground_fraction=pl.Float32, sharpness=pl.Float32,
        ).drop("product_id").unique(),
        quality=_of_images(
            [
                row | {"p_blurry": row["defect"], "p_small_object": 0.0, "p_placeholder": 0.0}
                for row in rows
            ],
            p_blurry=pl.Float32, p_small_object=pl.Float32, p_placeholder=pl.Float32,
        ),
        types=_of_images([row | {"image_type": row["type"]} for row in kept], image_type=pl.String),
        clusters=_of_images(
            [
                row
                | {
                    "image_type": row["type"],
                    "cluster_id": image_id(row["duplicate_of"] or row["name"]),
                    "is_representative": row["duplicate_of"] is None,
                }
                for row in kept
            ],
            image_type=pl.String, cluster_id=pl.String, is_representative=pl.Boolean,
        ),
        compliance=_of_images(
            [
                row | {"flag": flag, "decision": "rejected" if row["rejected"] else "review"}
                for row in rows
                for flag in (("weapon",) if row["rejected"] else row["flags"])
            ],
            flag=pl.String, decision=pl.String,
        ),
        priorities=_frame(
            [
                {"category": "bags", "image_type": name, "rank": rank}
                for rank, name in enumerate(types, 1)
            ],
            category=pl.String, image_type=pl.String, rank=pl.Int32,
        ),
        policies=by or policies(),
        before=before,
        clicks=clicks,
        relevance=_of_images(
            [row | {"score": row["relevance"]} for row in rows if row["relevance"] is not None],
            score=RELEVANCE["score"],
        ),
    )  # fmt: skip
    return ImageSets(
        OrderedImageSets.conform(found.ordered), ImageSetChanges.conform(found.changes)
    )


def shown(sets: ImageSets, images: Sequence[Mapping[str, Any]], product: str = "p1") -> list[str]:
    """Return the names of a product's images in order."""
    names = {image_id(i["name"]): i["name"] for i in images}
    rows = sets.ordered.filter(product_id=product).sort("rank")
    return [names[key] for key in rows["image_id"]]


def _of_images(rows: Sequence[Mapping[str, Any]], **columns: Any) -> pl.DataFrame:
    keys = {"day": pl.Date, "category": pl.String, "product_id": pl.String, "image_id": pl.String}
    return _frame(rows, **keys, **columns)


def _frame(rows: Sequence[Mapping[str, Any]], **columns: Any) -> pl.DataFrame:
    return pl.DataFrame([{name: row[name] for name in columns} for row in rows], schema=columns)
