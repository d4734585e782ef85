"""Many fits in one call: reproducible, independent of their neighbours, never an exception."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from imgassets.impact.batch import Fits, fit_many
from imgassets.impact.structural import ModelOptions

N, ROWS, TRAIN, K = 6, 80, 60, 4
SHORT = ModelOptions(niter=200)


def made(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    controls = rng.normal(size=(N, ROWS, K)).cumsum(axis=1) + 20
    y = controls[:, :, 0] * 3 + 100 + rng.normal(size=(N, ROWS))
    return y, controls


def fit(y: np.ndarray, controls: np.ndarray, **given: object) -> Fits:
    n = y.shape[0]
    ends = np.tile([[TRAIN + 7, ROWS]], (n, 1))
    return fit_many(y, controls, np.full(n, TRAIN), ends, SHORT, **given)  # type: ignore[arg-type]


def test_the_same_input_gives_the_same_bits_alone_and_among_others() -> None:
    y, controls = made()
    together = fit(y, controls, pointwise=True)
    for index in (0, N - 1):
        alone = fit(y[index : index + 1], controls[index : index + 1], pointwise=True)
        for field in fields(Fits):
            left, right = getattr(together, field.name)[index], getattr(alone, field.name)[0]
            assert np.array_equal(left, right, equal_nan=True), field.name


def test_another_seed_gives_another_chain_that_says_the_same() -> None:
    y, controls = made()
    first = fit(y, controls)
    second = fit(y, controls, seeds=np.arange(N, dtype=np.uint64) + 50)
    assert not np.array_equal(first.predicted, second.predicted)
    assert np.abs((first.predicted - second.predicted) / first.predicted_sd).max() < 0.3


def test_effects_and_units_are_found() -> None:
    y, controls = made()
    y[:, TRAIN:] *= 1.2
    fits = fit(y * 1000, controls)
    assert np.abs(fits.relative - 0.2).max() < 0.02
    assert (fits.relative_lower < fits.relative).all()
    assert (fits.relative < fits.relative_upper).all()
    assert (fits.tail_probability < 0.001).all()
    assert (fits.inclusion[:, 0] > 0.95).all()


def test_unknown_days_after_the_intervention_are_left_out_of_both_sums() -> None:
    y, controls = made()
    y[:, [TRAIN + 2, TRAIN + 3]] = np.nan
    fits = fit(y, controls)
    np.testing.assert_array_equal(fits.days, np.tile([[5, ROWS - TRAIN - 2]], (N, 1)))
    np.testing.assert_allclose(fits.actual[:, 1], np.nansum(y[:, TRAIN:], axis=1))
    assert np.abs(fits.actual / fits.predicted - 1).max() < 0.05


def test_rows_after_the_intervention_teach_nothing() -> None:
    y, controls = made()
    changed = y.copy()
    changed[:, TRAIN:] *= 7
    before, after = fit(y, controls, pointwise=True), fit(changed, controls, pointwise=True)
    for name in ("predicted", "predicted_sd", "inclusion", "expected"):
        np.testing.assert_array_equal(getattr(before, name), getattr(after, name))


def test_what_cannot_be_fitted_says_nothing_and_hurts_nobody() -> None:
    y, controls = made()
    y[0] = 0.0
    y[1, : TRAIN - 2] = np.nan
    y[2, TRAIN:] = np.nan
    fits = fit(y, controls)
    assert np.isnan(fits.predicted[:3]).all()
    assert (fits.days[:3] == 0).all()
    np.testing.assert_array_equal(fits.predicted[3:], fit(y[3:], controls[3:]).predicted)


def test_a_control_that_is_flat_before_and_moves_after_is_left_out() -> None:
    y, controls = made()
    flat = controls.copy()
    flat[:, :TRAIN, 3] = 5.0
    flat[:, TRAIN:, 3] = np.linspace(5, 500, ROWS - TRAIN)
    fits = fit(y, flat)
    assert np.isnan(fits.inclusion[:, 3]).all()
    without = fit(y, controls[:, :, :3])
    np.testing.assert_allclose(fits.predicted_sd, without.predicted_sd, rtol=0.2)


def test_without_controls_the_level_goes_on() -> None:
    y, _ = made()
    fits = fit(y - y, np.zeros((N, ROWS, 0)))
    assert np.isnan(fits.predicted).all()
    rng = np.random.default_rng(1)
    level = 50 + rng.normal(size=(N, ROWS))
    fits = fit(level, np.zeros((N, ROWS, 0)))
    assert np.abs(fits.predicted[:, 1] / (ROWS - TRAIN) - 50).max() < 1.5


def test_a_relative_effect_on_nothing_is_none() -> None:
    rng = np.random.default_rng(2)
    y = rng.normal(size=(N, ROWS))
    fits = fit(y, rng.normal(size=(N, ROWS, 1)))
    assert np.isnan(fits.relative).all()
    assert np.isfinite(fits.predicted_lower).all()


def test_without_intervals_the_moments_are_the_same() -> None:
    y, controls = made()
    quick, whole = fit(y, controls, alpha=0.0), fit(y, controls)
    np.testing.assert_array_equal(quick.predicted, whole.predicted)
    assert np.isnan(quick.predicted_lower).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda y, x: (y, x[:, :-1]), "do not go with y"),
        (lambda y, x: (y, np.where(x > x.mean(), np.nan, x)), "missing or infinite"),
    ],
)
def test_wrong_shapes_and_values_are_told(change: object, message: str) -> None:
    y, controls = change(*made())  # type: ignore[operator]
    with pytest.raises(ValueError, match=message):
        fit(y, controls)


@pytest.mark.parametrize("given", [{"niter": 10}, {"nseasons": 0}, {"prior_level_sd": 0.0}])
def test_options_out_of_range_are_told(given: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(given))):
        ModelOptions(**given)  # type: ignore[arg-type]
