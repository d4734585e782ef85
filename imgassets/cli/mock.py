"""The command that estimates what a category would gain and cost."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from imgassets.cli.common import console, open_warehouse, settings
from imgassets.cli.running import progress_bar

if TYPE_CHECKING:
    from imgassets.operations.mock_run import MockRun
    from imgassets.selection.estimates import Estimate


def mock_run(
    category: Annotated[str, typer.Option(help="Category; its feeds have been ingested.")],
    sample: Annotated[int, typer.Option(min=1, help="Products to look at, at random.")] = 200,
    within: Annotated[
        float, typer.Option(min=0.01, help="Hours that the whole category may take.")
    ] = 8.0,
    out: Annotated[
        Path | None, typer.Option(help="Also write everything to this file, as JSON.")
    ] = None,
) -> None:
    """Estimate from a random sample what a category would gain, and what it would cost.

    Every step of the main job is run on the sampled products, with the models that answer now;
    nothing is written to the warehouse, and no image is kept. Each figure stands with its interval
    at 95 % confidence. Hours and machines are for machines like this one.

    `imgassets mock-run --category laptop --sample 200`
    """
    from imgassets.operations.mock_run import mock_run as run
    from imgassets.operations.models import open_registry

    of = settings()
    with progress_bar(verbose=False) as progress:
        assert progress is not None
        bar = progress.add_task("products", total=sample)
        found = run(
            open_warehouse(of), open_registry(of), of, category, sample, within,
            lambda done, total: progress.update(bar, completed=done, total=total),
        )  # fmt: skip
    console.print(
        f"{category}: {found.products} products, {found.sampled} looked at; "
        "intervals at 95 % confidence"
    )
    console.print(_fates(found))
    console.print(_costs(found))
    for note in found.notes:
        console.print(f"note: {note}", soft_wrap=True)
    if out is not None:
        totals = {name: getattr(found, name)._asdict() for name in _TOTALS}
        report = {**_plain(dataclasses.asdict(found)), **totals}
        out.write_text(json.dumps(report, indent=1), encoding="utf-8")
        console.print(f"report: {out}", soft_wrap=True)


_TOTALS = ("hours", "machines", "gigabytes")


def _fates(found: MockRun) -> Table:
    table = Table("what would become of them", "share", "interval", title="Products and images")
    for name, estimate in found.shares.items():
        table.add_row(f"products: {name}", *_cells(estimate.times(100), " %"))
    for rule, estimate in found.left_out.items():
        table.add_row(f"images left out: {rule}", *_cells(estimate.times(100), " %"))
    return table


def _costs(found: MockRun) -> Table:
    table = Table("cost", "estimate", "interval", title=f"One machine of {found.cores} cores")
    for name, estimate in found.per_product.items():
        megabytes = name == "bytes"
        shown = estimate.times(1e-6) if megabytes else estimate
        table.add_row(f"{'MB' if megabytes else name} per product", *_cells(shown, ""))
    table.add_section()
    table.add_row("hours, whole category", *_cells(found.hours, ""))
    table.add_row("GB of images, whole category", *_cells(found.gigabytes, ""))
    table.add_row(f"machines, within {found.within_hours:g} hours", *_cells(found.machines, ""))
    return table


def _cells(estimate: Estimate, unit: str) -> tuple[str, str]:
    value, lower, upper = (f"{part:.3g}{unit}" for part in estimate)
    return value, f"{lower} … {upper}"


def _plain(fields: dict[str, object]) -> dict[str, object]:
    """Write estimates by name: JSON would make them lists."""
    return {
        name: {key: value._asdict() for key, value in part.items()}
        if isinstance(part, dict)
        else part
        for name, part in fields.items()
    }
