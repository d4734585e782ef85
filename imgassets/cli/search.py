"""The command that searches products."""

from __future__ import annotations

import dataclasses
import json
from enum import StrEnum
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from imgassets.cli.common import console, errors, open_warehouse, settings


class Format(StrEnum):
    """How hits are printed."""

    table = "table"
    json = "json"


def search(
    query: Annotated[str, typer.Argument(help="Words, of any script.")],
    category: Annotated[
        str | None, typer.Option("--category", help="Only products of this category.")
    ] = None,
    k: Annotated[int, typer.Option("-k", help="Products at most.")] = 10,
    format: Annotated[Format, typer.Option(help="How to print hits.")] = Format.table,
) -> None:
    """Search products by the words of their titles, descriptions and categories.

    Images are not looked at. A score compares products of one search only; where even the best
    product has little of the query, that is said.
    """
    from imgassets.operations.product_search import ProductSearch

    found = ProductSearch(open_warehouse(settings())).search(query, category, k)
    if format is Format.json:
        typer.echo(json.dumps(dataclasses.asdict(found), ensure_ascii=False))
        return
    if found.note:
        errors.print(found.note, markup=False)
    if not found.hits:
        return
    table = Table("score", "category", "product", "title", "words found")
    for hit in found.hits:
        told = hit.category, hit.product_id, hit.title or "", " ".join(hit.matched)
        # What suppliers write is no markup.
        table.add_row(f"{hit.score:.2f}", *map(Text, told))
    console.print(table)
