"""``/v1/search``: products by words and by what their images show."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from imgassets.operations.image_search import Method
from imgassets.service.problems import ProblemError, documented
from imgassets.service.v1.access import RESPONSES, Caller
from imgassets.service.v1.engine import Engine
from imgassets.service.v1.messages import SearchAnswer, SearchHit

router = APIRouter(prefix="/v1", tags=["search"], responses=RESPONSES)


@router.get(
    "/search",
    responses=documented(s503="The warehouse is out of reach."),
)
def search(
    request: Request,
    caller: Caller,
    q: Annotated[str, Query(description="Words, of any script.")],
    category: Annotated[str | None, Query(max_length=200)] = None,
    k: Annotated[int, Query(ge=1, le=100, description="Hits at most.")] = 10,
    method: Annotated[
        Method | None,
        Query(
            description="words: titles and descriptions; images: what images show; reranked: the "
            "same, put in order by the re-ranker; fused: words and reranked images together. "
            "Default: fused, or words where images cannot be searched."
        ),
    ] = None,
) -> SearchAnswer:
    """Return the products that match best, each with its image that does."""
    engine: Engine = request.app.state.engine
    try:
        found = engine.search.search(q, category, k, method)
    except ValueError as error:
        raise ProblemError(422, "invalid_request", str(error)) from error
    return SearchAnswer(
        query=found.query,
        method=found.method,
        hits=[
            SearchHit(**{n: getattr(hit, n) for n in SearchHit.model_fields}) for hit in found.hits
        ],
        is_low=found.is_low,
        note=found.note,
    )
