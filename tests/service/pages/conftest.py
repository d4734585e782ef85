"""A shop whose image sets were made three times: two runs of a day, and one of the next."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2
import numpy as np
import polars as pl
import pytest

from imgassets.ingest.store import ImageStore
from imgassets.moderation.tasks import task_id
from imgassets.operations.reviews import add_tasks
from imgassets.sample.defects import encode, promo_badge
from imgassets.sample.products import VIEWS, products
from imgassets.selection.pairs.differences import measure_pair
from imgassets.settings import Settings
from imgassets.vision.decode import decode
from imgassets.warehouse.contracts import (
    AggregatedImages,
    ComparedPairs,
    ComplianceFlags,
    Contract,
    DedupClusters,
    FetchedImages,
    FlagAssessments,
    ImageSetChanges,
    ImageSignals,
    ImageTypes,
    OrderedImageSets,
    QualityScores,
    Quarantine,
    ReviewTasks,
    SupplierOffers,
)
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from imgassets.warehouse.partitions import Partition
from tests.service.conftest import XSS, Drawn, Shop, Threaded

DAY, NEXT_DAY = dt.date(2026, 1, 5), dt.date(2026, 1, 6)
HOSTILE = "../a b/%2F?x=<i>&\"'#é"
"""A product's id, as a supplier may choose it."""

REFUSED = "https://acme.example/<b>.png"
VIEW_NAMES = ("front", "front", "back", "side")
"""Types of a product's images, by their position less one: the first is the second with a badge."""


@dataclass
class SetShop(Shop):
    """A shop with image sets.

    Attributes:
        images: each product's image ids in the first supplier's order; the first has a badge.
        snapshots: of the three runs.
    """

    images: dict[str, list[str]]
    snapshots: list[int]

    def id_of(self, place: int) -> str:
        """Return the id of one of the products, by its place from 0."""
        return list(self.images)[place]


