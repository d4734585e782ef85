"""Training the ranker of review photos from the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from imgassets.cli.common import console, open_warehouse
from imgassets.cli.running import run_training

if TYPE_CHECKING:
    import polars as pl

    from imgassets.settings import Settings


def train_ranker(of: Settings, verbose: bool) -> None:
    """Train the ranker, and print how it and every baseline did on the same held-out pairs."""
    from imgassets.operations.ranker_report import kept_evaluations

    found = run_training(of, "ranker_job", "review_ranker", verbose)
    console.print(
        f"review_ranker version {found['version']} ({found['approach']}): {found['why']}",
        soft_wrap=True,
        markup=False,
    )
    for note in found["notes"]:
        console.print(f"  {note}", soft_wrap=True, markup=False)
    rows = kept_evaluations(open_warehouse(of), found["version"])
    for dataset in ("held-out pairs", "unseen distortions"):
        console.print(evaluation_table(rows, dataset))


def evaluation_table(rows: pl.DataFrame, dataset: str) -> Table:
    """Return a row per method, the best first; the ranker's own part by part below."""
    import polars as pl

    of = rows.filter(pl.col("dataset") == dataset)
    table = Table(title=f"{dataset}: share whose better photo has the higher score")
    for name in ("method", "pairs", "in order", "95 % interval"):
        table.add_column(name, justify="left" if name == "method" else "right")
    methods = of.filter(pl.col("slice") == "all").sort("value", descending=True, nulls_last=True)
    parts = of.filter(
        pl.col("method") == "ranker", pl.col("slice") != "all",
        ~pl.col("slice").str.contains("severity"),
    ).sort("value")  # fmt: skip
    for row in methods.to_dicts():
        _add(table, row["method"], row)
    table.add_section()
    for row in parts.to_dicts():
        _add(table, f"ranker: {row['slice']}", row)
    return table


def _add(table: Table, name: str, row: dict[str, object]) -> None:
    if row["value"] is None:
        table.add_row(name, "–", "–", str(row["note"]))
        return
    between = "–" if row["lower"] is None else f"{row['lower']:.3f} … {row['upper']:.3f}"
    table.add_row(name, str(row["n"]), f"{row['value']:.3f}", between)
