"""Fitting the re-ranker on lists: a query, and images that its retriever confuses.

Three losses compete: pointwise (is this image relevant?), pairwise (RankNet: Burges et al., 2005:
which of two is more so?) and listwise (ListNet: Cao et al., 2007: which of the list?).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgassets.learning.search.reranker import Reranker

LOSSES = ("pointwise", "pairwise", "listwise")

_HIDDEN = (128, 32)
_EPOCHS, _BATCH = 15, 16
_LEARNING_RATE, _WEIGHT_DECAY, _DROPOUT = 1e-3, 0.05, 0.3
_FOLDS = 3
_MOST = 40
"""Images of a list that a step looks at: relevant ones, and those that are taken for them."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class QueryList:
    """A query and images to be ordered.

    Attributes:
        inputs: float32 [n, p], :func:`imgassets.learning.search.reranker.pair_inputs`.
        grades: float32 [n], relevance from 0 to 1.
        group: lists of one group are never split between fitting and choosing.
        retrieved: which images the retriever found, bool [n]; the others were added to learn from.
    """

    inputs: Floats
    grades: Floats
    group: str
    retrieved: NDArray[np.bool_]


@dataclass(frozen=True)
class Chosen:
    """What was fitted.

    Attributes:
        reranker: the network.
        loss: that won, or was named.
        compared: nDCG@10 of re-ranked retrieved images by each loss, out of fold; and of the
            retriever's own order under ``retriever``.
        out_of_fold: logits of each list by the loss that won, from a network that never saw it.
    """

    reranker: Reranker
    loss: str
    compared: dict[str, float]
    out_of_fold: list[NDArray[np.float64]]


def fit_reranker(
    lists: Sequence[QueryList],
    read: NDArray[np.bool_],
    seed: int,
    loss: str = "",
    tell: Callable[[str], None] | None = None,
) -> Chosen:
    """Fit a re-ranker; the loss is chosen by what it does to lists that it did not learn from.

    Args:
        lists: what is learnt from; each has a relevant image, and one that is less so.
        read: bool [p], inputs that may be read.
        seed: of everything random.
        loss: of :data:`LOSSES`; empty: they compete.
        tell: called with what is being fitted.

    Raises:
        ValueError: fewer lists or groups than folds.
    """
    groups = sorted({one.group for one in lists})
    if len(groups) < _FOLDS:
        raise ValueError(
            f"a re-ranker needs queries of {_FOLDS} styles or more, and there are {len(groups)}"
        )
    rng = np.random.default_rng(seed)
    fold_of = {group: at % _FOLDS for at, group in enumerate(rng.permutation(groups))}
    folds = np.asarray([fold_of[one.group] for one in lists])
    answers: dict[str, list[NDArray[np.float64]]] = {}
    for rival in (loss,) if loss else LOSSES:
        answers[rival] = [np.zeros(0)] * len(lists)
        for fold in range(_FOLDS):
            if tell is not None:
                tell(f"{rival} re-ranker, fold {fold + 1} of {_FOLDS}")
            learnt = [one for one, of in zip(lists, folds, strict=True) if of != fold]
            fitted = _fit(learnt, read, seed, rival)
            for at, one in enumerate(lists):
                if folds[at] == fold:
                    answers[rival][at] = fitted.logits(one.inputs)
    compared = {
        rival: float(np.mean([_ndcg(one, own) for one, own in zip(lists, of, strict=True)]))
        for rival, of in answers.items()
    }
    compared["retriever"] = float(np.mean([_ndcg(one, one.inputs[:, 0]) for one in lists]))
    won = max(answers, key=compared.__getitem__)
    best = _fit(lists, read, seed, won)
    info = {"loss": won, "compared": compared, "n_lists": len(lists)}
    calibration = _platt(
        np.concatenate(answers[won]), np.concatenate([one.grades for one in lists]) >= 1
    )
    reranker = Reranker(best.layers, best.mean, best.scale, calibration, info)
    return Chosen(reranker, won, compared, answers[won])


