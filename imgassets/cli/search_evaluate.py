"""The command that measures search on judged products."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from imgassets.cli.common import console, open_warehouse, settings
from imgassets.cli.query import Format, print_rows


def evaluate(
    products: Annotated[
        Path, typer.Option(help="CSV: product_id, title, category, image, and labels.")
    ],
    queries: Annotated[
        Path, typer.Option(help="CSV: query_id, query and, optionally, split (train or test).")
    ],
    qrels: Annotated[Path, typer.Option(help="CSV: query_id, product_id, relevance.")],
    images: Annotated[
        Path | None,
        typer.Option(help="Folder that image names start from; default: images beside PRODUCTS."),
    ] = None,
    group: Annotated[
        list[str] | None,
        typer.Option(
            help="Column of products; those with the same value are never split between training "
            "and test. May be repeated: the values together count. Default: product_id."
        ),
    ] = None,
    champion: Annotated[
        bool,
        typer.Option(help="Measure the registered search model instead of training new ones."),
    ] = False,
    ablate: Annotated[
        bool,
        typer.Option(help="Train without each group of custom features, too: how much it gives."),
    ] = False,
    name: Annotated[
        str | None, typer.Option(help="Name of the data set; default: the folder of PRODUCTS.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the pages; default: galleries/search-NAME of IMGASSETS_HOME."),
    ] = None,
    format: Annotated[Format, typer.Option(help="How to print rows.")] = Format.table,
) -> None:
    """Measure search on judged products: what it finds by words, by images, and re-ranked.

    Products that answer queries of the test are never learnt from; models are trained on the others
    and on the queries of `train`, and registered nowhere. Recall, precision, mAP and nDCG with
    95 % intervals, and paired comparisons, are in `search_evaluations`; pages show what each
    method found.
    """
    from imgassets.operations.models import open_registry
    from imgassets.operations.search_evaluation import evaluate_files
    from imgassets.operations.search_files import SearchFiles
    from imgassets.search.tables import differences_table, methods_table

    of = settings()
    files = SearchFiles(products, queries, qrels, images, tuple(group or ()))
    dataset = name or products.resolve().parent.name
    with console.status("reading") as status:
        found = evaluate_files(
            open_warehouse(of),
            open_registry(of),
            of,
            files,
            dataset=dataset,
            folder=out or of.home / "galleries" / f"search-{Path(dataset).name}",
            champion=champion,
            ablate=ablate,
            tell=status.update,
        )
    rows = found.found.rows
    if format is not Format.table:
        print_rows(rows, format)
        return
    for note in found.notes:
        console.print(note, soft_wrap=True, markup=False)
    print_rows(methods_table(rows), format)
    differences = differences_table(rows).filter(pl.col("slice") == "all").drop("slice", "n")
    if differences.height:
        console.print("\nAgainst another method, query by query", style="bold")
        print_rows(differences, format)
    console.print(f"\nwhat each method found: {found.folder / 'index.html'}", soft_wrap=True)
