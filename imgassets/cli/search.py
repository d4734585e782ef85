"""Commands that search products, and keep the index of their images."""

from __future__ import annotations

import dataclasses
import json
import time
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text
from typer.core import TyperGroup

from imgassets.cli.common import CommandError, console, errors, open_warehouse, settings
from imgassets.cli.running import Categories, Verbose, run_plan


class Format(StrEnum):
    """How hits are printed."""

    table = "table"
    json = "json"


class Method(StrEnum):
    """How products are searched."""

    words = "words"
    images = "images"
    reranked = "reranked"
    fused = "fused"


QUERY = "query"
"""The command that a first word which is no command is given to."""


class QueryOrCommand(TyperGroup):
    """A group whose first word may also be a query: `imgassets search "navy shirt"`.

    A query that is spelled like a command stands behind `--`.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401  click's Context
        """Parse what was typed."""
        return super().parse_args(ctx, self.taken(args))

    def taken(self, args: list[str]) -> list[str]:
        """Return arguments with the command that searches before what names no command."""
        return [QUERY, *args] if args and args[0] not in (*self.commands, "--help") else args

    def format_usage(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        """Show both ways."""
        formatter.write_usage(ctx.command_path, '"WORDS" [OPTIONS]  |  COMMAND [ARGS]...')


def query(
    query: Annotated[str, typer.Argument(help="Words, of any script.")],
    category: Annotated[
        str | None, typer.Option("--category", help="Only products of this category.")
    ] = None,
    k: Annotated[int, typer.Option("-k", help="Products at most.")] = 10,
    method: Annotated[
        Method | None,
        typer.Option(
            help="words: titles, descriptions and categories; images: what images show; reranked: "
            "the same, put in order by the re-ranker; fused: words and reranked images together. "
            "Default: fused, or words where there is no search model or index."
        ),
    ] = None,
    format: Annotated[Format, typer.Option(help="How to print hits.")] = Format.table,
) -> None:
    """Search products by words and by what their images show (`imgassets search "navy shirt"`).

    A score compares products of one search only. Where even the best product matches badly, that is
    said. Images are searched once `imgassets train search` and `imgassets search index` have run.
    """
    from imgassets.operations.image_search import ImageSearch
    from imgassets.operations.models import open_registry

    of = settings()
    search = ImageSearch(of, open_warehouse(of), open_registry(of))
    found = search.search(query, category, k, method.value if method else None)
    if format is Format.json:
        typer.echo(json.dumps(dataclasses.asdict(found), ensure_ascii=False))
        return
    if found.note:
        errors.print(found.note, markup=False)
    if not found.hits:
        return
    table = Table("score", "category", "product", "title", "words found", "image")
    for hit in found.hits:
        image = f"{hit.image_id[:12]}…" if hit.image_id else ""
        told = hit.category, hit.product_id, hit.title or "", " ".join(hit.matched), image
        # What suppliers write is no markup.
        table.add_row(f"{hit.score:.3g}", *map(Text, told))
    console.print(table)


def index(
    category: Categories = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Build it anew, whatever there is.")
    ] = False,
    verbose: Verbose = False,
) -> None:
    """Bring the index of product images up to date, so that they are found by what they show.

    Images of the newest sets that the present search model has not seen are measured and embedded
    first; nothing is done twice. An index of another model is built anew.
    """
    from imgassets.defs.search.index import INDEX_ASSETS
    from imgassets.learning.search.champion import load_search_model
    from imgassets.operations.models import open_registry
    from imgassets.operations.search_index import plan_index, refresh_index

    of = settings()
    started = time.monotonic()
    warehouse = open_warehouse(of)
    champion = load_search_model(open_registry(of), of.vision)
    plan = plan_index(warehouse, champion, categories=category or [])
    failed = run_plan(of, plan, INDEX_ASSETS, verbose) if plan.rows else []
    with console.status("renewing the index"):
        found = refresh_index(warehouse, of, champion, category or None, rebuild=rebuild)
    console.print(
        f"{found.index.rows} images are in the search index of {champion.version}, "
        f"{found.waiting} of the sets looked at are not: done in {time.monotonic() - started:.0f} s"
        + ("" if found.recall is None else f"; recall@10 of its graph {found.recall:.3f}"),
        soft_wrap=True,
    )
    if failed:
        raise CommandError(f"asset checks failed: {', '.join(sorted(set(failed)))}")
