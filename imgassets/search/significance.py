"""Whether one method answers queries better than another: paired intervals and tests.

Both methods answer the same queries, so their differences query by query are what varies. The
interval of the mean difference is of percentiles over resampled queries
(:func:`imgassets.statistics.cluster_bootstrap`); the p-value is of Fisher's randomisation
test, the usual one for rankings (Smucker, Allan and Carterette, 2007): were there no difference,
the two figures of a query might as well be exchanged.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imgassets.search.measures import MEASURES
from imgassets.statistics import RESAMPLES, cluster_bootstrap, ratio_of

PERMUTATIONS = 10_000
"""Exchanges that the randomisation test draws; the smallest p-value is 1 / 10 001."""

_CELLS = 4_000_000
"""Exchanged differences that are held at the same time."""

COMPARISON_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "measure": pl.String,
    "n": pl.Int64,
    "difference": pl.Float64,
    "difference_lower": pl.Float64,
    "difference_upper": pl.Float64,
    "p_value": pl.Float64,
}
"""Columns of :func:`compare`."""

SUMMARY_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "measure": pl.String,
    "n": pl.Int64,
    "value": pl.Float64,
    "lower": pl.Float64,
    "upper": pl.Float64,
}
"""Columns of :func:`summarise`."""


def summarise(per_query: pl.DataFrame, *, seed: int, resamples: int = RESAMPLES) -> pl.DataFrame:
    """Return each measure's mean over queries with its 95 % interval.

    Args:
        per_query: of :func:`imgassets.search.measures.measure`.
        seed: of the resampling.
        resamples: of the interval.

    Returns:
        Columns of :data:`SUMMARY_SCHEMA`, in the order of the measures; no interval where there are
        fewer than 3 queries.
    """
    rows = []
    for name, values in _by_measure(per_query.select("measure", "value")).items():
        (each,) = values.T
        rows.append((name, len(each), *_mean(each, seed, resamples)))
    return pl.DataFrame(rows, SUMMARY_SCHEMA, orient="row")


def compare(
    ours: pl.DataFrame, theirs: pl.DataFrame, *, seed: int, resamples: int = RESAMPLES
) -> pl.DataFrame:
    """Compare two methods on the queries that both were measured on.

    p-values are not adjusted for how many comparisons are made.

    Args:
        ours: of :func:`imgassets.search.measures.measure`.
        theirs: the method compared with, likewise.
        seed: of the resampling and of the exchanges.
        resamples: of the interval.

    Returns:
        Columns of :data:`COMPARISON_SCHEMA`, in the order of the measures: ours less theirs, the
        95 % interval and the two-sided p-value. The last are null with fewer than 3 queries.
    """
    both = ours.join(theirs, on=["query_id", "measure"], suffix="_theirs").sort("query_id")
    rows = []
    for name, values in _by_measure(both.select("measure", "value", "value_theirs")).items():
        differences = values[:, 0] - values[:, 1]
        mean, lower, upper = _mean(differences, seed, resamples)
        tested = None if lower is None else randomisation_test(differences, seed=seed)
        rows.append((name, len(differences), mean, lower, upper, tested))
    return pl.DataFrame(rows, COMPARISON_SCHEMA, orient="row")


def randomisation_test(
    differences: NDArray[np.float64], *, seed: int, permutations: int = PERMUTATIONS
) -> float:
    """Return the two-sided p-value of a mean difference, 0 < p <= 1.

    Args:
        differences: per query, of any number.
        seed: of the exchanges.
        permutations: how many are drawn.
    """
    # Queries that both answer alike change nothing when exchanged.
    moved = differences[differences != 0]
    if not moved.size:
        return 1.0
    rng = np.random.default_rng([seed, len(moved)])
    observed, extreme = abs(moved.sum()), 0
    block = max(1, _CELLS // len(moved))
    for start in range(0, permutations, block):
        size = min(block, permutations - start)
        signs = rng.integers(0, 2, (size, len(moved)), np.int8) * 2 - 1
        # Sums that are equal but for rounding are equal.
        extreme += int((np.abs(signs @ moved) >= observed * (1 - 1e-12)).sum())
    return (extreme + 1) / (permutations + 1)


def _mean(
    values: NDArray[np.float64], seed: int, resamples: int
) -> tuple[float | None, float | None, float | None]:
    return cluster_bootstrap(
        ratio_of(values, np.ones(len(values))),
        np.arange(len(values)),
        seed=seed,
        resamples=resamples,
    )


def _by_measure(rows: pl.DataFrame) -> dict[str, NDArray[np.float64]]:
    """Return the values of each measure, queries × columns; the measures in their order."""
    parts = rows.partition_by("measure", as_dict=True, include_key=False)
    return {name: parts[name,].to_numpy() for name in MEASURES if (name,) in parts}
