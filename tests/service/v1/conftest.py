"""The REST interface over real HTTP: a service in a thread, and a server of suppliers' pictures."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import polars as pl
import pytest

from imgassets.ingest.store import ImageStore
from imgassets.operations.categories import import_priorities
from imgassets.operations.models import open_registry
from imgassets.sample.defects import encode
from imgassets.sample.products import VIEWS, products
from imgassets.service.app import create_app
from imgassets.settings import FetchSettings, ServiceSettings, Settings, VisionSettings
from imgassets.warehouse.lake import Warehouse
from tests.service.threads import ServiceThread

CATEGORY = "t-shirt"


@dataclass
class Supplier:
    """A web server with pictures; `/hang` answers only once the test lets it."""

    files: dict[str, bytes]
    go_on: threading.Event = field(default_factory=threading.Event)
    asked: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    @contextmanager
    def serving(self) -> Iterator[Supplier]:
        files, go_on, asked = self.files, self.go_on, self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/hang":
                    asked.set()
                    go_on.wait(60)
                data = files.get(self.path.split("?")[0])
                self.send_response(404 if data is None else 200)
                self.send_header("Content-Length", str(len(data or b"")))
                self.end_headers()
                self.wfile.write(data or b"")

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            server.daemon_threads = True
            self.url = f"http://127.0.0.1:{server.server_address[1]}"
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                yield self
            finally:
                self.go_on.set()
                server.shutdown()
                thread.join()


def image_id(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture(scope="session")
def photos() -> list[bytes]:
    """Three different views of one product, the first of them twice: in two qualities."""
    product = next(p for p in products(1) if p.category == CATEGORY)
    shots = [product.photograph(view, 0, 640).picture for view in VIEWS[CATEGORY][:3]]
    return [encode(shots[0]), encode(shots[1]), encode(shots[2]), encode(shots[0], quality=60)]


@pytest.fixture(scope="session")
def supplier(photos: list[bytes]) -> Iterator[Supplier]:
    files = {f"/{place}.jpg": data for place, data in enumerate(photos)}
    page = b"<html>no picture</html>"
    with Supplier({**files, "/page.jpg": page, "/cut.jpg": photos[0][:3000]}).serving() as server:
        yield server


Start = Callable[..., ServiceThread]


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Return what starts a service with settings of its own over an almost empty warehouse."""
    home = tmp_path_factory.mktemp("rest")
    settings = Settings(home=home, vision=VisionSettings(workers=2, batch_size=8))
    warehouse = Warehouse(settings.warehouse, settings.warehouse_data)
    ranks = {"category": [CATEGORY] * 3, "rank": [1, 2, 3], "image_type": VIEWS[CATEGORY][:3]}
    import_priorities(warehouse, pl.DataFrame(ranks).with_columns(pl.col("rank").cast(pl.Int32)))
    running: list[ServiceThread] = []

    def begin(fetch: FetchSettings | None = None, **service: Any) -> ServiceThread:
        local = FetchSettings(allowed_networks=["127.0.0.0/8"], timeout_seconds=20)
        own = settings.model_copy(
            update={
                "fetch": fetch or local,
                "service": ServiceSettings(**{"deadline_seconds": 60, **service}),
            }
        )
        store = ImageStore(own.image_store)
        thread = ServiceThread(create_app(own, warehouse, store, open_registry(own)))
        running.append(thread)
        return thread.start()

    yield begin
    for thread in running:
        thread.stop()


@pytest.fixture(scope="session")
def service(start: Start) -> ServiceThread:
    """One service for all tests that need no settings of their own."""
    return start()


@pytest.fixture
def rest(service: ServiceThread) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=service.url, timeout=120) as client:
        yield client


def home_of(service: ServiceThread) -> Path:
    home: Path = service.app.state.engine.settings.home
    return home
