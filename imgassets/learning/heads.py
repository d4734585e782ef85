"""The heads that compete for a flag: logistic regression and random forest (paper A, table I)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgassets.learning.features import SCALARS
from imgassets.learning.flag_model import MOST

FOLDS = 5
"""Folds of the group-wise cross-validation."""

REPEATS = 3
"""Foldings whose answers are averaged where there are few positives: one alone says little."""

_FEW = 200
"""Positives from which one folding is enough."""

C_GRID = (1.0, 10.0, 100.0)
"""Inverse regularisation strengths that are tried, strongest regularisation first."""

TREES = 200
"""Trees of a forest."""

COMPONENTS = 32
"""Principal components of the embedding that a forest splits on: with all of its dimensions, a
tree would hardly ever draw one of the few signals."""

Floats = NDArray[np.float64]
Features = NDArray[np.float32]
Bools = NDArray[np.bool_]
Make = Callable[[], Any]


def logistic(dimensions: int, c: float) -> Any:  # noqa: ANN401  a scikit-learn pipeline
    """Return an unfitted logistic regression on features of ``dimensions`` numbers.

    Signals enter with their squares and products (a blurry picture is one whose edges are soft for
    its detail), the embedding standardised and scaled to length 1 on average.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    n = len(SCALARS)
    signals = make_pipeline(
        StandardScaler(), PolynomialFeatures(2, include_bias=False), StandardScaler()
    )
    columns = ColumnTransformer(
        [
            ("signals", signals, slice(0, n)),
            ("embedding", StandardScaler(), slice(n, dimensions)),
        ],
        transformer_weights={
            "signals": 1 / np.sqrt(n),
            "embedding": 1 / np.sqrt(max(dimensions - n, 1)),
        },
    )
    return make_pipeline(
        columns, LogisticRegression(C=c, class_weight="balanced", max_iter=500, tol=1e-3)
    )


def forest(dimensions: int, n_examples: int, seed: int) -> Any:  # noqa: ANN401
    """Return an unfitted random forest on the signals and the embedding's main components."""
    from sklearn.compose import ColumnTransformer
    from sklearn.decomposition import PCA
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.pipeline import make_pipeline

    n = len(SCALARS)
    components = max(1, min(COMPONENTS, dimensions - n, n_examples // 2))
    columns = ColumnTransformer(
        [
            ("signals", "passthrough", slice(0, n)),
            ("embedding", PCA(components, random_state=seed), slice(n, dimensions)),
        ]
    )
    trees = RandomForestClassifier(
        TREES,
        min_samples_leaf=2,
        class_weight="balanced",
        random_state=seed,
        n_jobs=1,
    )
    return make_pipeline(columns, trees)


def candidates(x: Features, seed: int) -> dict[str, list[Make]]:
    """Return each approach's variants, as functions that make an unfitted estimator."""
    n, d = x.shape
    return {
        "logistic": [partial(logistic, d, c) for c in C_GRID],
        "forest": [partial(forest, d, n // 2, seed)],
    }


def out_of_fold(make: Make, x: Features, y: Bools, groups: Sequence[str], seed: int) -> Floats:
    """Return each example's probability by a model that saw nothing of its group.

    Args:
        make: returns an unfitted estimator.
        x: [n, d] features.
        y: [n] whether the example deserves the flag.
        groups: [n] group ids, never split by a fold.
        seed: of the folds.

    Returns:
        float64 [n], each less than 1, as a model would answer them.

    Raises:
        ValueError: positives or negatives are of fewer than two groups.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    ids = np.asarray(groups, dtype=str)
    sides = {name: len(np.unique(ids[y == side])) for name, side in (("yes", True), ("no", False))}
    for name, count in sides.items():
        if count < 2:
            raise ValueError(
                f"examples answered '{name}' come from {count} groups (products or styles): a "
                "model needs two at least, to be tried on what it has not seen"
            )
    folds = min(FOLDS, *sides.values())
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    p = np.full(len(y), np.nan)
    with warnings.catch_warnings():  # a side with fewer examples than folds is no fault
        warnings.simplefilter("ignore", UserWarning)
        for train, held in splitter.split(x, y, ids):
            if len(np.unique(y[train])) < 2:
                p[held] = float(np.mean(y))
                continue
            p[held] = make().fit(x[train], y[train]).predict_proba(x[held])[:, 1]
    return np.minimum(p, MOST)


def log_loss(y: Bools, p: Floats) -> float:
    """Return the balanced log loss: both sides count alike, however rare one is."""
    safe = np.clip(p, 1e-6, 1 - 1e-6)
    return float(-(np.log(safe[y]).mean() + np.log(1 - safe[~y]).mean()) / 2)


def best_variant(
    variants: Sequence[Make], x: Features, y: Bools, groups: Sequence[str], seed: int
) -> tuple[Make, Floats]:
    """Return the variant of least out-of-fold loss and its out-of-fold probabilities.

    The variants are compared on one folding; with few positives, the best one's answers are
    averaged over `REPEATS`.
    """
    tried = [(make, out_of_fold(make, x, y, groups, seed)) for make in variants]
    best, first = min(tried, key=lambda item: log_loss(y, item[1]))
    repeats = REPEATS if y.sum() < _FEW else 1
    more = [out_of_fold(best, x, y, groups, seed + repeat) for repeat in range(1, repeats)]
    return best, np.mean([first, *more], axis=0)
