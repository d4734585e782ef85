from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from imgassets.impact.options import ImpactOptions
from imgassets.impact.placebos import placebo_windows, run_placebos
from imgassets.impact.structural import ModelOptions

OPTIONS = ImpactOptions(model=ModelOptions(niter=100), n_control_series=3, placebo_windows=2)


@pytest.mark.parametrize(
    ("n_pre", "longest", "windows", "trained"),
    [
        (120, 30, 1, [90]),
        (120, 42, 3, [78, 57, 36]),
        (120, 42, 9, [78, 57, 36]),  # a fourth would train on 15 days, fewer than 21
        (60, 42, 3, [21]),  # none has the longest horizon: the shorter ones are tried
        (22, 42, 3, [21]),
        (21, 7, 3, []),
    ],
)
def test_fake_dates_lie_before_the_true_one(
    n_pre: int, longest: int, windows: int, trained: list[int]
) -> None:
    assert placebo_windows(n_pre, longest, windows, 21) == trained


def cells(seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Four series [4, 80] without effect, with eight candidates each."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(0, 1, (4, 80)).cumsum(axis=1)
    y = 200.0 + 5.0 * shared + rng.normal(0, 4, (4, 80))
    candidates = 100.0 + 3.0 * shared[:, :, None] + rng.normal(0, 2, (4, 80, 8))
    return y, candidates


def test_errors_are_of_the_days_after_the_fake_date() -> None:
    y, candidates = cells()
    days = np.tile([7, 14], (4, 1))
    found = run_placebos(
        y, candidates, np.zeros((4, 8)), days, [66, 59], np.zeros(4, dtype=bool), OPTIONS
    )
    assert found.train_rows.tolist() == [[66, 59]] * 4
    np.testing.assert_allclose(found.actual[:, 0, 1], y[:, 66:80].sum(axis=1))
    np.testing.assert_allclose(found.actual[:, 1, 0], y[:, 59:66].sum(axis=1))
    assert (np.abs(found.predicted / found.actual - 1) < 0.1).all()
    np.testing.assert_allclose(found.z, (found.actual - found.predicted) / found.predicted_sd)


def test_a_placebo_does_not_see_the_days_it_predicts() -> None:
    """Controls that follow the future alone are not preferred for it."""
    y, candidates = cells()
    run = [np.tile([14], (4, 1)), [66], np.zeros(4, dtype=bool), replace(OPTIONS)]
    before = run_placebos(y, candidates, np.zeros((4, 8)), *run)
    changed = y.copy()
    changed[:, 66:] = 1e4
    after = run_placebos(changed, candidates, np.zeros((4, 8)), *run)
    np.testing.assert_array_equal(before.predicted, after.predicted)
    np.testing.assert_array_equal(before.predicted_sd, after.predicted_sd)


def test_horizons_that_do_not_fit_are_left_empty() -> None:
    y, candidates = cells()
    days = np.tile([7, 21, 0], (4, 1))
    found = run_placebos(
        y, candidates, np.zeros((4, 8)), days, [66], np.zeros(4, dtype=bool), OPTIONS
    )
    assert np.isfinite(found.z[:, 0, 0]).all()
    assert np.isnan(found.z[:, 0, 1:]).all()
    assert np.isnan(found.z[:, 1]).all()
    assert found.train_rows[:, 1].tolist() == [0] * 4
