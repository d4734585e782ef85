"""A small shop: drawn products in an image store, questions about them, and a running service."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import polars as pl
import pytest
from PIL import Image

from imgassets.ingest.store import ImageStore
from imgassets.moderation.flags import builtin_flags
from imgassets.moderation.pair_tasks import choose_pair_tasks
from imgassets.moderation.tasks import task_id
from imgassets.operations.models import open_registry
from imgassets.operations.reviews import add_tasks
from imgassets.sample.defects import encode, promo_badge
from imgassets.sample.products import VIEWS, products
from imgassets.selection.pairs.differences import measure_pair
from imgassets.service.app import create_app
from imgassets.settings import Settings
from imgassets.vision.decode import decode
from imgassets.warehouse.contracts import (
    AggregatedImages,
    ComparedPairs,
    ComplianceFlags,
    FlagAssessments,
    ReviewAnswers,
    ReviewTasks,
    SupplierOffers,
)
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from tests.command import other_variables
from tests.service.threads import ServiceThread

DAY = dt.date(2026, 1, 5)
XSS = "<script>alert('title')</script><img src=x onerror=alert(1)>"
SUPPLIERS = ["acme", "borealis"]
IMGASSETS = Path(sys.executable).parent / "imgassets"


@dataclass(frozen=True)
class Drawn:
    """One image of one product; the badged one is the one that is asked about."""

    category: str
    product_id: str
    title: str
    position: int
    data: bytes

    @property
    def image_id(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


@dataclass
class Shop:
    """A home folder with images, products and open questions."""

    settings: Settings
    warehouse: Warehouse
    store: ImageStore
    tasks: pl.DataFrame

    def answers(self) -> pl.DataFrame:
        return self.warehouse.read(ReviewAnswers)

    def standing(self) -> dict[str, str]:
        """Every answer that was not undone, by task; an answer kept twice fails."""
        rows = self.answers()
        undone = set(rows["undoes"].drop_nulls())
        kept = rows.filter((pl.col("answer") != "undo") & ~pl.col("answer_id").is_in(list(undone)))
        assert kept["task_id"].n_unique() == kept.height, "an answer is kept twice"
        return dict(kept.select("task_id", "answer").iter_rows())


@pytest.fixture(scope="session")
def drawn() -> list[Drawn]:
    """Four images of each of eight products; the first two of each carry a badge and none."""
    images = []
    random = np.random.default_rng(0)
    for product in (p for p in products(2) if p.category in ("backpack", "t-shirt")):
        shots = [product.photograph(v, 0, 640) for v in VIEWS[product.category][:3]]
        pictures = [promo_badge(shots[0], random).picture, *(shot.picture for shot in shots)]
        images += [
            Drawn(product.category, product.product_id, product.title, place, encode(picture))
            for place, picture in enumerate(pictures, 1)
        ]
    return images


def _tasks(drawn: list[Drawn]) -> pl.DataFrame:
    badged = [image for image in drawn if image.position == 1]
    plain = [image for image in drawn if image.position == 2]
    rows = []
    for place, image in enumerate(badged + plain):
        flag = builtin_flags()["promo_badge" if place < 12 else "blurry"]
        near = [i.image_id for i in badged + plain if i.category == image.category]
        probability = round(0.97 - 0.05 * place, 2)
        rows.append(
            {
                "task_id": task_id(flag.id, image.image_id),
                "image_id": image.image_id,
                "flag": flag.id,
                "question": flag.question,
                "category": image.category,
                "product_id": image.product_id,
                "round": 2,
                "reason": "uncertain",
                "why": f"The model is not sure: it gives {100 * probability:.0f} %, "
                "and asks between 20 % and 98 %.",
                "probability": probability,
                "model_version": "flag_promo_badge 3",
                "priority": 1 - place / 100,
                "neighbours": [other for other in near if other != image.image_id][:4],
            }
        )
    return ReviewTasks.conform(
        pl.DataFrame(rows, schema=ReviewTasks.create_empty().schema, orient="row")
    )


def _product_tables(drawn: list[Drawn]) -> list[Replacement]:
    key = {"day": DAY}
    aggregated, offers, flags = [], [], []
    hostile = drawn[0].product_id
    for image in drawn:
        product = {**key, "category": image.category, "product_id": image.product_id}
        aggregated.append(
            {
                **product, "image_id": image.image_id, "suppliers": SUPPLIERS,
                "image_urls": ["u"], "best_position": image.position, "is_curated": False,
                "format": "JPEG", "width": 640, "height": 640, "byte_size": len(image.data),
                "mode": "rgb", "bit_depth": 8, "frames": 1, "first_seen": DAY,
            }
        )  # fmt: skip
        offers.append(
            {
                **product, "supplier_id": "acme", "image_url": f"{image.position}.jpg",
                "image_location": f"/images/{image.position}.jpg", "position": image.position,
                "title": XSS if image.product_id == hostile else image.title,
                "description": None, "is_curated": False, "feed_file": "f", "feed_row": 1,
            }
        )  # fmt: skip
        if image.position == 1:
            flags.append(
                {
                    **product, "image_id": image.image_id, "flag": "promo_badge",
                    "probability": 0.98, "source": "model", "decision": "rejected",
                    "reason": "98 %", "model_version": "3",
                }
            )  # fmt: skip
    assessed = [
        {
            **key, "category": category, "flag": "promo_badge", "status": "assessed",
            "model_version": "3", "reject_limit": 0.95, "review_limit": 0.2, "n_images": 16,
        }
        for category in sorted({image.category for image in drawn})
    ]  # fmt: skip
    frames = {
        AggregatedImages: aggregated, SupplierOffers: offers, ComplianceFlags: flags,
        FlagAssessments: assessed,
    }  # fmt: skip
    return [
        Replacement(contract, pl.DataFrame(rows, schema=contract.create_empty().schema))
        for contract, rows in frames.items()
    ]


@pytest.fixture(scope="session")
def built(drawn: list[Drawn], tmp_path_factory: pytest.TempPathFactory) -> Shop:
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    warehouse = Warehouse(settings.warehouse, settings.warehouse_data)
    store = ImageStore(settings.image_store)
    for image in drawn:
        store.put(image.data)
    warehouse.replace(_product_tables(drawn), CommitMessage(asset="test"))
    tasks = _tasks(drawn)
    add_tasks(warehouse, tasks)
    return Shop(settings, warehouse, store, tasks)


@pytest.fixture
def shop(built: Shop) -> Shop:
    """The shop before anybody answered."""
    if not built.answers().is_empty():
        nothing = Replacement(ReviewAnswers, ReviewAnswers.create_empty())
        built.warehouse.replace([nothing], CommitMessage(asset="test"))
    return built


@pytest.fixture
def typed(shop: Shop) -> Iterator[dict[str, Any]]:
    """A question with choices, the second one that is asked; gone afterwards."""
    other = shop.tasks.row(4, named=True)
    row = {
        **other, "task_id": task_id("image_type", other["image_id"]), "flag": "image_type",
        "question": "Which view of the product does the picture show?", "round": 0,
        "choices": ["front", "back", "closeup", "none"], "why": "the model is in doubt",
        "probability": 0.41, "guess": "back", "priority": 0.995,
        "neighbours": [shop.tasks["image_id"][5]],
    }  # fmt: skip
    add_tasks(shop.warehouse, pl.DataFrame([row], schema=shop.tasks.schema))
    yield row
    shop.warehouse.replace([Replacement(ReviewTasks, shop.tasks)], CommitMessage(asset="test"))


MARK = (0, 120, 0)
"""Colour of what a pair's pictures differ in."""

