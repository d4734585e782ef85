"""From a request to rows of ``supplier_offers``, as a feed would have given them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from imgassets.ingest.feeds import category_slug
from imgassets.ingest.locations import ImageBase, resolve
from imgassets.service.problems import ProblemError
from imgassets.service.v1.messages import ImageReference, ImageSetRequest, RefusedImage
from imgassets.warehouse.contracts import SupplierOffers


@dataclass(frozen=True)
class Offered:
    """Offers of one product, and the references that are none."""

    offers: pl.DataFrame
    refused: list[RefusedImage]


def offers_of(request: ImageSetRequest, day: date, category: str) -> Offered:
    """Return a request's offers.

    Args:
        request: valid, its images not too many.
        day: of the partition that the offers would be in.
        category: the request's, as a slug.

    Raises:
        ProblemError: two references of a supplier are the same.
    """
    _refuse_repeats(request.images)
    urls = pl.Series([image.url.strip() for image in request.images], dtype=pl.String)
    resolved = resolve(urls, ImageBase.parse("")).with_columns(url=urls)
    bad = resolved.filter(pl.col("image_location").is_null())
    refused = [
        RefusedImage(url=url, rule="bad_image_url", measured=url, limit=limit, detail=detail)
        for url, limit, detail in bad.select("url", "limit", "detail").iter_rows()
    ]
    locations = resolved["image_location"].to_list()
    return Offered(_rows(request, day, category, locations), refused)


def uploaded_offers(
    request: ImageSetRequest, day: date, category: str, files: Sequence[Path]
) -> pl.DataFrame:
    """Return the offers of a request whose images were sent as files, in the images' order."""
    return _rows(request, day, category, [str(path) for path in files])


def require_category(name: str, known: Sequence[str]) -> str:
    """Return a category's slug.

    Raises:
        ProblemError: no feed and no list names it.
    """
    slug = category_slug(name)
    if slug not in known:
        raise ProblemError(
            422, "unknown_category", f"There is no category '{slug or name}': import it with "
            "`imgassets categories import`, or take in a feed that names it.",
        )  # fmt: skip
    return slug


def _rows(
    request: ImageSetRequest, day: date, category: str, locations: Sequence[str | None]
) -> pl.DataFrame:
    places: dict[str, int] = {}
    rows = []
    for number, (image, location) in enumerate(
        zip(request.images, locations, strict=True), start=1
    ):
        places[image.supplier] = places.get(image.supplier, 0) + 1
        if location is None:
            continue
        rows.append(
            {
                "day": day,
                "category": category,
                "product_id": request.product_id,
                "supplier_id": image.supplier,
                "image_url": image.url.strip(),
                "image_location": location,
                "position": image.position or places[image.supplier],
                "title": request.title,
                "description": request.description,
                "is_curated": image.is_curated,
                "feed_file": "request",
                "feed_row": number,
            }
        )
    return SupplierOffers.conform(pl.DataFrame(rows, schema=SupplierOffers.create_empty().schema))


def _refuse_repeats(images: Sequence[ImageReference]) -> None:
    seen: dict[tuple[str, str], int] = {}
    for place, image in enumerate(images):
        first = seen.setdefault((image.supplier, image.url.strip()), place)
        if first != place:
            what = f"repeats images.{first}"
            raise ProblemError(
                422, "invalid_request", f"images.{place}: {what}",
                errors=[{"where": f"body.images.{place}", "what": what}],
            )  # fmt: skip
