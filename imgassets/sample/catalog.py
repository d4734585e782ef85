"""Writing the sample catalog: pictures, feeds, labels, engagement, and the truth about it all."""

from __future__ import annotations

import csv
import datetime as dt
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from imgassets.sample import defects
from imgassets.sample.canvas import Shot
from imgassets.sample.engagement import SampleEngagement, write_sample_engagement
from imgassets.sample.plan import DAYS, SUPPLIERS, Plan, Reference, make_plan
from imgassets.sample.products import STYLES_PER_CATEGORY, VIEWS, Product, view_of

_COLUMNS = (
    "product_id", "category", "title", "description", "image_url", "position", "is_curated",
)  # fmt: skip

_CATEGORIES = Path(__file__).with_name("categories.toml")

# Which row of which feed is spoilt: (day index, supplier, rule, column, value).
_BAD_ROWS: tuple[tuple[int, str, str, str, str], ...] = (
    (0, "acme", "missing_value", "product_id", ""),
    (0, "borealis", "wrong_type", "position", "first"),
    (1, "cobalt", "missing_category", "category", ""),
)

_CHANGES = {
    "resized": defects.resized,
    "padded": defects.padded,
    "toned": defects.toned,
    "cropped": defects.cropped,
    "blurry": defects.blurry,
    "small_object": defects.small_object,
    "low_resolution": defects.low_resolution,
    "promo_badge": defects.promo_badge,
}


@dataclass(frozen=True)
class SampleCatalog:
    """Where the parts of a written catalog are, and how much there is.

    Attributes:
        folder: The catalog's root, and the image base of its feeds.
        feeds: Folder of the feeds, '<day>/<supplier>.<ext>'.
        images: Folder of the pictures.
        labels: CSV of image types of the train products.
        categories: CSV of each category's order of views.
        categories_toml: The same with verticals and types.
        engagement: Simulated engagement with the products and with others made up for it.
        truth: Folder of the truth files.
        days: Days with feeds, oldest first.
        n_products: Products.
        n_references: Distinct image references, broken ones included.
        n_files: Picture files written.
        n_feed_rows: Rows of all feeds, repeated and bad ones included.
        n_bytes: Size of the picture files.
    """

    folder: Path
    feeds: Path
    images: Path
    labels: Path
    categories: Path
    categories_toml: Path
    engagement: SampleEngagement
    truth: Path
    days: tuple[str, ...]
    n_products: int
    n_references: int
    n_files: int
    n_feed_rows: int
    n_bytes: int


def write_sample_catalog(
    folder: Path, seed: int = 0, styles: int = STYLES_PER_CATEGORY
) -> SampleCatalog:
    """Render and write the sample catalog.

    Args:
        folder: Created if missing; files of the same name are replaced.
        seed: Equal seeds give equal bytes.
        styles: Styles per category, 2 … 5, two products each; fewer are quicker.

    Returns:
        Paths and counts of what was written.
    """
    if not 2 <= styles <= STYLES_PER_CATEGORY:
        raise ValueError(f"styles must be 2 … {STYLES_PER_CATEGORY}, not {styles}")
    folder = Path(folder)
    plan = make_plan(seed, styles)
    for supplier in SUPPLIERS:
        (folder / "images" / supplier).mkdir(parents=True, exist_ok=True)
    fractions, n_files, n_bytes = _write_images(folder, plan, seed)
    n_rows = _write_feeds(folder, plan)
    _write_labels(folder, plan)
    _write_truth(folder, plan, fractions)
    engagement = write_sample_engagement(folder, _live(plan), seed)
    return SampleCatalog(
        folder=folder,
        feeds=folder / "feeds",
        images=folder / "images",
        labels=folder / "labels" / "image_types.csv",
        categories=folder / "categories.csv",
        categories_toml=folder / "categories.toml",
        engagement=engagement,
        truth=folder / "truth",
        days=DAYS,
        n_products=len(plan.products),
        n_references=len(plan.references),
        n_files=n_files,
        n_feed_rows=n_rows,
        n_bytes=n_bytes,
    )