PLACES = [(0.25, 0.6, 0.5, 0.2), (0.5, 0.1, 0.3, 0.25)]
"""Where that is in the left and in the right one: top, left, height, width as shares."""


def _marked(size: tuple[int, int], place: tuple[float, float, float, float]) -> bytes:
    picture = Image.new("RGB", size, (235, 235, 235))
    left, top = round(place[1] * size[0]), round(place[0] * size[1])
    right, bottom = left + round(place[3] * size[0]), top + round(place[2] * size[1])
    picture.paste(MARK, (left, top, right, bottom))
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def paired(shop: Shop) -> Iterator[dict[str, Any]]:
    """A question about a wide and a tall picture, the second one that is asked; gone afterwards."""
    product = shop.tasks.row(4, named=True)
    drawn = {
        hashlib.sha256(data).hexdigest(): (data, place)
        for data, place in zip(
            (_marked((400, 200), PLACES[0]), _marked((200, 300), PLACES[1])), PLACES, strict=True
        )
    }
    for data, _ in drawn.values():
        shop.store.put(data)
    boxes = {image_id: place for image_id, (_, place) in drawn.items()}
    yield _ask_about(shop, product["category"], product["product_id"], boxes)
    shop.warehouse.replace([Replacement(ReviewTasks, shop.tasks)], CommitMessage(asset="test"))


