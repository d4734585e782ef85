"""Running Dagster's work in this process, with a progress bar."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from imgassets.cli.common import console

if TYPE_CHECKING:
    from imgassets.operations.planning import Plan
    from imgassets.settings import Settings

Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Print Dagster's run log.")]


def run_plan(of: Settings, plan: Plan, assets: Sequence[str], verbose: bool) -> list[str]:
    """Run a plan's rectangles in this process with a progress bar; return failed checks."""
    from imgassets.definitions import defs
    from imgassets.defs.progress import listening
    from imgassets.defs.runner import add_categories, failed_checks, open_instance, run_rectangle

    definitions = defs()
    failures: list[str] = []
    with open_instance(of) as instance, progress_bar(verbose) as progress:
        rectangles = plan.rectangles(add_categories(instance, plan.categories))
        cells = sum(len(rectangle) for rectangle in rectangles)
        bar = progress.add_task("partitions", total=cells) if progress else None
        images = progress.add_task("images", total=None, visible=False) if progress else None

        def show(verb: str, done: int, total: int) -> None:
            if progress and images is not None:
                progress.update(
                    images, description=verb, completed=done, total=total, visible=done < total
                )

        for rectangle in rectangles:
            with listening(show):
                result = run_rectangle(definitions, instance, rectangle, assets, verbose=verbose)
            failures += failed_checks(result)
            if progress and bar is not None:
                progress.advance(bar, len(rectangle))
    return failures


def progress_bar(verbose: bool) -> AbstractContextManager[Progress | None]:
    """Return a progress bar, or nothing where the run's log is printed instead."""
    if verbose:
        return nullcontext()
    return Progress(
        TextColumn("{task.description:>10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    )
