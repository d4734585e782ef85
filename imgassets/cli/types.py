"""Commands about image types: what could answer better, and where answers are weak."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from imgassets.cli.common import CommandError, console, open_warehouse, settings


def compare(
    category: Annotated[
        str | None, typer.Option(help="Only this category's labels; default: all labels.")
    ] = None,
    backbone: Annotated[
        list[str] | None,
        typer.Option(
            help="'embedded', a Hugging Face model id or a local folder (may be repeated). "
            "Default: the one in use."
        ),
    ] = None,
) -> None:
    """Compare approaches and backbones on labels; nothing is promoted.

    A tenth of the products (or styles) is held out in turn, so every measure is of images that no
    compared model saw. Approaches: logistic regression and a shallow network on frozen
    embeddings, and the backbone's last block retrained. The table is logged to MLflow, too.
    """
    from imgassets.defs.resources import open_registry
    from imgassets.ingest.store import ImageStore
    from imgassets.learning.type_scopes import GLOBAL, Scope
    from imgassets.operations.type_comparison import compare_backbones

    of = settings()
    with console.status("comparing") as status:
        found = compare_backbones(
            Scope("category", category) if category else GLOBAL,
            list(dict.fromkeys(backbone or [of.vision.backbone])),
            open_warehouse(of),
            open_registry(of),
            ImageStore(of.image_store),
            of,
            lambda name: status.update(f"looking with {name}, then training"),
        )
    table = Table("backbone", "approach")
    for name in ("images", "accuracy", "macro-F1", "calibration error", "seconds"):
        table.add_column(name, justify="right")
    for row in found.to_dicts():
        table.add_row(
            Path(row["backbone"]).name,
            row["approach"],
            str(row["n"]),
            f"{row['accuracy']:.3f}",
            f"{row['macro_f1']:.3f}",
            f"{row['ece']:.3f}",
            f"{row['seconds']:.0f}",
        )
    console.print(table)


def report(
    out: Annotated[
        Path | None, typer.Option(help="Where the plot goes; default: no plot is written.")
    ] = None,
) -> None:
    """Tell how well each vertical's categories are typed, and which of them trail.

    Measures are of the models that answer now, on labels that were held out from them. The rows
    stay in the table `type_accuracy` and the view `vertical_accuracy`.
    """
    from imgassets.defs.resources import open_registry
    from imgassets.operations.type_report import report_types

    of = settings()
    found = report_types(open_warehouse(of), open_registry(of), of)
    table = Table("vertical")
    for name in ("categories", "images", "least", "median", "greatest"):
        table.add_column(name, justify="right")
    table.add_column("held back by")
    for row in found.by_vertical.to_dicts():
        table.add_row(
            row["vertical"],
            str(row["categories"]),
            str(row["images"]),
            *(f"{row[name]:.3f}" for name in ("least", "median", "greatest")),
            ", ".join(row["held_back_by"]) + (" (trails)" if row["trails"] else ""),
        )
    console.print(table)
    if out is not None:
        try:
            out.write_bytes(found.plot)
        except OSError as error:
            raise CommandError(f"the plot cannot be written to {out}: {error}") from error
        console.print(f"plot: {out}", soft_wrap=True)
