"""Commands that do the work: training and backfills."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from datetime import date, datetime
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

from imgassets.cli.common import CommandError, console, errors, open_warehouse, settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imgassets.operations.planning import Plan
    from imgassets.settings import Settings

Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Print Dagster's run log.")]


def train(
    models: Annotated[
        list[str] | None, typer.Argument(help="Models to train; today: image_type.")
    ] = None,
    verbose: Verbose = False,
) -> None:
    """Train models on the imported labels; promote a version only if it beats the champion.

    Signals of the labelled images are computed first where they are missing.
    """
    from imgassets.learning.image_types import MODEL
    from imgassets.operations.planning import plan_missing_signals

    unknown = sorted(set(models or []) - {MODEL})
    if unknown:
        raise CommandError(f"unknown model {', '.join(unknown)} (known: {MODEL})")
    of = settings()
    from imgassets.definitions import defs
    from imgassets.defs.jobs import SIGNAL_ASSETS
    from imgassets.defs.runner import open_instance, run_job

    warehouse = open_warehouse(of)
    definitions = defs()
    with open_instance(of) as instance:
        missing = plan_missing_signals(warehouse, of)
        if missing.rows:
            _run_plan(of, missing, SIGNAL_ASSETS, verbose)
        with console.status("training image_type"):
            result = run_job(definitions, instance, "training_job", verbose=verbose)
    found = result.asset_materializations_for_node("image_type_model")[0].metadata
    console.print(
        f"image_type version {found['version'].value}: {found['why'].value}", soft_wrap=True
    )
    for name in ("macro_f1", "accuracy", "n"):
        console.print(f"  held out: {name:10} {found[name].value:.3f}")
    console.print(f"  everything else: MLflow at {of.mlflow_tracking_uri}", soft_wrap=True)


def backfill(
    first: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day, inclusive.")
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day, inclusive.")
    ] = None,
    category: Annotated[
        list[str] | None, typer.Option(help="Only this category; may be repeated.")
    ] = None,
    force: Annotated[bool, typer.Option(help="Also partitions that are up to date.")] = False,
    launch: Annotated[
        bool, typer.Option(help="Hand the backfill to the running Dagster daemon instead.")
    ] = False,
    wait: Annotated[bool, typer.Option(help="With --launch: wait for the end.")] = False,
    timeout: Annotated[
        float, typer.Option(help="With --wait: give up after this many seconds.")
    ] = 86_400.0,
    verbose: Verbose = False,
) -> None:
    """Bring (day, category) partitions up to date, many in one process, with progress.

    Only partitions whose feeds, settings, algorithms or models changed are run. A killed backfill
    is taken up by running it again. Where labels were imported and no model was ever trained,
    `imgassets train` comes first. Exit code: 0 success, 1 failure, 3 still running at --timeout.
    """
    of = settings()
    days = (first.date() if first else None, last.date() if last else None)
    if launch:
        from imgassets.cli.launch import launch_backfill

        plan = _plan(of, days, category or [], force)
        launch_backfill(of.webserver, plan.partitions, wait=wait, timeout=timeout)
        return
    if wait:
        raise CommandError("--wait belongs to --launch: without it a backfill runs here and now")
    started = time.monotonic()
    plan = _plan(of, days, category or [], force)
    if not plan.existing:
        raise CommandError("no feeds yet: run `imgassets ingest FEEDS_DIR` first")
    if not plan.rows:
        console.print(f"nothing to do: {plan.n_fresh} partitions are up to date")
        return
    from imgassets.defs.jobs import MAIN_ASSETS
    from imgassets.defs.runner import RunFailed
    from imgassets.operations.models import lacks_first_model

    if lacks_first_model(open_warehouse(of)):
        console.print("labels but no model yet: training image_type first")
        try:
            train(None, verbose)
        except RunFailed as error:
            errors.print(f"training failed, images stay untyped: {error}", markup=False)
        plan = _plan(of, days, category or [], force)
    warnings = _run_plan(of, plan, MAIN_ASSETS, verbose)
    console.print(
        f"{len(plan.partitions)} partitions done in {time.monotonic() - started:.0f} s, "
        f"{plan.n_fresh} were up to date"
    )
    if warnings:
        raise CommandError(f"asset checks failed: {', '.join(sorted(set(warnings)))}")


def _plan(
    of: Settings, days: tuple[date | None, date | None], categories: Sequence[str], force: bool
) -> Plan:
    from imgassets.operations.planning import plan

    warehouse = open_warehouse(of)
    return plan(
        warehouse,
        of,
        first=days[0],
        last=days[1],
        categories=categories,
        force=force,
    )


def _run_plan(of: Settings, plan: Plan, assets: Sequence[str], verbose: bool) -> list[str]:
    """Run a plan's rectangles in this process with a progress bar; return failed checks."""
    from imgassets.definitions import defs
    from imgassets.defs.progress import listening
    from imgassets.defs.runner import add_categories, failed_checks, open_instance, run_rectangle

    definitions = defs()
    failures: list[str] = []
    with open_instance(of) as instance, _progress(verbose) as progress:
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


def _progress(verbose: bool) -> AbstractContextManager[Progress | None]:
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
