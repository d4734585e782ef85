"""The search page: products by the words of their titles, descriptions and categories."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from imgassets.operations.product_search import MAX_QUERY, ProductSearch
from imgassets.service.rendering import page

router = APIRouter(include_in_schema=False)

_SHOWN = 24
"""Products on the page, at most."""


@router.get("/search")
def search(
    request: Request,
    q: Annotated[str, Query()] = "",
    category: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Show the products that match a query best; without one, ask for one."""
    products: ProductSearch = request.app.state.engine.search
    found, problem = None, ""
    if q.strip():
        try:
            found = products.search(q, category or None, _SHOWN)
        except ValueError as error:
            problem = f"{str(error)[:1].upper()}{str(error)[1:]}."
    return page(
        "search.html.j2",
        400 if problem else 200,
        q=q[:MAX_QUERY],
        category=category,
        categories=products.categories(),
        found=found,
        problem=problem,
        most=_SHOWN,
        longest=MAX_QUERY,
    )
