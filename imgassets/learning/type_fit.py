"""Fitting networks of image types on frozen embeddings: logistic regression and shallow network."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from imgassets.learning.seeded import seeded
from imgassets.learning.type_net import Floats, Layer, TypeNet, normalised, one_hot, softmax

P = ParamSpec("P")
T = TypeVar("T")

LOGISTIC, SHALLOW = "logistic", "shallow_net"

MIN_EXAMPLES = 3
"""A class with fewer training examples is left out: it could not even be cross-validated."""

C_GRID = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
"""Inverse regularisation strengths that are tried, strongest regularisation first."""

FOLDS = 5
"""Folds of the group-wise cross-validation that chooses among `C_GRID`."""

CATEGORY_SCALE = 0.3
"""Length of the category's one-hot vector beside standardised embeddings of mean length 1.

Below 1, the regularisation shrinks a category's offset more than it shrinks the embedding's
weights: a category with few labels stays near the shared prior.
"""

WIDTHS = (256, 64)
"""Units of the shallow network's hidden layers."""

RATE, MOMENTUM, DECAY, DROPOUT, BATCH = 0.02, 0.9, 1e-3, 0.3, 32
"""Of its stochastic gradient descent; the rate falls to zero along a cosine."""

EPOCHS, LEAST_STEPS = 30, 300
"""Few labels are seen in more epochs: after a few dozen slow steps a network has hardly moved."""

_DEFAULT_C = 10.0
"""Strength where there are too few groups to cross-validate."""

_LEAST_PROBABILITY = 1e-6
"""Floor in the log loss: a class that a fold's training part lacks has probability 0."""


def _on_one_thread(fit: Callable[P, T]) -> Callable[P, T]:
    """Let linear algebra use one thread: for small matrices, more of them only wait in turns."""

    @wraps(fit)
    def limited(*args: P.args, **kwargs: P.kwargs) -> T:
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1, user_api="blas"):
            return fit(*args, **kwargs)

    return limited


def teachable(labels: Sequence[str]) -> tuple[NDArray[np.bool_], list[str]]:
    """Tell which labels are of classes with enough examples to learn.

    Returns:
        bool [n], and a note on each class that is left out.

    Raises:
        ValueError: fewer than two classes have enough examples.
    """
    names, counts = np.unique(np.asarray(labels, dtype=str), return_counts=True)
    classes = names[counts >= MIN_EXAMPLES]
    if len(classes) < 2:
        found = ", ".join(f"{n} ({k})" for n, k in zip(names, counts, strict=True)) or "nothing"
        raise ValueError(
            f"a classifier needs two types with at least {MIN_EXAMPLES} labelled images each; "
            f"found {found}: label more images"
        )
    notes = [
        f"left out '{name}': {count} labelled images, {MIN_EXAMPLES} are needed"
        for name, count in zip(names, counts, strict=True)
        if count < MIN_EXAMPLES
    ]
    return np.isin(np.asarray(labels, dtype=str), classes), notes


@_on_one_thread
def fit_logistic(
    embeddings: Floats,
    labels: Sequence[str],
    categories: Sequence[str],
    groups: Sequence[str],
    *,
    seed: int = 0,
    signals_version: str = "",
    c: float | None = None,
) -> TypeNet:
    """Fit a multinomial logistic regression with an offset per category.

    The offsets average to 0 over the training images, so that an unknown category is treated as
    the average one.

    Args:
        embeddings: float32 [n, d].
        labels: n class names.
        categories: n category slugs.
        groups: n group ids; images of a group are never on both sides of a fold.
        seed: of the folds.
        signals_version: what made the embeddings.
        c: inverse regularisation strength; chosen by cross-validated log loss if not given.

    Returns:
        A network of one layer; its `info` holds `c` and `cv_log_loss`.

    Raises:
        ValueError: fewer than two classes have enough examples.
    """
    keep, notes = teachable(labels)
    x, y = normalised(embeddings)[keep], np.asarray(labels, dtype=str)[keep]
    named = np.asarray(categories, dtype=str)[keep]
    known = [str(name) for name in np.unique(named)]
    onehot = one_hot(named.tolist(), known)
    info: dict[str, Any] = {"n_train": int(keep.sum()), "notes": notes}
    if c is None:
        c, losses = _choose_c(x, onehot, y, np.asarray(groups, dtype=str)[keep], seed)
        info["cv_log_loss"] = losses
    info["c"] = c
    classes = np.unique(y)
    weight, bias = _Regression(x, onehot, y, classes).fit(c)
    return TypeNet(
        LOGISTIC, [str(name) for name in classes], [(weight, bias)], known, signals_version, info
    )


