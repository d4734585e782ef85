"""Commands about review photos that are known: rank them, and say how good the ranks are."""

from __future__ import annotations

import time
from typing import Annotated

import polars as pl
import typer

from imgassets.cli.common import CommandError, console, open_warehouse, settings
from imgassets.cli.query import Format, print_rows
from imgassets.cli.running import Categories, FirstDay, Force, LastDay, Verbose, run_plan
from imgassets.warehouse.partitions import quote


def rank(
    first: FirstDay = None,
    last: LastDay = None,
    category: Categories = None,
    force: Force = False,
    verbose: Verbose = False,
) -> None:
    """Fetch, measure and rank review photos that files told of; up-to-date partitions cost nothing.

    Scores are the champion ranker's (`imgassets train ranker`), else the rules' of the prompt to
    customers. Rows are in `review_image_ranks`; next: `imgassets reviews report`.
    """
    from imgassets.defs.reviews.sensors import REVIEW_ASSETS
    from imgassets.operations.review_ranks import forget_marks, plan_ranks

    of = settings()
    started = time.monotonic()
    warehouse = open_warehouse(of)
    plan = plan_ranks(
        warehouse,
        of,
        first=first.date() if first else None,
        last=last.date() if last else None,
        categories=category or [],
        force=force,
    )
    if not plan.rows:
        console.print(f"nothing to do: {plan.n_fresh} partitions are up to date")
        return
    if force:
        forget_marks(warehouse, plan.partitions)
    failed = run_plan(of, plan, REVIEW_ASSETS, verbose)
    counts = warehouse.sql(
        "SELECT count(*) FILTER (status = 'ranked') AS ranked, "
        "count(*) FILTER (status = 'duplicate') AS duplicates, "
        "count(DISTINCT product_id) AS products, "
        "coalesce(max(model_version), 'nothing') AS model FROM latest_review_ranks"
    ).row(0)
    console.print(
        f"{len(plan.partitions)} partitions done in {time.monotonic() - started:.0f} s, "
        f"{plan.n_fresh} were up to date; {counts[0]} photos of {counts[2]} products ranked by "
        f"{counts[3]}, {counts[1]} duplicates; next: `imgassets reviews report`",
        soft_wrap=True,
    )
    if failed:
        raise CommandError(f"asset checks failed: {', '.join(sorted(set(failed)))}")


def report(
    note: Annotated[
        str | None,
        typer.Option(help="What the votes are, if not people's, e.g. 'votes are simulated'."),
    ] = None,
    format: Annotated[Format, typer.Option(help="How to print rows.")] = Format.table,
) -> None:
    """Compare the ranks with helpful votes per impression, and print the ranker's other figures.

    Pearson and Spearman correlation and the share of pairs in order, with 95 % intervals, of the
    ranker and of NIMA, size, sharpness, rules and chance; then pairs held out of training. Rows are
    in `ranking_evaluations`, by style too. Without --note the setting ranking.votes_note counts.
    """
    from imgassets.operations.review_evaluation import evaluate_on_votes

    of = settings()
    warehouse = open_warehouse(of)
    said = of.ranking.votes_note if note is None else note
    with console.status("comparing with votes"):
        found = evaluate_on_votes(warehouse, of, note=said)
    rows = warehouse.sql(
        "FROM ranker_report WHERE slice IN ('all', 'mean of styles') "
        f"AND model_version = {quote(found.model_version)}"
    )
    if format is not Format.table:
        print_rows(rows, format)
        return
    votes = rows.filter(pl.col("dataset") == "engagement")
    about = said or "votes as told by files of reviews"
    console.print(
        f"\n{found.model_version} against votes per impression ({about}): {found.found.n} photos, "
        f"{found.found.left_out} without votes or impressions left out",
        style="bold", soft_wrap=True, markup=False,
    )  # fmt: skip
    if votes.is_empty():
        console.print("no photo has votes and impressions: nothing to compare with")
    else:
        print_rows(_told(votes), format)
    for dataset in ("held-out pairs", "unseen distortions"):
        part = rows.filter(pl.col("dataset") == dataset)
        if not part.is_empty():
            console.print(f"\n{dataset.capitalize()}", style="bold")
            print_rows(_told(part), format)


def top(
    product: Annotated[str, typer.Argument(help="The product_id.")],
    limit: Annotated[int, typer.Option("-n", help="Photos, at most.")] = 10,
    format: Annotated[Format, typer.Option(help="How to print rows.")] = Format.table,
) -> None:
    """Print a product's review photos, the best first, with what is wrong with each."""
    warehouse = open_warehouse(settings())
    warehouse.initialise()
    rows = warehouse.sql(
        "SELECT rank, review_id, round(score, 3) AS score, status, weakness_text, helpful_votes, "
        f"impressions, duplicate_of FROM latest_review_ranks WHERE product_id = {quote(product)} "
        f"ORDER BY coalesce(rank, n_ranked + 1), score DESC, review_id LIMIT {max(limit, 0)}"
    )
    if rows.is_empty():
        raise CommandError(f"no ranked review photo of product {product}")
    print_rows(rows, format)


def _told(rows: pl.DataFrame) -> pl.DataFrame:
    """Return figures as people read them: a value with its interval."""

    def interval(name: str) -> pl.Expr:
        value, lower, upper = (
            pl.col(column).round(3).cast(pl.String)
            for column in (name, f"{name}_lower", f"{name}_upper")
        )
        ends = pl.when(lower.is_not_null()).then(pl.format(" ({} … {})", lower, upper))
        return (value + ends.otherwise(pl.lit(""))).alias(name)

    measures = [
        name for name in ("pearson", "spearman", "accuracy") if rows[name].is_not_null().any()
    ]
    return rows.select("method", "slice", *map(interval, measures), "photos", "pairs")
