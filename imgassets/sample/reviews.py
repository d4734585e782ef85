"""Customers' review photos of some of the sample's products, drawn, with simulated votes.

Nobody took these photos and nobody voted. A photo is a product in a room or on a desk, cut as by
hand; some are spoilt by a known degree. Helpful votes are drawn at a rate that falls with that
degree alone, so a ranker that knows it agrees with the votes as well as their noise allows.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from imgassets.sample.canvas import Array
from imgassets.sample.defects import encode
from imgassets.sample.plan import DAYS
from imgassets.sample.products import STYLES_PER_CATEGORY, Product, products

VOTES_NOTE = "votes are simulated"
"""What is to be said wherever a figure about the sample's votes stands."""

REVIEWED = (0, 3)
"""Products of each category that are reviewed, by their place in it: two styles."""

_PHOTOS = 8
"""Photos of a product on the first day, besides its copies."""

_SCENES = 3
"""Pictures that are drawn of a product; photos are cut from them."""

_DRAWN, _LONGEST = 460, 400
"""Pixels of the longer side: of a drawing, and of a photo's file at most."""

_RATE, _FALL = 0.08, 1.6
"""Votes per impression of a good photo, and how fast they fall with the severity."""

_README = """# Review photos of the sample

`<day>/reviews.csv` names photos under `photos/`: what `imgassets reviews ingest reviews
--image-base .` reads. The photos are drawn, and **the votes are simulated**: their rate falls with
the severity in `../truth/reviews.csv` alone.
"""

_COLUMNS = (
    "review_id", "product_id", "category", "style", "image_url", "submitted_at", "helpful_votes",
    "impressions",
)  # fmt: skip


@dataclass(frozen=True)
class SampleReviews:
    """Where the parts are, and how much there is.

    Attributes:
        folder: of the files by day; relative references start at its parent.
        truth: CSV of what was done to each photo, and the rate of its votes.
        n_reviews: distinct reviews, those with bad rows left out.
        n_products: products that they are of.
    """

    folder: Path
    truth: Path
    n_reviews: int
    n_products: int


def write_sample_reviews(
    folder: Path, seed: int = 0, styles: int = STYLES_PER_CATEGORY
) -> SampleReviews:
    """Draw and write review photos, the files that name them, and the truth about them.

    Args:
        folder: that of the sample catalog, of whose products they are.
        seed: equal seeds give equal bytes.
        styles: styles per category of that catalog.
    """
    of_category: dict[str, list[Product]] = {}
    for product in products(styles):
        of_category.setdefault(product.category, []).append(product)
    reviewed = [known[place] for known in of_category.values() for place in REVIEWED]
    photos = folder / "reviews" / "photos"
    photos.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    truth: list[dict[str, Any]] = []
    for product in reviewed:
        random = np.random.default_rng([seed, 9, product.number])
        for photo in _photos_of(product, seed, random):
            (photos / f"{photo['review_id']}.jpg").write_bytes(photo["data"])
            rows.append(_row(product, photo, random))
            truth.append(
                {name: photo[name] for name in _TRUTH} | {"product_id": product.product_id}
            )
    random = np.random.default_rng([seed, 10])
    _write_csv(folder / "reviews" / DAYS[0] / "reviews.csv", _COLUMNS, [*rows, *_bad_rows(rows)])
    _write_csv(folder / "reviews" / DAYS[1] / "reviews.csv", _COLUMNS, _later(rows, truth, random))
    (folder / "reviews" / "README.md").write_text(_README, encoding="utf-8")
    _write_csv(folder / "truth" / "reviews.csv", ("product_id", *_TRUTH), truth)
    return SampleReviews(
        folder / "reviews", folder / "truth" / "reviews.csv", len(rows), len(reviewed)
    )


_TRUTH = ("review_id", "problem", "severity", "copy_of", "expected_votes_per_impression")


