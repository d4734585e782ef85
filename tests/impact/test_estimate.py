from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from imgassets.impact.estimate import estimate_impact
from imgassets.impact.market import by_category
from imgassets.impact.options import ImpactOptions
from imgassets.impact.rows import ImpactFrames
from imgassets.impact.structural import ModelOptions
from tests.impact.small_market import FIRST_DAY, LIVE, engagement, interventions

OPTIONS = ImpactOptions(
    horizons=(1, 2, 4), n_control_series=4, model=ModelOptions(niter=150), min_pre_days=21
)
AS_OF = date(2026, 1, 11)
"""The last day of the small market: 42 days with the new sets."""

TREATED = pl.col("product_id").str.contains("-t")

METRICS = {"impressions", "clicks", "add_to_cart", "orders"}


def estimate(
    days: pl.DataFrame,
    sets: pl.DataFrame | None = None,
    as_of: date = AS_OF,
    options: ImpactOptions = OPTIONS,
    categories: tuple[str, ...] = ("tees",),
) -> ImpactFrames:
    sets = interventions() if sets is None else sets
    return estimate_impact(by_category(days), sets, categories, as_of, options)


def cell(frames: ImpactFrames, metric: str = "clicks", weeks: int = 4) -> dict[str, object]:
    (row,) = frames.causal_impact.filter(
        (pl.col("metric") == metric) & (pl.col("horizon_weeks") == weeks)
    ).to_dicts()
    return row


@pytest.fixture(scope="module")
def lifted() -> ImpactFrames:
    return estimate(engagement(lift=0.3))


def test_a_known_lift_is_found_and_impressions_hold_still(lifted: ImpactFrames) -> None:
    rows = lifted.causal_impact
    assert rows.height == 4 * 3
    assert rows["status"].unique().to_list() == ["estimated"]
    clicks, shown = cell(lifted), cell(lifted, "impressions")
    assert clicks["lower"] < 0.3 < clicks["upper"]
    assert clicks["lower"] > 0
    assert clicks["verdict"] == "rise"
    assert shown["verdict"] == "no effect shown"
    assert shown["lower"] < 0 < shown["upper"]


def test_a_rows_figures_belong_together(lifted: ImpactFrames) -> None:
    for row in lifted.causal_impact.iter_rows(named=True):
        assert row["effect"] == pytest.approx(row["actual"] - row["predicted"])
        assert row["effect_average"] == pytest.approx(row["effect"] / row["post_days"])
        assert row["post_days"] == 7 * row["horizon_weeks"]
        assert row["last_day"] == LIVE + timedelta(days=row["post_days"] - 1)
        assert row["probability"] == pytest.approx(1 - row["p_value"] / 2)
        assert row["p_value"] <= row["q_value"] + 1e-12
        assert row["placebo_scale"] >= 1
        half = row["effect_upper"] - row["effect"]
        raw = row["raw_effect_upper"] - row["effect"]
        assert half == pytest.approx(row["placebo_scale"] * raw)
        assert row["lower"] <= row["raw_lower"] <= row["relative_effect"]
        assert (row["lower"] > 0 or row["upper"] < 0) == (row["p_value"] < 0.05)
        assert (row["n_treated"], row["pre_days"]) == (20, 91)


def test_a_cell_can_be_looked_into(lifted: ImpactFrames) -> None:
    controls = lifted.impact_controls.filter(pl.col("metric") == "clicks")
    best = controls.row(by_predicate=pl.col("control") == "c1", named=True)
    assert best["correlation"] > 0.8
    assert best["from_categories"] == ["tees"]
    assert all("-u" in product for product in best["products"])
    row = cell(lifted)
    assert best["n_products"] == row["n_control"]
    assert controls["control"].str.contains(r"^c\d+$").sum() == row["n_control_series"]

    series = lifted.impact_series.filter(pl.col("metric") == "clicks")
    assert series["tau"].to_list() == list(range(-91, 28))
    assert series["date"].to_list() == [FIRST_DAY + timedelta(days=d) for d in range(119)]
    day_28 = series.row(by_predicate=pl.col("tau") == 27, named=True)
    assert day_28["cumulative_effect"] == pytest.approx(row["effect"], rel=0.02)
    assert series.filter(pl.col("tau") < 0)["cumulative_effect"].is_null().all()
    width = day_28["cumulative_upper"] - day_28["cumulative_lower"]
    assert width == pytest.approx(row["effect_upper"] - row["effect_lower"], rel=0.1)
    total = series.filter(pl.col("tau").is_between(0, 27))["actual"].sum()
    assert total == pytest.approx(row["actual"])

    placebos = lifted.impact_placebos.filter(pl.col("metric") == "clicks")
    in_time = placebos.filter(pl.col("kind") == "in time")
    assert in_time["train_to"].max() < -28
    assert in_time["train_from"].unique().to_list() == [-91]
    assert placebos.filter(pl.col("kind") == "A/A").height == 2 * 3
    assert (placebos["z"].abs() < 6).all()