def _live(plan: Plan) -> dict[tuple[str, str], dt.date]:
    """Return when each product's new set goes live: on the day that it is first sent."""
    days: dict[tuple[str, str], dt.date] = {}
    for reference in plan.references:
        key = (reference.product.category, reference.product.product_id)
        day = dt.date.fromisoformat(DAYS[reference.day])
        days[key] = min(day, days.get(key, day))
    return days


def _write_images(folder: Path, plan: Plan, seed: int) -> tuple[dict[str, float], int, int]:
    """Render every photograph once and write all files that are made from it.

    Returns:
        Each reference's share of the frame that its object covers (0 where there is none), the
        number of files and their bytes.
    """
    fractions = dict.fromkeys((r.image_url for r in plan.references), 0.0)
    n_files = n_bytes = 0
    by_shot: dict[tuple[str, str], list[Reference]] = {}
    for reference in plan.references:
        by_shot.setdefault((reference.product.product_id, reference.shot), []).append(reference)
    known = {product.product_id: product for product in plan.products}
    # In the range's order, so that a product's textures are drawn once for all its views.
    for product_id, shot in sorted(by_shot, key=lambda key: (known[key[0]].number, key[1])):
        product, members = known[product_id], by_shot[product_id, shot]
        random = np.random.default_rng([seed, product.number, *shot.encode()])
        photograph, original = None, b""
        if shot:
            photograph = product.photograph(shot, seed, int(random.integers(600, 700)))
            original = defects.encode(photograph.picture)
        for reference in members:
            data, fraction = _file(reference, photograph, original, random)
            fractions[reference.image_url] = fraction
            if data is not None:
                (folder / reference.image_url).write_bytes(data)
                n_files += 1
                n_bytes += len(data)
    return fractions, n_files, n_bytes


def _file(
    reference: Reference, photograph: Shot | None, original: bytes, random: np.random.Generator
) -> tuple[bytes | None, float]:
    """Return a reference's bytes (``None``: no file) and the object's share of the frame."""
    if photograph is None:
        is_panel = reference.art == "panel"
        return defects.placeholder_panel() if is_panel else defects.placeholder_art(), 0.0
    change = reference.change
    if change == "dead_url":
        return None, 0.0
    if change == "not_an_image":
        return defects.NOT_AN_IMAGE, 0.0
    if change == "corrupt":
        return defects.truncated(original, random), 0.0
    if change in ("original", "exact"):
        return original, photograph.object_fraction
    changed = _CHANGES[change](photograph, random)
    quality = int(random.integers(74, 90))
    return defects.encode(changed.picture, quality), changed.object_fraction


def _row(reference: Reference) -> dict[str, Any]:
    """Return a reference as its supplier's feed row; suppliers word titles differently."""
    product = reference.product
    title, description = product.title, product.description
    if reference.supplier == "borealis":
        title = title.replace(", ", " – ")
    elif reference.supplier == "cobalt":
        title, description = title.upper(), description[:80]
    return {
        "product_id": product.product_id,
        "category": product.category,
        "title": title,
        "description": description,
        "image_url": reference.image_url,
        "position": reference.position,
        "is_curated": reference.is_curated,
    }


def _write_feeds(folder: Path, plan: Plan) -> int:
    """Write all feeds and the list of their bad rows; return the number of rows."""
    bad: list[dict[str, Any]] = []
    total = 0
    for (day, supplier), references in plan.feeds.items():
        rows = [_row(reference) for reference in references]
        name = f"{DAYS[day]}/{supplier}.{SUPPLIERS[supplier]}"
        for bad_day, bad_supplier, rule, column, value in _BAD_ROWS:
            if (bad_day, bad_supplier) == (day, supplier) and rows:
                # A mangled copy of a good row, so that nothing else is lost with it.
                place = len(rows) // 2
                rows.insert(place, {**rows[place], column: value})
                bad.append({"feed_file": name, "feed_row": place + 1, "rule": rule})
        path = folder / "feeds" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_feed(path, rows)
        total += len(rows)
    _write_csv(folder / "truth" / "bad_rows.csv", ("feed_file", "feed_row", "rule"), bad)
    return total