def _photos_of(product: Product, seed: int, random: np.random.Generator) -> list[dict[str, Any]]:
    """Return a product's photos: good ones, spoilt ones, and two copies of good ones."""
    scenes = [
        product.photograph("lifestyle", 100 * (seed + 1) + n, _DRAWN).picture
        for n in range(_SCENES)
    ]
    problems = [*([""] * (_PHOTOS // 2 - 1)), *random.choice(list(SPOILT), _PHOTOS, replace=True)]
    photos: list[dict[str, Any]] = []
    for number, problem in enumerate(problems[:_PHOTOS]):
        picture = _cut(scenes[number % _SCENES], number // _SCENES, random)
        severity = round(float(random.uniform(0.15, 1)), 2) if problem else 0.0
        data = SPOILT[problem](picture, severity, random) if problem else encode(picture, 90)
        photos.append(_photo(product, number, data, str(problem), severity))
    good = photos[0]
    # The same file again in another review, and the same picture in another size.
    photos.append(_photo(product, _PHOTOS, good["data"], "", 0.0, good["review_id"]))
    again = cv2.imdecode(np.frombuffer(photos[1]["data"], np.uint8), cv2.IMREAD_COLOR_RGB)
    smaller = cv2.resize(again, None, fx=0.8, fy=0.8, interpolation=cv2.INTER_AREA)
    photos.append(
        _photo(product, _PHOTOS + 1, encode(smaller, 84), "", 0.0, photos[1]["review_id"])
    )
    return photos


def _photo(
    product: Product, number: int, data: bytes, problem: str, severity: float, copy_of: str = ""
) -> dict[str, Any]:
    return {
        "review_id": f"r{product.number:02}{number:02}",
        "data": data,
        "problem": problem,
        "severity": severity,
        "copy_of": copy_of,
        "expected_votes_per_impression": round(_RATE * float(np.exp(-_FALL * severity)), 5),
    }


def _cut(scene: Array, closer: int, random: np.random.Generator) -> Array:
    """Return a part of a scene, turned a little, as a hand holds a camera."""
    height, width = scene.shape[:2]
    angle = float(random.uniform(-4, 4))
    zoom = float(random.uniform(1.12, 1.2)) * (1.35 if closer else 1.0)
    shift = random.uniform(-0.04, 0.04, 2) * (width, height)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, zoom)
    turn[:, 2] += shift
    turned = cv2.warpAffine(
        scene, turn, (width, height), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT
    )
    factor = _LONGEST / max(height, width)
    return cv2.resize(turned, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)


def _light(picture: Array, factor: float) -> Array:
    return np.clip(picture.astype(np.float32) * factor, 0, 255).astype(np.uint8)


def _blurry(picture: Array, severity: float, _: np.random.Generator) -> bytes:
    return encode(cv2.GaussianBlur(picture, (0, 0), 1.0 + 3.0 * severity), 90)


def _dark(picture: Array, severity: float, _: np.random.Generator) -> bytes:
    return encode(_light(picture, 0.62 - 0.45 * severity), 90)


def _overexposed(picture: Array, severity: float, _: np.random.Generator) -> bytes:
    return encode(_light(picture, 1.35 + 0.9 * severity), 90)


def _noisy(picture: Array, severity: float, random: np.random.Generator) -> bytes:
    grain = random.normal(0, 5 + 22 * severity, picture.shape)
    return encode(np.clip(picture + grain, 0, 255).astype(np.uint8), 92)


def _compressed(picture: Array, severity: float, _: np.random.Generator) -> bytes:
    return encode(picture, round(16 - 11 * severity))


SPOILT: Mapping[str, Callable[[Array, float, np.random.Generator], bytes]] = {
    "blurry": _blurry,
    "dark": _dark,
    "overexposed": _overexposed,
    "noisy": _noisy,
    "compressed": _compressed,
}
"""Problem, as the prompt to customers calls it, to what makes a file with it."""


def _row(product: Product, photo: Mapping[str, Any], random: np.random.Generator) -> dict[str, Any]:
    """Return a photo's row with votes: Poisson, of a rate with lognormal noise."""
    impressions = int(random.integers(300, 1500))
    rate = photo["expected_votes_per_impression"] * float(random.lognormal(-0.045, 0.3))
    days = int(random.integers(1, 300))
    submitted = dt.datetime.fromisoformat(DAYS[0]) - dt.timedelta(days=days, minutes=7 * days)
    return {
        "review_id": photo["review_id"],
        "product_id": product.product_id,
        "category": product.category,
        "style": product.style,
        "image_url": f"reviews/photos/{photo['review_id']}.jpg",
        "submitted_at": f"{submitted.isoformat()}Z",
        "helpful_votes": min(int(random.poisson(rate * impressions)), impressions),
        "impressions": impressions,
    }


def _bad_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows as they go wrong: more votes than impressions, and a photo that is not there."""
    first = rows[0]
    return [
        {**first, "review_id": "r9901", "helpful_votes": first["impressions"] + 1},
        {**first, "review_id": "r9902", "image_url": "reviews/photos/missing.jpg"},
    ]


def _later(
    rows: list[dict[str, Any]], truth: list[dict[str, Any]], random: np.random.Generator
) -> list[dict[str, Any]]:
    """Return the next day's rows: newer votes for the first product's reviews."""
    rates = {row["review_id"]: row["expected_votes_per_impression"] for row in truth}
    later = []
    for row in rows:
        if row["product_id"] != rows[0]["product_id"]:
            continue
        more = int(random.integers(50, 200))
        votes = int(random.poisson(rates[row["review_id"]] * more))
        later.append(
            {
                **row,
                "helpful_votes": row["helpful_votes"] + min(votes, more),
                "impressions": row["impressions"] + more,
            }
        )
    return later


def _write_csv(path: Path, columns: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(columns), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
