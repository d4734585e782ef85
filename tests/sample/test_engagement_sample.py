"""The sample's engagement: a funnel with known lifts, the same for the same seed."""

from __future__ import annotations

import datetime as dt
import itertools

import polars as pl
import pytest

from imgassets.sample.engagement import (
    FIRST_LIVE,
    LIFTS,
    METRICS,
    SampleEngagement,
    write_sample_engagement,
)

LIVE = {(category, f"{category}-one"): FIRST_LIVE for category in LIFTS}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> SampleEngagement:
    return write_sample_engagement(tmp_path_factory.mktemp("sample"), LIVE)


@pytest.fixture(scope="module")
def counts(written: SampleEngagement) -> pl.DataFrame:
    dates = pl.read_csv(written.interventions, try_parse_dates=True)
    return pl.read_parquet(written.engagement).join(dates, on=["product_id", "category"])


def test_it_is_a_funnel_with_one_row_a_day(written, counts):
    assert counts.height == written.n_rows
    assert counts.select("product_id", "day").is_duplicated().sum() == 0
    for wider, narrower in itertools.pairwise(METRICS):
        assert counts.filter(pl.col(narrower) > pl.col(wider)).is_empty()
    assert counts["day"].max() == written.last_day


def test_simulated_products_are_marked_and_the_catalogs_own_are_there(counts):
    names = counts.select("category", "product_id").unique()
    own = names.filter(~pl.col("product_id").str.starts_with("sim-"))
    assert set(own.rows()) == set(LIVE)
    untreated = counts.filter(~pl.col("treated"))
    assert untreated["product_id"].str.starts_with("sim-").all()


@pytest.mark.parametrize("category", LIFTS)
def test_the_treated_gain_what_the_truth_says(written, counts, category):
    """A plain difference in differences; its error is about 2 % here."""
    truth = pl.read_csv(written.truth).filter(category=category, metric="add_to_cart", day_from=0)
    start = FIRST_LIVE + dt.timedelta(days=2)
    window = (
        pl.when(pl.col("day").is_between(start, FIRST_LIVE + dt.timedelta(days=13)))
        .then(pl.lit("after"))
        .when(pl.col("day") < FIRST_LIVE)
        .then(pl.lit("before"))
    )
    means = {
        row[:2]: row[2]
        for row in counts.filter(category=category)
        .with_columns(window=window)
        .drop_nulls("window")
        .group_by("window", "treated")
        .agg(pl.col("add_to_cart").mean())
        .iter_rows()
    }
    ratio = means["after", True] / means["before", True]
    control = means["after", False] / means["before", False]
    assert ratio / control - 1 == pytest.approx(truth["true_lift"][0], abs=0.06)


def test_impressions_are_never_lifted(written):
    lifts = pl.read_csv(written.truth).filter(metric="impressions")
    assert lifts.height == 3 * len(LIFTS)
    assert (lifts["true_lift"] == 0).all()


def test_equal_seeds_give_equal_files(written, tmp_path):
    again = write_sample_engagement(tmp_path / "again", LIVE)
    assert again.engagement.read_bytes() == written.engagement.read_bytes()
    assert again.interventions.read_bytes() == written.interventions.read_bytes()
    other = write_sample_engagement(tmp_path / "other", LIVE, seed=1)
    assert other.engagement.read_bytes() != written.engagement.read_bytes()
