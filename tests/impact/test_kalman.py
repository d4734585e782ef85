"""The filter and the smoother against the same normal distributions written as dense matrices."""

from __future__ import annotations

import numpy as np
import pytest

from imgassets.impact.kernels.filtering import filter_columns, one_step_ahead

ROWS, TRAIN = 34, 26
START = 3.0
RATIOS = np.array([0.2, 0.05, 0.1])
KINDS = [(False, 1, 1), (True, 1, 1), (False, 4, 1), (True, 4, 1), (False, 2, 1), (True, 3, 5)]


def dense_covariance(trend: bool, nseasons: int, duration: int) -> np.ndarray:
    """Return the covariance of level + season + noise over all rows, by simulating each shock."""
    shocks = []
    for first in range(-1, ROWS - 1):
        kinds = ["level"] + ["slope"] * trend + ["season"] * (nseasons > 1)
        for kind in kinds:
            repeats = nseasons - 1 if kind == "season" and first == -1 else 1
            for place in range(repeats):
                if kind == "season" and (first + 1) % duration:
                    continue
                size = START if first == -1 else RATIOS[["level", "slope", "season"].index(kind)]
                shocks.append(np.sqrt(size) * _response(kind, first, place, nseasons, duration))
    response = np.array(shocks)
    return response.T @ response + np.eye(ROWS)


def _response(kind: str, first: int, place: int, nseasons: int, duration: int) -> np.ndarray:
    """Return what one unit of a state in row ``first`` + 1 does to the series."""
    level, slope = 0.0, 0.0
    seasons = [0.0] * (nseasons - 1)
    out = np.zeros(ROWS)
    for row in range(first + 1, ROWS):
        if row == first + 1:
            level += kind == "level"
            slope += kind == "slope"
            if kind == "season":
                seasons[place] += 1.0
        out[row] = level + (seasons[0] if seasons else 0.0)
        level += slope
        if seasons and (row + 1) % duration == 0:
            seasons = [-sum(seasons), *seasons[:-1]]
    return out


@pytest.mark.parametrize(("trend", "nseasons", "duration"), KINDS)
def test_products_and_forecasts_are_those_of_the_dense_normal(
    trend: bool, nseasons: int, duration: int
) -> None:
    rng = np.random.default_rng(3)
    columns = rng.normal(size=(ROWS, 3))
    observed = rng.random(ROWS) > 0.2
    gram = np.empty((3, 3))
    days = ROWS - TRAIN
    forecast, day_variance, sum_variance = np.empty((days, 3)), np.empty(days), np.empty(days)

    log_determinant = filter_columns(
        columns, observed, TRAIN, RATIOS, START, trend, nseasons, duration, gram, forecast,
        day_variance, sum_variance,
    )  # fmt: skip

    covariance = dense_covariance(trend, nseasons, duration)
    train = np.flatnonzero(observed[:TRAIN])
    block = covariance[np.ix_(train, train)]
    post = np.arange(TRAIN, ROWS)
    weights = np.linalg.solve(block, covariance[np.ix_(train, post)])
    left = covariance[np.ix_(post, post)] - covariance[np.ix_(post, train)] @ weights
    assert log_determinant == pytest.approx(np.linalg.slogdet(block)[1])
    np.testing.assert_allclose(gram, columns[train].T @ np.linalg.solve(block, columns[train]))
    np.testing.assert_allclose(forecast, weights.T @ columns[train], atol=1e-10)
    np.testing.assert_allclose(day_variance, np.diag(left))
    for day in range(days):
        seen = np.flatnonzero(observed[TRAIN : TRAIN + day + 1])
        assert sum_variance[day] == pytest.approx(left[np.ix_(seen, seen)].sum())


@pytest.mark.parametrize(("trend", "nseasons", "duration"), KINDS)
def test_each_row_is_predicted_from_those_before_it(
    trend: bool, nseasons: int, duration: int
) -> None:
    rng = np.random.default_rng(4)
    y = rng.normal(size=ROWS)
    observed = rng.random(ROWS) > 0.2
    expected, variance = np.empty(ROWS), np.empty(ROWS)

    one_step_ahead(y, observed, TRAIN, RATIOS, START, trend, nseasons, duration, expected, variance)

    covariance = dense_covariance(trend, nseasons, duration)
    for row in (0, 1, 7, TRAIN - 1):
        before = np.flatnonzero(observed[:row])
        weights = np.linalg.solve(covariance[np.ix_(before, before)], covariance[before, row])
        assert expected[row] == pytest.approx(weights @ y[before], abs=1e-10)
        assert variance[row] == pytest.approx(
            covariance[row, row] - weights @ covariance[before, row]
        )