def test_the_same_input_gives_the_same_rows(lifted: ImpactFrames) -> None:
    again = estimate(engagement(lift=0.3).sample(fraction=1, shuffle=True, seed=1))
    for name in ("causal_impact", "impact_controls", "impact_series", "impact_placebos"):
        assert_frame_equal(getattr(lifted, name), getattr(again, name), check_exact=True)


def test_what_came_later_is_not_looked_at(lifted: ImpactFrames) -> None:
    early = LIVE + timedelta(days=15)
    days = engagement(lift=0.3)
    some = estimate(days, as_of=early)
    cut = estimate(days.filter(pl.col("day") <= early), as_of=early)
    assert_frame_equal(some.causal_impact, cut.causal_impact, check_exact=True)
    row = cell(some, weeks=4)
    assert (row["status"], row["verdict"]) == ("not yet", "not yet")
    assert row["reason"] == "days known so far: 16; 28 are needed"
    assert cell(some, weeks=2)["status"] == "estimated"


def test_controls_are_chosen_by_what_was_before(lifted: ImpactFrames) -> None:
    rng = np.random.default_rng(3)
    days = engagement(lift=0.3)
    later = (pl.col("day") >= LIVE) & ~TREATED
    changed = days.with_columns(
        pl.when(later)
        .then((pl.col(metric) * pl.Series(rng.uniform(0.3, 3.0, days.height))).cast(pl.Int64))
        .otherwise(pl.col(metric))
        .alias(metric)
        for metric in METRICS
    ).filter(~(later & (pl.col("product_id") < "tees-u008")))
    found = estimate(changed).impact_controls
    what = ["metric", "control", "products", "correlation", "trend_difference"]
    assert_frame_equal(found.select(what), lifted.impact_controls.select(what))


def test_other_categories_share_placebos_and_the_correction() -> None:
    days = pl.concat([engagement(), engagement("caps", lift=0.3)])
    sets = pl.concat([interventions(), interventions("caps")])
    both = estimate(days, sets, categories=("caps", "tees"))
    one = estimate(days, sets, categories=("caps",))
    caps = both.causal_impact.filter(pl.col("category") == "caps")
    assert_frame_equal(one.causal_impact, caps, check_exact=True)
    assert set(both.causal_impact["category"]) == {"caps", "tees"}
    alone = estimate(days, sets.filter(pl.col("category") == "caps"), categories=("caps",))
    row, fewer = cell(one), cell(alone)
    assert row["n_placebos"] == 2 * fewer["n_placebos"]


def test_several_dates_of_a_week_are_one_cohort_in_event_time() -> None:
    later = interventions().with_columns(
        day=pl.when(pl.col("product_id") < "tees-t010")
        .then(pl.lit(LIVE))
        .otherwise(pl.lit(LIVE + timedelta(days=3)))
    )
    frames = estimate(engagement(), later)
    row = cell(frames)
    assert (row["cohort"], row["n_treated"], row["status"]) == (LIVE, 20, "estimated")
    assert row["last_day"] == LIVE + timedelta(days=3 + 27)
    assert frames.impact_series["date"].is_null().all()
    assert row["lower"] < 0 < row["upper"]
    early = estimate(engagement(), later, as_of=LIVE + timedelta(days=20))
    assert early.impact_series["tau"].max() == 17  # the last products have three days fewer


# Bad input, one by one.


def test_too_few_products_are_refused_in_a_row() -> None:
    row = cell(estimate(engagement(treated=4), interventions(treated=4)))
    assert (row["status"], row["verdict"]) == ("refused", "refused")
    assert row["reason"] == "4 treated products with data; at least 5 are needed"
    assert row["relative_effect"] is None


def test_too_few_controls_are_refused_in_a_row() -> None:
    row = cell(estimate(engagement(untreated=9)))
    assert row["reason"] == "9 untreated products to compare with; at least 10 are needed"


def test_too_few_controls_are_joined_by_those_of_a_similar_category() -> None:
    days = pl.concat([engagement(untreated=6), engagement("tops", treated=0, seed=1)])
    frames = estimate(days)
    assert cell(frames)["status"] == "estimated"
    used = frames.impact_controls.filter(pl.col("control") == "c1")["from_categories"]
    assert set(used.explode()) == {"tees", "tops"}


