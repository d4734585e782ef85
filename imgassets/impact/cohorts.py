"""Cohorts: the products of a category whose new sets went live in the same period."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from imgassets.impact.options import CohortPeriod, ImpactOptions

_TRUNCATED: dict[CohortPeriod, str] = {"day": "1d", "week": "1w", "month": "1mo"}

_KEY = ("category", "product_id", "day")


@dataclass(frozen=True)
class Cohort:
    """Products that are estimated together.

    Attributes:
        category: of all of them.
        start: first day of the period.
        dates: product → first day with its new set, sorted by product; may be empty.
        size: how many they would be with those left out.
        first_day: first day with any product's new set; of those left out if no other is there.
        last_day: first day with the last product's new set, likewise.
        notes: who was left out, with counts.
    """

    category: str
    start: date
    dates: dict[str, date]
    size: int
    first_day: date
    last_day: date
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Interventions:
    """What is known of new sets as of a day.

    Attributes:
        cohorts: that are still of interest, sorted by category and start.
        treated: category → products with any new set so far, which are no controls.
    """

    cohorts: tuple[Cohort, ...]
    treated: dict[str, frozenset[str]]


def form_cohorts(interventions: pl.DataFrame, as_of: date, options: ImpactOptions) -> Interventions:
    """Put products together by the period in which their new sets went live.

    A product whose set changed again before the longest horizon was over, or had changed within
    the days before, belongs to no cohort: what one set did cannot be told from the other. It is
    counted in the notes of the cohort that it would have been in.

    Args:
        interventions: rows of contract ``Interventions``; those after ``as_of`` are not looked at.
        as_of: last day that is known.
        options: the period, the days before, the horizons, and how long a cohort is of interest.
    """
    events = _distinct(interventions.filter(pl.col("day") <= as_of))
    product = ["category", "product_id"]
    events = events.with_columns(
        to_next=(pl.col("day").shift(-1).over(product) - pl.col("day")).dt.total_days(),
        to_last=(pl.col("day") - pl.col("day").shift(1).over(product)).dt.total_days(),
        start=pl.col("day").dt.truncate(_TRUNCATED[options.cohort]),
    ).with_columns(
        again=pl.col("to_next").lt(options.longest_days).fill_null(False),
        before=pl.col("to_last").le(options.pre_days).fill_null(False),
    )
    oldest = as_of - timedelta(days=options.longest_days + options.keep_days)
    cohorts = [
        _cohort(str(category), start, rows, options)
        for (category, start), rows in events.group_by("category", "start", maintain_order=True)
        if rows["day"].max() > oldest  # type: ignore[operator]
    ]
    treated = {
        str(category): frozenset(rows["product_id"])
        for (category,), rows in events.group_by("category")
    }
    return Interventions(tuple(sorted(cohorts, key=lambda c: (c.category, c.start))), treated)


def _distinct(interventions: pl.DataFrame) -> pl.DataFrame:
    """Return one row per product and day; where a file speaks of a product, nobody else does."""
    by_feed = (pl.col("source") == "feed").any().over("category", "product_id")
    return (
        interventions.filter((pl.col("source") == "feed") | ~by_feed)
        .select(_KEY)
        .unique()
        .sort(_KEY)
    )


def _cohort(category: str, start: date, rows: pl.DataFrame, options: ImpactOptions) -> Cohort:
    used = rows.filter(~pl.col("again") & ~pl.col("before")).sort("product_id")
    again = rows["again"].sum()
    before = rows.filter(pl.col("before") & ~pl.col("again")).height
    notes = []
    if again:
        notes.append(
            "products left out, their set changed again within "
            f"{options.longest_days} days: {again}"
        )
    if before:
        notes.append(
            "products left out, their set had changed within the "
            f"{options.pre_days} days before: {before}"
        )
    days = (rows if used.is_empty() else used)["day"]
    return Cohort(
        category=category,
        start=start,
        dates=dict(used.select("product_id", "day").iter_rows()),
        size=rows.height,
        first_day=days.min(),  # type: ignore[arg-type]
        last_day=days.max(),  # type: ignore[arg-type]
        notes=tuple(notes),
    )