@_on_one_thread
def fit_shallow(
    embeddings: Floats,
    labels: Sequence[str],
    categories: Sequence[str],
    *,
    seed: int = 0,
    signals_version: str = "",
) -> TypeNet:
    """Fit a few fully connected layers by slow gradient descent on the categorical cross-entropy.

    Args:
        embeddings: float32 [n, d].
        labels: n class names.
        categories: n category slugs.
        seed: of the first weights, the batches and the dropout.
        signals_version: what made the embeddings.

    Raises:
        ValueError: fewer than two classes have enough examples.
    """
    keep, notes = teachable(labels)
    classes, y = np.unique(np.asarray(labels, dtype=str)[keep], return_inverse=True)
    named = np.asarray(categories, dtype=str)[keep]
    # One category is no news: its input would be a second bias.
    known = [str(name) for name in np.unique(named)] if len(np.unique(named)) > 1 else []
    x = normalised(embeddings)[keep]
    mean, scale = x.mean(axis=0), _inverse(x.std(axis=0))
    inputs, axes = _rotated(np.hstack([(x - mean) * scale, one_hot(named.tolist(), known)]))
    layers = _descend(inputs, y, len(classes), seed)
    first, bias = axes.T @ layers[0][0], layers[0][1]
    d = x.shape[1]
    folded = np.vstack([first[:d] * scale[:, None], first[d:]])
    layers[0] = _layer(folded, bias - (mean * scale) @ first[:d])
    return TypeNet(
        SHALLOW,
        [str(name) for name in classes],
        layers,
        known,
        signals_version,
        {"n_train": int(keep.sum()), "notes": notes},
    )


def _layer(weight: NDArray[Any], bias: NDArray[Any]) -> Layer:
    return weight.astype(np.float32), bias.astype(np.float32)


def _inverse(deviation: NDArray[Any]) -> NDArray[Any]:
    """Return 1 / deviation; 0 of constant dimensions (a dead channel), which carry nothing."""
    return np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 1e-6)


