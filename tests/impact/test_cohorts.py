from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from imgassets.impact.cohorts import form_cohorts
from imgassets.impact.options import CohortPeriod, ImpactOptions

AS_OF = date(2026, 2, 20)


def events(*rows: tuple[str, str, date] | tuple[str, str, date, str]) -> pl.DataFrame:
    full = [row if len(row) == 4 else (*row, "feed") for row in rows]
    return pl.DataFrame(
        full,
        schema={
            "category": pl.String,
            "product_id": pl.String,
            "day": pl.Date,
            "source": pl.String,
        },
        orient="row",
    ).with_columns(detail=pl.lit(""))


@pytest.mark.parametrize(
    ("period", "starts"),
    [
        ("day", [date(2026, 1, 6), date(2026, 1, 11), date(2026, 1, 12)]),
        ("week", [date(2026, 1, 5), date(2026, 1, 12)]),
        ("month", [date(2026, 1, 1)]),
    ],
)
def test_products_of_one_period_are_a_cohort(period: CohortPeriod, starts: list[date]) -> None:
    rows = events(
        ("tees", "a", date(2026, 1, 6)),
        ("tees", "b", date(2026, 1, 11)),
        ("tees", "c", date(2026, 1, 12)),
    )
    found = form_cohorts(rows, AS_OF, ImpactOptions(cohort=period)).cohorts
    assert [cohort.start for cohort in found] == starts
    assert found[0].first_day == date(2026, 1, 6)
    assert sum(len(cohort.dates) for cohort in found) == 3


def test_a_set_that_changed_again_is_left_out_and_counted() -> None:
    rows = events(
        ("tees", "a", date(2026, 1, 6)),
        ("tees", "b", date(2026, 1, 6)),
        ("tees", "b", date(2026, 1, 20)),
    )
    first, second = form_cohorts(rows, AS_OF, ImpactOptions()).cohorts
    assert first.dates == {"a": date(2026, 1, 6)}
    assert first.notes == ("products left out, their set changed again within 42 days: 1",)
    assert second.dates == {}
    assert second.notes == (
        "products left out, their set had changed within the 120 days before: 1",
    )


def test_what_is_not_known_yet_does_not_count() -> None:
    rows = events(
        ("tees", "a", date(2026, 1, 6)),
        ("tees", "a", date(2026, 2, 1)),
        ("tees", "b", date(2026, 2, 1)),
    )
    known = form_cohorts(rows, date(2026, 1, 31), ImpactOptions())
    assert [cohort.dates for cohort in known.cohorts] == [{"a": date(2026, 1, 6)}]
    assert known.treated == {"tees": frozenset({"a"})}


def test_a_cohort_is_dropped_when_its_time_is_over() -> None:
    rows = events(("tees", "a", date(2026, 1, 6)))
    options = ImpactOptions(keep_days=28)
    last = date(2026, 1, 6).toordinal() + 42 + 28
    assert form_cohorts(rows, date.fromordinal(last - 1), options).cohorts
    over = form_cohorts(rows, date.fromordinal(last), options)
    assert over.cohorts == ()
    assert over.treated["tees"] == frozenset({"a"})


def test_a_files_word_counts_more_than_a_changed_set() -> None:
    rows = events(
        ("tees", "a", date(2026, 1, 6), "image_set"),
        ("tees", "a", date(2026, 1, 14), "feed"),
        ("tees", "b", date(2026, 1, 6), "image_set"),
    )
    first, second = form_cohorts(rows, AS_OF, ImpactOptions()).cohorts
    assert (first.dates, second.dates) == (
        {"b": date(2026, 1, 6)},
        {"a": date(2026, 1, 14)},
    )


def test_both_sources_on_one_day_are_one_intervention() -> None:
    rows = events(
        ("tees", "a", date(2026, 1, 6), "image_set"), ("tees", "a", date(2026, 1, 6), "feed")
    )
    (cohort,) = form_cohorts(rows, AS_OF, ImpactOptions()).cohorts
    assert cohort.dates == {"a": date(2026, 1, 6)}
    assert cohort.notes == ()
