"""Fitting heads of attributes: which inputs tell most about products not seen."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imgassets.learning.search.attribute_heads import (
    ACCURACY,
    AttributeHead,
    AttributeHeads,
    softmax,
    standardised,
)
from imgassets.learning.search.features import PIXEL_GROUPS, n_features

Floats = NDArray[np.float32]
Places = NDArray[np.int64]

MIN_LABELS, MIN_OF_VALUE = 30, 10
"""Labels that an attribute, and one of its values, need."""

EMBEDDING = "embedding"

MIN_HELD = 5
"""Labels that it needs of images that are not learnt from: its head is judged by them."""

_C_GRID = (0.003, 0.03, 0.3)
"""Inverse strengths of regularisation; the middle one when inputs are compared."""

_LEAST_GAIN = 0.02
"""Share of the log loss that more inputs must save: the best of many saves some by chance."""

_ITERATIONS = 60
"""Of the solver; more change little."""

_UNSEEN = 1e-4
"""Least probability of a value."""


def fit_attribute_heads(
    rows: pl.DataFrame,
    embeddings: Floats,
    features: Floats,
    held: NDArray[np.bool_],
    groups: Sequence[str] = PIXEL_GROUPS,
) -> AttributeHeads:
    """Fit a head for each attribute that has labels enough.

    What a head reads is chosen by its log loss on held images: the vector, a group of custom
    features, the vector and one of them, or all. A head that sees a product's type learns which
    colours the type often has, which does not carry over to other products; one that sees colours
    alone cannot. An attribute about which nothing tells more than its values' shares has no head.

    Args:
        rows: category and attributes of the images
            (:data:`imgassets.learning.search.data.ITEMS`).
        embeddings: float32 [n, d], in the rows' order.
        features: float32 [n, f], :func:`imgassets.learning.search.features.feature_matrix` of
            ``groups``, likewise.
        held: bool [n], images of styles that neither heads nor the encoder learn from: of those
            that it learnt from, vectors tell more than they will of others.
        groups: of custom features, of :data:`imgassets.learning.search.features.PIXEL_GROUPS`.
    """
    mean, deviation = _standard(np.hstack([embeddings, features]).astype(np.float32)[~held])
    x = standardised(embeddings, features, mean, deviation)
    choices = _choices(embeddings.shape[1], [g for g in PIXEL_GROUPS if g in groups])
    heads, accuracy = [], []
    for attribute, labels in _labels(rows, held).items():
        found = _fit(attribute, labels, x, choices)
        accuracy.append(found[1])
        if found[0] is not None:
            heads.append(found[0])
    return AttributeHeads(tuple(heads), mean, deviation, pl.DataFrame(accuracy, ACCURACY))


def refit_attribute_heads(
    rows: pl.DataFrame,
    embeddings: Floats,
    features: Floats,
    like: AttributeHeads,
    groups: Sequence[str] = PIXEL_GROUPS,
) -> AttributeHeads:
    """Fit the same heads to other images, by another encoder: nothing is chosen again.

    Args:
        rows: category and attributes of the images.
        embeddings: float32 [n, d], in the rows' order.
        features: float32 [n, f], likewise.
        like: attributes, values, what they read, regularisation; its accuracy is kept.
        groups: of custom features.
    """
    inputs = np.hstack([embeddings, features]).astype(np.float32)
    mean, deviation = _standard(inputs)
    x = standardised(embeddings, features, mean, deviation)
    choices = _choices(embeddings.shape[1], [g for g in PIXEL_GROUPS if g in groups])
    values = {
        attribute: dict(zip(*part["place", "value"], strict=True))
        for (attribute,), part in _known(rows).group_by("attribute")
    }
    heads = []
    for head in like.heads:
        place = {value: number for number, value in enumerate(head.values)}
        own = {row: place[v] for row, v in values.get(head.attribute, {}).items() if v in place}
        at, y = np.asarray([*own], np.int64), np.asarray([*own.values()], np.int64)
        columns = choices[head.inputs]
        weight = np.zeros((x.shape[1], len(place)), np.float32)
        weight[columns], bias = _logistic(x[at][:, columns], y, len(place), head.c)
        heads.append(replace(head, weight=weight, bias=bias))
    return AttributeHeads(tuple(heads), mean, deviation, like.accuracy)


def _standard(inputs: Floats) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of inputs; no deviation is 0."""
    mean = inputs.mean(axis=0) if len(inputs) else np.zeros(inputs.shape[1], np.float32)
    deviation = inputs.std(axis=0) if len(inputs) else np.ones_like(mean)
    return mean, np.where(deviation > 1e-6, deviation, np.float32(1))


