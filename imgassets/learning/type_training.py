"""Training classifiers of image types: approaches compete on images that they never saw.

1. Every approach is trained with a tenth of the groups (styles or products) held out, again for
   each of the ten tenths: a category's labels are few, and one tenth of 35 would say nothing.
   Which tenth a group is in follows from its id alone, so that models of any scope and any day can
   be compared on the same held-out images.
2. Its logits are divided by the temperature that makes its held-out probabilities honest (Guo et
   al., 2017), and the approach with the better macro-F1 wins. One that needs pixels again must be
   better by a margin.
3. The winner is fitted once more, on all labels: that is the model which answers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imgassets.learning.evaluation import Evaluation, evaluate, place_of
from imgassets.learning.type_fit import LOGISTIC, SHALLOW, fit_logistic, fit_shallow, teachable
from imgassets.learning.type_net import Floats, TypeNet, softmax

PARTS = 10
"""Parts of the groups that are held out in turn: each is 10 % of them (paper A, II-C)."""

_FEW_GROUPS = 30
"""Fewer groups than this are dealt to the parts in turn, so that no part is empty."""

_FLOOR = 1e-6
"""Least probability that enters a logarithm."""

_TEMPERATURES = np.exp(np.linspace(np.log(0.25), np.log(8.0), 61))


Answer = Callable[[NDArray[np.intp]], tuple[Sequence[str], Floats]]
"""Rows → classes and their probabilities [rows, k]."""

Fit = Callable[[NDArray[np.intp]], Answer]
"""Rows to train on → what answers others."""


class Rotation(NamedTuple):
    """One part held out: places of rows to train on and of rows to answer."""

    train: NDArray[np.intp]
    held: NDArray[np.intp]


@dataclass(frozen=True)
class Candidate:
    """One approach as its held-out answers show it.

    Attributes:
        approach: its name.
        classes: k classes, sorted: all that the labels can teach.
        p: float64 [n, k], each row's probabilities by a model that saw nothing of its group; a row
            that was never held out is NaN.
        temperature: what its logits are divided by.
        ece: expected calibration error at that temperature, and `raw_ece` without one.
        raw_ece: see `ece`.
        evaluation: its most probable classes against the labels.
    """

    approach: str
    classes: tuple[str, ...]
    p: NDArray[np.float64]
    temperature: float
    ece: float
    raw_ece: float
    evaluation: Evaluation

    @property
    def macro_f1(self) -> float:
        """Macro-F1 over the classes that the labels can teach."""
        return self.evaluation.macro_f1


def rotations(labelled: pl.DataFrame, seed: int) -> list[Rotation]:
    """Return the parts that are held out in turn.

    Images whose bytes are also among those to train on are not answered: a supplier's placeholder
    of many products would be too easy.

    Args:
        labelled: `group_id` and `image_id`.
        seed: another seed deals the groups in another way.

    Raises:
        ValueError: there are fewer than two groups.
    """
    groups = sorted(labelled["group_id"].unique(), key=lambda g: (place_of(g, seed), g))
    if len(groups) < 2:
        raise ValueError(
            f"labels of {len(groups)} groups cannot be split: label images of at least two "
            "products (or styles)"
        )
    if len(groups) < _FEW_GROUPS:
        part_of = {group: turn % PARTS for turn, group in enumerate(groups)}
    else:
        part_of = {group: int(place_of(group, seed) * PARTS) for group in groups}
    parts = labelled["group_id"].replace_strict(part_of, return_dtype=pl.Int64).to_numpy()
    ids = labelled["image_id"].to_numpy()
    found = []
    for part in np.unique(parts):
        train, held = np.flatnonzero(parts != part), np.flatnonzero(parts == part)
        held = held[~np.isin(ids[held], ids[train])]
        if len(held):
            found.append(Rotation(train, held))
    return found


def head_fits(
    labelled: pl.DataFrame, matrix: Floats, seed: int, signals_version: str
) -> dict[str, Callable[[NDArray[np.intp]], TypeNet]]:
    """Return the fits on frozen embeddings by approach: rows to train on → network.

    The regularisation of the logistic regression is chosen once, on the rows that are fitted first.

    Args:
        labelled: `image_type`, `category` and `group_id`, n rows.
        matrix: float32 [n, d], their embeddings.
        seed: of folds, weights and batches.
        signals_version: what made the embeddings.
    """
    columns = [labelled[name].to_numpy() for name in ("image_type", "category", "group_id")]
    strength: list[float] = []

    def logistic(rows: NDArray[np.intp]) -> TypeNet:
        labels, categories, groups = (column[rows].tolist() for column in columns)
        c = strength[0] if strength else None
        net = fit_logistic(
            matrix[rows],
            labels,
            categories,
            groups,
            seed=seed,
            signals_version=signals_version,
            c=c,
        )
        strength.append(float(net.info["c"]))
        return net

    def shallow(rows: NDArray[np.intp]) -> TypeNet:
        labels, categories, _ = (column[rows].tolist() for column in columns)
        return fit_shallow(
            matrix[rows], labels, categories, seed=seed, signals_version=signals_version
        )

    return {LOGISTIC: logistic, SHALLOW: shallow}


def answering(labelled: pl.DataFrame, matrix: Floats, fit: Callable[..., TypeNet]) -> Fit:
    """Return a fit on embeddings as :func:`compete` takes it."""
    categories = labelled["category"].to_numpy()

    def fitted(rows: NDArray[np.intp]) -> Answer:
        net = fit(rows)
        return lambda held: (
            net.classes,
            net.predict_proba(matrix[held], categories[held].tolist()),
        )

    return fitted


def compete(
    labelled: pl.DataFrame, fits: dict[str, Fit], seed: int, least: int | None = None
) -> list[Candidate]:
    """Let approaches answer held-out images.

    Args:
        labelled: `image_type`, `image_id` and `group_id`, n rows.
        fits: approach to its fit.
        seed: of the parts.
        least: stop when this many images were held out; None: hold out every part.

    Returns:
        A candidate per approach, in their order.

    Raises:
        ValueError: the labels cannot be split, or are of fewer than two classes.
    """
    labels = labelled["image_type"].to_numpy()
    keep, _ = teachable(labels.tolist())
    classes = tuple(str(name) for name in np.unique(labels[keep]))
    answers = {name: np.full((len(labels), len(classes)), np.nan) for name in fits}
    seen = 0
    for train, held in rotations(labelled, seed):
        if least is not None and seen >= least:
            break
        if len(np.unique(labels[train][keep[train]])) < 2:
            continue
        for name, fit in fits.items():
            found, p = _try(fit, train, held)
            if found:
                answers[name][held] = 0.0
                columns = [classes.index(c) for c in found if c in classes]
                taken = [i for i, c in enumerate(found) if c in classes]
                answers[name][held[:, None], columns] = p[:, taken]
        seen += len(held)
    return [_judged(name, classes, p, labels) for name, p in answers.items()]


def _try(fit: Fit, train: NDArray[np.intp], held: NDArray[np.intp]) -> tuple[Sequence[str], Floats]:
    """Fit and answer; nothing where the part leaves too few examples to learn from."""
    try:
        answer = fit(train)
    except ValueError:
        return (), np.zeros((len(held), 0), dtype=np.float32)
    return answer(held)


def _judged(
    approach: str, classes: tuple[str, ...], raw: NDArray[np.float64], labels: NDArray[np.str_]
) -> Candidate:
    told = ~np.isnan(raw).any(axis=1)
    if not told.any():
        raise ValueError(
            "no part of the labels can be held out: label more images, of more products"
        )
    p = np.full_like(raw, np.nan)
    place = {name: i for i, name in enumerate(classes)}
    truth = np.array([place.get(str(label), -1) for label in labels[told]])
    temperature = fit_temperature(raw[told], truth)
    p[told] = tempered(raw[told], temperature)
    answers = [classes[i] for i in p[told].argmax(axis=1)]
    return Candidate(
        approach=approach,
        classes=classes,
        p=p,
        temperature=temperature,
        ece=calibration_error(p[told], truth),
        raw_ece=calibration_error(raw[told], truth),
        evaluation=evaluate([str(label) for label in labels[told]], answers, scored=classes),
    )


def tempered(p: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Return probabilities whose logits are divided by `temperature`."""
    logits = np.log(np.maximum(p, _FLOOR)) / temperature
    return np.asarray(softmax(logits.astype(np.float32)), dtype=np.float64)