def test_controls_of_a_category_that_moves_otherwise_are_not_taken() -> None:
    stranger = engagement("tops", treated=0).with_columns(
        pl.col("day").reverse().over("product_id")
    )
    row = cell(estimate(pl.concat([engagement(untreated=6), stranger])))
    assert row["reason"] == "6 untreated products to compare with; at least 10 are needed"


def test_no_control_at_all_is_refused() -> None:
    row = cell(estimate(engagement(untreated=0)))
    assert row["reason"] == "0 untreated products to compare with; at least 10 are needed"


def test_controls_that_were_treated_are_none() -> None:
    other = pl.DataFrame(
        {
            "day": [LIVE + timedelta(days=20)] * 5,
            "category": "tees",
            "product_id": [f"tees-u{i:03d}" for i in range(5)],
            "source": "image_set",
            "detail": "changed",
        }
    )
    frames = estimate(engagement(), pl.concat([interventions(), other]))
    used = set(frames.impact_controls["products"].explode())
    assert used.isdisjoint(other["product_id"])
    assert "tees-u005" in used


def test_a_pre_period_shorter_than_three_weeks_is_refused() -> None:
    days = engagement().filter(pl.col("day") >= LIVE - timedelta(days=20))
    row = cell(estimate(days))
    assert row["reason"] == "20 days with data before the intervention; at least 21 are needed"


@pytest.mark.parametrize("day", [FIRST_DAY - timedelta(days=10), FIRST_DAY])
def test_an_intervention_before_the_data_is_refused(day: date) -> None:
    options = ImpactOptions(horizons=(1, 2, 4), keep_days=200, model=ModelOptions(niter=150))
    row = cell(estimate(engagement(), interventions(day=day), options=options))
    assert row["status"] == "refused"
    assert "lies outside the data (2025-09-01 to 2026-01-11)" in str(row["reason"])


def test_an_intervention_after_the_data_is_not_judged_yet() -> None:
    row = cell(estimate(engagement().filter(pl.col("day") < LIVE - timedelta(days=3))))
    assert (row["status"], row["n_treated"]) == ("refused", 20)
    assert "lies outside the data (2025-09-01 to 2025-11-27)" in str(row["reason"])
    row = cell(estimate(engagement().filter(pl.col("day") <= LIVE)))
    assert (row["status"], row["reason"]) == (
        "not yet",
        "days known so far: 1; 28 are needed",
    )


def test_products_without_data_and_a_category_without_any() -> None:
    sets = pl.concat([interventions(treated=22), interventions("mugs")])
    frames = estimate(engagement(), sets, categories=("tees", "mugs"))
    tees = frames.causal_impact.filter(pl.col("category") == "tees")
    assert "products left out, no engagement data: 2" in tees["notes"][0].to_list()
    assert tees["n_treated"][0] == 20
    mugs = frames.causal_impact.filter(pl.col("category") == "mugs")
    assert mugs["reason"].unique().to_list() == ["no engagement data of the category"]


def test_overlapping_interventions_are_left_out_and_counted() -> None:
    again = interventions(treated=3, day=LIVE + timedelta(days=14))
    frames = estimate(engagement(), pl.concat([interventions(), again]))
    row, second = frames.causal_impact.filter(
        (pl.col("metric") == "clicks") & (pl.col("horizon_weeks") == 4)
    ).to_dicts()
    assert row["n_treated"] == 17
    assert (second["status"], second["reason"]) == (
        "refused",
        "0 of 3 treated products are left; at least 5 are needed",
    )
    assert "products left out, their set changed again within 28 days: 3" in row["notes"]


def spoilt(metric: str, value: float | None, where: pl.Expr) -> pl.DataFrame:
    return engagement().with_columns(
        pl.when(where).then(pl.lit(value)).otherwise(pl.col(metric).cast(pl.Float64)).alias(metric)
    )


def test_an_all_zero_series_is_refused() -> None:
    row = cell(estimate(spoilt("clicks", 0.0, TREATED)))
    assert row["reason"] == (
        "0 days before the intervention with a figure other than 0; at least 10 are needed"
    )


