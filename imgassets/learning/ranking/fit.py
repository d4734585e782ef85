"""Fitting a ranker's perceptron on pairs by the pairwise hinge loss.

Both photos of a pair go through the same network (Siamese), and the loss of a pair is
``max(0, gap - (score of the better - score of the worse))``: the paper's with a gap that is the
same for all pairs, margin ranking with one that grows with the distance between two photos.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgassets.learning.ranking.net import Layer
from imgassets.learning.seeded import seeded

if TYPE_CHECKING:
    import torch

WIDTHS = (512, 256, 128)
"""Units of the hidden layers (the paper's)."""

DROPOUT = 0.5
"""Some hundred images teach a thousand features: without it, what is learnt is the images."""

PRIOR = 3.0
"""Weight that a term of a limit starts from, in margins: a measure that goes from good to its limit
loses more than a pair must lie apart."""

_PULL = 0.01
"""Pull of those weights towards where they started, per squared unit."""

_BATCH = 128

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class FitOptions:
    """How a perceptron is trained; see :class:`imgassets.reviews.settings.RankingSettings`."""

    epochs: int = 20
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2


class Pairs(NamedTuple):
    """Pairs as places in a matrix of features.

    Attributes:
        better: int64 [m], rows of the better photos.
        worse: int64 [m], of the worse ones.
        gaps: float32 [m], how far apart their scores must lie.
    """

    better: NDArray[np.int64]
    worse: NDArray[np.int64]
    gaps: Floats


class Fitted(NamedTuple):
    """A trained perceptron.

    Attributes:
        layers: standardisation is folded in: they take features as they are.
        weights: float32 [k], of the terms, not negative.
    """

    layers: tuple[Layer, ...]
    weights: Floats


def fit_perceptron(
    features: Floats, terms: Floats, pairs: Pairs, options: FitOptions, seed: int
) -> Fitted:
    """Train a perceptron on pairs; the same arguments give the same weights on a machine.

    Args:
        features: float32 [n, d], not standardised; constant columns are ignored.
        terms: float32 [n, k], 0 … 1, what limits say of the photos; k = 0: none.
        pairs: at least one.
        options: see above.
        seed: of the first weights, of dropout and of the order of pairs.

    Raises:
        ValueError: there is no pair.
    """
    import torch

    if not len(pairs.better):
        raise ValueError("there is no pair to learn from")
    seen = features[np.unique(np.concatenate([pairs.better, pairs.worse]))]
    mean, deviation = seen.mean(axis=0), seen.std(axis=0)
    scale = np.where(deviation > 1e-6, 1 / np.maximum(deviation, 1e-6), 0).astype(np.float32)
    with seeded(seed):
        net = _perceptron(features.shape[1])
        weights = _descend(net, (features - mean) * scale, terms, pairs, options)
    linear = [part for part in net if isinstance(part, torch.nn.Linear)]
    layers = [
        (layer.weight.detach().numpy().T.copy(), layer.bias.detach().numpy().copy())
        for layer in linear
    ]
    first, bias = layers[0]
    folded = first * scale[:, None]
    layers[0] = (folded, bias - mean @ folded)
    return Fitted(tuple(layers), weights)


def _perceptron(inputs: int) -> torch.nn.Sequential:
    import torch

    parts: list[torch.nn.Module] = []
    width = inputs
    for units in WIDTHS:
        parts += [torch.nn.Linear(width, units), torch.nn.ReLU(), torch.nn.Dropout(DROPOUT)]
        width = units
    return torch.nn.Sequential(*parts, torch.nn.Linear(width, 1))


def _descend(
    net: torch.nn.Sequential, inputs: Floats, terms: Floats, pairs: Pairs, options: FitOptions
) -> Floats:
    """Train the network in place; return the terms' weights."""
    import torch

    x, added = torch.from_numpy(inputs), torch.from_numpy(terms)
    better, worse = torch.from_numpy(pairs.better), torch.from_numpy(pairs.worse)
    gaps = torch.from_numpy(pairs.gaps)
    start = PRIOR * float(pairs.gaps.max())
    weights = torch.nn.Parameter(torch.full((terms.shape[1],), start))
    optimiser = torch.optim.AdamW(
        [
            {"params": net.parameters(), "weight_decay": options.weight_decay},
            {"params": [weights], "weight_decay": 0.0},
        ],
        lr=options.learning_rate,
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, options.epochs)
    for _ in range(options.epochs):
        for batch in torch.randperm(len(gaps)).split(_BATCH):
            left, right = better[batch], worse[batch]
            scores = net(torch.cat([x[left], x[right]]))[:, 0]
            apart = scores[: len(batch)] - scores[len(batch) :]
            apart = apart + (added[left] - added[right]) @ weights.clamp(min=0)
            loss = torch.relu(gaps[batch] - apart).mean()
            loss = loss + _PULL * ((weights - start) ** 2).sum()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        schedule.step()
    found: Floats = weights.detach().clamp(min=0).numpy().copy()
    return found
