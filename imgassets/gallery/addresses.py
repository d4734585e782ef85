"""Where the service shows what."""

from __future__ import annotations

from urllib.parse import quote, urlencode


def product_address(category: str, product_id: str, **query: object) -> str:
    """Return the address of a product's page.

    Args:
        category: the product's category.
        product_id: any text: a supplier chose it.
        query: further parts; those that are None or '' are left out.
    """
    asked = {name: value for name, value in query.items() if value not in (None, "")}
    return _address("products", category, product_id, asked)


def review_photos_address(category: str, product_id: str) -> str:
    """Return the address of the page of a product's review photos."""
    return _address("reviews", category, product_id, {})


def _address(page: str, category: str, product_id: str, asked: dict[str, object]) -> str:
    address = f"/{page}/{quote(category, safe='')}"
    # A browser takes the part '..' of a path away, however it is written.
    if {".", ".."} & set(product_id.replace("\\", "/").split("/")):
        asked = {"id": product_id, **asked}
    else:
        address += f"/{quote(product_id, safe='')}"
    return f"{address}?{urlencode(asked)}" if asked else address
