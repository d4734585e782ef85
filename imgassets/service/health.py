"""For what keeps the service running: is it alive, can it work, what has it done."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from imgassets import __version__
from imgassets.service.reviews import Desk

router = APIRouter(include_in_schema=False)


@router.get("/healthz")
def healthz(desk: Desk) -> dict[str, str]:
    """Say that the service runs and reaches its warehouse; 503 if it does not."""
    desk.warehouse.snapshot_id()
    return {"status": "ok", "version": __version__}


@router.get("/readyz")
def readyz(request: Request, desk: Desk) -> Response:
    """Say whether image sets can be selected without waiting for models to load; else 503."""
    desk.warehouse.snapshot_id()
    if not request.app.state.engine.is_ready:
        return JSONResponse({"status": "loading models"}, 503, {"Retry-After": "2"})
    return JSONResponse({"status": "ready"})


@router.get("/metrics")
def metrics(request: Request) -> Response:
    """Return the service's metrics, as Prometheus reads them."""
    return Response(
        generate_latest(request.app.state.metrics.registry), media_type=CONTENT_TYPE_LATEST
    )