def _rotated(inputs: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Turn inputs [n, d] into their own axes, at most n: a tenth of the work for few labels.

    Nothing is lost: a penalty on squared weights, and gradient descent from isotropic weights, are
    the same in any orthogonal axes, and weights across the images' span never matter.

    Returns:
        Coordinates [n, r] and axes [r, d]; inputs = coordinates @ axes.
    """
    if inputs.shape[0] >= inputs.shape[1]:
        return inputs, np.eye(inputs.shape[1])
    left, lengths, axes = np.linalg.svd(inputs, full_matrices=False)
    kept = lengths > 1e-6 * lengths.max(initial=0.0)
    return left[:, kept] * lengths[kept], axes[kept]


class _Regression:
    """Logistic regressions of several strengths on the same rows, standardisation folded in.

    Args:
        x: [n, d] normalised embeddings.
        onehot: [n, m] categories.
        y: [n] class names, each one of `classes`.
        classes: [k] class names in the order of the answer; those absent from `y` get no chance.
    """

    def __init__(self, x: Floats, onehot: Floats, y: NDArray[Any], classes: NDArray[Any]) -> None:
        self._y, self._classes, self._d = y, classes, x.shape[1]
        self._mean, self._scale = x.mean(axis=0), _inverse(x.std(axis=0)) / np.sqrt(x.shape[1])
        self._frequency = onehot.mean(axis=0)
        self._inputs, self._axes = _rotated(
            np.hstack([(x - self._mean) * self._scale, (onehot - self._frequency) * CATEGORY_SCALE])
        )

    def fit(self, c: float) -> Layer:
        """Return weight [d + m, k] and bias [k] at inverse regularisation strength `c`."""
        from sklearn.linear_model import LogisticRegression

        d, k = self._d, len(self._classes)
        model = LogisticRegression(C=c, max_iter=1000, tol=1e-3)
        model.fit(self._inputs, self._y)
        coefficients, intercept = model.coef_ @ self._axes, model.intercept_
        if (
            len(model.classes_) == 2
        ):  # scikit-learn keeps one row then: the second against the first
            coefficients = np.vstack([-coefficients, coefficients]) / 2
            intercept = np.concatenate([-intercept, intercept]) / 2
        weight, bias = np.zeros((coefficients.shape[1], k)), np.full(k, -np.inf)
        columns = np.searchsorted(self._classes, model.classes_)
        weight[:d, columns] = coefficients[:, :d].T * self._scale[:, None]
        bias[columns] = intercept
        bias -= self._mean @ weight[:d]
        by_category = coefficients[:, d:].T * CATEGORY_SCALE
        weight[d:, columns] = by_category - self._frequency @ by_category
        return _layer(weight, bias)


def _choose_c(
    x: Floats, onehot: Floats, y: NDArray[Any], groups: NDArray[Any], seed: int
) -> tuple[float, dict[str, float]]:
    """Return the strength of least log loss out of fold, and the loss of each.

    Log loss rather than macro-F1: with few labels of a class, macro-F1 jumps by a point with every
    image, while the limits on probabilities want them calibrated.

    Args:
        x: [n, d] normalised embeddings.
        onehot: [n, m] categories.
        y: [n] class names.
        groups: [n] group ids, never split by a fold.
        seed: of the folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    classes, place, counts = np.unique(y, return_inverse=True, return_counts=True)
    folds = min(FOLDS, len(np.unique(groups)), int(counts.max()))
    splits = []
    if folds >= 2:
        splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
        with warnings.catch_warnings():  # a class with fewer images than folds is no fault
            warnings.simplefilter("ignore", UserWarning)
            splits = [(a, b) for a, b in splitter.split(x, y, groups) if len(np.unique(y[a])) > 1]
    if not splits:
        return _DEFAULT_C, {}
    found: dict[float, list[NDArray[Any]]] = {c: [] for c in C_GRID}
    for train, held in splits:
        regression = _Regression(x[train], onehot[train], y[train], classes)
        inputs = np.hstack([x[held], onehot[held]])
        for c in C_GRID:
            weight, bias = regression.fit(c)
            right = softmax(inputs @ weight + bias)[np.arange(len(held)), place[held]]
            found[c].append(-np.log(np.maximum(right, _LEAST_PROBABILITY)))
    losses = {str(c): float(np.concatenate(parts).mean()) for c, parts in found.items()}
    return min(C_GRID, key=lambda c: losses[str(c)]), losses


def _descend(inputs: Floats, y: NDArray[Any], n_classes: int, seed: int) -> list[Layer]:
    """Train a shallow network on standardised inputs [n, d]; return its layers."""
    import torch

    with seeded(seed):
        parts: list[torch.nn.Module] = []
        width = inputs.shape[1]
        for units in WIDTHS:
            parts += [torch.nn.Linear(width, units), torch.nn.ReLU(), torch.nn.Dropout(DROPOUT)]
            width = units
        net = torch.nn.Sequential(*parts, torch.nn.Linear(width, n_classes))
        x = torch.from_numpy(np.ascontiguousarray(inputs, dtype=np.float32))
        truth = torch.from_numpy(y.astype(np.int64))
        epochs = max(EPOCHS, -(-LEAST_STEPS // -(-len(y) // BATCH)))
        optimiser = torch.optim.SGD(
            net.parameters(), lr=RATE, momentum=MOMENTUM, nesterov=True, weight_decay=DECAY
        )
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
        for _ in range(epochs):
            for batch in torch.randperm(len(y)).split(BATCH):
                optimiser.zero_grad()
                torch.nn.functional.cross_entropy(net(x[batch]), truth[batch]).backward()
                optimiser.step()
            schedule.step()
    linear = [part for part in net if isinstance(part, torch.nn.Linear)]
    return [
        _layer(layer.weight.detach().numpy().T, layer.bias.detach().numpy()) for layer in linear
    ]
