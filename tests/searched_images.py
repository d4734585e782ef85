"""A small catalog whose images are searched by a model that knows a few words, and no network."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import polars as pl

from imgassets.learning.search.champion import SearchChampion
from imgassets.warehouse.contracts import (
    ImageEmbeddings,
    ImageFeatures,
    ImageSetChanges,
    OrderedImageSets,
    SupplierOffers,
)
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse

MONDAY, TUESDAY = dt.date(2026, 1, 5), dt.date(2026, 1, 6)
WORDS = ["red", "navy", "green", "shirt", "bag", "striped", "plain", "shoe"]
"""What the model knows: a dimension of its space each."""

FEATURES = "features-1"


def id_of(name):
    return hashlib.sha256(name.encode()).hexdigest()


def vector_of(words):
    found = np.array([float(w in words) for w in WORDS], np.float32)
    return found / max(float(np.linalg.norm(found)), 1e-9)


class Encoder:
    dimension = len(WORDS)

    def embed_texts(self, texts):
        return np.array([vector_of(text.lower().split()) for text in texts], np.float32)

    def unknown_words(self, text):
        return [word for word in text.lower().split() if word not in WORDS]


@dataclass
class Model:
    """Images by likeness; the re-ranker prefers pictures whose object is large."""

    encoder_version: str = "dual-1"
    inputs_version: str = "inputs-1"
    features_version: str = FEATURES
    encoder: Encoder = field(default_factory=Encoder)
    asked: list[int] = field(default_factory=list)

    def reranker_inputs(self, vectors, frame):
        assert len(vectors) == frame.height
        return frame.select("object_share", pl.col("box_left")).to_numpy().astype(np.float32)

    def scores(self, query, query_vector, image_vectors, inputs):
        self.asked.append(len(inputs))
        return ((image_vectors @ query_vector) * (0.5 + 0.5 * inputs[:, 0])).astype(np.float64)

    def is_low(self, best):
        return best < 0.4

    @property
    def champion(self):
        return SearchChampion(self, "product_search-1", self.encoder_version)


@dataclass
class Shown:
    """One image of a product: what it shows, and how large."""

    product: str
    name: str
    words: str
    share: float = 0.5
    category: str = "tees"
    day: dt.date = MONDAY
    encoder: str = "dual-1"


def _frame(contract, rows):
    return Replacement(contract, pl.DataFrame(rows, schema=contract.create_empty().schema))


def write_catalog(warehouse: Warehouse, titles, shown) -> None:
    """Write offers (product: title) and images; a product's newest day is its set."""
    category = {image.product: image.category for image in shown}
    days = {}
    for image in shown:
        days.setdefault((image.product, image.day), []).append(image)
    offers = [
        {
            "day": MONDAY, "category": category.get(product, "unseen"), "product_id": product,
            "supplier_id": "acme", "image_url": "1.jpg", "image_location": "/1.jpg", "position": 1,
            "title": title, "description": None, "is_curated": False, "feed_file": "f",
            "feed_row": 1,
        }
        for product, title in titles.items()
    ]  # fmt: skip
    sets, changes = [], []
    for (product, day), images in days.items():
        key = {"day": day, "category": category[product], "product_id": product}
        after = [id_of(image.name) for image in images]
        sets += [
            {
                **key, "rank": rank, "image_id": image_id, "image_type": "front",
                "is_hero": rank == 1, "reason": "why", "policy_rank": rank, "ordered_by": "policy",
            }
            for rank, image_id in enumerate(after, 1)
        ]  # fmt: skip
        changes.append(
            {
                **key, "status": "changed", "before": [], "after": after, "added": after,
                "removed": [], "moved": [], "hero_changed": False, "missing_images": 0,
            }
        )  # fmt: skip
    seen = {(image.day, image.category, image.name): image for image in shown}.values()
    keys = [{"day": i.day, "category": i.category, "image_id": id_of(i.name)} for i in seen]
    features = [
        {
            **key, "features_version": FEATURES, "box_left": 0.0, "box_top": 0.0, "box_right": 1.0,
            "box_bottom": 1.0, "object_share": image.share, "box_source": "plain", "colours": [],
            "colour_histogram": [1.0], "texture": [1.0],
        }
        for key, image in zip(keys, seen, strict=True)
    ]  # fmt: skip
    embeddings = [
        {
            **key, "encoder_version": image.encoder,
            "embedding": vector_of(image.words.split()).tolist(),
        }
        for key, image in zip(keys, seen, strict=True)
        if image.encoder
    ]  # fmt: skip
    warehouse.replace(
        [
            _frame(SupplierOffers, offers), _frame(OrderedImageSets, sets),
            _frame(ImageSetChanges, changes), _frame(ImageFeatures, features),
            _frame(ImageEmbeddings, embeddings),
        ],
        CommitMessage(asset="test"),
    )  # fmt: skip


def settings_of(home, depth=10, ann_from=10**9):
    """Stand-in for the settings that searching reads."""
    return SimpleNamespace(
        home=home, vision=None, search=SimpleNamespace(depth=depth, ann_from=ann_from)
    )
