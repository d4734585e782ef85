"""Fitting the re-ranker on lists: a query, and images that its retriever confuses.

Three losses compete: pointwise (is this image relevant?), pairwise (RankNet: Burges et al., 2005:
which of two is more so?) and listwise (ListNet: Cao et al., 2007: which of the list?).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgassets.learning.search.reranker import Reranker, standardised
from imgassets.learning.seeded import seeded

LOSSES = ("pointwise", "pairwise", "listwise")

_EPOCHS, _BATCH = 15, 16
_LEARNING_RATE, _WEIGHT_DECAY, _DROPOUT = 1e-3, 0.05, 0.3

_SHARES = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
"""What the network may count beside the likeness. With few queries to learn from, both together
order better than either; at 0 the retriever's order stays."""

_TINY = 1e-9

_MOST = 40
"""Images of a list that are learnt from: relevant ones, and as many of the first and of the others
that are not."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class QueryList:
    """A query and images to be ordered.

    Attributes:
        inputs: float32 [n, p], :func:`imgassets.learning.search.reranker.pair_inputs`, in the
            retriever's order.
        grades: float32 [n], relevance from 0 to 1.
        fold: of its style: lists of one fold are never split between fitting and choosing.
        answers: float32, grades of all that answers the query, retrieved or not, best first.
    """

    inputs: Floats
    grades: Floats
    fold: int
    answers: Floats


class Reading(NamedTuple):
    """What a network reads.

    Attributes:
        inputs: bool [p], which of :func:`imgassets.learning.search.reranker.pair_inputs`.
        hidden: widths of its hidden layers; () for none.
    """

    inputs: NDArray[np.bool_]
    hidden: tuple[int, ...]


@dataclass(frozen=True)
class Chosen:
    """What was fitted.

    Attributes:
        reranker: the network.
        reading: that won.
        loss: that won, or was named.
        compared: nDCG@10 of re-ranked images by each reading and loss, out of fold; and of the
            retriever's own order under ``retriever``.
        out_of_fold: logits of each list by the loss that won, from a network that never saw it.
    """

    reranker: Reranker
    reading: str
    loss: str
    compared: dict[str, float]
    out_of_fold: list[NDArray[np.float64]]


def fit_reranker(
    lists: Sequence[QueryList],
    readings: Mapping[str, Reading],
    seed: int,
    loss: str = "",
    tell: Callable[[str], None] = lambda what: None,
) -> Chosen:
    """Fit a re-ranker; what it reads, its loss and its share are chosen on lists not learnt from.

    Args:
        lists: what is learnt from; each has an image that is better than another.
        readings: what networks may read, by name.
        seed: of everything random.
        loss: of :data:`LOSSES`; empty: they compete.
        tell: called with what is being fitted.

    Raises:
        ValueError: all lists are of one fold.
    """
    folds = sorted({one.fold for one in lists})
    if len(folds) < 2:
        raise ValueError(
            "a re-ranker needs queries about several styles: ingest more products with titles or "
            "attributes"
        )
    answers: dict[tuple[str, str], list[NDArray[np.float64]]] = {}
    for name, rival in itertools.product(readings, (loss,) if loss else LOSSES):
        tell(f"{rival} re-ranker on {name}")
        networks = {
            fold: _fit([one for one in lists if one.fold != fold], readings[name], seed, rival)
            for fold in folds
        }
        answers[name, rival] = [networks[one.fold].logits(one.inputs) for one in lists]
    blends = {rival: _blend(lists, of) for rival, of in answers.items()}
    won = max(blends, key=lambda rival: blends[rival].found)
    compared = {", ".join(rival): blend.found for rival, blend in blends.items()}
    compared["retriever"] = float(np.mean([_ndcg(one, one.inputs[:, 0]) for one in lists]))
    blend, best = blends[won], _fit(lists, readings[won[0]], seed, won[1])
    weight, bias = best.layers[-1]
    layers = (*best.layers[:-1], (weight * blend.network, bias * blend.network))
    out_of_fold = [
        blend.network * own + blend.likeness * one.inputs[:, 0].astype(np.float64)
        for one, own in zip(lists, answers[won], strict=True)
    ]
    calibration = _platt(
        np.concatenate(out_of_fold), np.concatenate([one.grades for one in lists]) >= 1
    )
    info = {
        "reads": won[0], "loss": won[1], "share": blend.share,
        "compared": compared, "n_lists": len(lists),
    }  # fmt: skip
    reranker = Reranker(layers, best.mean, best.scale, calibration, info, blend.likeness)
    return Chosen(reranker, won[0], won[1], compared, out_of_fold)


class _Blend(NamedTuple):
    """How likeness and network are added: the share of the network, and the factors of both."""

    share: float
    likeness: float
    network: float
    found: float


def _blend(lists: Sequence[QueryList], logits: Sequence[NDArray[np.float64]]) -> _Blend:
    """Return the share of the network that orders lists best; none where it helps nowhere.

    Args:
        lists: queries and images.
        logits: of each list, by a network that never saw it.
    """
    spread = np.concatenate([one.inputs[:, 0] for one in lists]).std(dtype=np.float64)
    network = np.concatenate(logits).std()
    tried = []
    for share in _SHARES:
        factors = (1 - share) / max(spread, _TINY), share / max(network, _TINY)
        found = [
            _ndcg(one, factors[0] * one.inputs[:, 0] + factors[1] * own)
            for one, own in zip(lists, logits, strict=True)
        ]
        tried.append(_Blend(share, float(factors[0]), float(factors[1]), float(np.mean(found))))
    return max(tried, key=lambda one: one.found)


def _fit(lists: Sequence[QueryList], reading: Reading, seed: int, loss: str) -> Reranker:
    """Fit a network by one loss; it is not calibrated."""
    import torch
    from torch import nn

    rng = np.random.default_rng(seed)
    lists = [_shortened(one, rng) for one in lists]
    every = np.concatenate([one.inputs for one in lists])
    mean, spread = every.mean(0), every.std(0)
    scale = np.where(reading.inputs & (spread > 0), 1 / np.maximum(spread, 1e-6), 0).astype(
        np.float32
    )
    widest = max(len(one.grades) for one in lists)
    inputs = np.zeros((len(lists), widest, every.shape[1]), np.float32)
    grades = np.full((len(lists), widest), -1, np.float32)
    for row, one in enumerate(lists):
        inputs[row, : len(one.grades)] = standardised(one.inputs, mean, scale)
        grades[row, : len(one.grades)] = one.grades
    with seeded(seed):
        sizes = (every.shape[1], *reading.hidden, 1)
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


def _shortened(one: QueryList, rng: np.random.Generator) -> QueryList:
    """Return some of a list: its most relevant images, the first others, and any others.

    Were all others among the first, a network would learn that likeness speaks against an image.
    """
    relevant = np.flatnonzero(one.grades > 0)
    best = relevant[np.argsort(-one.grades[relevant], kind="stable")][: _MOST // 2]
    rest = np.flatnonzero(one.grades == 0)
    first, more = np.split(rest, [(_MOST - len(best)) // 2])
    drawn = rng.permutation(more)[: _MOST - len(best) - len(first)]
    kept = np.sort(np.concatenate([best, first, drawn]))
    return QueryList(one.inputs[kept], one.grades[kept], one.fold, one.answers)


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
    """Return nDCG@k of a list by scores; answers that are not in it count as missed."""
    discount = 1 / np.log2(np.arange(k) + 2)
    found, ideal = one.grades[np.argsort(-scores, kind="stable")][:k], one.answers[:k]
    return float(found @ discount[: len(found)] / (ideal @ discount[: len(ideal)]))


def _platt(logits: NDArray[np.float64], relevant: NDArray[np.bool_]) -> tuple[float, float]:
    """Return slope and intercept that make probabilities of logits (Platt, 1999)."""
    from sklearn.linear_model import LogisticRegression

    if relevant.all() or not relevant.any():
        return 1.0, 0.0
    fitted = LogisticRegression(C=1e6).fit(logits[:, None], relevant)
    return float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
