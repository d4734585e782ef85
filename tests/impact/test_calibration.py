from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from imgassets.impact.calibration import (
    FLOOR,
    MAX_DF,
    PRIOR_SCALE,
    calibrated_interval,
    line_helps,
    placebo_scale,
    two_sided_p,
)
from imgassets.impact.placebos import Placebos


def test_many_placebos_give_their_own_quantile() -> None:
    z = 2.0 * stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    scale = placebo_scale(z, 0.05)
    assert scale.value == pytest.approx(2.0, rel=0.01)
    assert (scale.placebos, scale.df) == (20_000, MAX_DF)


def test_no_placebo_gives_the_prior_with_wide_tails() -> None:
    scale = placebo_scale(np.array([np.nan]), 0.05)
    assert scale.placebos == 0
    assert scale.value == pytest.approx(PRIOR_SCALE * stats.t.ppf(0.975, 2) / 1.96, rel=1e-3)


def test_few_placebos_widen_more_than_many_of_the_same_size() -> None:
    z = np.random.default_rng(1).normal(0, 1.5, 4_000)
    few = np.mean([placebo_scale(part, 0.05).value for part in z.reshape(-1, 8)])
    assert few > 1.1 * placebo_scale(z, 0.05).value


@pytest.mark.parametrize("cells", [10, 50, 1000])
@pytest.mark.parametrize("spread", [1.2, 2.5])
def test_a_calibrated_interval_holds_what_it_promises(cells: int, spread: float) -> None:
    """Placebos and true errors of one law: 95 % of the true ones are held, 93 to 98 here."""
    rng = np.random.default_rng(cells)
    held = []
    for _ in range(2_000 if cells < 1000 else 200):
        scale = placebo_scale(rng.standard_t(8, cells) * spread, 0.05).value
        held.append((np.abs(rng.standard_t(8, 20) * spread) < 1.96 * scale).mean())
    assert 0.93 < np.mean(held) < 0.98


def test_placebos_never_narrow() -> None:
    assert placebo_scale(np.full(500, 0.01), 0.05).value == FLOOR


def test_intervals_keep_their_skew() -> None:
    bounds = calibrated_interval(
        np.array([10.0]), np.array([8.0]), np.array([13.0]), np.array([2.0])
    )
    assert [float(b[0]) for b in bounds] == [6.0, 16.0]


@pytest.mark.parametrize(
    ("actual", "below"), [(5.99, True), (6.01, False), (15.99, False), (16.01, True)]
)
def test_p_is_below_alpha_exactly_outside_the_interval(actual: float, below: bool) -> None:
    p = two_sided_p(
        np.array([actual]), np.array([10.0]), np.array([6.0]), np.array([16.0]),
        np.array([12.0]), 0.05,
    )  # fmt: skip
    assert (p[0] < 0.05) is np.bool_(below)


def placebos(error: np.ndarray, sd: float) -> Placebos:
    n = len(error)
    return Placebos(
        np.full((n, 1), 90),
        (100.0 + error)[:, None, None],
        np.full((n, 1, 1), 100.0),
        np.full((n, 1, 1), sd),
    )


@pytest.mark.parametrize(("ratio", "helps"), [(0.5, True), (0.98, False), (1.5, False)])
def test_a_line_is_used_where_placebos_err_less_with_it(ratio: float, helps: bool) -> None:
    error = np.random.default_rng(4).normal(0, 5, 150)
    assert line_helps(placebos(error, 2.0), placebos(ratio * error, 2.0), 0.05) is helps


def test_without_placebos_there_is_no_line() -> None:
    nothing = placebos(np.full(3, np.nan), 2.0)
    assert line_helps(nothing, nothing, 0.05) is False
