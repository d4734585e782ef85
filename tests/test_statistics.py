"""Correlations, pairs in order, and their intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from imgassets.statistics import (
    cluster_bootstrap,
    pair_counts,
    pairwise_accuracy,
    pearson,
    pearson_of,
    ratio_of,
    spearman,
    spearman_of,
)


def _made(n: int = 120, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A score with ties, a truth that it partly knows, and groups of ten."""
    random = np.random.default_rng(seed)
    score = random.integers(0, 9, n).astype(float)
    groups = np.arange(n) // 10
    return score, score + random.normal(0, 5, n) + random.normal(0, 2, n // 10)[groups], groups


def test_correlations_are_scipys() -> None:
    score, truth, _ = _made()
    assert pearson(score, truth) == pytest.approx(stats.pearsonr(score, truth).statistic)
    assert spearman(score, truth) == pytest.approx(stats.spearmanr(score, truth).statistic)


@pytest.mark.parametrize("correlate", [pearson, spearman])
def test_a_constant_or_nothing_has_no_correlation(correlate) -> None:
    assert math.isnan(correlate(np.full(7, 0.1), np.arange(7.0)))
    assert math.isnan(correlate(np.array([]), np.array([])))
    assert math.isnan(correlate(np.array([1.0]), np.array([2.0])))


def test_a_value_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        pearson(np.array([1.0, np.nan]), np.array([1.0, 2.0]))
    with pytest.raises(ValueError, match="same length"):
        spearman(np.array([1.0]), np.array([1.0, 2.0]))


def test_pairs_of_equal_truth_do_not_count_and_ties_count_half() -> None:
    score = np.array([3.0, 2.0, 2.0, 1.0])
    truth = np.array([4.0, 3.0, 1.0, 1.0])
    # Five pairs differ in truth: four are in order, one is tied in score.
    assert pairwise_accuracy(score, truth) == pytest.approx(4.5 / 5)
    assert pairwise_accuracy(-score, truth) == pytest.approx(0.5 / 5)
    assert math.isnan(pairwise_accuracy(score, np.ones(4)))


def test_pairs_stay_within_their_group() -> None:
    score, truth, groups = _made()
    names, right, pairs = pair_counts(score, truth, groups)
    assert names.tolist() == list(range(12))
    one = groups == 3
    assert right[3] / pairs[3] == pytest.approx(pairwise_accuracy(score[one], truth[one]))
    assert pairs[3] == 45
    assert pairwise_accuracy(score, truth, groups) == pytest.approx(right.sum() / pairs.sum())


def test_a_statistic_of_multiplicities_is_that_of_repeated_rows() -> None:
    score, truth, _ = _made(40)
    times = np.random.default_rng(1).integers(0, 4, (3, 40))
    for made, plain in ((pearson_of, pearson), (spearman_of, spearman)):
        found = made(score, truth)(times.astype(float))
        repeated = [plain(np.repeat(score, t), np.repeat(truth, t)) for t in times]
        assert found == pytest.approx(repeated)


def test_intervals_are_those_of_resampling_groups_one_by_one() -> None:
    score, truth, groups = _made(300)
    found = cluster_bootstrap(spearman_of(score, truth), groups, seed=0)
    random = np.random.default_rng(5)
    values = []
    for _ in range(600):
        drawn = random.integers(0, 30, 30)
        rows = (10 * drawn[:, None] + np.arange(10)).ravel()
        values.append(stats.spearmanr(score[rows], truth[rows]).statistic)
    assert found.value == pytest.approx(spearman(score, truth))
    assert (found.lower, found.upper) == pytest.approx(
        np.quantile(values, [0.025, 0.975]), abs=0.03
    )
    assert found == cluster_bootstrap(spearman_of(score, truth), groups, seed=0)


def test_an_interval_covers_as_often_as_it_says() -> None:
    covered = 0
    for seed in range(200):
        random = np.random.default_rng([seed, 7])
        level = random.normal(0, 1, 40)
        values = (level[:, None] + random.normal(0, 1, (40, 5))).ravel()
        found = cluster_bootstrap(
            ratio_of(values, np.ones(200)), np.repeat(np.arange(40), 5), seed=seed, resamples=300
        )
        covered += found.lower <= 0 <= found.upper
    assert 0.90 <= covered / 200 <= 0.98


def test_too_few_groups_have_a_value_and_no_interval() -> None:
    score, truth, _ = _made(20)
    found = cluster_bootstrap(pearson_of(score, truth), np.arange(20) // 10, seed=0)
    assert found.value is not None
    assert found.lower is None
    assert found.upper is None
    assert cluster_bootstrap(pearson_of(score, np.ones(20)), np.arange(20), seed=0).value is None
    nothing = np.array([])
    assert cluster_bootstrap(ratio_of(nothing, nothing), nothing, seed=0).value is None
