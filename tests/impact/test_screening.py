from __future__ import annotations

import numpy as np
import pytest

from imgassets.impact.options import ImpactOptions
from imgassets.impact.screening import Screened, outliers, refusal

ENOUGH = {"n_treated": 5, "n_controls": 10, "pre_days": 21, "nonzero_days": 10}


def test_a_cell_at_all_limits_is_not_refused() -> None:
    assert refusal(Screened(**ENOUGH), ImpactOptions()) == ""


@pytest.mark.parametrize("short", sorted(ENOUGH))
def test_a_cell_below_a_limit_is_refused_with_measure_and_limit(short: str) -> None:
    less = ENOUGH | {short: ENOUGH[short] - 1}
    reason = refusal(Screened(**less), ImpactOptions())
    assert reason.startswith(f"{ENOUGH[short] - 1} ")
    assert f"at least {ENOUGH[short]} are needed" in reason


def days(level: float = 100.0, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    movement = 1.0 + 0.3 * np.sin(np.arange(60) / 6.0)
    return rng.poisson(level * movement).astype(float), movement


@pytest.mark.parametrize("day", [0, 25, 45, 59])
@pytest.mark.parametrize("factor", [20.0, 0.0])
def test_a_20_fold_day_and_a_dead_one_are_found_anywhere(day: int, factor: float) -> None:
    y, movement = days()
    y[day] *= factor
    assert np.flatnonzero(outliers(y, movement)).tolist() == [day]


def test_what_the_controls_do_too_is_no_outlier() -> None:
    y, movement = days()
    y[30] *= 8.0
    movement[30] *= 8.0
    assert not outliers(y, movement).any()


def test_a_lasting_change_is_no_outlier() -> None:
    y, movement = days()
    y[30:] *= 4.0
    assert not outliers(y, movement).any()


def test_small_counts_may_be_zero_or_several_times_their_mean() -> None:
    y = np.random.default_rng(2).poisson(1.5, 400).astype(float)
    assert (y == 0).any()
    assert y.max() >= 6
    assert not outliers(y, np.ones(400)).any()


def test_series_side_by_side_and_gaps() -> None:
    y, movement = days()
    both = np.stack([y, y], axis=1)
    both[10, 1] *= 30.0
    both[20, 0] = np.nan
    both[40:, 0] = np.nan
    movement[50] = np.nan
    assert np.argwhere(outliers(both, movement)).tolist() == [[10, 1]]
    assert not outliers(np.full(5, np.nan), np.ones(5)).any()
