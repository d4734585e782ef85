"""The dictionary as a page in a browser, and as Markdown in the repository."""

from __future__ import annotations

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from imgassets import __version__
from imgassets.warehouse.dictionary.entries import entries

_FOLDER = Path(__file__).parent / "templates"


def html(*, linked: bool = False) -> str:
    """Return the dictionary as one page.

    Args:
        linked: style and script are served beside it, as /dictionary.css and /dictionary.js; else
            they are inside the page, which then is one file that needs nothing else.
    """
    return _render("dictionary.html.j2", linked=linked, style=asset("css"), script=asset("js"))


def markdown() -> str:
    """Return the dictionary as Markdown."""
    return _render("dictionary.md.j2")


def asset(ending: str) -> str:
    """Return the page's style (``css``) or script (``js``)."""
    return (_FOLDER / f"dictionary.{ending}").read_text(encoding="utf-8")


def _render(template: str, **values: str | bool) -> str:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=template.endswith(".html.j2"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["code"] = _code
    environment.filters["cell"] = _cell
    found = {
        kind: [entry for entry in entries() if entry.kind == kind] for kind in ("table", "view")
    }
    return environment.get_template(template).render(
        tables=found["table"], views=found["view"], version=__version__, **values
    )


def _cell(text: str) -> str:
    """Return text for a cell of a Markdown table."""
    return text.replace("|", "\\|").replace("<", "&lt;")


def _code(text: str) -> Markup:
    """Return text as HTML in which `…` and ``…`` are code."""
    return Markup(re.sub(r"`+([^`]+)`+", r"<code>\1</code>", str(escape(text))))