def _write_feed(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write one feed in the format of its file name."""
    if path.suffix == ".csv":
        _write_csv(path, _COLUMNS, rows)
    elif path.suffix == ".jsonl":
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        path.write_text("".join(lines), encoding="utf-8")
    else:
        schema = {"position": pl.Int64, "is_curated": pl.Boolean}
        types = {column: schema.get(column, pl.String) for column in _COLUMNS}
        pl.DataFrame(rows, schema=types).write_parquet(path)


def _write_csv(path: Path, columns: Iterable[str], rows: Iterable[dict[str, Any]]) -> None:
    """Write a CSV file with a header; booleans as 'true' and 'false'."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(columns), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow(
                {k: str(v).lower() if isinstance(v, bool) else v for k, v in row.items()}
            )


def _write_labels(folder: Path, plan: Plan) -> None:
    """Write types and badges of all visible pictures of train products, and the order of views."""
    labelled = [
        (
            {
                "product_id": r.product.product_id,
                "image_url": r.image_url,
                "group_id": r.product.style,
            },
            r,
        )
        for r in sorted(plan.references, key=lambda r: r.image_url)
        if r.product.split == "train" and not r.is_broken
    ]
    types = ({**label, "image_type": r.view} for label, r in labelled)
    columns = ("product_id", "image_url", "image_type", "group_id")
    _write_csv(folder / "labels" / "image_types.csv", columns, types)
    flags = (
        {**label, "flag": "promo_badge", "value": "yes" if r.defect == "promo_badge" else "no"}
        for label, r in labelled
    )
    answers = ("product_id", "image_url", "flag", "value", "group_id")
    _write_csv(folder / "labels" / "flags.csv", answers, flags)
    views = (
        {"category": category, "rank": rank, "view": view}
        for category, order in VIEWS.items()
        for rank, view in enumerate(order, start=1)
    )
    _write_csv(folder / "categories.csv", ("category", "rank", "view"), views)
    (folder / "categories.toml").write_bytes(_CATEGORIES.read_bytes())


def _write_truth(folder: Path, plan: Plan, fractions: dict[str, float]) -> None:
    """Write what is true of every reference and every product."""
    images: list[dict[str, Any]] = []
    seen: set[tuple[str, bool]] = set()
    for r in plan.references:
        # A good picture repeats an earlier good one; a spoilt one may not stand in for it.
        earlier = {(r.source_id, True)} | (set() if r.is_usable else {(r.source_id, False)})
        images.append(
            {
                "image_url": r.image_url,
                "supplier": r.supplier,
                "product_id": r.product.product_id,
                "category": r.product.category,
                "view": r.view,
                "source_id": r.source_id,
                "defects": r.defect,
                "usable": r.is_usable,
                "is_duplicate": not r.is_broken and bool(earlier & seen),
                "split": r.product.split,
                "first_day": DAYS[r.day],
                "object_fraction": round(fractions[r.image_url], 4),
            }
        )
        seen.add((r.source_id, r.is_usable))
    _write_csv(folder / "truth" / "images.csv", images[0], images)
    rows = [_product_truth(product, plan) for product in plan.products]
    _write_csv(folder / "truth" / "products.csv", rows[0], rows)


def _product_truth(product: Product, plan: Plan) -> dict[str, Any]:
    """Return a product's row: its distinct usable photographs in business order of views."""
    order = VIEWS[product.category]
    shots = dict.fromkeys(r.shot for r in plan.references if r.product is product and r.is_usable)
    # Sorting is stable: photographs of one view stay in the order of their arrival.
    ranked = sorted(shots, key=lambda shot: order.index(view_of(shot)))
    return {
        "product_id": product.product_id,
        "category": product.category,
        "title": product.title,
        "style": product.style,
        "split": product.split,
        "expected_order": ";".join(f"{product.product_id}/{shot}" for shot in ranked),
        "expected_views": ";".join(view_of(shot) for shot in ranked),
    }
