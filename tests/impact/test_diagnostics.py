from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from imgassets.impact.batch import Fits, fit_many
from imgassets.impact.diagnostics import pre_fit, sensitivity, untreated_run
from imgassets.impact.fitting import fit_series
from imgassets.impact.options import ImpactOptions
from imgassets.impact.structural import ModelOptions

OPTIONS = ImpactOptions(model=ModelOptions(niter=100), n_control_series=3)
N_PRE, DAYS = 60, 80


def series(lift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Two series [2, DAYS] and twelve candidates each."""
    rng = np.random.default_rng(6)
    shared = 1.0 + 0.1 * np.sin(np.arange(DAYS) / 6.0)
    y = 500.0 * shared + rng.normal(0, 10, (2, DAYS))
    y[:, N_PRE:] *= 1.0 + lift
    return y, 40.0 * shared[:, None] + rng.normal(0, 2, (2, DAYS, 12))


def fits() -> Fits:
    y, candidates = series()
    ends = np.full((2, 1), DAYS)
    return fit_many(y, candidates[:, :, :2], np.full(2, N_PRE), ends, OPTIONS.model, pointwise=True)


def test_the_fit_before_is_measured_on_days_ahead() -> None:
    y, _ = series()
    error = np.zeros((2, DAYS))
    error[0] = 10.0 * (-1.0) ** np.arange(DAYS)
    error[1] = np.where(np.arange(DAYS) % 4 < 2, 5.0, -5.0)
    y[1, 20] = np.nan
    made = replace(fits(), expected=y - error, expected_sd=np.full((2, DAYS), 2.0))
    found = pre_fit(y, made, N_PRE)
    used = y[0, 7:N_PRE]
    assert found.mape[0] == pytest.approx(10.0 / used.mean())
    assert found.r2[0] == pytest.approx(1 - 100.0 / used.var())
    assert found.autocorrelation[0] == pytest.approx(-1.0)
    assert found.autocorrelation[1] == pytest.approx(0.0, abs=0.05)
    assert np.isfinite(found.mape).all()


def test_halves_of_the_controls_agree_with_the_estimate() -> None:
    y, candidates = series(lift=0.2)
    ends = np.array([[DAYS], [0]])
    kept = np.ones((2, 12), dtype=bool)
    low, high = sensitivity(
        y, candidates, np.zeros((2, 12)), kept, np.zeros(2, dtype=bool), N_PRE, ends, OPTIONS
    )
    assert 0.15 < low[0, 0] < high[0, 0] < 0.25
    assert np.isnan([low[1, 0], high[1, 0]]).all()


def test_untreated_products_show_no_effect_whichever_half_is_drawn() -> None:
    _, candidates = series()
    usable = np.arange(12) < 10
    runs = [
        untreated_run(
            candidates, np.zeros((2, 12)), usable, np.zeros(2, dtype=bool), N_PRE,
            np.full((2, 1), DAYS), OPTIONS, np.random.default_rng(seed),
        )
        for seed in (1, 1, 2)
    ]  # fmt: skip
    for run in runs:
        assert (np.abs(run.actual / run.predicted - 1) < 0.05).all()
        taken = run.actual / candidates[:, N_PRE:].sum(axis=(1, 2))[:, None]
        assert (np.abs(taken - 5 / 12) < 0.02).all()
    np.testing.assert_array_equal(runs[0].predicted, runs[1].predicted)
    assert (runs[0].actual != runs[2].actual).all()


def test_cells_with_a_line_and_without_are_fitted_in_their_places() -> None:
    y, candidates = series()
    straight = np.broadcast_to(np.arange(DAYS, dtype=float)[None, :, None], (2, DAYS, 1))
    controls = np.concatenate([candidates[:, :, :3], straight], axis=2)
    ends = np.full((2, 1), DAYS)
    mixed = fit_series(
        y, controls, N_PRE, ends, np.array([True, False]), OPTIONS, alpha=0.05, pointwise=True
    )
    plain = fit_many(y, controls, np.full(2, N_PRE), ends, OPTIONS.model, pointwise=True)
    all_matter = replace(OPTIONS.model, expected_model_size=5.0)
    wide = fit_many(y, controls, np.full(2, N_PRE), ends, all_matter, pointwise=True)
    for name in ("predicted", "inclusion", "expected", "tail_probability"):
        np.testing.assert_array_equal(getattr(mixed, name)[0], getattr(wide, name)[0])
        np.testing.assert_array_equal(getattr(mixed, name)[1], getattr(plain, name)[1])
    assert (wide.predicted[1] != plain.predicted[1]).all()
