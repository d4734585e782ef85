"""Running Dagster's work in this process, with a progress bar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

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

FirstDay = Annotated[
    datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day, inclusive.")
]
LastDay = Annotated[
    datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day, inclusive.")
]
Categories = Annotated[list[str] | None, typer.Option(help="Only this category; may be repeated.")]
Force = Annotated[bool, typer.Option(help="Also partitions that are up to date.")]
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


def run_training(
    of: Settings,
    job: str,
    asset: str,
    verbose: bool,
    partition: str | None = None,
    config: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Run a job that trains, in this process, with a progress bar.

    Args:
        of: the settings.
        job: the job.
        asset: its asset.
        verbose: print Dagster's log instead of the bar.
        partition: of the asset, if it has any.
        config: of the asset, if it takes any.

    Returns:
        The asset's metadata, as values.
    """
    from imgassets.definitions import defs
    from imgassets.defs.progress import listening
    from imgassets.defs.runner import open_instance, run_job

    with open_instance(of) as instance, progress_bar(verbose) as progress:
        name = partition or asset
        bar = progress.add_task(f"training {name}", total=None) if progress else None

        def show(verb: str, done: int, total: int) -> None:
            if progress and bar is not None:
                finished = done >= total
                label = f"training {name}" if finished else f"examples {verb}"
                progress.update(
                    bar, description=label, completed=done, total=None if finished else total
                )

        with listening(show):
            result = run_job(
                defs(),
                instance,
                job,
                verbose=verbose,
                partition_key=partition,
                ops={asset: {"config": dict(config)}} if config else None,
            )
    metadata = result.asset_materializations_for_node(asset)[0].metadata
    return {name: value.value for name, value in metadata.items()}


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
