"""Fitting a head of NIMA on stored features, and how well distributions are predicted.

The loss is NIMA's squared earth mover's distance between a distribution of ratings p and its
prediction q (its equation 1 with r = 2): sqrt(mean over ratings k of (CDF_p(k) − CDF_q(k))²), of
each photo, averaged over photos. As in NIMA, three quarters of the features are dropped at random
while training.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imgassets.learning.evaluation import group_split
from imgassets.learning.nima.head import mean_rating

VALIDATION = 0.2
"""Share of the training groups that says when to stop."""

EPOCHS = 80
"""At most."""

PATIENCE = 8
"""Epochs without a better distance on the validation groups, after which training stops."""

BATCH = 128
_LEAST_STEPS = 20
"""Batches of an epoch: few photos are seen several times in it."""

RATE, DECAY, DROPOUT = 1e-3, 1e-2, 0.75
"""Of AdamW: learning rate and weight decay; share of the features that is dropped."""

_CONSTANT = 1e-6
"""A feature that varies less over the training photos says nothing."""

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]


class FittedHead(NamedTuple):
    """A head's weights.

    Attributes:
        weight: float32 [d, 10].
        bias: float32 [10].
        epochs: how many were trained until the best one.
        validation_emd: its distance on the validation groups.
    """

    weight: Floats
    bias: Floats
    epochs: int
    validation_emd: float


def fit_head(features: Floats, targets: Floats, groups: Sequence[str], seed: int) -> FittedHead:
    """Fit a head; the same arguments give the same weights.

    Features are centred and scaled for training, and the weights are turned back for features as
    they are stored. The best epoch by the distance on held-out groups is kept.

    Args:
        features: float32 [n, d].
        targets: float32 [n, 10], shares of the ratings 1 … 10.
        groups: of the photos; none is on both sides.
        seed: of the held-out groups, the batches and the dropout.

    Raises:
        ValueError: there are fewer than two groups.
    """
    import torch

    rows = pl.DataFrame({"group_id": list(groups)}).with_row_index("row")
    train, valid = (
        np.array(part["row"], np.int64) for part in group_split(rows, VALIDATION, seed + 1)
    )
    centre, deviation = features[train].mean(axis=0), features[train].std(axis=0)
    varies = deviation > _CONSTANT
    scale = np.where(varies, 1 / np.where(varies, deviation, 1), 0).astype(np.float32)
    x = torch.from_numpy((features - centre) * scale)
    y = torch.from_numpy(np.ascontiguousarray(targets, dtype=np.float32))
    head = torch.nn.Linear(features.shape[1], targets.shape[1])
    with torch.no_grad():  # it starts by answering the mean distribution
        head.weight.zero_()
        head.bias.copy_(torch.log(y[train].mean(0) + 1e-6))
    optimiser = torch.optim.AdamW(head.parameters(), lr=RATE, weight_decay=DECAY)
    generator = torch.Generator().manual_seed(seed)
    repeats = -(-_LEAST_STEPS * BATCH // len(train))
    rest, held = torch.from_numpy(np.tile(train, repeats)), torch.from_numpy(valid)

    def loss_of(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        apart = (torch.softmax(logits, 1) - truth).cumsum(1)
        # The root's slope at 0 is infinite.
        return (apart.square().mean(1) + 1e-12).sqrt().mean()

    def validated() -> tuple[float, torch.Tensor, torch.Tensor]:
        with torch.no_grad():
            loss = float(loss_of(head(x[held]), y[held]))
            return loss, head.weight.clone(), head.bias.clone()

    best, epochs = validated(), 0
    for epoch in range(1, EPOCHS + 1):
        for batch in rest[torch.randperm(len(rest), generator=generator)].split(BATCH):
            keep = torch.rand(len(batch), x.shape[1], generator=generator) >= DROPOUT
            optimiser.zero_grad()
            loss_of(head(x[batch] * keep / (1 - DROPOUT)), y[batch]).backward()
            optimiser.step()
        found = validated()
        if found[0] < best[0]:
            best, epochs = found, epoch
        elif epoch - epochs >= PATIENCE:
            break
    weight = best[1].numpy().T * scale[:, None]
    return FittedHead(weight, best[2].numpy() - centre @ weight, epochs, best[0])


def emd(p: NDArray[np.floating], q: NDArray[np.floating]) -> Doubles:
    """Return the squared earth mover's distance of distributions, float64 [n].

    Args:
        p: shares of the ratings, [n, 10].
        q: likewise.
    """
    apart = np.cumsum(p.astype(np.float64) - q, axis=1)
    distance: Doubles = np.sqrt(np.mean(apart**2, axis=1))
    return distance


class Quality(NamedTuple):
    """How well distributions are predicted; NIMA reports the same measures.

    Attributes:
        emd: mean distance.
        srcc: Spearman's correlation of the mean ratings; nan where one side is constant.
        lcc: Pearson's, likewise.
        n: photos.
    """

    emd: float
    srcc: float
    lcc: float
    n: int


def quality(targets: NDArray[np.floating], found: NDArray[np.floating]) -> Quality:
    """Compare predicted distributions [n, 10] with the true ones."""
    from scipy.stats import pearsonr, spearmanr  # type: ignore[import-untyped]

    true, said = mean_rating(targets), mean_rating(found)
    if len(true) < 2 or np.ptp(true) < _CONSTANT or np.ptp(said) < _CONSTANT:
        srcc = lcc = float("nan")
    else:
        srcc = float(spearmanr(true, said).statistic)
        lcc = float(pearsonr(true, said).statistic)
    return Quality(float(emd(targets, found).mean()), srcc, lcc, len(true))
