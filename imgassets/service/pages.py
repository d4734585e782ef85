"""The pages for people; what they show is fetched by their scripts or written escaped."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from imgassets import __version__
from imgassets.service.messages import MAX_NAME
from imgassets.service.reviews import Desk, open_flags

router = APIRouter(include_in_schema=False)
_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)

_NOBODY = ""
"""A reviewer without answers: to whom every undecided question is open."""


@router.get("/")
def home(desk: Desk) -> Response:
    """Link to the pages there are."""
    tasks = desk.open_to(_NOBODY)
    return _page("home.html.j2", open=tasks.height, flags=open_flags(desk, tasks))


@router.get("/review")
def review() -> Response:
    """Show the review page, one question at a time."""
    return _page("review.html.j2", max_name=MAX_NAME)


@router.get("/healthz")
def healthz(desk: Desk) -> dict[str, str]:
    """Say that the service runs and reaches its warehouse; 503 if it does not."""
    desk.warehouse.snapshot_id()
    return {"status": "ok", "version": __version__}


def _page(name: str, **values: object) -> HTMLResponse:
    return HTMLResponse(_ENVIRONMENT.get_template(name).render(values))
