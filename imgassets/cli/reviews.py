"""Commands about review photos: bring files in."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from imgassets.cli.common import console, errors, open_warehouse, settings


def ingest(
    location: Annotated[
        str,
        typer.Argument(
            metavar="FILE_OR_FOLDER",
            help="csv, jsonl or parquet with review_id, product_id, category, image_url and, "
            "optionally, style, submitted_at, helpful_votes, impressions; or a folder of such "
            "files. A path or fsspec URL.",
        ),
    ],
    image_base: Annotated[
        str, typer.Option(help="Folder or URL that relative image_urls start from.")
    ] = "",
    day: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="Day of arrival of files whose folder is not named by one; default: that of the "
            "newest review in the file.",
        ),
    ] = None,
) -> None:
    """Take in files of customers' review photos and say which partitions they touch.

    A corrected file replaces what it said before; a later day's file may name a review again, with
    newer votes. Bad rows go to quarantine (stage `reviews`), the others are taken; a file seen
    before costs nothing. Next: `imgassets reviews rank`.
    """
    from imgassets.defs.runner import add_categories, open_instance
    from imgassets.operations.review_photos import take_in_reviews

    of = settings()
    base = image_base or of.image_base
    if base and "://" not in base:
        base = str(Path(base).expanduser().absolute())
    warehouse = open_warehouse(of)
    with console.status("reading files") as status:
        found = take_in_reviews(
            warehouse,
            of,
            location,
            base,
            day.date() if day else None,
            progress=lambda seen: status.update(f"reading files: {seen}"),
        )
    if found.categories:
        with open_instance(of) as instance:
            add_categories(instance, sorted(found.categories))
    if found.unchanged and not found.files:
        console.print(f"{found.unchanged} files of reviews seen before: nothing to do")
        return
    gone = f", {found.withdrawn} withdrawn" if found.withdrawn else ""
    console.print(
        f"{len(found.files)} files of reviews taken in ({found.unchanged} seen before): "
        f"{found.new} new, {found.replaced} replaced{gone}, {found.same} known already, "
        f"{found.refused} rows refused, {len(found.touched)} (day, category) partitions touched",
        soft_wrap=True,
    )
    if found.refused:
        errors.print(
            "why rows were refused: imgassets sql \"select feed_row, rule_id, detail from "
            "quarantine where stage = 'reviews'\"",
            style="yellow", markup=False, soft_wrap=True,
        )  # fmt: skip
    if found.touched:
        console.print("next: `imgassets reviews rank`")
