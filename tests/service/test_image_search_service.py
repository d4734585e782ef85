"""Searching images over HTTP, REST and page, with a model that knows a few words."""

from __future__ import annotations

import httpx2
import pytest

from imgassets.ingest.store import ImageStore
from imgassets.operations import image_search
from imgassets.operations.models import open_registry
from imgassets.operations.search_index import refresh_index
from imgassets.service.app import create_app
from imgassets.settings import Settings
from imgassets.warehouse.lake import Warehouse
from tests.searched_images import Model, Shown, id_of, write_catalog
from tests.service.threads import ServiceThread

TITLES = {"p1": "Red shirt", "p2": "Weekend <classic>", "b1": "Navy bag"}
IMAGES = [
    Shown("p1", "one", "red shirt plain", 0.5), Shown("p2", "two", "red shirt", 1.0),
    Shown("b1", "three", "navy bag", 0.7, "bags"),
]  # fmt: skip


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    settings = Settings(home=tmp_path_factory.mktemp("searched"))
    warehouse = Warehouse(settings.warehouse, settings.warehouse_data)
    write_catalog(warehouse, TITLES, IMAGES)
    refresh_index(warehouse, settings, Model().champion)
    app = create_app(settings, warehouse, ImageStore(settings.image_store), open_registry(settings))
    service = ServiceThread(app)
    service.start()
    with (
        pytest.MonkeyPatch.context() as patch,
        httpx2.Client(base_url=service.url, timeout=60) as session,
    ):
        patch.setattr(image_search, "load_search_model", lambda *_: Model().champion)
        yield session
    service.stop()


@pytest.mark.parametrize(
    ("method", "products"),
    [
        (None, ["p1", "p2", "b1"]), ("fused", ["p1", "p2", "b1"]), ("words", ["p1"]),
        ("images", ["p2", "p1", "b1"]), ("reranked", ["p2", "p1", "b1"]),
    ],
)  # fmt: skip
def test_each_method_over_rest(client, method, products):
    asked = {"q": "red shirt", **({"method": method} if method else {})}
    found = client.get("/v1/search", params=asked).json()
    assert found["method"] == (method or "fused")
    assert [hit["product_id"] for hit in found["hits"]] == products
    if method != "words":
        hits = {hit["product_id"]: hit for hit in found["hits"]}
        assert hits["p2"]["image_id"] == id_of("two")
        assert hits["p2"]["image_rank"] == 1


def test_an_unknown_method_is_refused(client):
    reply = client.get("/v1/search", params={"q": "red", "method": "magic"})
    assert reply.status_code == 422
    assert client.get("/search", params={"q": "red", "method": "magic"}).status_code == 422


def test_the_page_shows_the_images_that_match_and_why(client):
    page = client.get("/search", params={"q": "red shirt", "method": ""}).text
    assert f'src="/images/{id_of("two")}/320"' in page
    assert "red, shirt · no. 1 by words · no. 2 by image" in page
    assert "Weekend &lt;classic&gt;" in page
    reranked = client.get("/search", params={"q": "red shirt", "method": "reranked"}).text
    assert "its image fits with 100 %" in reranked
    assert '<option value="reranked" selected>' in reranked
    assert "likeness 1.00" in client.get(
        "/search", params={"q": "red shirt", "method": "images"}
    ).text  # fmt: skip


def test_low_scores_are_said_on_the_page(client):
    page = client.get("/search", params={"q": "green shoe", "method": "images"}).text
    assert "No image shows this well." in page
