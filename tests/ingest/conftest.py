"""Pictures, offers and a misbehaving HTTP server."""

from __future__ import annotations

import datetime as dt
import gzip
import socket
import ssl
import struct
import threading
import time
import zlib
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


GZIP_BOMB = zlib.compress(bytes(50_000_000))


class Server:
    """A server whose paths each misbehave in one way."""

    def __init__(self, picture: bytes, host: str, tls: ssl.SSLContext | None) -> None:
        self.hits: Counter[str] = Counter()
        self.connections = 0
        self.redirect = "/ok.jpg"
        self.version = '"1"'
        hits = self.hits
        behaviour = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: object) -> None: ...

            def setup(self) -> None:
                behaviour.connections += 1
                super().setup()

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
                # Closed without a word about it in the answer, as servers do after a while.
                self.close_connection = path == "/ok-and-close"
                if path.startswith("/ok"):
                    self.answer(200, picture, Set_Cookie="seen=1")
                elif path.startswith("/slow/"):
                    time.sleep(0.05)
                    self.answer(200, picture + path.encode())
                elif path == "/cookie":
                    self.answer(200 if "Cookie" not in self.headers else 400, picture)
                elif path == "/loop":
                    self.answer(302, Location="/loop")
                elif path == "/hop":
                    self.answer(301, Location="/ok.jpg")
                elif path == "/redirect":
                    self.answer(302, Location=behaviour.redirect)
                elif path == "/versioned":
                    if self.headers.get("If-None-Match") == behaviour.version:
                        self.answer(304, ETag=behaviour.version)
                    else:
                        self.answer(200, picture, ETag=behaviour.version)
                elif path == "/reset-once" and hits[path] == 1:
                    linger = struct.pack("ii", 1, 0)  # close with a reset
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    self.close_connection = True
                elif path == "/reset-once":
                    self.answer(200, picture)
                elif path == "/fails-twice":
                    self.answer(*((500,) if hits[path] <= 2 else (200, picture)))
                elif path == "/gzip-bomb":
                    self.answer(200, GZIP_BOMB, Content_Encoding="gzip")
                elif path == "/gzip":
                    self.answer(200, gzip.compress(picture), Content_Encoding="gzip")
                elif path == "/brotli":
                    self.answer(200, picture, Content_Encoding="br")
                elif path == "/endless":
                    self.send_response(200)
                    self.send_header("Connection", "close")
                    self.end_headers()
                    while self.pour(bytes(65_536)):
                        pass
                elif path == "/endless-header":
                    self.send_response(200)
                    self.flush_headers()
                    while self.pour(b"x-a: " + bytes(64).hex().encode() + b"\r\n"):
                        pass
                elif path == "/to-file":
                    self.answer(302, Location="file:///etc/hostname")
                elif path == "/flaky":
                    self.answer(*((500,) if hits[path] == 1 else (200, picture)))
                elif path == "/busy":
                    if hits[path] == 1:
                        self.answer(429, Retry_After="0")
                    else:
                        self.answer(200, picture)
                elif path == "/busy-2s":
                    if hits[path] == 1:
                        self.answer(429, Retry_After="2")
                    else:
                        self.answer(200, picture)
                elif path == "/busy-long":
                    self.answer(503, Retry_After="3600")
                elif path == "/absent-and-cut-off":
                    self.send_response(404)
                    self.send_header("Content-Length", "9999")
                    self.end_headers()
                    self.close_connection = True
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

            def pour(self, data: bytes) -> bool:
                """Send bytes; tell whether anybody still takes them."""
                try:
                    self.wfile.write(data)
                    self.wfile.flush()
                except OSError:
                    self.close_connection = True
                    return False
                return True

        self._server = ThreadingHTTPServer((host, 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        scheme = "http" if tls is None else "https"
        self.url = f"{scheme}://{host}:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def serve(picture: Callable[..., bytes]) -> Iterator[Callable[..., Server]]:
    """Return a starter of servers."""
    running: list[Server] = []

    def start(host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> Server:
        running.append(Server(picture(), host, tls))
        return running[-1]

    yield start
    for server in running:
        server.close()


@pytest.fixture
def server(serve: Callable[..., Server]) -> Server:
    return serve()


@pytest.fixture
def server_elsewhere(serve: Callable[..., Server]) -> Server:
    """A server on another loopback address than 127.0.0.1."""
    return serve("127.0.0.9")
