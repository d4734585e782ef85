"""The data dictionary as a page of the service."""

from __future__ import annotations

import functools

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

from imgassets.warehouse import dictionary

router = APIRouter(include_in_schema=False)


@router.get("/dictionary")
def page() -> Response:
    """Show every table and view, searchable."""
    return HTMLResponse(_page())


@router.get("/dictionary.css")
def style() -> Response:
    """Return the page's style."""
    return Response(dictionary.asset("css"), media_type="text/css")


@router.get("/dictionary.js")
def script() -> Response:
    """Return the page's script."""
    return Response(dictionary.asset("js"), media_type="text/javascript")


@functools.cache
def _page() -> str:
    return dictionary.html(linked=True)
