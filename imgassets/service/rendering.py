"""Templates to pages: everything that is put into one is escaped."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from pathlib import Path

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from imgassets.gallery.addresses import product_address
from imgassets.gallery.cards import words

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters["words"] = words
_ENVIRONMENT.filters["number"] = "{:,}".format


def moment(time: datetime) -> str:
    """Return a moment as a person reads it, in UTC as all of the warehouse's."""
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


def stamp(time: datetime) -> str:
    """Return a moment as an address names it, to the microsecond."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def share(part: float) -> str:
    """Return a share as a person reads it, with a decimal only near both ends."""
    return f"{100 * part:.{0 if part in (0, 1) or 0.1 <= part <= 0.99 else 1}f} %"


def change(part: float | None) -> str:
    """Return a relative change as a person reads it, with its sign; a dash where there is none."""
    return "–" if part is None else f"{100 * part:+.1f} %"


def certainty(probability: float | None) -> str:
    """Return a probability as a person reads it, rounded down where it is near 1: none is sure."""
    if probability is None:
        return "–"
    if probability < 0.99:
        return share(probability)
    return f"{math.floor(1000 * probability) / 10:.1f} %"


def chance(p: float | None) -> str:
    """Return a p or q value as a person reads it; a dash where there is none."""
    if p is None:
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def brief(text: str) -> str:
    """Shorten the image ids in a sentence to what tells them apart."""
    return re.sub(r"\b([0-9a-f]{8})[0-9a-f]{56}\b", r"\1", text)


_ENVIRONMENT.globals.update(product_address=product_address, share=share)
_ENVIRONMENT.filters.update(
    brief=brief, chance=chance, certainty=certainty, change=change, moment=moment, stamp=stamp
)


def page(name: str, status: int = 200, **values: object) -> HTMLResponse:
    """Return a template's page."""
    return HTMLResponse(_ENVIRONMENT.get_template(name).render(values), status)
