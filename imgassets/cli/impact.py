"""Commands about causal impact: bring data in, estimate, report."""

from __future__ import annotations

import time
import warnings
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import polars as pl
import typer

from imgassets.cli.common import CommandError, console, errors, open_warehouse, settings
from imgassets.cli.query import Format, print_rows
from imgassets.cli.running import Categories, Verbose, run_plan

if TYPE_CHECKING:
    from imgassets.operations.file_feed import TakenIn

Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="As of this day.")]

_TABLES = (
    (
        "What new image sets did in their first three weeks",
        "SELECT category, cohort, metric, effect_percent AS effect, lower_percent AS lower, "
        "upper_percent AS upper, probability_percent AS probability, verdict "
        "FROM impact_by_category",
    ),
    (
        "How the effect holds: cumulative, after two, four and six weeks",
        "SELECT category, cohort, metric, weeks, effect_percent AS effect, lower_percent AS lower, "
        "upper_percent AS upper, probability_percent AS probability, verdict "
        "FROM impact_over_time WHERE weeks IN (2, 4, 6)",
    ),
)
"""Title and rows of what `report` prints: tables VI and VII of paper A."""


def ingest(
    engagement: Annotated[
        str | None,
        typer.Option(
            help="csv, jsonl or parquet with product_id, category, day, and any of impressions, "
            "clicks, add_to_cart, orders; or a folder of such files. A path or fsspec URL."
        ),
    ] = None,
    interventions: Annotated[
        str | None,
        typer.Option(
            help="Likewise with product_id, category, intervention_date (the first day with the "
            "new image set) and, optionally, treated (true or false)."
        ),
    ] = None,
) -> None:
    """Take in what people did with products, and when new image sets went live.

    A later file's row about a product and day replaces the earlier one; bad rows go to quarantine
    (stages `engagement` and `interventions`), the others are taken; a file seen before costs
    nothing. Without a file of interventions, they follow from `image_set_changes`. Next:
    `imgassets impact run`.
    """
    from imgassets.defs.runner import add_categories, open_instance
    from imgassets.operations.engagement import take_in_engagement, take_in_interventions
    from imgassets.operations.interventions import data_notes

    if engagement is None and interventions is None:
        raise CommandError("nothing to take in: name a file with --engagement or --interventions")
    of = settings()
    warehouse = open_warehouse(of)
    found = []
    if engagement is not None:
        found.append(take_in_engagement(warehouse, of, engagement))
        _tell("product-days", found[-1])
    if interventions is not None:
        found.append(take_in_interventions(warehouse, of, interventions))
        _tell("interventions", found[-1])
    if categories := sorted(set().union(*(part.categories for part in found))):
        with open_instance(of) as instance:
            add_categories(instance, categories)
    for note in data_notes(warehouse, of):
        errors.print(note, style="yellow", markup=False, soft_wrap=True)


def run(
    day: Day = None,
    category: Categories = None,
    verbose: Verbose = False,
) -> None:
    """Estimate what new image sets did, as known on a day (the last one with engagement).

    Dagster does this every week; this does it now. What was estimated from the same data and
    settings costs nothing. Rows are in the tables `causal_impact`, `impact_controls`,
    `impact_series` and `impact_placebos`; `imgassets impact report` shows them.
    """
    of = settings()
    from imgassets.defs.impact.automation import IMPACT_ASSETS
    from imgassets.operations.impact import count_cells, plan_estimates

    started = time.monotonic()
    warehouse = open_warehouse(of)
    plan = plan_estimates(warehouse, day.date() if day else None, category or [])
    failed = run_plan(of, plan, IMPACT_ASSETS, verbose)
    estimated, refused = count_cells(warehouse, plan.partitions)
    console.print(
        f"{len(plan.partitions)} categories estimated as of {plan.partitions[0].day}: {estimated} "
        f"cells, {refused} refused, in {time.monotonic() - started:.0f} s; "
        "next: `imgassets impact report`",
        soft_wrap=True,
    )
    for name in sorted(set(failed)):
        errors.print(f"[yellow]check failed:[/] {name}: see the run in Dagster", soft_wrap=True)


def report(
    day: Day = None,
    category: Categories = None,
    format: Annotated[Format, typer.Option(help="How to print rows.")] = Format.table,
) -> None:
    """Print the effect of new image sets in percent, with calibrated intervals and verdicts.

    First by category and metric after three weeks (table VI of the paper), then how the effect
    holds over the weeks (table VII); as csv and json all weeks in one table. The newest estimate of
    each cohort; with --day, the newest up to that day.
    """
    from imgassets.warehouse.history import AsOf

    warehouse = open_warehouse(settings())
    warehouse.initialise()
    rows = AsOf(warehouse, until=day.date() if day else None)
    weeks = _of(rows.sql("FROM impact_over_time"), category)
    if weeks.is_empty():
        raise CommandError("nothing is estimated (of that): `imgassets impact run` does it")
    if format is not Format.table:
        print_rows(weeks, format)
        return
    for title, query in _TABLES:
        console.print(f"\n{title}, in %", style="bold")
        print_rows(_of(rows.sql(query), category), format)


def estimate(
    file: Annotated[
        str,
        typer.Argument(
            help="CSV of one series: a column of days (or none), the series, then its controls."
        ),
    ],
    pre: Annotated[
        tuple[str, str],
        typer.Option(help="First and last day, or row from 0, before the intervention."),
    ],
    post: Annotated[tuple[str, str], typer.Option(help="Likewise from it on.")],
    alpha: Annotated[float, typer.Option(help="Intervals hold 1 - alpha.")] = 0.05,
    seasons: Annotated[int, typer.Option(help="Rows of one season; 7: the week of days.")] = 1,
    plot: Annotated[str | None, typer.Option(help="Also write the three panels as a PNG.")] = None,
) -> None:
    """Estimate the effect on a single series of one's own, like R's package CausalImpact.

    `imgassets impact estimate sales.csv --pre 2026-01-01 2026-03-31 --post 2026-04-01 2026-04-30`
    """
    from imgassets.impact.causal_impact import CausalImpact
    from imgassets.impact.structural import ModelOptions

    with warnings.catch_warnings(action="ignore"):  # said below in a line of their own
        found = CausalImpact(
            pl.read_csv(file, try_parse_dates=True),
            [_label(text) for text in pre],
            [_label(text) for text in post],
            alpha=alpha,
            options=ModelOptions(nseasons=seasons, seed=settings().seed),
        )
    for name in found.dropped_controls:
        errors.print(f"{name} does not vary before the intervention: left out", soft_wrap=True)
    typer.echo(found.summary())
    typer.echo(found.summary("report"))
    if plot is not None:
        found.plot(plot)
        console.print(f"\npanels: {plot}")


def _tell(what: str, found: TakenIn) -> None:
    """Print what one kind of files brought."""
    if found.unchanged and not found.files:
        console.print(f"{found.unchanged} files of {what} seen before: nothing to do")
        return
    gone = f", {found.withdrawn} withdrawn" if found.withdrawn else ""
    console.print(
        f"{len(found.files)} files of {what} taken in ({found.unchanged} seen before): "
        f"{found.new} new, {found.replaced} replaced{gone}, {found.same} known already, "
        f"{found.refused} rows refused",
        soft_wrap=True,
    )


def _label(text: str) -> str | int:
    return int(text) if text.isdecimal() else text


def _of(rows: pl.DataFrame, categories: list[str] | None) -> pl.DataFrame:
    return rows.filter(pl.col("category").is_in(categories)) if categories else rows
