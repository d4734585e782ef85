"""Measure text search over images on real products: every method, and without each feature group.

    python benchmarks/search_fashion.py FASHION_DIR [--backbone FOLDER] [--encoder CLIP] [--seed N]

FASHION_DIR holds `styles.csv`, `queries.csv`, `qrels.csv` and `images/`, as the data set "Fashion
Product Images" of 60 × 80 pixels comes with queries of two splits. Products of one articleType and
baseColour are never split between training and test. Figures, pages of what each method found and
the run in MLflow are left in --work.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.table import Table

from imgassets.operations.models import open_registry
from imgassets.operations.search_evaluation import SearchEvaluation, evaluate_files
from imgassets.operations.search_files import SearchFiles
from imgassets.search.evaluation import ALL
from imgassets.search.measures import MAIN_MEASURE
from imgassets.search.tables import differences_table, methods_table
from imgassets.settings import Settings
from imgassets.warehouse.lake import Warehouse

CONSOLE = Console(width=220)

GROUP = ("articleType", "baseColour")


def run(options: argparse.Namespace, settings: Settings) -> SearchEvaluation:
    """Train, measure and report."""
    started, last = time.monotonic(), ""

    def tell(what: str) -> None:
        nonlocal last
        if (kind := what.split(":")[0]) != last:  # one line for all pictures, not one per batch
            CONSOLE.print(f"{time.monotonic() - started:6.0f} s  {what}", markup=False)
        last = kind

    folder = options.fashion
    return evaluate_files(
        Warehouse(settings.warehouse, settings.warehouse_data),
        open_registry(settings),
        settings,
        SearchFiles(
            folder / "styles.csv", folder / "queries.csv", folder / "qrels.csv", group=GROUP
        ),
        dataset="fashion",
        folder=options.work / "pages",
        ablate=not options.quick,
        tell=tell,
    )


def show(title: str, frame: pl.DataFrame) -> None:
    """Print a frame of texts."""
    table = Table(*frame.columns, title=title)
    for row in frame.iter_rows():
        table.add_row(*map(str, row))
    CONSOLE.print(table)


def arguments() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("fashion", type=Path)
    parser.add_argument("--backbone", default="", help="general backbone; default: the embedded")
    parser.add_argument("--encoder", default="", help="CLIP or SigLIP model; default: the dual one")
    parser.add_argument("--work", type=Path, default=Path(".imgassets/search_fashion"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="no feature group is left out")
    return parser.parse_args()


def main() -> None:
    """Run the benchmark."""
    options = arguments()
    settings = Settings(home=options.work, seed=options.seed)
    if options.backbone:
        vision = settings.vision.model_copy(update={"backbone": options.backbone})
        settings = settings.model_copy(update={"vision": vision})
    if options.encoder:
        search = settings.search.model_copy(update={"encoder": options.encoder})
        settings = settings.model_copy(update={"search": search})
    started = time.monotonic()
    report = run(options, settings)
    CONSOLE.print(f"{time.monotonic() - started:.0f} s in all")
    for note in report.notes:
        CONSOLE.print(note, markup=False)
    rows = report.found.rows
    show("all queries", methods_table(rows))
    differences = differences_table(rows)
    show("paired differences, all queries", differences.filter(slice=ALL).drop("slice"))
    for part in rows["slice"].unique(maintain_order=True):
        if part != ALL:
            show(
                f"queries: {part}", methods_table(rows, part=part, measures=[MAIN_MEASURE, "R@50"])
            )
    CONSOLE.print(f"what each method found: {report.folder / 'index.html'}")


if __name__ == "__main__":
    main()
