"""Pictures, offers and a misbehaving HTTP server."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO

import polars as pl
import pytest
from PIL import Image

from imgassets.warehouse.contracts import SupplierOffers


@pytest.fixture
def picture() -> Callable[..., bytes]:
    """Return a maker of picture files."""

    def make(kind: str = "JPEG", size: tuple[int, int] = (40, 30), **save: object) -> bytes:
        out = BytesIO()
        image = Image.radial_gradient("L").resize(size).convert("RGB")
        image.save(out, kind, **save)
        return out.getvalue()

    return make


@pytest.fixture
def offer_rows() -> Callable[..., pl.DataFrame]:
    """Return a maker of SupplierOffers rows, one per (product, location)."""

    def make(
        *pairs: tuple[str, str], day: dt.date = dt.date(2026, 1, 5), supplier: str = "acme"
    ) -> pl.DataFrame:
        rows = [
            {"day": day, "category": "tees", "product_id": product, "supplier_id": supplier,
             "image_url": location, "image_location": location, "position": i, "title": None,
             "description": None, "is_curated": False, "feed_file": f"{day}/{supplier}.csv",
             "feed_row": i}
            for i, (product, location) in enumerate(pairs, 1)
        ]  # fmt: skip
        return SupplierOffers.conform(pl.DataFrame(rows, infer_schema_length=None))

    return make


class Server:
    """A server whose paths each misbehave in one way."""

    def __init__(self, picture: bytes) -> None:
        self.hits: Counter[str] = Counter()
        hits = self.hits

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: object) -> None: ...

            def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self) -> None:
                path = self.path
                hits[path] += 1
                if path.startswith("/ok"):
                    self.answer(200, picture, Set_Cookie="seen=1")
                elif path == "/cookie":
                    self.answer(200 if "Cookie" not in self.headers else 400, picture)
                elif path == "/loop":
                    self.answer(302, Location="/loop")
                elif path == "/hop":
                    self.answer(301, Location="/ok.jpg")
                elif path == "/to-file":
                    self.answer(302, Location="file:///etc/hostname")
                elif path == "/flaky":
                    self.answer(*((500,) if hits[path] == 1 else (200, picture)))
                elif path == "/busy":
                    if hits[path] == 1:
                        self.answer(429, Retry_After="0")
                    else:
                        self.answer(200, picture)
                elif path == "/busy-long":
                    self.answer(503, Retry_After="3600")
                elif path == "/down":
                    self.answer(503)
                elif path == "/html":
                    self.answer(200, b"<html><body>not here</body></html>")
                elif path == "/empty":
                    self.answer(200)
                elif path == "/big":
                    self.answer(200, bytes(200_000))
                elif path == "/big-unannounced":
                    self.send_response(200)
                    self.send_header("Connection", "close")
                    self.end_headers()
                    self.pour(bytes(1_000_000))
                elif path == "/short":
                    self.send_response(200)
                    self.send_header("Content-Length", "9999")
                    self.end_headers()
                    self.wfile.write(picture)
                    self.close_connection = True
                elif path == "/drip":
                    self.send_response(200)
                    self.send_header("Content-Length", "10000")
                    self.end_headers()
                    for _ in range(100):
                        self.pour(b"x")
                        time.sleep(0.1)
                else:
                    self.answer(404)

            def pour(self, data: bytes) -> None:
                try:
                    self.wfile.write(data)
                    self.wfile.flush()
                except OSError:
                    self.close_connection = True

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server(picture: Callable[..., bytes]) -> Iterator[Server]:
    running = Server(picture())
    yield running
    running.close()