def fit_temperature(p: NDArray[np.float64], truth: NDArray[np.int64]) -> float:
    """Return the temperature of least log loss (Guo et al., 2017, section 4.2).

    Args:
        p: [n, k] held-out probabilities.
        truth: [n] places of the right classes; -1 where the class cannot be answered.
    """
    kept = truth >= 0
    rows = np.arange(int(kept.sum()))

    def loss(temperature: float) -> float:
        right = tempered(p[kept], temperature)[rows, truth[kept]]
        return float(-np.log(np.maximum(right, _FLOOR)).mean())

    return float(min(_TEMPERATURES, key=loss)) if kept.any() else 1.0


def calibration_error(p: NDArray[np.float64], truth: NDArray[np.int64], bins: int = 10) -> float:
    """Return the expected calibration error, 0 … 1: mean gap of confidence and accuracy by bin."""
    confidence, right = p.max(axis=1), p.argmax(axis=1) == truth
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        abs(float(confidence[bin_of == b].mean() - right[bin_of == b].mean()))
        * (bin_of == b).mean()
        for b in np.unique(bin_of)
    ]
    return float(np.sum(gaps))


def choose(
    candidates: Sequence[Candidate], labels: Sequence[str], margin: float, needs_pixels: str
) -> Candidate:
    """Return the candidate of best macro-F1 on the images that all of them answered.

    Args:
        candidates: one at least.
        labels: the n rows' classes.
        margin: macro-F1 by which the approach that needs pixels again must be better.
        needs_pixels: that approach's name.
    """
    told = np.all([~np.isnan(c.p).any(axis=1) for c in candidates], axis=0)
    truth = np.asarray(labels, dtype=str)[told].tolist()

    def score(candidate: Candidate) -> float:
        answers = [candidate.classes[i] for i in candidate.p[told].argmax(axis=1)]
        found = evaluate(truth, answers, scored=candidate.classes).macro_f1
        return found - margin * (candidate.approach == needs_pixels)

    return max(candidates, key=score)


def data_hash(labelled: pl.DataFrame, matrix: Floats, parameters: str) -> str:
    """Return a hash of all that decides which model comes out."""
    digest = hashlib.sha256(parameters.encode())
    columns = ["product_id", "image_id", "category", "image_type", "group_id"]
    for row in labelled.select(columns).iter_rows():
        digest.update(repr(row).encode())
    digest.update(matrix.tobytes())
    return digest.hexdigest()
