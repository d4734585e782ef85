"""Pages of customers' review photos: a product's in order, and how good the order is."""

from __future__ import annotations

import functools
from typing import Annotated, Any

import polars as pl
from fastapi import APIRouter, Query, Response

from imgassets.gallery.addresses import product_address, review_photos_address
from imgassets.operations.review_photo_list import (
    NoReviewPhotos,
    last_ranks,
    product_photos,
    ranker_figures,
    reviewed_products,
)
from imgassets.service.impact_charts import Scale, is_known, ticks, whisker
from imgassets.service.rendering import page
from imgassets.service.reviews import Desk
from imgassets.warehouse.lake import Warehouse

router = APIRouter(include_in_schema=False)

_PAGE = 24
"""Products on one page."""

_WIDTH = 160.0
"""Of a drawing of intervals, in drawing units."""

MEASURES: tuple[tuple[str, str, float], ...] = (
    ("accuracy", "Pairs in order", 0.5),
    ("pearson", "Pearson correlation", 0.0),
    ("spearman", "Spearman correlation", 0.0),
)
"""Column of ``ranker_report``, what it is, and what chance has of it."""

_TITLES = {
    "engagement": "Against votes per impression",
    "held-out pairs": "Distortions of photos that it was not trained on",
    "unseen distortions": "Kinds of distortion that it was never shown",
}

Text = Annotated[str, Query(max_length=200)]
Row = dict[str, Any]


@router.get("/reviews")
def review_photos(
    desk: Desk,
    category: Text = "",
    q: Text = "",
    skip: Annotated[int, Query(ge=0, le=1_000_000_000)] = 0,
) -> Response:
    """List products with their best review photos, and how well the ranks agree with votes."""
    warehouse = desk.warehouse
    written = last_ranks(warehouse)
    products = _products(warehouse, written)
    if products.is_empty():
        return page("review_photos_none.html.j2")
    if category and category not in products["category"]:
        return _trouble(f"There is no category '{category}' with ranked review photos.")
    chosen = products.filter(pl.col("category") == category) if category else products
    if q.strip():
        chosen = chosen.filter(
            pl.col("product_id").str.to_lowercase().str.contains(q.strip().lower(), literal=True)
        )
    return page(
        "review_photos.html.j2",
        products=chosen[skip : skip + _PAGE].to_dicts(),
        totals={
            "products": chosen.height,
            "photos": int(chosen["photos"].sum()),
            "copies": int(chosen["copies"].sum()),
            "weak": int(chosen["weak"].sum()),
        },
        tables=_tables(_figures(warehouse, written)) if not (category or q or skip) else [],
        categories=products["category"].unique().sort().to_list(),
        chosen={"category": category, "q": q},
        skip=skip,
        next=skip + _PAGE if skip + _PAGE < chosen.height else None,
        review_photos_address=review_photos_address,
    )


@router.get("/reviews/{category}")
def product_by_query(
    desk: Desk, category: str, id: Annotated[str, Query(max_length=2000)]
) -> Response:
    """Show a product whose id no path can hold; see :func:`product_address`."""
    return product(desk, category, id)


@router.get("/reviews/{category}/{product_id:path}")
def product(desk: Desk, category: str, product_id: str) -> Response:
    """Show a product's review photos, the best first, with what is wrong with each."""
    try:
        found = product_photos(desk.warehouse, product_id, category)
    except NoReviewPhotos as error:
        sentence = f"{str(error)[:1].upper()}{str(error)[1:]}."
        return _trouble(sentence, [("The product", product_address(category, product_id))])
    figures = _figures(desk.warehouse, last_ranks(desk.warehouse))
    notes = figures.filter(pl.col("dataset") == "engagement", pl.col("note") != "")["note"]
    return page(
        "product_reviews.html.j2", product=found, note="; ".join(dict.fromkeys(notes.to_list()))
    )


# What was read stays right until ranks change again.
@functools.lru_cache(maxsize=4)
def _products(warehouse: Warehouse, written: int) -> pl.DataFrame:
    return reviewed_products(warehouse)


@functools.lru_cache(maxsize=4)
def _figures(warehouse: Warehouse, written: int) -> pl.DataFrame:
    return ranker_figures(warehouse)


def _tables(figures: pl.DataFrame) -> list[Row]:
    """Return one table per data set: its methods, each with a drawing per measure."""
    tables = []
    for dataset, title in _TITLES.items():
        rows = figures.filter(pl.col("dataset") == dataset, pl.col("slice") == "all").to_dicts()
        measures = [m for m in MEASURES if any(row[m[0]] is not None for row in rows)]
        if not measures:
            continue
        scales = {name: _scale(rows, name, chance) for name, _, chance in measures}
        tables.append(
            {
                "id": dataset.replace(" ", "-"),
                "title": title,
                "note": "; ".join(dict.fromkeys(row["note"] for row in rows if row["note"])),
                "version": rows[0]["model_version"],
                "measures": [
                    {
                        "name": name,
                        "title": label,
                        "chance": scales[name](chance),
                        "width": _WIDTH,
                        "ticks": ticks(scales[name], 3, "{:g}".format),
                    }
                    for name, label, chance in measures
                ],
                "rows": [
                    {**row, "drawn": {name: _drawn(scales[name], row, name) for name in scales}}
                    for row in rows
                ],
            }
        )
    return tables


def _scale(rows: list[Row], name: str, chance: float) -> Scale:
    """Return a scale that holds chance, all values and their intervals."""
    columns = (name, f"{name}_lower", f"{name}_upper")
    values = [row[column] for row in rows for column in columns if row[column] is not None]
    low, high = min(chance, *values), max(chance, *values)
    margin = max(0.02, 0.06 * (high - low))
    return Scale(low - margin, high + margin, 6, _WIDTH - 6)


def _drawn(scale: Scale, row: Row, name: str) -> Row | None:
    """Return a value's places and its figures in words; None where it is not known."""
    value, lower, upper = row[name], row[f"{name}_lower"], row[f"{name}_upper"]
    if value is None:
        return None
    has_interval = is_known(lower, upper)
    interval = whisker(scale, row, f"{name}_lower", f"{name}_upper", name) if has_interval else None
    said = f"{value:.3f}" + (f", between {lower:.3f} and {upper:.3f}" if has_interval else "")
    return {"whisker": interval, "middle": scale(value), "said": said, "value": f"{value:.3f}"}


def _trouble(sentence: str, links: list[tuple[str, str]] | None = None) -> Response:
    links = [*(links or []), ("All review photos", "/reviews")]
    return page("trouble.html.j2", 404, sentence=sentence, links=links)