@pytest.fixture
def badged_pair(shop: Shop, drawn: list[Drawn]) -> Iterator[dict[str, Any]]:
    """A question about a picture with a badge and the same without, as it was compared."""
    badged, plain = drawn[4:6]
    found = measure_pair(decode(badged.data), decode(plain.data))
    boxes = {badged.image_id: found.left_box, plain.image_id: found.right_box}
    yield _ask_about(shop, badged.category, badged.product_id, boxes)
    shop.warehouse.replace([Replacement(ReviewTasks, shop.tasks)], CommitMessage(asset="test"))


def _ask_about(
    shop: Shop, category: str, product_id: str, boxes: Mapping[str, Sequence[float]]
) -> dict[str, Any]:
    """Ask about two images by the boxes of each; it is the second question of all."""
    left, right = sorted(boxes)
    pair = {
        "day": DAY, "category": category, "product_id": product_id, "left_image_id": left,
        "right_image_id": right, "image_type": "front", "same": False, "probability": 0.62,
        "decided_by": "pixels", "left_box": list(boxes[left]), "right_box": list(boxes[right]),
        "comparator_version": "pairs-1",
    }  # fmt: skip
    pairs = pl.DataFrame([pair], schema=ComparedPairs.create_empty().schema)
    task = choose_pair_tasks(category, pairs, 0.9, 1)
    add_tasks(shop.warehouse, task.with_columns(priority=pl.lit(0.995, pl.Float32)))
    return task.row(0, named=True)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Threaded(ServiceThread):
    """The service of a shop in a thread of this process."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        registry = open_registry(shop.settings)
        super().__init__(create_app(shop.settings, shop.warehouse, shop.store, registry))

    def __enter__(self) -> Threaded:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


@pytest.fixture
def service(shop: Shop) -> Iterator[Threaded]:
    """A service of a test's own over ``shop``, in a thread: quicker to start than `served`."""
    with Threaded(shop) as running:
        yield running


@pytest.fixture
def client(service: Threaded) -> Iterator[httpx2.Client]:
    """A client of the test's own service."""
    with httpx2.Client(base_url=service.url, timeout=60) as session:
        yield session


@pytest.fixture(scope="module")
def standing_client(built: Shop) -> Iterator[httpx2.Client]:
    """A client of a service for tests that change nothing."""
    with Threaded(built) as service, httpx2.Client(base_url=service.url, timeout=60) as session:
        yield session


@pytest.fixture
def fresh_client(tmp_path: Path) -> Iterator[httpx2.Client]:
    """A client of a service over a home folder where nothing has happened yet."""
    settings = Settings(home=tmp_path / "fresh")
    warehouse = Warehouse(settings.warehouse, settings.warehouse_data)
    nothing = ReviewTasks.create_empty()
    shop = Shop(settings, warehouse, ImageStore(settings.image_store), nothing)
    with Threaded(shop) as service, httpx2.Client(base_url=service.url, timeout=60) as session:
        yield session


class Served:
    """The service as people start it, `imgassets serve`, to be killed and started again."""

    def __init__(self, shop: Shop, port: int) -> None:
        self.shop = shop
        self.url = f"http://127.0.0.1:{port}"
        self._port = port
        self.process: subprocess.Popen[str] | None = None

    def start(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [IMGASSETS, "review", "serve", "--port", str(self._port), *arguments],
            env={**other_variables(), "IMGASSETS_HOME": str(self.shop.settings.home)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        deadline = time.monotonic() + 60
        while True:
            try:
                assert httpx2.get(f"{self.url}/healthz", timeout=5).status_code == 200
                return
            except httpx2.TransportError:
                assert self.process.poll() is None, self.process.communicate()
                assert time.monotonic() < deadline, "the service did not come up"
                time.sleep(0.1)

    def end(self, with_signal: signal.Signals) -> tuple[int, str]:
        """Send a signal; return the exit code and what was printed."""
        assert self.process is not None
        self.process.send_signal(with_signal)
        out, err = self.process.communicate(timeout=30)
        code, self.process = self.process.returncode, None
        return code, out + err


@pytest.fixture
def served(shop: Shop) -> Iterator[Served]:
    service = Served(shop, free_port())
    service.start()
    yield service
    if service.process is not None:
        service.end(signal.SIGKILL)
