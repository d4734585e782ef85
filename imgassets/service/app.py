"""The service as one application: pages, pictures, the review API, and what protects them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from anyio import CapacityLimiter
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.middleware.trustedhost import TrustedHostMiddleware

from imgassets import __version__
from imgassets.ingest.store import ImageStore
from imgassets.moderation.flags import Flag
from imgassets.service import images, pages, reviews
from imgassets.service.messages import Failure
from imgassets.service.security import SafeHeaders, SameOriginOnly
from imgassets.settings import VisionSettings
from imgassets.warehouse.lake import Warehouse, WarehouseError

LOCAL_HOSTS = ("127.0.0.1", "localhost", "[::1]")
"""Names of this machine that a browser may use for it."""

_DRAWING_THREADS = 4


def create_app(
    warehouse: Warehouse,
    store: ImageStore,
    vision: VisionSettings,
    flags: Mapping[str, Flag],
    allowed_hosts: Iterable[str] = (),
) -> FastAPI:
    """Build the service.

    Args:
        warehouse: where questions and answers are; its tables are created if they are missing.
        store: where the images are.
        vision: what drawing a picture may take.
        flags: the registry of flags.
        allowed_hosts: names that requests may be sent to, besides this machine's local ones.

    Raises:
        WarehouseError: the warehouse cannot be opened.
    """
    warehouse.initialise()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.pictures = images.Pictures(store, vision)
        app.state.drawing_threads = CapacityLimiter(_DRAWING_THREADS)
        try:
            yield
        finally:
            app.state.pictures.close()

    # FastAPI's own pages of documentation load scripts from elsewhere: /openapi.json remains.
    app = FastAPI(
        title="imgassets", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None
    )
    app.state.desk = reviews.ReviewDesk(warehouse, flags)
    app.include_router(reviews.router)
    app.include_router(images.router)
    app.include_router(pages.router)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"))
    app.add_exception_handler(reviews.ApiError, _api_error)
    app.add_exception_handler(WarehouseError, _warehouse_error)
    # The last one added sees a request first.
    app.add_middleware(SameOriginOnly)
    app.add_middleware(
        TrustedHostMiddleware,
        allowed_hosts=[*LOCAL_HOSTS, *allowed_hosts],
        www_redirect=False,
    )
    app.add_middleware(SafeHeaders)
    return app


def _api_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, reviews.ApiError)
    return JSONResponse(error.failure.model_dump(), error.status)


def _warehouse_error(_: Request, error: Exception) -> JSONResponse:
    failure = Failure(error="warehouse_unavailable", detail=str(error))
    return JSONResponse(failure.model_dump(), 503, {"Retry-After": "5"})
