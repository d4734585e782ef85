"""The command that writes the data dictionary."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from imgassets.cli.common import CommandError, console, settings


def dictionary(
    out: Annotated[
        Path | None,
        typer.Option(help="File to write, .html or .md; default: <home>/dictionary.html."),
    ] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Write the data dictionary: every table and view, what a row and each column is.

    It follows from this release of imgassets; no warehouse is needed. The service shows the same
    under /dictionary.
    """
    from imgassets.warehouse.dictionary import html, markdown

    target = (out or settings().home / "dictionary.html").absolute()
    pages = {".html": html, ".md": markdown}
    if target.suffix not in pages:
        raise CommandError(f"{target.name} ends in neither .html nor .md: nothing was written")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(pages[target.suffix](), encoding="utf-8")
    console.print(f"data dictionary: {target}", soft_wrap=True)
    if open_page:
        webbrowser.open(target.as_uri())
