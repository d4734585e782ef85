"""The before/after gallery: one self-contained HTML file."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from imgassets.gallery.cards import (
    STATUS_LABELS,
    build_cards,
    pictured,
    shown_products,
    words,
)
from imgassets.gallery.data import GalleryData
from imgassets.gallery.frames import latest
from imgassets.gallery.thumbnails import LARGE, MANY_IMAGES, SMALL, ThumbnailSheet

_TEMPLATES = Path(__file__).parent / "templates"


def render_gallery(
    data: GalleryData,
    load: Callable[[str], bytes],
    out: Path,
    *,
    title: str,
    max_products: int = 200,
) -> Path:
    """Write the gallery page and return its path.

    The page needs nothing but itself: thumbnails, styles and script are inside, nothing is fetched
    and its content security policy forbids fetching. It replaces an older page in one step.

    Args:
        data: What to show.
        load: Returns the bytes of an image by its id. One that is not there (``KeyError``,
            ``FileNotFoundError``) or does not decode is shown as an empty tile.
        out: File to write; its folder is created.
        title: Heading of the page.
        max_products: Most products shown; the page says how many there are in all.
    """
    products = shown_products(data.products, max_products)
    many = pictured(products, data) > MANY_IMAGES
    sheet = ThumbnailSheet(load, SMALL if many else LARGE)
    cards = list(build_cards(products, data, sheet))
    sections = [(name, list(group)) for name, group in groupby(cards, key=lambda c: c.category)]
    present = {card.status for card in cards}
    script = (_TEMPLATES / "gallery.js").read_text(encoding="utf-8")
    page = (
        environment()
        .get_template("gallery.html.j2")
        .render(
            title=title,
            sections=sections,
            n_shown=len(cards),
            n_products=latest(data.products).select("category", "product_id").n_unique(),
            statuses=[(s, label) for s, label in STATUS_LABELS.items() if s in present],
            summary=[(words(label), _number(value)) for label, value in data.summary.items()],
            scoreboard=data.scoreboard,
            style=Markup((_TEMPLATES / "gallery.css").read_text(encoding="utf-8")),
            thumbnails=Markup(sheet.css()),
            script=Markup(script),
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        )
    )
    return write_page(out, page)


def environment() -> Environment:
    """Return how pages are made of the templates beside this file; texts are escaped."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["words"] = words
    environment.filters["percent"] = _percent
    return environment


def _number(value: int | float | str) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.2f}" if isinstance(value, float) else value


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def write_page(out: Path, page: str) -> Path:
    """Write a page in one step, and return its path; its folder is created."""
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(page, encoding="utf-8", newline="\n")
        os.replace(temporary, out)
    finally:
        temporary.unlink(missing_ok=True)
    return out
