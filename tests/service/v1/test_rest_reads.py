"""What the REST interface reads: a product's set now and then, search, and the score of a photo."""

from __future__ import annotations

import datetime as dt
import io

import httpx2
import numpy as np
import pytest
from PIL import Image, ImageFilter

from tests.service.threads import ServiceThread
from tests.service.v1.test_rest_image_sets import problem
from tests.set_rows import DAY, A, B, C, write_set


@pytest.fixture(scope="module")
def kept(service: ServiceThread) -> dt.datetime:
    """Write two sets of 'p/1', and one of a product in two categories; return a time between."""
    warehouse = service.app.state.engine.warehouse
    write_set(warehouse, "run-1", DAY, "tees", "p/1", A, B)
    between = dt.datetime.now(dt.UTC)
    write_set(warehouse, "run-2", DAY + dt.timedelta(days=1), "tees", "p/1", C)
    write_set(warehouse, "run-3", DAY, "tees", "both", A)
    write_set(warehouse, "run-3", DAY, "bags", "both", B)
    return between


class TestProducts:
    def test_a_set_now_at_a_moment_and_after_a_day(
        self, rest: httpx2.Client, kept: dt.datetime
    ) -> None:
        now = rest.get("/v1/products/p%2F1/image-set").json()
        assert [image["image_id"] for image in now["images"]] == [C]
        assert now["images"][0]["reason"] == "place 1 by run-2"
        assert {(i["image_id"], i["rule"]) for i in now["left_out"]} == {
            (A, "blurry"),
            (B, "blurry"),
        }
        then = rest.get("/v1/products/p/1/image-set", params={"at": kept.isoformat()}).json()
        assert [image["image_id"] for image in then["images"]] == [A, B]
        assert then["snapshot_id"] < now["snapshot_id"]
        by_day = rest.get("/v1/products/p/1/image-set", params={"day": DAY.isoformat()}).json()
        assert by_day["images"] == then["images"]
        assert by_day["snapshot_id"] >= now["snapshot_id"]

    def test_a_product_of_two_categories_needs_one_named(
        self, rest: httpx2.Client, kept: dt.datetime
    ) -> None:
        said = problem(rest.get("/v1/products/both/image-set"), 409, "several_categories")
        assert "bags, tees" in said["detail"]
        found = rest.get("/v1/products/both/image-set", params={"category": "bags"}).json()
        assert [image["image_id"] for image in found["images"]] == [B]

    @pytest.mark.parametrize(
        ("path", "status", "kind"),
        [
            ("nobody/image-set", 404, "no_image_set"),
            ("p/1/image-set?at=1999-01-01T00:00:00Z", 404, "no_image_set"),
            ("p/1/image-set?at=yesterday", 422, "invalid_request"),
            ("p/1/image-set?day=2026-02-30", 422, "invalid_request"),
        ],
    )
    def test_questions_without_an_answer(
        self, rest: httpx2.Client, kept: dt.datetime, path: str, status: int, kind: str
    ) -> None:
        problem(rest.get(f"/v1/products/{path}"), status, kind)


class TestSearch:
    def test_words_find_a_product_and_its_hero(
        self, rest: httpx2.Client, kept: dt.datetime
    ) -> None:
        found = rest.get("/v1/search", params={"q": "both", "category": "bags", "k": 3}).json()
        assert [(hit["product_id"], hit["image_id"]) for hit in found["hits"]] == [("both", B)]
        assert found["hits"][0]["matched"] == ["both"]

    @pytest.mark.parametrize("query", ["", "  ", "x" * 10_000])
    def test_queries_that_are_none(self, rest: httpx2.Client, query: str) -> None:
        problem(rest.get("/v1/search", params={"q": query}), 422, "invalid_request")


class TestPhotos:
    @staticmethod
    def photo(blur: float = 0.0, light: float = 1.0) -> bytes:
        rng = np.random.default_rng(0)
        coarse = rng.integers(60, 230, (24, 18, 3)) * light
        picture = Image.fromarray(coarse.astype(np.uint8)).resize((737, 983), Image.Resampling.BOX)
        out = io.BytesIO()
        picture.filter(ImageFilter.GaussianBlur(blur)).save(out, "JPEG", quality=92)
        return out.getvalue()

    def score(self, rest: httpx2.Client, data: bytes) -> httpx2.Response:
        return rest.post("/v1/review-images:score", files={"image": ("photo.jpg", data)})

    def test_a_good_photo_is_better_than_a_spoilt_one_whose_fault_is_named(
        self, rest: httpx2.Client
    ) -> None:
        good = self.score(rest, self.photo()).json()
        assert good["problems"] == []
        for spoilt, fault in ((self.photo(blur=9), "blurry"), (self.photo(light=0.1), "dark")):
            found = self.score(rest, spoilt).json()
            assert found["score"] < good["score"]
            assert fault in [wrong["id"] for wrong in found["problems"]]
            assert all(wrong["advice"] for wrong in found["problems"])

    @pytest.mark.parametrize("data", [b"", b"<html></html>", b"\xff\xd8\xff" + b"x" * 500])
    def test_a_file_that_is_no_picture(self, rest: httpx2.Client, data: bytes) -> None:
        problem(self.score(rest, data), 422, "no_picture")
