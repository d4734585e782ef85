"""The service as one application: pages, pictures, the APIs, and what protects them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from anyio import CapacityLimiter
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.middleware.trustedhost import TrustedHostMiddleware

from imgassets import __version__
from imgassets.ingest.store import ImageStore
from imgassets.learning.registry import ModelRegistry
from imgassets.moderation.flags import all_flags
from imgassets.service import (
    dictionary,
    gallery_pages,
    health,
    images,
    impact_pages,
    pages,
    problems,
    review_photo_pages,
    reviews,
    search_pages,
)
from imgassets.service.bodies import BodyLimits
from imgassets.service.messages import Failure
from imgassets.service.security import SafeHeaders, SameOriginOnly
from imgassets.service.telemetry import Metrics, Telemetry
from imgassets.service.v1 import image_sets, photos, products, searching
from imgassets.service.v1.access import Access
from imgassets.service.v1.engine import Engine
from imgassets.settings import Settings
from imgassets.warehouse.lake import Warehouse, WarehouseError

LOCAL_HOSTS = ("127.0.0.1", "localhost", "[::1]")
"""Names of this machine that a browser may use for it."""

_DRAWING_THREADS = 4


def create_app(
    settings: Settings,
    warehouse: Warehouse,
    store: ImageStore,
    registry: ModelRegistry,
    allowed_hosts: Iterable[str] = (),
    *,
    warm: bool = False,
) -> FastAPI:
    """Build the service.

    Args:
        settings: limits, models, keys.
        warehouse: where questions and answers are; its tables are created if they are missing.
        store: where the images are.
        registry: where the champions are.
        allowed_hosts: names that requests may be sent to, besides this machine's local ones.
        warm: load models when it starts, not with the first request that needs them.

    Raises:
        WarehouseError: the warehouse cannot be opened.
        ValueError: a file that the settings name is wrong.
    """
    warehouse.initialise()
    flags = all_flags(settings.flags)
    metrics = Metrics()
    engine = Engine(settings, warehouse, store, registry, metrics)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.pictures = images.Pictures(store, settings.vision)
        app.state.drawing_threads = CapacityLimiter(_DRAWING_THREADS)
        if warm:
            engine.start()
        try:
            yield
        finally:
            app.state.pictures.close()
            engine.close()

    # FastAPI's own pages of documentation load scripts from elsewhere: /openapi.json remains.
    app = FastAPI(
        title="imgassets", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None
    )
    app.state.desk = reviews.ReviewDesk(warehouse, flags)
    app.state.engine = engine
    app.state.metrics = metrics
    app.state.access = Access(settings.service)
    parts = (
        reviews, image_sets, products, photos, searching, images, pages, gallery_pages,
        search_pages, impact_pages, review_photo_pages, dictionary, health,
    )  # fmt: skip
    for part in parts:
        app.include_router(part.router)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"))
    problems.add_handlers(app)
    app.add_exception_handler(reviews.ApiError, _api_error)
    app.add_exception_handler(WarehouseError, _warehouse_error)
    # The last one added sees a request first.
    app.add_middleware(SameOriginOnly)
    app.add_middleware(BodyLimits, max_upload_bytes=settings.service.max_upload_bytes)
    app.add_middleware(
        TrustedHostMiddleware,
        allowed_hosts=[*LOCAL_HOSTS, *allowed_hosts],
        www_redirect=False,
    )
    app.add_middleware(SafeHeaders)
    app.add_middleware(Telemetry, metrics=metrics)
    return app


def _api_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, reviews.ApiError)
    return JSONResponse(error.failure.model_dump(), error.status)


def _warehouse_error(request: Request, error: Exception) -> Response:
    headers = {"Retry-After": "5"}
    if request.url.path.startswith(problems.REST):
        problem = problems.ProblemError(503, "warehouse_unavailable", str(error), headers)
        return problems.answer(request, problem)
    failure = Failure(error="warehouse_unavailable", detail=str(error))
    return JSONResponse(failure.model_dump(), 503, headers)
