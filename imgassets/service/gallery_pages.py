"""The gallery: every product before and after, each image's story, and what was shown when."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query, Response

from imgassets.gallery.addresses import product_address, review_photos_address
from imgassets.gallery.cards import STATUS_LABELS
from imgassets.operations.product_list import (
    KINDS,
    count_products,
    last_change,
    list_products,
    summarise,
)
from imgassets.operations.product_story import product_story
from imgassets.operations.review_photo_list import count_photos
from imgassets.operations.set_comparison import compare
from imgassets.operations.set_history import NoImageSet, image_set, snapshots
from imgassets.service.rendering import page
from imgassets.service.reviews import Desk
from imgassets.service.story import steps
from imgassets.warehouse.history import BeforeHistory, Snapshot
from imgassets.warehouse.lake import Warehouse

router = APIRouter(include_in_schema=False)

_PAGE = 24
"""Products on one page."""

_MOMENTS = 200
"""Snapshots that a page offers, the latest ones."""

Text = Annotated[str, Query(max_length=200)]
ProductId = Annotated[str, Query(max_length=2000)]
T = TypeVar("T")


@router.get("/products")
def products(
    desk: Desk,
    category: Text = "",
    kind: Text = "",
    q: Text = "",
    after: ProductId = "",
    after_category: Text = "",
) -> Response:
    """List products with their image sets before and after."""
    warehouse = desk.warehouse
    written = last_change(warehouse)
    everywhere = _counts(warehouse, written)
    if not everywhere:
        return page("products_none.html.j2")
    if category and category not in everywhere:
        return _trouble(404, f"There is no category '{category}' with image sets.")
    if kind and kind not in KINDS:
        return _trouble(404, f"There is no kind of change '{kind}'.")
    counts = _counts(warehouse, written, category, q.strip()) if q.strip() else everywhere
    here = {name: n for name, n in counts.items() if category in ("", name)}
    totals = {name: sum(n[name] for n in here.values()) for name in ("all", *KINDS)}
    chosen = {"category": category, "kind": kind, "q": q}
    listed = list_products(
        warehouse,
        category=category or None,
        kind=kind or None,
        text=q,
        after=(after_category or category, after) if after else None,
        limit=_PAGE + 1,
    )
    return page(
        "products.html.j2",
        products=listed[:_PAGE],
        more=len(listed) > _PAGE,
        going_on=bool(after),
        kinds={name: title for name, (title, _) in KINDS.items()},
        status_labels=STATUS_LABELS,
        totals=totals,
        categories=everywhere,
        summary=_summary(warehouse, written, category) if category else None,
        chosen=chosen,
    )


@router.get("/products/{category}")
def product_by_query(
    desk: Desk, category: str, id: ProductId, at: Text = "", day: Text = ""
) -> Response:
    """Show a product whose id no path can hold; see :func:`product_address`."""
    return product(desk, category, id, at, day)


@router.get("/products/{category}/{product_id:path}")
def product(desk: Desk, category: str, product_id: str, at: Text = "", day: Text = "") -> Response:
    """Show what a product shows, now or then, and the story of each of its images."""
    warehouse = desk.warehouse
    try:
        moment, until = _read(at, _moment), _read(day, date.fromisoformat)
    except ValueError:
        return _trouble(
            400,
            "A moment is written like 2026-01-08T12:30:00Z or 2026-01-08, a day like 2026-01-08.",
            [("The product as it stands", product_address(category, product_id))],
        )
    try:
        shown = image_set(warehouse, product_id, category=category, at=moment, day=until)
    except (NoImageSet, BeforeHistory) as error:
        others = [("All products", "/products")]
        if moment or until:
            others.insert(0, ("The product as it stands", product_address(category, product_id)))
        return _trouble(404, f"{str(error)[:1].upper()}{str(error)[1:]}.", others)
    story = product_story(warehouse, shown)
    moments = snapshots(warehouse, category)[:_MOMENTS]
    return page(
        "product.html.j2",
        product=shown,
        status_label=STATUS_LABELS.get(shown.status, shown.status),
        images=[(image, steps(image, desk.flags)) for image in story.images],
        ranks={image.image_id: image.rank for image in shown.images},
        refused=story.refused,
        moments=moments,
        standing=_standing(moments, shown.snapshot_id),
        days=story.days,
        review_photos=count_photos(warehouse, category, product_id),
        review_photos_address=review_photos_address,
        at=at,
        day=day,
        is_past=moment is not None or until is not None,
    )


@router.get("/history")
def history(
    desk: Desk,
    category: Text = "",
    product: ProductId = "",
    old: int | None = None,
    new: int | None = None,
    skip: Annotated[int, Query(ge=0, le=1_000_000_000)] = 0,
) -> Response:
    """Compare what was shown at two snapshots."""
    warehouse = desk.warehouse
    known = _counts(warehouse, last_change(warehouse))
    if category and category not in known:
        return _trouble(404, f"There is no category '{category}' with image sets.")
    by_id = {moment.snapshot_id: moment for moment in snapshots(warehouse)}
    if not {old, new} - {None} <= by_id.keys():
        return _trouble(
            404,
            "There is no such snapshot of image sets: choose one of those offered.",
            [("Compare the latest ones", "/history")],
        )
    offered = [moment.snapshot_id for moment in snapshots(warehouse, category or None)][:_MOMENTS]
    if offered:
        new = offered[0] if new is None else new
        old = offered[min(1, len(offered) - 1)] if old is None else old
    # What was asked for stays, though it left this category as it was.
    asked = {old, new} - {None}
    moments = [moment for i, moment in by_id.items() if i in asked or i in offered]
    found = None
    if old is not None and new is not None:
        old, new = sorted((old, new))
        found = compare(
            warehouse,
            old,
            new,
            category=category or None,
            product_id=product or None,
            offset=skip,
            limit=_PAGE,
        )
    return page(
        "history.html.j2",
        found=found,
        moments=moments,
        old=by_id.get(old or -1),
        new=by_id.get(new or -1),
        categories=sorted(known),
        category=category,
        product=product,
        skip=skip,
        next=skip + _PAGE if found and skip + _PAGE < found.n_differing else None,
    )


# What was counted stays right until image sets change again.
@functools.lru_cache(maxsize=64)
def _counts(
    warehouse: Warehouse, written: int, category: str = "", text: str = ""
) -> dict[str, dict[str, int]]:
    return count_products(warehouse, category=category or None, text=text)


@functools.lru_cache(maxsize=64)
def _summary(warehouse: Warehouse, written: int, category: str) -> dict[str, Any] | None:
    return summarise(warehouse, category)


def _read(text: str, parse: Callable[[str], T]) -> T | None:
    return parse(text.strip()) if text.strip() else None


def _moment(text: str) -> datetime:
    """Return the moment that a text names; of a day alone, its last one in UTC."""
    if len(text) == len("2026-01-08"):
        return datetime.combine(date.fromisoformat(text), time.max, UTC)
    return datetime.fromisoformat(text)


def _standing(moments: list[Snapshot], snapshot_id: int) -> int | None:
    """Return the latest of some snapshots, latest first, that an other one already holds."""
    return next((m.snapshot_id for m in moments if m.snapshot_id <= snapshot_id), None)


def _trouble(status: int, sentence: str, links: list[tuple[str, str]] | None = None) -> Response:
    return page(
        "trouble.html.j2",
        status,
        sentence=sentence,
        links=links or [("All products", "/products")],
    )
