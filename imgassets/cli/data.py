"""Commands that bring data in: feeds, category orders, labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imgassets.cli.common import console, errors, open_warehouse, settings


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
    position, is_curated. Files seen before cost nothing. `imgassets backfill` does the work.
    """
    from imgassets.defs.runner import add_categories, open_instance
    from imgassets.operations.feeds import register_feeds

    of = settings()
    warehouse = open_warehouse(of)
    base = image_base or of.image_base
    if base and "://" not in base:
        base = str(Path(base).expanduser().absolute())
    found = register_feeds(warehouse, of, feeds_dir, base)
    for refused in found.refused:
        errors.print(
            f"[yellow]not a feed:[/] {refused.feed_file}: {refused.refusal.detail}", soft_wrap=True
        )
    with open_instance(of) as instance:
        add_categories(instance, sorted({p.category for p in found.touched}))
    console.print(
        f"{len(found.files)} feed files accepted ({found.unchanged} seen before), "
        f"{found.rows} rows, {found.quarantined} refused, "
        f"{len(found.touched)} (day, category) partitions touched",
        soft_wrap=True,
    )
    if found.touched:
        console.print("next: `imgassets backfill`")


def import_categories(
    file: Annotated[Path, typer.Argument(help="CSV with the columns category, rank, view.")],
) -> None:
    """Set each category's order of views: rank 1 comes first. Replaces the categories named."""
    from imgassets.learning.labels import read_type_priorities
    from imgassets.operations.labels import import_priorities

    count = import_priorities(open_warehouse(settings()), read_type_priorities(file))
    console.print(f"orders of views of {count} categories imported")


def import_labels(
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV with product_id, image_url and image_type or flag; optional group_id."
        ),
    ],
) -> None:
    """Add labels of image types, or of flags; a later label of the same image replaces the earlier.

    `none` labels an image that shows no view of the product. A file with a column `flag` says which
    images deserve a flag: `value` (yes or no; default yes) and `split` (train or holdout; default
    train) are optional. Images with one `group_id` (or `style`) are never split between training
    and evaluation; default: the product.
    """
    from imgassets.learning.labels import labels_flags, read_flag_labels, read_labels
    from imgassets.moderation.flags import all_flags
    from imgassets.operations.labels import import_flag_labels, import_image_labels

    of = settings()
    warehouse = open_warehouse(of)
    if labels_flags(file):
        labels = read_flag_labels(file, all_flags(of.flags))
        added, total = import_flag_labels(warehouse, labels)
        what = "labels of flags"
    else:
        added, total = import_image_labels(warehouse, read_labels(file))
        what = "labels"
    console.print(f"{added} {what} imported, {total} in all; next: `imgassets train`")
