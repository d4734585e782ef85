"""Commands to look at: the gallery, and the demo on the generated sample catalog."""

from __future__ import annotations

import os
import time
import webbrowser
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from imgassets.cli import category, data, impact, label, review_ranks, reviews, training, work
from imgassets.cli.common import CommandError, console, open_warehouse, settings
from imgassets.cli.running import Verbose

_DEMO_STYLES = 4
"""Styles of each category: 32 products are enough to look at and take a minute and a half."""

_SMALL_RANKER = {
    "IMGASSETS_RANKING__APPROACH": "measured",
    "IMGASSETS_RANKING__MAX_SOURCES": "30",
    "IMGASSETS_RANKING__PAIRS": "4000",
    "IMGASSETS_RANKING__EPOCHS": "6",
}
"""What keeps training the ranker under half a minute, unless the user wants it otherwise."""


def gallery(
    out: Annotated[
        Path | None, typer.Option(help="File to write; default: <home>/galleries/latest.html.")
    ] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Write one self-contained HTML page: each product's images before and after, with reasons."""
    from imgassets.ingest.store import ImageStore
    from imgassets.operations.gallery import write_gallery

    of = settings()
    target = out or of.home / "galleries" / "latest.html"
    with console.status("drawing the gallery"):
        path = write_gallery(open_warehouse(of), ImageStore(of.image_store), target)
    console.print(f"gallery: {path}", soft_wrap=True)
    if open_page:
        webbrowser.open(path.as_uri())


def demo(
    verbose: Verbose = False,
) -> None:
    """Run the main job on a generated sample catalog and compare the result with its truth.

    Draws the catalog under <home>/sample, ingests its feeds, trains the type model on the labelled
    products, fills every partition, estimates what the new sets did from simulated engagement,
    ranks drawn review photos with simulated votes, and ends with a scoreboard and a gallery.
    """
    from imgassets.gallery import print_scoreboard, read_truth, score
    from imgassets.gallery.review_scoreboard import score_review_photos
    from imgassets.ingest.store import ImageStore
    from imgassets.operations.gallery import result_tables, write_gallery
    from imgassets.operations.images import image_bases
    from imgassets.sample import write_sample_catalog, write_sample_reviews
    from imgassets.sample.reviews import VOTES_NOTE

    for name, value in _SMALL_RANKER.items():
        os.environ.setdefault(name, value)
    of = settings()
    started = time.monotonic()
    folder = of.home / "sample"
    warehouse = open_warehouse(of)
    warehouse.initialise()
    if set(image_bases(warehouse)) - {str(folder)}:
        raise CommandError(
            f"the warehouse under {of.home} holds feeds of yours, which the sample would mix with: "
            "set IMGASSETS_HOME to another folder for the demo"
        )
    with console.status("drawing the sample catalog"):
        engagement = write_sample_catalog(folder, seed=of.seed, styles=_DEMO_STYLES).engagement
        photos = write_sample_reviews(folder, seed=of.seed, styles=_DEMO_STYLES)
    console.print(f"sample catalog: {folder}", soft_wrap=True)
    data.ingest(str(folder / "feeds"), str(folder))
    category.import_(folder / "categories.toml")
    label.import_(str(folder / "labels" / "image_types.csv"))
    training.train(["image_type"], verbose=verbose)
    work.backfill(verbose=verbose)
    impact.ingest(str(engagement.engagement), str(engagement.interventions))
    impact.run(verbose=verbose)
    reviews.ingest(str(photos.folder), str(folder))
    training.train(["ranker"], verbose=verbose)
    review_ranks.rank(verbose=verbose)
    review_ranks.report(note=VOTES_NOTE)
    rows = [
        *score(*read_truth(folder / "truth"), result_tables(warehouse)),
        *score_review_photos(
            pl.read_csv(photos.truth), warehouse.sql("FROM latest_review_ranks"), VOTES_NOTE
        ),
    ]
    print_scoreboard(rows, console)
    page = write_gallery(
        warehouse,
        ImageStore(of.image_store),
        of.home / "galleries" / "demo.html",
        scoreboard=rows,
        title="The sample catalog, before and after",
    )
    console.print(f"done in {time.monotonic() - started:.0f} s")
    console.print(f"gallery: {page}", soft_wrap=True)
    console.print('tables:  imgassets sql "from image_decisions limit 5"')
    console.print("impact:  imgassets impact report, or /impact of imgassets serve (simulated)")
    console.print("reviews: imgassets reviews report, or /reviews of imgassets serve (simulated)")
    console.print('search:  imgassets search "navy t-shirt", or /search of imgassets serve; by')
    console.print("         pictures, too, after imgassets train search && imgassets search index")
