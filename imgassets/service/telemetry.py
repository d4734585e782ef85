"""What the service tells of itself: request ids, a log line for each request, and metrics."""

from __future__ import annotations

import re
import sys
import time
import uuid
from collections.abc import Mapping
from typing import Any

import structlog
from fastapi import Request
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUEST_ID = "X-Request-Id"

_UNTOLD = ("/static", "/images/{image_id}/{side}", "/healthz", "/readyz", "/metrics")
"""Routes that get no line in the log: there are many, and nothing is learnt from them."""

_BUCKETS = (0.01, 0.03, 0.1, 0.3, 0.5, 1, 2, 3, 5, 10, 30)


class Metrics:
    """The service's metrics, as Prometheus reads them.

    Attributes:
        registry: what `/metrics` prints.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        of_request = ["method", "route", "status"]
        self.requests = Counter(
            "imgassets_requests", "Requests answered.", of_request, registry=self.registry
        )
        self.seconds = Histogram(
            "imgassets_request_seconds", "Time to the end of an answer.", ["route"],
            buckets=_BUCKETS, registry=self.registry,
        )  # fmt: skip
        self.step_seconds = Histogram(
            "imgassets_image_set_step_seconds", "Time of one step of selecting a set.", ["step"],
            buckets=_BUCKETS, registry=self.registry,
        )  # fmt: skip
        self.images = Counter(
            "imgassets_image_set_images", "Images of requests, by what became of them.",
            ["outcome"], registry=self.registry,
        )  # fmt: skip
        self.waiting = Gauge(
            "imgassets_image_sets_unfinished", "Image sets that wait or are worked on.",
            registry=self.registry,
        )  # fmt: skip

    def count_image_set(self, seconds: Mapping[str, float], outcomes: Mapping[str, int]) -> None:
        """Count one selected set: the time of its steps, and what became of its images."""
        for step, taken in seconds.items():
            self.step_seconds.labels(step).observe(taken)
        for outcome, images in outcomes.items():
            self.images.labels(outcome).inc(images)


def request_id(request: Request) -> str:
    """Return a request's id."""
    found: str = request.scope.get("request_id", "")
    return found


class _StandardError:
    """Where structlog writes: the stream that is the standard error at that moment."""

    def info(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)


class Telemetry:
    """Gives each request an id, counts it, and writes a line about it to the standard error.

    An id that a client or proxy sends is kept if it is a plain word. Query strings and keys are
    never logged.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics
        self._log = structlog.wrap_logger(
            _StandardError(),
            processors=[
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.JSONRenderer(),
            ],
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and tell of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sent = Headers(scope=scope).get(REQUEST_ID, "")
        scope["request_id"] = sent if re.fullmatch(r"[\w.-]{1,64}", sent) else uuid.uuid4().hex
        begun = time.monotonic()
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID] = scope["request_id"]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            self._tell(scope, status, time.monotonic() - begun)

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        route = _route(scope)
        self._metrics.requests.labels(scope["method"], route, str(status)).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        if route in _UNTOLD:
            return
        told: dict[str, Any] = {
            "method": scope["method"],
            "route": route,
            # Nothing was answered: the client had gone.
            "status": status or None,
            "seconds": round(seconds, 4),
            "request_id": scope["request_id"],
        }
        if caller := scope.get("caller"):
            told["caller"] = caller
        self._log.info("request", **told)


def _route(scope: Scope) -> str:
    """Return the template of a request's path: paths themselves would be labels without end."""
    if route := scope.get("route"):
        path: str = route.path
        return path
    return "/static" if scope["path"].startswith("/static/") else "unmatched"
