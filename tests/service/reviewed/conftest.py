"""A service over a warehouse with ranked review photos of three products."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterator
from dataclasses import dataclass

import httpx2
import numpy as np
import polars as pl
import pytest
from PIL import Image

from imgassets.ingest.store import ImageStore
from imgassets.operations.photo_ranker import PhotoRanker
from imgassets.operations.review_evaluation import evaluate_on_votes
from imgassets.operations.review_ranks import rank_partitions
from imgassets.reviews.evaluation import SIMULATED
from imgassets.reviews.prompt import builtin_limits
from imgassets.sample.products import products
from imgassets.sample.reviews import _photos_of
from imgassets.settings import Settings
from imgassets.warehouse.contracts import ReviewTasks
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import Partition
from tests.review_rows import Told, signals
from tests.service.conftest import Shop, Threaded

DAY = dt.date(2026, 1, 5)
HOSTILE = "../a b/%2F?x=<i>&\"'#é"
"""A product's id, and a review's, as somebody may choose them."""

_MEASURED = {
    "blurry": ("sharpness", 0.2), "dark": ("bright", 80.0), "overexposed": ("clipped", 0.4),
    "noisy": ("noise", 9.0), "compressed": ("blockiness", 6.0),
}  # fmt: skip


@dataclass
class ReviewedShop(Shop):
    """A shop with review photos.

    Attributes:
        product_id: the product whose photos are drawn ones.
        photos: their ids by review, the best first.
    """

    product_id: str = ""
    photos: dict[str, str] | None = None


@pytest.fixture(scope="package")
def reviewed(tmp_path_factory: pytest.TempPathFactory) -> ReviewedShop:
    settings = Settings(home=tmp_path_factory.mktemp("reviewed"))
    warehouse = Warehouse(settings.warehouse, settings.warehouse_data)
    store = ImageStore(settings.image_store)
    product = products(2)[12]
    random = np.random.default_rng(4)
    drawn = _photos_of(product, 0, random)
    features = signals(len(drawn) + 20).to_dicts()
    severity: dict[str, float] = {}
    rows = []
    for place, photo in enumerate(drawn):
        image_id = store.put(photo["data"])
        features[place]["image_id"] = image_id
        severity[image_id] = photo["severity"]
        if photo["problem"]:
            name, value = _MEASURED[photo["problem"]]
            features[place][name] = value
        votes = round(800 * photo["expected_votes_per_impression"]) + place
        rows.append(
            {"product_id": product.product_id, "review_id": photo["review_id"],
             "image_id": image_id, "helpful_votes": votes, "impressions": 800}
        )  # fmt: skip
    # The smaller copy is one by its signals.
    for name in ("phash", "dhash", "object_phash", "edge_dhash", "hsv_histogram"):
        features[len(drawn) - 1][name] = features[1][name]
    for n in range(18):
        features[-1 - n]["image_id"] = plain = store.put(_plain(n))
        severity[plain] = n / 20
    rows += [
        {"product_id": HOSTILE if n < 2 else f"p{n // 4}",
         "review_id": HOSTILE if n == 0 else f"r{n}", "image_id": features[-1 - n]["image_id"],
         "helpful_votes": 40 - 2 * n if n else None, "impressions": 90 if n else None}
        for n in range(18)
    ]  # fmt: skip
    frame = pl.DataFrame(features, schema=signals(1).schema).unique("image_id", keep="first")
    Told(warehouse, settings).tell(DAY, rows, category=product.category, features=frame)

    def scores(photos: pl.DataFrame) -> np.ndarray:
        return 0.93 - 0.8 * np.array([severity[name] for name in photos["image_id"]])

    ranker = PhotoRanker(builtin_limits(), scores=scores, version="review_ranker-1")
    rank_partitions(warehouse, settings, ranker, [Partition(DAY, product.category)])
    evaluate_on_votes(warehouse, settings, note=SIMULATED)
    shown = warehouse.sql(
        "SELECT review_id, image_id FROM latest_review_ranks WHERE rank IS NOT NULL "
        f"AND product_id = '{product.product_id}' ORDER BY rank, review_id"
    )
    return ReviewedShop(
        settings, warehouse, store, ReviewTasks.create_empty(), product.product_id,
        dict(shown.rows()),
    )  # fmt: skip


@pytest.fixture(scope="module")
def reviewed_service(reviewed: ReviewedShop) -> Iterator[Threaded]:
    with Threaded(reviewed) as running:
        yield running


@pytest.fixture(scope="module")
def reviewed_client(reviewed_service: Threaded) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=reviewed_service.url, timeout=60) as session:
        yield session


def _plain(n: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (80, 60), (12 * n, 200 - 9 * n, 120)).save(out, "PNG")
    return out.getvalue()
