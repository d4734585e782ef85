"""The two towers of the dual encoder: texts, and pictures, to one space.

A text is a weighted mean of its tokens' vectors; a picture is a backbone's vector and its custom
features. A small network takes each to a vector of length 1 (Radford et al., *Learning Transferable
Visual Models From Natural Language Supervision*, 2021, with smaller towers).

The formulas are written once, in what numpy's arrays and torch's tensors have in common: fitting
passes tensors, answering arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = Any
"""A numpy array or a torch tensor."""

Weights = Mapping[str, Array]

_TINY = 1e-6

_FAR = 5.0
"""Standard deviations beyond which a picture's number says nothing more."""


def initial_weights(
    n_tokens: int, n_inputs: int, width: int, dimension: int, seed: int
) -> dict[str, NDArray[np.float32]]:
    """Return weights to start from.

    Args:
        n_tokens: of the vocabulary.
        n_inputs: numbers of a picture.
        width: of a token's vector and of hidden layers.
        dimension: of the common space.
        seed: of what starts at random.
    """
    rng = np.random.default_rng(seed)

    def drawn(*shape: int) -> NDArray[np.float32]:
        return (rng.standard_normal(shape) / np.sqrt(shape[0])).astype(np.float32)

    def zeros(n: int) -> NDArray[np.float32]:
        return np.zeros(n, np.float32)

    weights: dict[str, NDArray[np.float32]] = {
        "token": (rng.standard_normal((n_tokens, width)) / 10).astype(np.float32),
        "weight": np.ones(n_tokens, np.float32),
        "mean": zeros(n_inputs),
        "scale": np.ones(n_inputs, np.float32),
    }
    for tower, inputs in (("text", width), ("image", n_inputs)):
        weights |= {
            f"{tower}.direct": drawn(inputs, dimension),
            f"{tower}.first": drawn(inputs, 2 * width),
            f"{tower}.first_bias": zeros(2 * width),
            f"{tower}.second": drawn(2 * width, dimension),
            f"{tower}.second_bias": zeros(dimension),
        }
    return weights


def text_vectors(
    weights: Weights, numbers: Array, known: Array, drop: Callable[[Array], Array] | None = None
) -> Array:
    """Return texts' vectors [n, d], each of length 1.

    Args:
        weights: of both towers.
        numbers: tokens' numbers [n, t], any number where a text has fewer.
        known: [n, t], 1 where there is a token, else 0.
        drop: dropout, while fitting.
    """
    # Squared, so that no token counts less than nothing.
    weight = weights["weight"][numbers] ** 2 * known
    mean = (weights["token"][numbers] * weight[..., None]).sum(axis=1)
    return _tower(weights, "text", unit(mean), drop)


def image_vectors(
    weights: Weights, inputs: Array, drop: Callable[[Array], Array] | None = None
) -> Array:
    """Return pictures' vectors [n, d], each of length 1.

    Args:
        weights: of both towers.
        inputs: [n, i], not standardised.
        drop: dropout, while fitting.
    """
    standard = ((inputs - weights["mean"]) * weights["scale"]).clip(-_FAR, _FAR)
    return _tower(weights, "image", standard, drop)


def unit(vectors: Array) -> Array:
    """Return vectors [n, d] with length 1; zeros stay zeros."""
    return vectors / ((vectors**2).sum(axis=1, keepdims=True) + _TINY**2) ** 0.5


def padded(numbers: Sequence[Sequence[int]]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return texts' tokens as ``numbers`` and ``known`` of :func:`text_vectors`."""
    longest = max([1, *map(len, numbers)])
    places = np.zeros((len(numbers), longest), np.int64)
    known = np.zeros((len(numbers), longest), np.float32)
    for row, found in enumerate(numbers):
        places[row, : len(found)] = found
        known[row, : len(found)] = 1
    return places, known


def _tower(
    weights: Weights, tower: str, inputs: Array, drop: Callable[[Array], Array] | None
) -> Array:
    dropped = inputs if drop is None else drop(inputs)
    hidden = dropped @ weights[f"{tower}.first"] + weights[f"{tower}.first_bias"]
    hidden = hidden * (hidden > 0)
    hidden = hidden if drop is None else drop(hidden)
    return unit(
        dropped @ weights[f"{tower}.direct"]
        + hidden @ weights[f"{tower}.second"]
        + weights[f"{tower}.second_bias"]
    )
