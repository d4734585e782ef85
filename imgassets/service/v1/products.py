"""``/v1/products``: what the warehouse says a product shows, now and then."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request

from imgassets.operations.set_history import NoImageSet, SeveralCategories, image_set
from imgassets.service.problems import ProblemError, documented
from imgassets.service.v1.access import RESPONSES, Caller
from imgassets.service.v1.answers import shown_set_of
from imgassets.service.v1.engine import Engine
from imgassets.service.v1.messages import ShownSet
from imgassets.warehouse.history import BeforeHistory

router = APIRouter(prefix="/v1", tags=["products"], responses=RESPONSES)


@router.get(
    "/products/{product_id:path}/image-set",
    responses=documented(
        s404="The product has no image set, or had none then.",
        s409="It is in several categories: name one.",
        s503="The warehouse is out of reach.",
    ),
)
def image_set_of_product(
    request: Request,
    caller: Caller,
    product_id: str,
    category: Annotated[str | None, Query(max_length=200)] = None,
    at: Annotated[
        datetime | None, Query(description="What was shown then: a time, UTC without a zone.")
    ] = None,
    day: Annotated[
        date | None, Query(description="What the feeds up to this day led to, as known now.")
    ] = None,
) -> ShownSet:
    """Return a product's image set and why it is what it is."""
    engine: Engine = request.app.state.engine
    try:
        found = image_set(engine.warehouse, product_id, category=category, at=at, day=day)
    except (NoImageSet, BeforeHistory) as error:
        raise ProblemError(404, "no_image_set", str(error)) from error
    except SeveralCategories as error:
        raise ProblemError(409, "several_categories", str(error)) from error
    return shown_set_of(found)
