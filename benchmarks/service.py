"""How fast the service selects image sets, and whether it holds under load.

    python benchmarks/service.py --home HOME --category laptop [--photos FOLDER] [--minutes 10]

HOME is a home folder whose models are trained (`imgassets demo` makes one). A server of this
machine gives out pictures of 800 px, ten to a product, no two files alike, so that nothing comes
from a cache; service, picture server and clients share the machine's cores. Printed are times with
1 and 4 clients, the rate of requests at which the 95th percentile passes a second, and the errors
of a long load by 4 clients; as a ratio, a set's time against decoding its pictures with Pillow.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import itertools
import json
import math
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
import numpy as np
from PIL import Image, ImageOps

from imgassets.sample.products import VIEWS, products

SIDE, IMAGES = 800, 10
RATES = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--category", required=True, help="a category that HOME knows")
    parser.add_argument(
        "--photos",
        type=Path,
        help="JPEG photos, ten unlike ones a product: a hard case; default: drawn products",
    )
    parser.add_argument("--minutes", type=float, default=10, help="of the long load")
    parser.add_argument("--seconds", type=float, default=30, help="of each rate")
    options = parser.parse_args()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    files = _pictures(options.photos, options.category)
    sizes = [len(data) for data in files]
    print(f"{len(files)} pictures of {SIDE} px, {np.mean(sizes) / 1e3:.0f} kB on average")
    with _picture_server(files) as pictures, _service(options.home) as service:
        load = Load(service, pictures, options.category)
        asyncio.run(load.measure(options.seconds, options.minutes))
    decoding = _decode_seconds(files[:IMAGES])
    ratio = np.median(load.alone) / decoding
    print(f"decoding ten pictures with Pillow, one core: {1e3 * decoding:.0f} ms; ", end="")
    print(f"a set takes {ratio:.1f} times that")


class Load:
    """Asks the service for sets of products that it has never seen."""

    def __init__(self, service: str, pictures: str, category: str) -> None:
        self._service = service
        self._pictures = pictures
        self._category = category
        self._numbers = itertools.count(int(time.time()) * 1000)
        self.alone: list[float] = []

    async def measure(self, seconds: float, minutes: float) -> None:
        """Print the tables, each rate for some seconds and the last load for some minutes."""
        limits = httpx2.Limits(max_connections=None)
        async with httpx2.AsyncClient(
            base_url=self._service, timeout=120, limits=limits
        ) as self._client:
            await self._closed(clients=2, requests=6)  # warms up
            print("clients  requests   p50 s   p95 s   p99 s  requests/s  answers")
            for clients, requests in ((1, 60), (4, 160)):
                begun = time.monotonic()
                times, answers = await self._closed(clients, requests)
                rate = requests / (time.monotonic() - begun)
                print(f"{clients:7d} {requests:9d} {_quantiles(times)} {rate:11.2f}  {answers}")
                if clients == 1:
                    self.alone = times
            print("requests/s asked   p50 s   p95 s   p99 s  answers")
            passed = None
            for rate in RATES:
                times, answers = await self._open(rate, seconds)
                print(f"{rate:16.2f} {_quantiles(times)}  {answers}")
                if passed is None and np.quantile(times, 0.95) > 1:
                    passed = rate
                if np.quantile(times, 0.95) > 4:
                    break
            print(f"the 95th percentile passes 1 s at {passed or 'none of these'} requests/s")
            times, answers = await self._closed(4, seconds=60 * minutes)
            errors = sum(n for status, n in answers.items() if status not in ("200", "202"))
            print(
                f"{minutes:g} minutes of 4 clients: {_quantiles(times)} s, {answers}, "
                f"{errors} errors in {len(times)} requests"
            )

    async def _closed(
        self, clients: int, requests: int | None = None, seconds: float = math.inf
    ) -> tuple[list[float], Counter[str]]:
        """Let some clients ask again as soon as they are answered, so often or so long."""
        waiting = itertools.count() if requests is None else iter(range(requests))
        ends = time.monotonic() + seconds
        times: list[float] = []
        answers: Counter[str] = Counter()

        async def client() -> None:
            for _ in waiting:
                if time.monotonic() > ends:
                    return
                await self._ask(times, answers)

        await asyncio.gather(*(client() for _ in range(clients)))
        return times, answers

    async def _open(self, rate: float, seconds: float) -> tuple[list[float], Counter[str]]:
        """Ask at a steady rate, however long answers take."""
        times: list[float] = []
        answers: Counter[str] = Counter()
        async with asyncio.TaskGroup() as group:
            async for _ in _ticks(rate, seconds):
                group.create_task(self._ask(times, answers))
        return times, answers

    async def _ask(self, times: list[float], answers: Counter[str]) -> None:
        number = next(self._numbers)
        urls = [f"{self._pictures}/{number}/{place}.jpg" for place in range(IMAGES)]
        body = {
            "product_id": str(number),
            "category": self._category,
            "images": [{"url": url, "supplier": f"s{i % 3}"} for i, url in enumerate(urls)],
        }
        begun = time.monotonic()
        try:
            answer = await self._client.post("/v1/image-sets", json=body)
        except httpx2.HTTPError as error:
            answers[type(error).__name__] += 1
        else:
            whole = answer.status_code != 200 or not answer.json()["refused"]
            answers[str(answer.status_code) if whole else "200 with refusals"] += 1
        times.append(time.monotonic() - begun)


async def _ticks(rate: float, seconds: float) -> AsyncIterator[int]:
    begun = time.monotonic()
    for number in range(round(rate * seconds)):
        await asyncio.sleep(max(0.0, begun + number / rate - time.monotonic()))
        yield number


def _quantiles(times: list[float]) -> str:
    return " ".join(f"{value:7.2f}" for value in np.quantile(times, [0.5, 0.95, 0.99]))


def _pictures(photos: Path | None, category: str) -> list[bytes]:
    """Return IMAGES pictures of SIDE pixels for each of some products, as JPEG."""
    if photos is not None:
        paths = sorted(photos.rglob("*.jpg"))[: 6 * IMAGES]
        if len(paths) < IMAGES:
            raise SystemExit(f"{photos} holds {len(paths)} JPEG files: {IMAGES} are needed")
        return [_jpeg(Image.open(path).convert("RGB")) for path in paths]
    found: list[bytes] = []
    for product in (p for p in products(4) if p.category == category):
        views = [
            Image.fromarray(product.photograph(view, 0, SIDE).picture) for view in VIEWS[category]
        ]
        # What suppliers send: every view, and copies of some in other qualities.
        qualities = [88] * len(views) + [60 + place for place in range(IMAGES - len(views))]
        found += [
            _jpeg(views[place % len(views)], quality) for place, quality in enumerate(qualities)
        ]
    return found


def _jpeg(picture: Image.Image, quality: int = 88) -> bytes:
    out = io.BytesIO()
    ImageOps.contain(picture, (SIDE, SIDE)).save(out, "JPEG", quality=quality)
    return out.getvalue()


def _decode_seconds(files: list[bytes]) -> float:
    begun = time.monotonic()
    for data in files:
        Image.open(io.BytesIO(data)).convert("RGB").load()
    return time.monotonic() - begun


@contextmanager
def _picture_server(files: list[bytes]) -> Iterator[str]:
    """Serve pictures from another process: each address has a file of its own."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=_serve_pictures, args=(files, theirs), daemon=True)
    process.start()
    yield f"http://127.0.0.1:{ours.recv()}"
    process.terminate()