def rows_of(contract: type[Contract], rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """Rows of a contract; columns that a row does not name are null."""
    return pl.DataFrame(list(rows), schema=contract.create_empty().schema, orient="row")


def _key(image: Drawn, day: dt.date = DAY) -> dict[str, Any]:
    return {"day": day, "category": image.category, "product_id": image.product_id}


def _sent(image: Drawn) -> dict[type[Contract], dict[str, Any]]:
    key = {**_key(image), "image_id": image.image_id}
    offer = {
        **_key(image), "supplier_id": "acme", "image_url": f"images/{image.position}.jpg",
        "image_location": f"/images/{image.position}.jpg",
    }  # fmt: skip
    file = {
        "format": "JPEG", "width": 640, "height": 640, "byte_size": len(image.data), "mode": "rgb",
        "bit_depth": 8, "frames": 1,
    }  # fmt: skip
    return {
        SupplierOffers: {
            **offer, "position": image.position, "title": image.title, "is_curated": False,
            "feed_file": "f", "feed_row": 1,
        },
        FetchedImages: {**offer, **file, "image_id": image.image_id},
        AggregatedImages: {
            **key, **file, "suppliers": ["acme"], "image_urls": [offer["image_url"]],
            "best_position": image.position, "is_curated": False, "first_seen": DAY,
        },
    }  # fmt: skip


def _judged(image: Drawn) -> dict[type[Contract], dict[str, Any]]:
    key = {**_key(image), "image_id": image.image_id}
    signal = dict.fromkeys(("foreground_fraction", "object_extent", "detail"), 0.5)
    blurry = image.position == 4
    view = VIEW_NAMES[image.position - 1]
    found: dict[type[Contract], dict[str, Any]] = {
        ImageSignals: {
            "day": DAY, "category": image.category, "image_id": image.image_id, **signal,
            "signals_version": "signals-9", "sharpness": 0.05 if blurry else 0.4,
            "background_whiteness": 1, "background_pure_white": 1, "colourfulness": 20,
            "hsv_histogram": [1.0], "embedding": [1.0],
            **dict.fromkeys(("phash", "dhash", "object_phash", "edge_dhash"), "0" * 16),
        },
        QualityScores: {
            **key, "p_blurry": 0.9 if blurry else 0.06, "p_small_object": 0.01,
            "p_placeholder": 0.02, "passed": not blurry,
            "failed_rules": ["blurry"] if blurry else [], "judged_by": ["blurry: model 4"],
            "reasons": ["sharpness 0.05 is under 0.12"] if blurry else [],
        },
    }  # fmt: skip
    if not blurry:
        found[ImageTypes] = {
            **key, "image_type": view, "probability": 0.93, "approach": "logistic",
            "model_version": "7", "answered_by": f"category {image.category}",
        }  # fmt: skip
    return found


def _compared(badged: Drawn, plain: Drawn) -> dict[type[Contract], dict[str, Any]]:
    """The badged image repeats the plain one; where they differ is measured."""
    found = measure_pair(decode(badged.data), decode(plain.data))
    boxes = {badged.image_id: found.left_box, plain.image_id: found.right_box}
    left, right = sorted(boxes)
    pair = {
        **_key(badged), "left_image_id": left, "right_image_id": right, "image_type": "front",
        "same": True, "probability": 0.97, "decided_by": "pixels", "left_box": list(boxes[left]),
        "right_box": list(boxes[right]), "comparator_version": "pairs-1",
    }  # fmt: skip
    return {ComparedPairs: pair}


def _clusters(of_product: Sequence[Drawn]) -> list[dict[str, Any]]:
    badged, plain, other, _ = of_product
    return [
        {
            **_key(image), "image_id": image.image_id, "cluster_id": stands_for.image_id,
            "image_type": VIEW_NAMES[image.position - 1],
            "is_representative": image is stands_for, "nearest_image_id": near and near.image_id,
            "phash_distance": near and 2, "edge_dhash_distance": near and 5,
            "hsv_distance": near and 0.01, "probability": near and 0.97,
            "decided_by": near and "pixels",
        }
        for image, stands_for, near in (
            (badged, plain, plain), (plain, plain, badged), (other, other, None)
        )
    ]  # fmt: skip


def _set(
    of_product: Sequence[Drawn], places: Sequence[int], day: dt.date = DAY
) -> dict[type[Contract], list[dict[str, Any]]]:
    """The rows of a set that shows the images of these places, from 0, in this order."""
    key = _key(of_product[0], day)
    before = [image.image_id for image in of_product]
    after = [before[place] for place in places]
    common = [image for image in before if image in after]
    ordered = [
        {
            **key, "rank": rank, "image_id": after[rank - 1], "image_type": VIEW_NAMES[place],
            "is_hero": rank == 1, "reason": f"{VIEW_NAMES[place]} is number {rank} of the policy",
            "policy_rank": rank, "click_rank": len(places) + 1 - rank, "click_rate": 0.031,
            "ordered_by": "policy",
        }
        for rank, place in enumerate(places, 1)
    ]  # fmt: skip
    change = {
        **key, "status": "changed", "before": before, "after": after, "added": [],
        "removed": sorted(set(before) - set(after)),
        "moved": [a for a, b in zip(after, common, strict=True) if a != b],
        "hero_changed": after[:1] != before[:1], "missing_images": 3 - len(after),
    }  # fmt: skip
    return {OrderedImageSets: ordered, ImageSetChanges: [change]}


def _write(warehouse: Warehouse, run: str, rows: dict[type[Contract], list[dict[str, Any]]]) -> int:
    """Replace the partitions that rows are of, and return the snapshot."""
    replacements = []
    for contract, of_table in rows.items():
        frame = rows_of(contract, of_table)
        cells = {Partition(*cell) for cell in frame.select("day", "category").unique().iter_rows()}
        replacements.append(Replacement(contract, frame, frozenset(cells)))
    return warehouse.replace(replacements, CommitMessage("image_set_changes", run))


def _gather(*parts: dict[type[Contract], Any]) -> dict[type[Contract], list[dict[str, Any]]]:
    together: dict[type[Contract], list[dict[str, Any]]] = {}
    for part in parts:
        for contract, rows in part.items():
            together.setdefault(contract, []).extend(rows if isinstance(rows, list) else [rows])
    return together


def _draw() -> list[list[Drawn]]:
    """Four images each of three products; the first one's id and title are hostile."""
    random = np.random.default_rng(0)
    found = []
    chosen = [p for p in products(2) if p.category == "backpack"][:2]
    chosen += [p for p in products(2) if p.category == "t-shirt"][:1]
    for place, product in enumerate(chosen):
        shots = [product.photograph(v, 0, 640) for v in VIEWS[product.category][:3]]
        pictures = [promo_badge(shots[0], random).picture, *(shot.picture for shot in shots)]
        name = (HOSTILE, XSS) if place == 0 else (product.product_id, product.title)
        found.append(
            [
                Drawn(product.category, *name, position, encode(picture))
                for position, picture in enumerate(pictures, 1)
            ]
        )
    return found


def _question(image: Drawn) -> pl.DataFrame:
    row = {
        "task_id": task_id("promo_badge", image.image_id), "image_id": image.image_id,
        "flag": "promo_badge", "question": "Does it carry a badge?", "category": image.category,
        "product_id": image.product_id, "round": 1, "reason": "uncertain", "why": "in doubt",
        "probability": 0.5, "model_version": "promo_badge 3", "priority": 1.0, "neighbours": [],
    }  # fmt: skip
    return rows_of(ReviewTasks, [row])


@pytest.fixture(scope="session")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> SetShop:
    settings = Settings(home=tmp_path_factory.mktemp("stocked"))
    warehouse = Warehouse(settings.warehouse, settings.warehouse_data)
    store = ImageStore(settings.image_store)
    drawn = _draw()
    images = [image for of_product in drawn for image in of_product]
    for image in images:
        store.put(image.data)
    facts = _gather(
        *(_sent(image) for image in images),
        *(_judged(image) for image in images),
        *(_compared(*of_product[:2]) for of_product in drawn),
        {DedupClusters: [row for of_product in drawn for row in _clusters(of_product)]},
        {
            ComplianceFlags: {
                **_key(drawn[2][2]), "image_id": drawn[2][2].image_id, "flag": "weapon",
                "probability": 0.55, "source": "model", "decision": "review",
                "reason": "55 %, between 20 % and 95 %", "model_version": "3",
            },
            FlagAssessments: [
                {
                    "day": DAY, "category": category, "flag": "weapon", "status": "assessed",
                    "model_version": "3", "n_images": 4,
                }
                for category in ("backpack", "t-shirt")
            ],
            SupplierOffers: {
                **_key(drawn[0][0]), "supplier_id": "acme", "image_url": REFUSED,
                "image_location": REFUSED, "position": 5, "is_curated": False, "feed_file": "f",
                "feed_row": 2,
            },
            Quarantine: {
                **_key(drawn[0][0]), "stage": "fetch", "rule_id": "http_status", "measured": "404",
                "limit": "200", "detail": "The server refused it.", "supplier_id": "acme",
                "image_url": REFUSED,
            },
        },
    )  # fmt: skip
    first, second, third = drawn
    runs = [
        _gather(facts, _set(first, [1, 2]), _set(second, [2, 1]), _set(third, [1, 2])),
        _gather(_set(first, [2, 1]), _set(second, [2, 1])),
    ]
    next_day = [replace_day(_sent(i) | _judged(i), NEXT_DAY) for i in third]
    runs.append(_gather(*next_day, _set(third, [1, 2, 0], NEXT_DAY)))
    snapshots = [_write(warehouse, f"run-{n}", rows) for n, rows in enumerate(runs, 1)]
    tasks = _question(first[1])
    add_tasks(warehouse, tasks)
    ids = {of_product[0].product_id: [i.image_id for i in of_product] for of_product in drawn}
    return SetShop(settings, warehouse, store, tasks, ids, snapshots)


def replace_day(
    rows: dict[type[Contract], dict[str, Any]], day: dt.date
) -> dict[type[Contract], dict[str, Any]]:
    """Return the same rows in the partition of another day."""
    return {contract: {**row, "day": day} for contract, row in rows.items()}


@pytest.fixture(scope="module")
def gallery(stocked: SetShop) -> Iterator[Threaded]:
    """A service over the shop with image sets."""
    with Threaded(stocked) as running:
        yield running


@pytest.fixture(scope="module")
def pages(gallery: Threaded) -> Iterator[httpx2.Client]:
    """A client of that service."""
    with httpx2.Client(base_url=gallery.url, timeout=60) as session:
        yield session