def _fit(lists: Sequence[QueryList], read: NDArray[np.bool_], seed: int, loss: str) -> Reranker:
    """Fit a network by one loss; it is not calibrated."""
    import torch
    from torch import nn

    lists = [_shortened(one) for one in lists]
    every = np.concatenate([one.inputs for one in lists])
    mean, spread = every.mean(0), every.std(0)
    scale = np.where(read & (spread > 0), 1 / np.maximum(spread, 1e-6), 0).astype(np.float32)
    widest = max(len(one.grades) for one in lists)
    inputs = np.zeros((len(lists), widest, every.shape[1]), np.float32)
    grades = np.full((len(lists), widest), -1, np.float32)
    for row, one in enumerate(lists):
        inputs[row, : len(one.grades)] = ((one.inputs - mean) * scale).clip(-5, 5)
        grades[row, : len(one.grades)] = one.grades
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        sizes = (every.shape[1], *_HIDDEN, 1)
        layers = [nn.Linear(*pair) for pair in itertools.pairwise(sizes)]
        network = nn.Sequential(
            nn.Dropout(_DROPOUT / 2), layers[0],
            *(part for layer in layers[1:] for part in (nn.ReLU(), nn.Dropout(_DROPOUT), layer)),
        )  # fmt: skip
        optimiser = torch.optim.AdamW(
            network.parameters(), lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY
        )
        network.train()
        for _ in range(_EPOCHS):
            order = rng.permutation(len(lists))
            for at in range(0, len(lists), _BATCH):
                rows = order[at : at + _BATCH]
                wanted = torch.from_numpy(grades[rows])
                found = network(torch.from_numpy(inputs[rows]))[..., 0]
                value = _LOSSES[loss](found, wanted)
                optimiser.zero_grad()
                value.backward()
                optimiser.step()
    fitted = [
        (layer.weight.detach().numpy().T.copy(), layer.bias.detach().numpy().copy())
        for layer in layers
    ]
    return Reranker(fitted, mean.astype(np.float32), scale, (1.0, 0.0), {})


def _shortened(one: QueryList) -> QueryList:
    """Return a list's most relevant images, at most half of it, and the first of the others."""
    relevant = np.flatnonzero(one.grades > 0)
    best = relevant[np.argsort(-one.grades[relevant], kind="stable")][: _MOST // 2]
    rest = np.setdiff1d(np.arange(len(one.grades)), relevant)
    kept = np.sort(np.concatenate([best, rest[: _MOST - len(best)]]))
    return QueryList(one.inputs[kept], one.grades[kept], one.group, one.retrieved[kept])


def _pointwise(found: Any, grades: Any) -> Any:  # noqa: ANN401  torch tensors [lists, n]
    from torch.nn.functional import binary_cross_entropy_with_logits

    there = grades >= 0
    return binary_cross_entropy_with_logits(found[there], grades[there])


def _pairwise(found: Any, grades: Any) -> Any:  # noqa: ANN401
    from torch.nn.functional import softplus

    better = grades[:, :, None] - grades[:, None, :]
    pairs = (better > 0) & (grades >= 0)[:, None, :]
    gap = found[:, :, None] - found[:, None, :]
    # The farther two grades are apart, the more their order counts.
    return (softplus(-gap)[pairs] * better[pairs]).sum() / better[pairs].sum().clamp(min=1)


def _listwise(found: Any, grades: Any) -> Any:  # noqa: ANN401
    from torch.nn.functional import log_softmax

    there = grades >= 0
    gain = grades.clamp(min=0) ** 2
    wanted = gain / gain.sum(1, keepdim=True).clamp(min=1e-6)
    own = log_softmax(found.masked_fill(~there, -1e4), dim=1)
    return -(wanted * own).sum(1).mean()


_LOSSES: dict[str, Callable[[Any, Any], Any]] = {
    "pointwise": _pointwise,
    "pairwise": _pairwise,
    "listwise": _listwise,
}


def _ndcg(one: QueryList, scores: NDArray[np.floating[Any]], k: int = 10) -> float:
    """Return nDCG@k of the retrieved images; what was not retrieved counts as missed."""
    order = np.argsort(-scores[one.retrieved], kind="stable")
    discount = 1 / np.log2(np.arange(k) + 2)
    found, ideal = one.grades[one.retrieved][order][:k], np.sort(one.grades)[::-1][:k]
    return float(found @ discount[: len(found)] / (ideal @ discount[: len(ideal)]))


def _platt(logits: NDArray[np.float64], relevant: NDArray[np.bool_]) -> tuple[float, float]:
    """Return slope and intercept that make probabilities of logits (Platt, 1999)."""
    from sklearn.linear_model import LogisticRegression

    if relevant.all() or not relevant.any():
        return 1.0, 0.0
    fitted = LogisticRegression(C=1e6).fit(logits[:, None], relevant)
    return float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
