"""Embeddings of images, and how well they fit their products' texts, in the warehouse."""

from __future__ import annotations

import datetime as dt
import io
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

from imgassets.ingest.store import ImageStore
from imgassets.learning.features import embedding_matrix
from imgassets.learning.search.champion import SearchChampion
from imgassets.learning.search.clip import ClipEncoder
from imgassets.learning.search.encoder import encoder_version
from imgassets.learning.search.model import ENCODER
from imgassets.learning.search.relevance import RelevanceScale
from imgassets.operations.image_embeddings import (
    collect_embeddings,
    infer_embeddings,
    plan_embeddings,
)
from imgassets.operations.image_relevance import relevance_rows
from imgassets.operations.product_texts import product_texts
from imgassets.settings import Settings, VisionSettings
from imgassets.warehouse.contracts import (
    AggregatedImages,
    Contract,
    ImageEmbeddings,
    SupplierOffers,
)
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from imgassets.warehouse.partitions import Partition
from tests.searched_images import MONDAY, TUESDAY, Encoder, id_of, vector_of
from tests.tiny_clip import save_tiny_model

WEDNESDAY = TUESDAY + dt.timedelta(days=1)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory) -> Warehouse:
    folder = tmp_path_factory.mktemp("lake")
    lake = Warehouse(f"ducklake:sqlite:{folder}/catalog.sqlite", f"{folder}/data/")
    lake.initialise()
    return lake


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings(home=tmp_path, vision=VisionSettings(workers=1, batch_size=2, device="cpu"))


@pytest.fixture
def store(settings) -> ImageStore:
    return ImageStore(settings.image_store)


def champion_of(folder: Path, settings: Settings, version: int = 1) -> SearchChampion:
    """Return a search model of an encoder alone: a tiny CLIP."""
    model = save_tiny_model(folder / f"model {version}", seed=version)
    encoder = folder / f"bundle {version}" / ENCODER
    encoder.mkdir(parents=True)
    ClipEncoder(str(model), None, settings.vision).save(encoder)
    name = f"product_search-{version}"
    return SearchChampion(None, name, encoder_version(encoder), encoder.parent)


