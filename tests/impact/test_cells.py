from __future__ import annotations

import numpy as np
import pytest

from imgassets.impact.cells import calibrate, estimate_cells, fit_cells, join
from imgassets.impact.controls import fill_missing
from imgassets.impact.options import ImpactOptions
from imgassets.impact.placebos import enough_windows
from imgassets.impact.structural import ModelOptions

OPTIONS = ImpactOptions(model=ModelOptions(niter=100), n_control_series=3, placebo_windows=2)
N_PRE, DAYS = 70, 91


def cells(n: int, drift: float = 0.0, noise: float = 5.0) -> tuple[np.ndarray, np.ndarray]:
    """Series [n, DAYS] without effect and six candidates each; `drift` is a straight line's sd."""
    y, candidates = np.empty((n, DAYS)), np.empty((n, DAYS, 6))
    for i in range(n):
        rng = np.random.default_rng((i, int(1000 * drift), int(10 * noise)))
        shared = 0.3 * rng.normal(0, 1, DAYS).cumsum()
        line = drift * rng.normal() * (np.arange(DAYS) - DAYS / 2)
        y[i] = 200.0 + 5.0 * shared + line + rng.normal(0, noise, DAYS)
        candidates[i] = 100.0 + 3.0 * shared[:, None] + rng.normal(0, 2, (DAYS, 6))
    return y, candidates


def ends(n: int) -> np.ndarray:
    return np.tile([N_PRE + 7, DAYS], (n, 1))


@pytest.mark.parametrize(
    ("cells", "windows"), [(1, 3), (70, 3), (100, 2), (199, 2), (200, 1), (5000, 1)]
)
def test_many_cells_need_fewer_fake_dates(cells: int, windows: int) -> None:
    assert enough_windows(cells, 3) == windows


def test_each_pool_has_its_own_scale() -> None:
    calm, wild = cells(40), cells(40)
    rng = np.random.default_rng(1)
    wild[0][:] += 12.0 * rng.normal(0, 1, (40, DAYS)).cumsum(axis=1)
    y, candidates = (np.concatenate(pair) for pair in zip(calm, wild, strict=True))
    pool = np.repeat([3, 8], 40)
    found = estimate_cells(y, candidates, N_PRE, ends(80), OPTIONS, pool)
    assert (found.scale[:40] == found.scale[0]).all()
    assert (found.scale[40:] > 1.5 * found.scale[0]).all()
    assert found.n_placebos.tolist() == [[80, 80]] * 80
    held = (found.effect_lower <= 0) & (found.effect_upper >= 0)
    assert held[:, 1].mean() > 0.85
    assert ((found.p < 0.05) == ~held).all()


def test_a_cell_alone_is_fitted_like_one_among_others() -> None:
    y, candidates = cells(6)
    filled, missing = fill_missing(candidates)
    line = np.zeros(6, dtype=bool)
    _, together = fit_cells(y, filled, missing, N_PRE, ends(6), line, OPTIONS)
    alone = [
        fit_cells(
            y[i : i + 1], filled[i : i + 1], missing[i : i + 1], N_PRE, ends(1), line[:1], OPTIONS
        )[1]
        for i in range(6)
    ]
    joined = join(alone)
    np.testing.assert_array_equal(joined.fits.predicted, together.fits.predicted)
    np.testing.assert_array_equal(joined.placebos.z, together.placebos.z)
    pool = np.zeros(6, dtype=np.int64)
    whole = calibrate(together, pool, 0.05)
    part = whole.part(slice(2, 4))
    np.testing.assert_array_equal(part.p, whole.p[2:4])
    np.testing.assert_array_equal(part.placebos.z, whole.placebos.z[2:4])
    np.testing.assert_array_equal(part.fits.actual, whole.fits.actual[2:4])


@pytest.mark.parametrize(("drift", "used"), [(1.0, True), (0.0, False)])
def test_a_straight_line_is_used_where_series_drift_away(drift: float, used: bool) -> None:
    y, candidates = cells(50, drift)
    found = estimate_cells(y, candidates, N_PRE, ends(50), OPTIONS)
    assert np.isfinite(found.fits.inclusion[:, -1]).all() == used


def test_missing_days_and_hopeless_series() -> None:
    y, candidates = cells(5)
    y[0, ::9] = np.nan
    y[1] = 3.0
    y[2] = np.nan
    candidates[3, ::7, 0] = np.nan
    found = estimate_cells(y, candidates, N_PRE, ends(5), OPTIONS)
    assert np.isfinite(found.p[[0, 3, 4]]).all()
    assert np.isnan(found.p[[1, 2]]).all()
    assert found.fits.days[0].tolist() == [6, 18]


def test_a_horizon_that_is_not_over_has_no_figures() -> None:
    y, candidates = cells(4)
    short = np.tile([N_PRE + 7, 0], (4, 1))
    found = estimate_cells(y, candidates, N_PRE, short, OPTIONS)
    assert np.isfinite(found.effect_lower[:, 0]).all()
    assert np.isnan(found.effect_lower[:, 1]).all()
    assert (found.n_placebos[:, 1] == 0).all()
