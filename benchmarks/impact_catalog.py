"""Causal impact on engagement whose true lifts are known: inside the interval or not.

    python benchmarks/impact_catalog.py CATALOG [--home HOME] [--rows]

CATALOG holds engagement/ (daily.parquet, products.csv) and truth/lifts.csv. Takes both files in
and estimates in HOME (a temporary folder by default) with the commands that a user would type,
prints tables VI and VII as `imgassets impact report` does, and compares every estimate with the
truth of the same days: share of true lifts inside the calibrated interval and inside the model's
own, by metric, by weeks and by the size of the lift; false alarms where nothing happened, verdicts
of a rise where something did. Beside it, what simpler comparisons of the same sums would err:
treated products after against before, and the same over the untreated (difference in differences).
--rows prints each estimate beside its truth.

Cells share a category's shocks and its control products, and a cell's horizons the same days: the
bounds beside a share take them for independent and are narrower than they should be.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.table import Table
from scipy.stats import binomtest

from imgassets.settings import Settings
from imgassets.warehouse.lake import Warehouse

console = Console(width=150)
LATEST = "SELECT * FROM latest_impact"
TRUE_EFFECTS = ("rise", "fall")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("catalog", type=Path)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--rows", action="store_true", help="print each estimate and its truth")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = arguments.home or Path(scratch)
        run_commands(arguments.catalog / "engagement", home)
        warehouse = Warehouse(Settings(home=home).warehouse, Settings(home=home).warehouse_data)
        warehouse.initialise()
        estimates = warehouse.sql(LATEST)
    truth = pl.read_csv(arguments.catalog / "truth" / "lifts.csv")
    judged = judge(estimates, truth)
    report(judged, arguments.rows)
    compare_simply(judged, simple_comparisons(arguments.catalog / "engagement"))


def run_commands(engagement: Path, home: Path) -> None:
    """Run what a user types, and print what takes how long."""
    environment = {**os.environ, "IMGASSETS_HOME": str(home)}
    for command in (
        ["ingest", "--engagement", str(engagement / "daily.parquet"),
         "--interventions", str(engagement / "products.csv")],
        ["run"],
        ["report"],
    ):  # fmt: skip
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "imgassets", "impact", *command], env=environment, check=True
        )
        console.print(f"impact {command[0]}: {time.perf_counter() - started:.1f} s", style="dim")


def judge(estimates: pl.DataFrame, truth: pl.DataFrame) -> pl.DataFrame:
    """Return the estimates with their true lifts and whether the intervals hold these."""
    lifts = truth.filter(pl.col("window").str.starts_with("first_")).select(
        "category", "kind", "metric", "true_lift",
        horizon_weeks=((pl.col("day_to") + 1) // 7).cast(pl.Int32),
    )  # fmt: skip
    lift = pl.col("true_lift")
    return estimates.join(
        lifts, on=["category", "metric", "horizon_weeks"], how="inner", validate="1:1"
    ).with_columns(
        inside=lift.is_between("lower", "upper"),
        inside_raw=lift.is_between("raw_lower", "raw_upper"),
        told=pl.col("verdict").is_in(TRUE_EFFECTS),
        size=pl.when(lift == 0).then(pl.lit("none"))
        .when(lift.abs() < 0.05).then(pl.lit("under 5 %")).otherwise(pl.lit("5 % and more")),
        error=pl.col("relative_effect") - lift,
    )  # fmt: skip


def report(judged: pl.DataFrame, rows: bool) -> None:
    """Print the comparison."""
    status = judged.group_by("status").len().sort("status").rows()
    console.print("estimates: " + ", ".join(f"{count} {name}" for name, count in status))
    known = judged.filter(pl.col("lower").is_not_null())
    table = Table("of", "cells", "calibrated holds the truth", "raw holds it", "± (median)",
                  "root mean square error", "told a rise or fall")  # fmt: skip
    add(table, "all", known)
    for column in ("metric", "horizon_weeks", "size", "kind"):
        table.add_section()
        for (value,), part in known.sort(column).group_by(column, maintain_order=True):
            add(table, f"{value} weeks" if column == "horizon_weeks" else str(value), part)
    console.print(table)
    nothing = known.filter(pl.col("true_lift") == 0)
    something = known.filter(pl.col("true_lift") != 0)
    told = something.filter("told")
    wrong = told.filter((pl.col("verdict") == "rise") != (pl.col("true_lift") > 0))
    console.print(
        f"where nothing happened: {nothing['told'].sum()} of {nothing.height} verdicts say "
        f"otherwise; zero is outside {(~nothing['inside']).sum()} calibrated intervals and "
        f"{(~nothing['inside_raw']).sum()} raw ones\n"
        f"where something did: {told.height} of {something.height} verdicts say so, "
        f"{wrong.height} of them in the wrong direction",
        highlight=False,
    )
    words = known.group_by("verdict").len().sort("len", descending=True).rows()
    console.print("verdicts: " + "; ".join(f"{name}: {count}" for name, count in words))
    if rows:
        each = Table(
            "category", "metric", "weeks", "truth", "effect", "calibrated", "raw", "verdict"
        )
        for row in known.sort("category", "metric", "horizon_weeks").to_dicts():
            outside = "" if row["inside"] else " ×"
            each.add_row(
                row["category"], row["metric"], str(row["horizon_weeks"]),
                f"{row['true_lift']:+.1%}{outside}", f"{row['relative_effect']:+.1%}",
                f"[{row['lower']:+.1%}, {row['upper']:+.1%}]",
                f"[{row['raw_lower']:+.1%}, {row['raw_upper']:+.1%}]", row["verdict"],
            )  # fmt: skip
        console.print(each)


def simple_comparisons(engagement: Path) -> pl.DataFrame:
    """Return lifts by category, metric and weeks as sums per day say: after against before."""
    daily = pl.read_parquet(engagement / "daily.parquet").with_columns(
        pl.col("day").cast(pl.String).str.to_date()
    )
    products = pl.read_csv(engagement / "products.csv", try_parse_dates=True)
    live = products["intervention_date"].drop_nulls().unique().item()
    daily = daily.join(products.select("product_id", "treated"), on="product_id")
    before = means(daily.filter(pl.col("day") < live), "before")
    parts = []
    for weeks in (1, 2, 3, 4, 6):
        last = live + timedelta(days=7 * weeks - 1)
        after = means(daily.filter(pl.col("day").is_between(live, last)), "after")
        ratio = after.join(before, on=["category", "metric", "treated"]).with_columns(
            ratio=pl.col("after") / pl.col("before")
        )
        wide = ratio.pivot(on="treated", index=["category", "metric"], values="ratio")
        parts.append(
            wide.select(
                "category",
                "metric",
                horizon_weeks=pl.lit(weeks, pl.Int32),
                before_after=pl.col("true") - 1,
                differences=pl.col("true") / pl.col("false") - 1,
            )
        )
    return pl.concat(parts)


def means(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    """Return the mean of each metric per product and day, in long form."""
    metrics = ["impressions", "clicks", "add_to_cart", "orders"]
    groups = rows.group_by("category", "treated").agg(pl.col(metrics).mean())
    return groups.unpivot(metrics, index=["category", "treated"], value_name=name).rename(
        {"variable": "metric"}
    )


def compare_simply(judged: pl.DataFrame, simple: pl.DataFrame) -> None:
    """Print root mean square errors of ours and of simple comparisons."""
    keys = ["category", "metric", "horizon_weeks"]
    both = judged.filter(pl.col("lower").is_not_null()).join(simple, on=keys, validate="1:1")
    table = Table(
        "root mean square error of", "weeks", "ours", "difference in differences", "before, after"
    )
    for (metric, weeks), part in both.sort(keys[1:]).group_by(keys[1:], maintain_order=True):
        errors = (
            ((part[column] - part["true_lift"]) ** 2).mean() ** 0.5
            for column in ("relative_effect", "differences", "before_after")
        )
        table.add_row(metric, str(weeks), *(f"{error:.1%}" for error in errors))
    console.print(table)


def add(table: Table, name: str, part: pl.DataFrame) -> None:
    """Add a row about some estimates."""
    shares = []
    for column in ("inside", "inside_raw"):
        held = binomtest(int(part[column].sum()), part.height)
        bounds = held.proportion_ci()
        shares.append(f"{held.statistic:.3f} [{bounds.low:.3f}, {bounds.high:.3f}]")
    half = ((part["upper"] - part["lower"]) / 2).median()
    error = (part["error"] ** 2).mean() ** 0.5
    table.add_row(
        name, str(part.height), *shares, f"{half:.1%}", f"{error:.1%}", f"{part['told'].mean():.0%}"
    )


if __name__ == "__main__":
    main()
