"""What other sites, hostile suppliers and hostile clients get out of the service: nothing."""

from __future__ import annotations

import io
import json
import socket
from urllib.parse import urlsplit

import pytest
from PIL import Image

from imgassets.service.images import SIDES
from imgassets.service.leases import Leases
from imgassets.vision.decode import Undecodable
from imgassets.vision.drawing import draw, request

BODY = json.dumps({"reviewer": "Ana", "answer_id": "x", "undone_at": "2026-01-06T10:00:00Z"})
JSON = {"content-type": "application/json"}


def raw(client, request_head: str) -> str:
    """Send bytes as they are and return the status line."""
    address = urlsplit(str(client.base_url))
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        connection.sendall(request_head.encode())
        return connection.makefile("rb").readline().decode().strip()


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example"])
@pytest.mark.parametrize("path", ["/", "/review", "/api/review/summary?reviewer=Ana", "/healthz"])
def test_another_host_name_is_refused(standing_client, host, path):
    assert standing_client.get(path, headers={"host": host}).status_code == 400


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1", "[::1]:8000"])
def test_this_machines_names_are_accepted(standing_client, host):
    assert standing_client.get("/healthz", headers={"host": host}).status_code == 200


def test_a_missing_host_is_refused(standing_client):
    assert " 400 " in raw(standing_client, "GET / HTTP/1.0\r\n\r\n")


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_other_origins_neither_write_nor_lease(standing_client, headers):
    reply = standing_client.post("/api/review/undo", content=BODY, headers=JSON | headers)
    assert (reply.status_code, reply.json()["error"]) == (403, "cross_origin")
    reply = standing_client.get("/api/review/tasks?reviewer=Ana", headers=headers)
    assert reply.status_code == 403
    preflight = {**headers, "access-control-request-method": "POST"}
    reply = standing_client.options("/api/review/undo", headers=preflight)
    assert reply.status_code == 403
    assert not [name for name in reply.headers if name.startswith("access-control-")]


def test_the_own_origin_writes(standing_client):
    own = str(standing_client.base_url).rstrip("/")
    headers = {**JSON, "origin": own, "sec-fetch-site": "same-origin"}
    reply = standing_client.post("/api/review/undo", content=BODY, headers=headers)
    assert reply.json()["error"] == "cannot_undo"


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_only_json_writes(standing_client, kind):
    reply = standing_client.post("/api/review/undo", content=BODY, headers={"content-type": kind})
    assert (reply.status_code, reply.json()["error"]) == (415, "not_json")


def test_a_body_without_a_length_is_refused(standing_client):
    reply = standing_client.post("/api/review/undo", content=iter([BODY.encode()]), headers=JSON)
    assert reply.status_code == 411


@pytest.mark.parametrize("path", ["/", "/review", "/static/review.js", "/images/x/160", "/nothing"])
def test_every_answer_is_confined(standing_client, path):
    headers = standing_client.get(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize(
    "path",
    [
        "/images/../../warehouse/catalog.sqlite/160",
        "/images/..%2f..%2fwarehouse%2fcatalog.sqlite/160",
        f"/images/{'a' * 64}%2f..%2f..%2f..%2fwarehouse/160",
        f"/images/{'A' * 64}/160",
        f"/images/{'a' * 63}/160",
        f"/images/{'a' * 64}%0a/160",
        f"/images/{'a' * 64}/161",
        f"/images/{'a' * 64}/0160",
        f"/images/{'a' * 64}/160",
        "/static/../app.py",
        "/static/..%2fapp.py",
        "/static/%2e%2e/app.py",
    ],
)
def test_no_path_leads_out_of_what_is_served(standing_client, path):
    assert " 404 " in raw(standing_client, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")


def test_a_missing_picture_is_a_placeholder(standing_client):
    reply = standing_client.get(f"/images/{'a' * 64}/320")
    assert reply.headers["content-type"] == "image/svg+xml"
    assert b"No picture" in reply.content
    assert reply.headers["cache-control"] == "no-store"


def test_pictures_are_drawn_anew_at_the_size_asked_for(standing_client, built):
    image = Image.new("RGB", (3000, 1500), "navy")
    exif = Image.Exif()
    exif[0x010F] = "Secret camera"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    out = io.BytesIO()
    image.save(out, "JPEG", exif=exif, comment=b"Secret comment")
    image_id = built.store.put(out.getvalue())
    for side in SIDES:
        reply = standing_client.get(f"/images/{image_id}/{side}")
        assert reply.headers["content-type"] == "image/webp"
        assert b"Secret" not in reply.content
        with Image.open(io.BytesIO(reply.content)) as drawn:
            assert drawn.size == (side, side // 2)
            assert not drawn.getexif()


def test_pictures_are_kept_by_the_browser_for_ever(standing_client, built):
    path = f"/images/{built.tasks['image_id'][0]}/160"
    reply = standing_client.get(path)
    assert "immutable" in reply.headers["cache-control"]
    again = standing_client.get(path, headers={"if-none-match": reply.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("data", [b"", b"<svg onload=alert(1)>", b"\xff\xd8\xff\xe0 cut short"])
def test_hostile_bytes_never_reach_the_browser(standing_client, built, data):
    reply = standing_client.get(f"/images/{built.store.put(data)}/1200")
    assert reply.status_code == 404
    assert b"No picture" in reply.content
    assert isinstance(draw(request(data, 160)), Undecodable)


def test_a_small_picture_is_not_enlarged():
    out = io.BytesIO()
    Image.new("RGB", (90, 60), "red").save(out, "PNG")
    drawn = draw(request(out.getvalue(), 1200))
    with Image.open(io.BytesIO(drawn)) as picture:
        assert picture.size == (90, 60)


def test_leases_end_and_are_renewed():
    now = 0.0
    leases = Leases(seconds=120, clock=lambda: now)
    assert leases.take("Ana", ["a", "b", "c"], 2) == ["a", "b"]
    assert leases.take("Ben", ["a", "b", "c"], 2) == ["c", "a"]
    now = 100.0
    assert leases.take("Ana", [], 0, renew=["a"]) == []
    now = 130.0
    assert leases.take("Ben", ["a", "b", "c"], 3) == ["b", "c", "a"]
    leases.release("a")
    assert leases.take("Cem", ["a", "b"], 1) == ["a"]