@pytest.mark.parametrize("days", [-30, 5])
def test_a_20_fold_day_of_the_treated_is_left_out_and_named(days: int) -> None:
    day = LIVE + timedelta(days=days)
    spike = engagement().with_columns(
        clicks=pl.when(TREATED & (pl.col("day") == day))
        .then(pl.col("clicks") * 20)
        .otherwise(pl.col("clicks"))
    )
    row, clean = cell(estimate(spike)), cell(estimate(engagement()))
    assert any("outliers" in note for note in row["notes"])
    assert row["relative_effect"] == pytest.approx(clean["relative_effect"], abs=0.03)


@pytest.mark.parametrize("value", [None, float("nan"), -5.0])
def test_figures_that_are_none_are_made_good(value: float | None) -> None:
    holes = (pl.col("day").dt.ordinal_day() + pl.col("product_id").hash(1) % 50) % 25 == 0
    row, clean = cell(estimate(spoilt("clicks", value, holes))), cell(estimate(engagement()))
    assert row["status"] == "estimated"
    assert row["relative_effect"] == pytest.approx(clean["relative_effect"], abs=0.02)


def test_days_missing_altogether_count_as_not_observed() -> None:
    gone = [LIVE + timedelta(days=d) for d in (-40, -3, 6, 13)]
    row = cell(estimate(engagement().filter(~pl.col("day").is_in(gone))))
    assert (row["pre_days"], row["post_days"]) == (89, 26)
    assert "days without data of enough treated products: 4" in row["notes"]
    assert row["lower"] < 0 < row["upper"]


def test_a_horizon_with_too_few_days_is_refused() -> None:
    gone = [LIVE + timedelta(days=d) for d in range(3, 12)]
    row = cell(estimate(engagement().filter(~pl.col("day").is_in(gone))), weeks=2)
    assert row["reason"] == "5 of 14 days have data; at least 10 are needed"


def test_flat_controls_that_move_later_are_dropped_and_named() -> None:
    flat = pl.col("product_id") == "tees-u003"
    days = engagement().with_columns(
        clicks=pl.when(flat & (pl.col("day") < LIVE))
        .then(20)
        .when(flat)
        .then(5_000)
        .otherwise(pl.col("clicks"))
    )
    frames = estimate(days)
    row, clean = cell(frames), cell(estimate(engagement()))
    assert any("flat" in note for note in row["notes"])
    width = row["raw_upper"] - row["raw_lower"]
    assert width < 1.3 * (clean["raw_upper"] - clean["raw_lower"])
    dropped = frames.impact_controls.filter(pl.col("control") == "left out: flat")
    assert "tees-u003" in dropped.filter(pl.col("metric") == "clicks")["products"][0].to_list()


def test_no_intervention_gives_no_row() -> None:
    frames = estimate(engagement(), interventions().clear())
    assert frames.causal_impact.is_empty()
    assert frames.impact_series.columns[0] == "day"


def test_small_effects_of_nothing_are_rarely_found() -> None:
    """Twelve categories without effect: of 36 cells at four weeks few leave their interval."""
    names = [f"category-{i:02d}" for i in range(12)]
    days = pl.concat([engagement(name, treated=10, untreated=14, seed=i) for i, name in
                      enumerate(names)])  # fmt: skip
    sets = pl.concat([interventions(name, treated=10) for name in names])
    frames = estimate(days, sets, categories=tuple(names))
    rows = frames.causal_impact.filter(
        (pl.col("horizon_weeks") == 4) & (pl.col("metric") != "impressions")
    )
    outside = (rows["lower"] > 0) | (rows["upper"] < 0)
    assert rows.height == 36
    assert outside.sum() <= 5  # binomial, 5 %: more than five in one of fifty draws
    assert not rows["verdict"].is_in(["rise", "fall"]).any()
    assert np.isfinite(rows["sensitivity_low"].to_numpy()).all()


class Counted(Mapping[str, pl.DataFrame]):
    """Engagement by category that counts how often each is read."""

    def __init__(self, rows: Mapping[str, pl.DataFrame]) -> None:
        self._rows = rows
        self.reads: Counter[str] = Counter()

    def __getitem__(self, category: str) -> pl.DataFrame:
        self.reads[category] += 1
        return self._rows[category]

    def __contains__(self, category: object) -> bool:
        return category in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


def test_engagement_is_read_by_category_when_it_is_needed() -> None:
    days = pl.concat([engagement(name) for name in ("tees", "mugs", "hats")])
    sets = pl.concat([interventions(name) for name in ("tees", "mugs")])
    counted = Counted(by_category(days))
    found = estimate_impact(counted, sets, ["tees"], AS_OF, OPTIONS)
    assert_frame_equal(found.causal_impact, estimate(days, sets).causal_impact)
    assert dict(counted.reads) == {"tees": 1, "mugs": 1}, "hats have no new sets"
