"""The pages for people; what they show is fetched by their scripts or written escaped."""

from __future__ import annotations

from fastapi import APIRouter, Response

from imgassets.service.messages import MAX_NAME
from imgassets.service.rendering import page
from imgassets.service.reviews import Desk, open_flags

router = APIRouter(include_in_schema=False)

_NOBODY = ""
"""A reviewer without answers: to whom every undecided question is open."""


@router.get("/")
def home(desk: Desk) -> Response:
    """Link to the pages there are."""
    tasks = desk.open_to(_NOBODY)
    return page("home.html.j2", open=tasks.height, flags=open_flags(desk, tasks))


@router.get("/review")
def review() -> Response:
    """Show the review page, one question at a time."""
    return page("review.html.j2", max_name=MAX_NAME)
