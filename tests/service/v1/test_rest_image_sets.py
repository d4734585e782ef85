"""``POST /v1/image-sets``: sets with reasons, jobs, uploads, and every way to be refused."""

from __future__ import annotations

import http.client
import json
import time
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from imgassets.settings import FetchSettings
from tests.service.threads import ServiceThread
from tests.service.v1.conftest import CATEGORY, Start, Supplier, image_id


def product(*urls: str, **more: Any) -> dict[str, Any]:
    images = [{"url": url, "supplier": "acme"} for url in urls]
    return {"product_id": "p1", "category": CATEGORY, "images": images, **more}


def problem(answer: httpx2.Response, status: int, kind: str) -> dict[str, Any]:
    """Return a problem after checking that it is a whole one."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    said: dict[str, Any] = answer.json()
    assert said["type"] == f"urn:imgassets:problem:{kind}"
    assert said["status"] == status
    assert said["request_id"] == answer.headers["X-Request-Id"]
    assert said["detail"]
    return said


class TestSets:
    def test_a_set_has_what_was_chosen_left_out_and_refused_with_reasons(
        self, rest: httpx2.Client, supplier: Supplier, photos: list[bytes]
    ) -> None:
        urls = [f"{supplier.url}/{name}.jpg" for name in ("0", "1", "2", "3", "gone", "cut")]
        answer = rest.post("/v1/image-sets", json=product(*urls, "http://10.1.2.3/x.jpg"))
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert found["status"] == "changed"
        # The better of two copies stands for both.
        assert [i["image_id"] for i in found["images"]] == [image_id(p) for p in photos[:3]]
        assert [i["rank"] for i in found["images"]] == [1, 2, 3]
        assert [i["is_hero"] for i in found["images"]] == [True, False, False]
        assert all(i["reason"] for i in found["images"])
        (copy,) = found["left_out"]
        assert copy["rule"] == "duplicate"
        assert copy["duplicate_of"] == image_id(photos[0])
        refused = {r["url"].rsplit("/", 1)[1]: r["rule"] for r in found["refused"]}
        assert refused == {
            "gone.jpg": "http_status",
            "cut.jpg": "truncated",
            "x.jpg": "forbidden_address",
        }

    def test_a_category_is_slugged_as_in_feeds(
        self, rest: httpx2.Client, supplier: Supplier
    ) -> None:
        body = product(f"{supplier.url}/1.jpg") | {"category": "T-Shirt"}
        found = rest.post("/v1/image-sets", json=body).json()
        assert found["category"] == "t-shirt"
        assert found["status"] == "bypassed_single_image"

    def test_dead_urls_alone_are_an_empty_set(
        self, rest: httpx2.Client, supplier: Supplier
    ) -> None:
        answer = rest.post("/v1/image-sets", json=product(f"{supplier.url}/gone.jpg"))
        assert answer.status_code == 200, answer.text
        assert answer.json()["status"] == "bypassed_no_image"
        assert answer.json()["images"] == []

    def test_a_bad_reference_is_refused_beside_good_ones(
        self, rest: httpx2.Client, supplier: Supplier
    ) -> None:
        body = product(f"{supplier.url}/1.jpg", "http:///nowhere.jpg")
        found = rest.post("/v1/image-sets", json=body).json()
        assert len(found["images"]) == 1
        assert [r["rule"] for r in found["refused"]] == ["bad_image_url"]

    def test_uploads_give_the_same_set(
        self, rest: httpx2.Client, supplier: Supplier, photos: list[bytes]
    ) -> None:
        urls = [f"{supplier.url}/{place}.jpg" for place in range(4)]
        by_url = rest.post("/v1/image-sets", json=product(*urls)).json()
        files = [("images", (f"../../{n}.jpg", data)) for n, data in enumerate(photos)]
        form = {"product_id": "p1", "category": CATEGORY}
        answer = rest.post("/v1/image-sets:upload", data=form, files=files)
        assert answer.status_code == 200, answer.text
        shown = [
            [(i["image_id"], i["reason"]) for i in s["images"]] for s in (by_url, answer.json())
        ]
        assert shown[0] == shown[1]

    def test_an_upload_that_is_no_picture_is_refused_by_name(self, rest: httpx2.Client) -> None:
        files = [("images", ("page.jpg", b"<html>no picture</html>"))]
        form = {"product_id": "p1", "category": CATEGORY}
        found = rest.post("/v1/image-sets:upload", data=form, files=files).json()
        assert found["images"] == []
        assert [(r["url"], r["rule"]) for r in found["refused"]] == [
            ("image-1.jpg", "not_an_image")
        ]


class TestJobs:
    def test_who_prefers_not_to_wait_polls(self, rest: httpx2.Client, supplier: Supplier) -> None:
        body = product(f"{supplier.url}/0.jpg", f"{supplier.url}/1.jpg")
        headers = {"Prefer": "respond-async"}
        answer = rest.post("/v1/image-sets", json=body, headers=headers)
        assert answer.status_code == 202, answer.text
        for _ in range(600):
            polled = rest.get(answer.headers["Location"])
            if polled.json()["status"] == "done":
                break
            assert polled.headers["Retry-After"]
            time.sleep(0.1)
        waited = rest.post("/v1/image-sets", json=body).json()
        assert polled.json()["image_set"]["images"] == waited["images"]

    def test_an_unknown_job(self, rest: httpx2.Client) -> None:
        problem(rest.get("/v1/jobs/nothing"), 404, "no_such_job")

    def test_the_deadline_makes_a_job_and_a_full_queue_turns_away(
        self, start: Start, photos: list[bytes]
    ) -> None:
        with Supplier({"/hang": photos[0]}).serving() as slow:
            service = start(workers=1, max_waiting=0, deadline_seconds=0.2)
            with httpx2.Client(base_url=service.url, timeout=60) as client:
                first = client.post("/v1/image-sets", json=product(f"{slow.url}/hang"))
                assert first.status_code == 202
                busy = client.post("/v1/image-sets", json=product(f"{slow.url}/hang"))
                problem(busy, 503, "busy")
                assert busy.headers["Retry-After"]
                slow.go_on.set()
                for _ in range(600):
                    done = client.get(first.headers["Location"]).json()
                    if done["status"] == "done":
                        break
                    time.sleep(0.1)
                assert done["image_set"]["status"] == "bypassed_single_image"

    def test_a_supplier_that_does_not_answer_is_a_timeout(
        self, start: Start, photos: list[bytes]
    ) -> None:
        fetch = FetchSettings(allowed_networks=["127.0.0.0/8"], timeout_seconds=0.5, attempts=1)
        with (
            Supplier({"/hang": photos[0]}).serving() as slow,
            httpx2.Client(base_url=start(fetch=fetch).url, timeout=60) as client,
        ):
            found = client.post("/v1/image-sets", json=product(f"{slow.url}/hang")).json()
        assert [r["rule"] for r in found["refused"]] == ["timeout"]

    def test_a_client_that_goes_away_harms_nobody(
        self, service: ServiceThread, rest: httpx2.Client, photos: list[bytes]
    ) -> None:
        with Supplier({"/hang": photos[0]}).serving() as slow:
            body = json.dumps(product(f"{slow.url}/hang")).encode()
            leaving = http.client.HTTPConnection(urlsplit(service.url).netloc)
            headers = {"Content-Type": "application/json"}
            leaving.request("POST", "/v1/image-sets", body, headers)
            assert slow.asked.wait(60)
            leaving.close()
            slow.go_on.set()
        engine = service.app.state.engine
        for _ in range(600):
            if not engine.jobs.unfinished():
                break
            time.sleep(0.1)
        assert engine.jobs.unfinished() == 0
        assert rest.get("/healthz").status_code == 200


class TestRefusals:
    @pytest.mark.parametrize("body", [b"{bad", b"[]", b"", b"\xff\xfe", b'{"product_id": 1}'])
    def test_bodies_that_are_no_request(self, rest: httpx2.Client, body: bytes) -> None:
        headers = {"Content-Type": "application/json"}
        answer = rest.post("/v1/image-sets", content=body, headers=headers)
        said = problem(answer, 422, "invalid_request")
        assert said["errors"]

    def test_another_content_type(self, rest: httpx2.Client) -> None:
        answer = rest.post("/v1/image-sets", content=b"a=b", headers={"Content-Type": "text/csv"})
        problem(answer, 422, "invalid_request")

    @pytest.mark.parametrize("count", [0, 200])
    def test_too_few_and_too_many_images(self, rest: httpx2.Client, count: int) -> None:
        urls = [f"http://example.com/{place}.jpg" for place in range(count)]
        said = problem(rest.post("/v1/image-sets", json=product(*urls)), 422, "invalid_request")
        assert f"{count} images" in said["detail"]

    def test_an_unknown_category(self, rest: httpx2.Client) -> None:
        body = product("http://example.com/1.jpg") | {"category": "Submarines"}
        said = problem(rest.post("/v1/image-sets", json=body), 422, "unknown_category")
        assert "submarines" in said["detail"]

    @pytest.mark.parametrize(
        "change",
        [
            {"product_id": ""},
            {"product_id": "a\nb"},
            {"product_id": "x" * 201},
            {"colour": "red"},
            {"images": [{"url": "file:///etc/passwd"}]},
            {"images": [{"url": "images/1.jpg"}]},
            {"images": [{"url": "http://example.com/1.jpg", "position": 0}]},
        ],
    )
    def test_values_out_of_range(self, rest: httpx2.Client, change: dict[str, Any]) -> None:
        body = product("http://example.com/1.jpg") | change
        problem(rest.post("/v1/image-sets", json=body), 422, "invalid_request")

    def test_a_reference_that_is_there_twice(self, rest: httpx2.Client) -> None:
        body = product("http://example.com/1.jpg", "http://example.com/1.jpg")
        said = problem(rest.post("/v1/image-sets", json=body), 422, "invalid_request")
        assert said["errors"] == [{"where": "body.images.1", "what": "repeats images.0"}]

    def test_a_body_too_long_by_its_own_word(self, rest: httpx2.Client) -> None:
        body = product("http://example.com/1.jpg", description="x" * 300_000)
        problem(rest.post("/v1/image-sets", json=body), 413, "too_large")

    def test_a_body_too_long_that_does_not_say_so(self, rest: httpx2.Client) -> None:
        chunks = (b"x" * 50_000 for _ in range(10))
        headers = {"Content-Type": "application/json"}
        answer = rest.post("/v1/image-sets", content=chunks, headers=headers)
        problem(answer, 413, "too_large")

    def test_an_upload_too_long(self, start: Start, photos: list[bytes]) -> None:
        with httpx2.Client(base_url=start(max_upload_bytes=10_000).url, timeout=60) as client:
            answer = client.post(
                "/v1/image-sets:upload",
                data={"product_id": "p1", "category": CATEGORY},
                files=[("images", ("1.jpg", photos[0] * 2))],
            )
        problem(answer, 413, "too_large")

    @pytest.mark.parametrize(
        ("method", "path", "status", "kind"),
        [
            ("GET", "/v1/nothing", 404, "no_such_path"),
            ("GET", "/v1/image-sets", 405, "method_not_allowed"),
            ("DELETE", "/v1/search", 405, "method_not_allowed"),
        ],
    )
    def test_paths_and_methods_that_are_none(
        self, rest: httpx2.Client, method: str, path: str, status: int, kind: str
    ) -> None:
        problem(rest.request(method, path), status, kind)

    def test_another_sites_page(self, rest: httpx2.Client) -> None:
        headers = {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
        body = product("http://example.com/1.jpg")
        assert rest.post("/v1/image-sets", json=body, headers=headers).status_code == 403
