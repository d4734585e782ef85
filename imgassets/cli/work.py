"""The command that does the work: the backfill."""

from __future__ import annotations

import time
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from imgassets.cli.common import CommandError, console, errors, open_warehouse, settings
from imgassets.cli.running import Categories, FirstDay, Force, LastDay, Verbose, run_plan
from imgassets.cli.training import train

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imgassets.operations.planning import Plan
    from imgassets.settings import Settings


def backfill(
    first: FirstDay = None,
    last: LastDay = None,
    category: Categories = None,
    force: Force = False,
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

    Only partitions whose feeds, settings, algorithms, models or people's answers changed are run. A
    killed backfill is taken up by running it again. Where labels were imported and no model was
    ever trained, `imgassets train` comes first. Exit code: 0 success, 1 failure, 3 still running
    at --timeout.
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
            train(["image_type"], verbose=verbose)
        except RunFailed as error:
            errors.print(f"training failed, images stay untyped: {error}", markup=False)
        plan = _plan(of, days, category or [], force)
    warnings = run_plan(of, plan, MAIN_ASSETS, verbose)
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
