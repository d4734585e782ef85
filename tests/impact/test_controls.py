from __future__ import annotations

import numpy as np
import pytest

from imgassets.impact.controls import (
    MAX_TREND_DIFFERENCE,
    MAX_WEEKDAY_DISTANCE,
    ControlSeries,
    Fate,
    choose_controls,
    fill_missing,
    match_candidates,
)

DAYS, TRAIN = 90, 60


def series(seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """A treated series [1, T] and twelve candidates [1, T, 12] that move like it."""
    rng = np.random.default_rng(seed)
    shared = 1.0 + 0.2 * np.sin(np.arange(DAYS) / 5.0)
    y = 1000.0 * shared + rng.normal(0, 20, DAYS)
    candidates = 50.0 * shared[:, None] + rng.normal(0, 2, (DAYS, 12))
    return y[None], candidates[None]


def choose(y: np.ndarray, candidates: np.ndarray, n_series: int = 4) -> ControlSeries:
    filled, missing = fill_missing(candidates)
    return choose_controls(y, filled, missing, TRAIN, n_series, np.array([False]))


def test_figures_are_those_of_the_definitions() -> None:
    rng = np.random.default_rng(5)
    y = 100.0 + rng.normal(0, 5, (1, DAYS))
    y[0, [3, 17]] = np.nan
    candidates = 10.0 + rng.normal(0, 1, (1, DAYS, 3)) + 0.02 * np.arange(DAYS)[:, None]
    found = match_candidates(y, candidates, np.zeros((1, 3)), TRAIN)
    days = np.arange(TRAIN)
    seen = np.isfinite(y[0, :TRAIN])
    own = np.polyfit(days[seen], y[0, :TRAIN][seen], 1)
    for column in range(3):
        x = candidates[0, :TRAIN, column]
        slope, start = np.polyfit(days[seen], x[seen], 1)
        residuals = [
            x[seen] - slope * days[seen] - start,
            y[0, :TRAIN][seen] - np.polyval(own, days[seen]),
        ]
        assert found.correlation[0, column] == pytest.approx(np.corrcoef(residuals)[0, 1])
        assert found.level[0, column] == pytest.approx(x[seen].mean())
        trend = 7 * slope / x[seen].mean() - 7 * own[0] / np.nanmean(y[0, :TRAIN])
        assert found.trend_difference[0, column] == pytest.approx(trend)
        distance = [
            abs(
                x[seen & (days % 7 == d)].mean() / x[seen].mean()
                - np.nanmean(y[0, :TRAIN][days % 7 == d]) / np.nanmean(y[0, :TRAIN])
            )
            for d in range(7)
        ]
        assert found.weekday_distance[0, column] == pytest.approx(np.mean(distance))


def test_nothing_after_the_training_rows_matters() -> None:
    y, candidates = series()
    before = choose(y, candidates)
    y[:, TRAIN:] = 7.0
    candidates[:, TRAIN:] *= np.arange(12)
    after = choose(y, candidates)
    np.testing.assert_array_equal(before.members, after.members)
    np.testing.assert_array_equal(before.series[:, :TRAIN], after.series[:, :TRAIN])


def test_flat_before_and_moving_after_is_dropped() -> None:
    y, candidates = series()
    candidates[0, :TRAIN, 0] = 50.0
    candidates[0, TRAIN:, 0] = np.linspace(50, 5000, DAYS - TRAIN)
    candidates[0, :, 1] = 0.0
    candidates[0, 30:, 1] = 40.0  # nothing in the first half: it began to sell in between
    found = choose(y, candidates)
    assert found.match.fate[0, :3].tolist() == [Fate.FLAT, Fate.FLAT, Fate.KEPT]
    assert not found.members[0, :2].any()


def test_unlike_trends_weekdays_and_strangers_are_dropped() -> None:
    y, candidates = series()
    days = np.arange(DAYS)
    candidates[0, :, 0] *= np.exp(0.02 * days)
    candidates[0, :, 1] *= np.where(days % 7 == 2, 6.0, 0.2)
    candidates[0, :, 2] = 50.0 + np.random.default_rng(1).normal(0, 8, DAYS)
    found = choose(y, candidates)
    assert found.match.fate[0, :4].tolist() == [
        Fate.TREND, Fate.WEEKDAYS, Fate.UNRELATED, Fate.KEPT,
    ]  # fmt: skip


def test_rare_sales_are_not_taken_for_an_unlike_trend_or_week() -> None:
    rng = np.random.default_rng(4)
    y = rng.poisson(20.0, (1, DAYS)).astype(float)
    candidates = rng.poisson(0.4, (1, DAYS, 40)).astype(float)
    found = match_candidates(y, candidates, np.zeros((1, 40)), 36)
    assert (np.abs(found.trend_difference) > MAX_TREND_DIFFERENCE).any()
    assert (found.weekday_distance > MAX_WEEKDAY_DISTANCE).any()
    dropped = np.isin(found.fate, (Fate.TREND, Fate.WEEKDAYS))
    assert dropped.mean() <= 0.1


def test_gaps_are_filled_by_how_the_others_moved() -> None:
    shared = np.array([1.0, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4])
    candidates = shared[None, :, None] * np.array([10.0, 20, 30])
    gaps = candidates.copy()
    gaps[0, [1, 6], 0] = np.nan
    filled, missing = fill_missing(gaps)
    np.testing.assert_allclose(missing[0], [2 / 12, 0, 0])
    np.testing.assert_allclose(filled, candidates)  # the known days' mean is that of all days


def test_a_day_nobody_knows_is_bridged_by_the_same_weekday() -> None:
    week = np.array([1.0, 2, 3, 4, 5, 6, 7])
    candidates = np.tile(week, 3)[None, :, None] * np.array([10.0, 20])
    candidates[0, 9] = np.nan
    filled, _ = fill_missing(candidates)
    assert filled[0, 9, 0] / filled[0, 8, 0] == pytest.approx(3 / 2, rel=0.05)


def test_a_control_with_too_many_gaps_is_dropped() -> None:
    y, candidates = series()
    candidates[0, ::4, 0] = np.nan
    candidates[0, ::10, 1] = np.nan
    candidates[0, :, 2] = np.nan
    found = choose(y, candidates)
    assert found.match.fate[0, :3].tolist() == [Fate.MISSING, Fate.KEPT, Fate.MISSING]
    assert np.isfinite(found.series).all()


def test_what_is_missing_later_does_not_decide() -> None:
    y, candidates = series()
    whole = choose(y, candidates)
    candidates[0, TRAIN:, :3] = np.nan
    filled, missing = fill_missing(candidates, TRAIN)
    found = choose_controls(y, filled, missing, TRAIN, 4, np.array([False]))
    np.testing.assert_array_equal(found.members[..., :4], whole.members[..., :4])
    later = np.corrcoef(filled[0, TRAIN:, 0], y[0, TRAIN:])[0, 1]
    assert later > 0.9  # it moves on as the others do


def test_telling_candidates_enter_alone_after_the_mean_of_all() -> None:
    y, candidates = series()
    found = choose(y, candidates)
    assert found.members[0].sum(axis=0).tolist() == [12, 2, 2, 2, 0]
    best = np.argsort(-found.match.correlation[0])[:2]
    assert set(np.flatnonzero(found.members[0, :, 1])) == set(best)


def test_noisy_candidates_are_grouped_without_a_look_at_the_treated() -> None:
    rng = np.random.default_rng(2)
    y, candidates = series()
    candidates = candidates + rng.normal(0, 60, candidates.shape)
    other = y + rng.normal(0, 400, y.shape)
    found, again = choose(y, candidates), choose(other, candidates)
    kept = found.match.fate[0] == Fate.KEPT
    members = found.members[0, kept, 1:4]
    assert (members.sum(axis=1) == 1).all()
    assert np.argmax(members, axis=1).tolist() == [i % 3 for i in range(kept.sum())]
    if (again.match.fate == found.match.fate).all():
        np.testing.assert_array_equal(again.members, found.members)


def test_series_are_weighted_by_the_root_of_the_level() -> None:
    y, candidates = series()
    candidates[0, :, 0] *= 16.0
    found = choose(y, candidates)
    level = found.match.level[0]
    mean = (candidates[0] / np.sqrt(level)).mean(axis=1)
    np.testing.assert_allclose(found.series[0, :, 0], mean)


def test_the_straight_line_comes_last() -> None:
    y, candidates = series()
    found = choose_controls(y, candidates, np.zeros((1, 12)), TRAIN, 4, np.array([True]))
    assert found.series[0, :, -1].tolist() == list(range(DAYS))
    assert not choose(y, candidates).series[0, :, -1].any()


def test_no_candidate_at_all() -> None:
    y, candidates = series()
    found = choose(y, candidates[:, :, :0])
    assert found.series.shape == (1, DAYS, 5)
    assert not found.series.any()
