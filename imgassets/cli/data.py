"""Commands that bring data in: feeds, and categories that they do not name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imgassets.cli.common import console, errors, open_warehouse, settings

if TYPE_CHECKING:
    from imgassets.operations.feeds import Registered
    from imgassets.settings import Settings


def ingest(
    feeds_dir: Annotated[
        str,
        typer.Argument(
            help="Folder or fsspec URL with <day>/<supplier>.csv, .jsonl or .parquet files."
        ),
    ],
    image_base: Annotated[
        str,
        typer.Option(help="Folder or URL that relative image_urls in the feeds start from."),
    ] = "",
) -> None:
    """Accept new and corrected feed files and say which partitions they touch.

    A feed has the columns product_id, category, image_url and, optionally, title, description,
    position, is_curated. Files seen before cost nothing. A row without a category gets the one
    that other feeds name for its product, or that the model predicts from title and description
    (`imgassets train category`). `imgassets backfill` does the work.
    """
    from imgassets.defs.resources import open_registry
    from imgassets.operations.feeds import register_feeds

    of = settings()
    warehouse = open_warehouse(of)
    base = image_base or of.image_base
    if base and "://" not in base:
        base = str(Path(base).expanduser().absolute())
    found = register_feeds(warehouse, of, feeds_dir, base, open_registry(of))
    for refused in found.refused:
        errors.print(
            f"[yellow]not a feed:[/] {refused.feed_file}: {refused.refusal.detail}", soft_wrap=True
        )
    _add_touched(of, found)
    console.print(
        f"{len(found.files)} feed files accepted ({found.unchanged} seen before), "
        f"{found.rows} rows, {found.quarantined} refused, "
        f"{len(found.touched)} (day, category) partitions touched",
        soft_wrap=True,
    )
    if found.resolved:
        console.print(_resolved(found))
    if found.touched:
        console.print("next: `imgassets backfill`")


def resolve() -> None:
    """Find categories for the feed rows that have none yet, after training for instance.

    A row gets the category that other feeds name for its product, if they agree, or that the model
    predicts (`imgassets train category`). `ingest` and the feed sensor do the same.
    """
    from imgassets.defs.resources import open_registry
    from imgassets.operations.category_resolution import open_rows
    from imgassets.operations.feeds import resolve_categories

    of = settings()
    warehouse = open_warehouse(of)
    found = resolve_categories(warehouse, of, open_registry(of))
    _add_touched(of, found)
    still = open_rows(warehouse)
    console.print(
        f"{_resolved(found)}; still open: {still.get('unsure', 0)} unsure, "
        f"{still.get('no_model', 0)} without a model to ask; "
        f"{len(found.touched)} (day, category) partitions touched",
        soft_wrap=True,
    )
    if still.get("no_model"):
        console.print("a model: `imgassets train category`, then this command again")
    if found.touched:
        console.print("next: `imgassets backfill`")


def _add_touched(of: Settings, found: Registered) -> None:
    """Let Dagster know the categories that were touched, and the reader what was noted."""
    from imgassets.defs.runner import add_categories, open_instance

    for note in found.notes:
        errors.print(note, style="yellow", markup=False, soft_wrap=True)
    if found.touched:
        with open_instance(of) as instance:
            add_categories(instance, sorted({p.category for p in found.touched}))


def _resolved(found: Registered) -> str:
    by = {name: found.resolved.get(name, 0) for name in ("feed", "model")}
    return (
        f"{sum(by.values())} rows without a category resolved: {by['feed']} by other feed rows, "
        f"{by['model']} by the model"
    )