def picture(colour: tuple[int, int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.full((48, 40, 3), colour, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def rows_of(contract: type[Contract], *rows: dict[str, Any]) -> pl.DataFrame:
    empty = dict.fromkeys(contract.column_names())
    return pl.DataFrame([empty | row for row in rows], contract.create_empty().schema)


def write(warehouse: Warehouse, contract: type[Contract], rows: pl.DataFrame) -> None:
    warehouse.replace([Replacement(contract, rows)], CommitMessage(asset="test"))


def test_an_image_is_embedded_once_per_encoder(warehouse, settings, store, tmp_path) -> None:
    first = champion_of(tmp_path, settings)
    red, navy, broken = map(store.put, (picture((200, 0, 0)), picture((0, 0, 90)), b"nothing"))
    images = pl.DataFrame(
        {
            "day": [MONDAY, MONDAY, TUESDAY, TUESDAY],
            "category": "tees",
            "image_id": [red, navy, red, broken],
        }
    )
    plan = plan_embeddings(images, warehouse, settings, first)
    assert sorted(plan["image_id"]) == sorted([red, navy, broken])
    seen: list[tuple[int, int]] = []
    infer_embeddings(plan, store, settings, first, lambda *at: seen.append(at))
    assert seen[-1] == (3, 3)
    rows = collect_embeddings(images, warehouse, settings, first)
    assert sorted(rows.select("day", "image_id").rows()) == sorted(
        [(MONDAY, red), (MONDAY, navy), (TUESDAY, red)]
    )
    assert np.linalg.norm(embedding_matrix(rows), axis=1) == pytest.approx(1, abs=1e-5)
    write(warehouse, ImageEmbeddings, ImageEmbeddings.conform(rows))

    later = pl.DataFrame({"day": [WEDNESDAY], "category": ["caps"], "image_id": [navy]})
    same = replace(first, version="product_search-7")  # the encoder is the same
    assert plan_embeddings(later, warehouse, settings, same).is_empty()
    again = collect_embeddings(later, warehouse, settings, same)
    assert again["embedding"].to_list() == rows.filter(image_id=navy)["embedding"].to_list()

    second = champion_of(tmp_path, settings, version=2)
    assert plan_embeddings(later, warehouse, settings, second)["image_id"].to_list() == [navy]
    with pytest.raises(RuntimeError, match="materialize image_embeddings again"):
        collect_embeddings(later, warehouse, settings, second)


def test_without_a_model_there_are_no_rows(warehouse, settings, store) -> None:
    images = pl.DataFrame({"day": [MONDAY], "category": ["tees"], "image_id": ["a" * 64]})
    none = SearchChampion()
    plan = plan_embeddings(images, warehouse, settings, none)
    infer_embeddings(plan, store, settings, none)
    assert plan.is_empty()
    assert collect_embeddings(images, warehouse, settings, none).is_empty()
    assert relevance_rows(warehouse, none, {Partition(MONDAY, "tees")}).rows.is_empty()


def offer(product: str, title: str | None, description: str | None = None, **more: Any) -> dict:
    return {
        "day": MONDAY, "category": "tees", "product_id": product, "supplier_id": "acme",
        "image_url": "1.jpg", "image_location": "/1.jpg", "position": 1, "is_curated": False,
        "feed_file": "f.csv", "feed_row": 1, "title": title, "description": description, **more,
    }  # fmt: skip


def image(product: str, name: str, day: dt.date = MONDAY) -> dict[str, Any]:
    return {
        "day": day, "category": "tees", "product_id": product, "image_id": id_of(name),
        "suppliers": ["acme"], "image_urls": ["1.jpg"], "best_position": 1, "is_curated": False,
        "format": "PNG", "width": 80, "height": 60, "byte_size": 9, "mode": "rgb", "bit_depth": 8,
        "frames": 1, "first_seen": MONDAY,
    }  # fmt: skip


def test_texts_are_what_was_said_last_up_to_a_day(warehouse) -> None:
    offers = rows_of(
        SupplierOffers,
        offer("p", "Old &amp; tired", "<p>Soft</p>\n<b>cotton</b>"),
        offer("p", "New", day=TUESDAY),
        offer("p", None, day=TUESDAY, supplier_id="zeta"),
        offer("silent", None),
    )
    write(warehouse, SupplierOffers, offers)
    wanted = pl.DataFrame(
        {
            "day": [MONDAY, WEDNESDAY, WEDNESDAY, MONDAY],
            "category": "tees",
            "product_id": ["p", "p", "silent", "unknown"],
        }
    )
    found = product_texts(wanted, warehouse).select("day", "product_id", "title", "text")
    assert found.rows() == [
        (MONDAY, "p", "Old & tired", "Old & tired\nSoft cotton"),
        (MONDAY, "unknown", "", ""),
        (WEDNESDAY, "p", "New", "New\nSoft cotton"),
        (WEDNESDAY, "silent", "", ""),
    ]


def test_an_image_that_shows_what_its_product_is_said_to_be_is_relevant(
    warehouse, tmp_path
) -> None:
    RelevanceScale(slope=10, bias=-5, auc=0.9, n=100).save(tmp_path)
    write(
        warehouse, SupplierOffers,
        rows_of(SupplierOffers, offer("p", "red shirt"), offer("silent", None)),
    )  # fmt: skip
    write(
        warehouse, AggregatedImages,
        rows_of(
            AggregatedImages, image("p", "right"), image("p", "wrong"), image("p", "new"),
            image("silent", "right"), image("p", "right", TUESDAY),
        ),
    )  # fmt: skip
    embedded = {"right": ["red", "shirt"], "wrong": ["navy", "bag"]}
    write(
        warehouse, ImageEmbeddings,
        rows_of(
            ImageEmbeddings,
            *(
                {"day": MONDAY, "category": "tees", "image_id": id_of(name),
                 "encoder_version": "dual-1", "embedding": vector_of(words).tolist()}
                for name, words in embedded.items()
            ),
        ),
    )  # fmt: skip
    model: Any = SimpleNamespace(encoder=Encoder())
    champion = SearchChampion(model, "product_search-3", "dual-1", tmp_path, ("a note",))
    found = relevance_rows(warehouse, champion, {Partition(MONDAY, "tees")})
    scores = {row["image_id"]: row["score"] for row in found.rows.to_dicts()}
    assert scores == {
        id_of("right"): pytest.approx(0.993, abs=1e-3),
        id_of("wrong"): pytest.approx(0.007, abs=1e-3),
    }
    assert set(found.rows["model_version"]) == {"product_search-3"}
    assert (found.without_text, found.not_embedded, found.notes) == (1, 1, ("a note",))
    another = replace(champion, encoder_version="dual-2")
    assert relevance_rows(warehouse, another, {Partition(MONDAY, "tees")}).rows.is_empty()