def _serve_pictures(files: list[bytes], told: multiprocessing.connection.Connection) -> None:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1  # headers and body together, or the client waits for the body

        def do_GET(self) -> None:
            product, place = (int(part) for part in re.findall(r"\d+", self.path))
            data = files[(IMAGES * product + place) % len(files)]
            # A comment after the first marker: another file, the same pixels.
            comment = self.path.encode()
            data = data[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2) + comment + data[2:]
            self.send_response(200)
            self.send_header("Content-Type", "image/jpeg")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
            self.wfile.flush()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    # Ten connections at once are more than the usual five that may wait: the rest lose a second.
    ThreadingHTTPServer.request_queue_size = 128
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.send(server.server_address[1])
    server.serve_forever()


@contextmanager
def _service(home: Path) -> Iterator[str]:
    """Run `imgassets serve` on a home until it has loaded its models."""
    environment = {
        **os.environ,
        "IMGASSETS_HOME": str(home),
        "IMGASSETS_FETCH__ALLOWED_NETWORKS": json.dumps(["127.0.0.0/8"]),
        "IMGASSETS_SERVICE__REQUESTS_PER_MINUTE": "1000000",
    }
    command = [str(Path(sys.executable).parent / "imgassets"), "serve", "--port", "0"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        address = re.search(r"http://[\d.]+:\d+", process.stdout.readline())
        assert address is not None, "the service did not start"
        try:
            for _ in range(600):
                if httpx2.get(f"{address[0]}/readyz").status_code == 200:
                    break
                time.sleep(0.2)
            yield address[0]
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


if __name__ == "__main__":
    main()
