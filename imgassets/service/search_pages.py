"""The search page: products by words and by what their images show."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from imgassets.operations.image_search import ImageSearch
from imgassets.operations.product_search import MAX_QUERY, Hit, Method
from imgassets.service.rendering import page

router = APIRouter(include_in_schema=False)

_METHODS = {
    "": "Words and images",
    "words": "Words alone",
    "images": "Images alone",
    "reranked": "Images, re-ranked",
}
"""What the page offers; without a search model the first is words alone."""

_SHOWN = 24
"""Products on the page, at most."""


def _why(method: Method, hit: Hit) -> str:
    """Return why a product stands where it does."""
    if method == "images":
        return f"likeness {hit.score:.2f}"
    if method == "reranked":
        return f"its image fits with {100 * hit.score:.0f} %"
    if method == "words":
        return f"{', '.join(hit.matched)} · score {hit.score:.2f}"
    places = [
        f"no. {rank} by {what}"
        for what, rank in (("words", hit.word_rank), ("image", hit.image_rank))
        if rank
    ]
    return " · ".join([*([", ".join(hit.matched)] if hit.matched else []), *places])


@router.get("/search")
def search(
    request: Request,
    q: Annotated[str, Query()] = "",
    category: Annotated[str, Query(max_length=200)] = "",
    method: Annotated[Literal["", "words", "images", "reranked", "fused"], Query()] = "",
) -> Response:
    """Show the products that match a query best; without one, ask for one."""
    products: ImageSearch = request.app.state.engine.search
    found, problem = None, ""
    if q.strip():
        try:
            found = products.search(q, category or None, _SHOWN, method or None)
        except ValueError as error:
            problem = f"{str(error)[:1].upper()}{str(error)[1:]}."
    return page(
        "search.html.j2",
        400 if problem else 200,
        q=q[:MAX_QUERY],
        category=category,
        method=method,
        methods=_METHODS,
        why=_why,
        categories=products.categories(),
        found=found,
        problem=problem,
        most=_SHOWN,
        longest=MAX_QUERY,
    )