def _known(rows: pl.DataFrame) -> pl.DataFrame:
    """Return place, category, attribute and value of every label."""
    return (
        rows.select("category", "attributes")
        .with_row_index("place")
        .explode("attributes", empty_as_null=False)
        .drop_nulls("attributes")
        .unnest("attributes")
        .unique(["place", "attribute"], keep="first", maintain_order=True)
    )


def _labels(rows: pl.DataFrame, held: NDArray[np.bool_]) -> dict[str, pl.DataFrame]:
    """Return by attribute, sorted, its usable labels: place, held, value, category."""
    learnt = (~pl.col("held")).sum()
    known = _known(rows)
    every = known.with_columns(held=pl.Series(held[known["place"].to_numpy()])).filter(
        learnt.over("attribute", "value") >= MIN_OF_VALUE
    )
    return {
        str(attribute): labels.sort("place")
        for (attribute,), labels in sorted(every.group_by("attribute"))
        if labels.height - labels["held"].sum() >= MIN_LABELS
        and labels["held"].sum() >= MIN_HELD
        and labels["value"].n_unique() >= 2
    }


def _choices(d: int, groups: Sequence[str]) -> dict[str, Places]:
    """Return the columns of each choice of inputs, the fewest inputs first."""
    of: dict[str, Places] = {EMBEDDING: np.arange(d)}
    at = d
    for group in groups:
        of[group] = np.arange(at, at := at + n_features([group]))
    pairs = {f"{EMBEDDING}+{g}": np.concatenate([of[EMBEDDING], of[g]]) for g in groups}
    everything = {"all": np.arange(at)} if len(groups) > 1 else {}
    return {**of, **pairs, **everything}


def _fit(
    attribute: str, labels: pl.DataFrame, x: Floats, choices: Mapping[str, Places]
) -> tuple[AttributeHead | None, dict[str, object]]:
    """Return an attribute's head, if it can be seen, and how well it does on held images."""
    values = sorted(labels["value"].unique())
    y = np.searchsorted(values, labels["value"].to_numpy())
    own, held = x[labels["place"].to_numpy()], labels["held"].to_numpy()
    asked = y[held]

    def fitted(columns: Places, c: float) -> tuple[float, Floats, Floats, Floats]:
        weight, bias = _logistic(own[~held][:, columns], y[~held], len(values), c)
        p = softmax(own[held][:, columns] @ weight + bias)
        return _log_loss(p, asked), p, weight, bias

    losses = {name: fitted(columns, _C_GRID[1])[0] for name, columns in choices.items()}
    best = next(
        n for n, found in losses.items() if found * (1 - _LEAST_GAIN) <= min(losses.values())
    )
    tried = {c: fitted(choices[best], c) for c in _C_GRID}
    c = min(tried, key=lambda c: tried[c][0])
    loss, p, chosen, bias = tried[c]
    prior_loss, prior, *_ = fitted(choices[best][:0], _C_GRID[1])
    seen = loss < (1 - _LEAST_GAIN) * prior_loss
    said = p.argmax(axis=1)
    accuracy = {
        "attribute": attribute,
        "inputs": best if seen else "",
        "n": len(asked),
        "n_values": len(values),
        "accuracy": float(np.mean(said == asked)),
        "majority": float(np.mean(prior.argmax(axis=1) == asked)),
        "balanced": float(np.mean([np.mean(said[asked == v] == v) for v in np.unique(asked)])),
        "log_loss": loss,
        "prior_log_loss": prior_loss,
    }
    if not seen:
        return None, accuracy
    weight = np.zeros((x.shape[1], len(values)), np.float32)
    weight[choices[best]] = chosen
    categories = tuple(sorted(labels["category"].unique()))
    return AttributeHead(attribute, tuple(values), categories, best, c, weight, bias), accuracy


def _logistic(x: Floats, y: Places, n_values: int, c: float) -> tuple[Floats, Floats]:
    """Fit a logistic regression: weight [inputs, values] and bias [values] of all values."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    weight = np.zeros((x.shape[1], n_values), np.float32)
    shares = np.bincount(y, minlength=n_values) / max(len(y), 1)
    bias = np.log(np.maximum(shares, _UNSEEN)).astype(np.float32)
    present = np.flatnonzero(shares)
    if x.shape[1] == 0 or len(present) < 2:
        return weight, bias
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = LogisticRegression(C=c, max_iter=_ITERATIONS, tol=1e-3).fit(x, y)
    coefficients, intercept = fitted.coef_.T, fitted.intercept_
    if len(present) == 2:  # two values are told apart by one line
        coefficients = np.hstack([-coefficients, coefficients]) / 2
        intercept = np.concatenate([-intercept, intercept]) / 2
    weight[:, present], bias[present] = coefficients, intercept
    return weight, bias


def _log_loss(p: Floats, y: Places) -> float:
    return float(-np.log(np.maximum(p[np.arange(len(y)), y], _UNSEEN)).mean())
