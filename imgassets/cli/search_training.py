"""Training the search model from the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgassets.cli.common import console, open_warehouse
from imgassets.cli.query import Format, print_rows
from imgassets.cli.running import run_training

if TYPE_CHECKING:
    from imgassets.settings import Settings


def train_search(of: Settings, verbose: bool) -> None:
    """Train the search model, and print how every method did on the same queries."""
    from imgassets.operations.search_training import kept_evaluations
    from imgassets.search.tables import methods_table

    found = run_training(of, "search_training_job", "product_search", verbose)
    console.print(
        f"product_search version {found['version']}: {found['why']}", soft_wrap=True, markup=False
    )
    for note in found["notes"]:
        console.print(f"  {note}", soft_wrap=True, markup=False)
    rows = kept_evaluations(open_warehouse(of), found["version"])
    print_rows(methods_table(rows), Format.table)
