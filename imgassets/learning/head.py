"""A multinomial logistic head on image embeddings, with a prior per category.

One head serves all categories: what a back looks like is shared, how often a category shows its
back is not, so each category has an offset of its own, shrunk towards the shared one. Answering
takes numpy alone; scikit-learn is imported only to fit.

A registered version carries a copy of this file beside the weights (see
:mod:`imgassets.learning.registry`): it must not import anything else of imgassets.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

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

_DEFAULT_C = 10.0
"""Strength where there are too few groups to cross-validate."""

_LEAST_PROBABILITY = 1e-6
"""Floor in the log loss: a class that a fold's training part lacks has probability 0."""

Floats = NDArray[np.float32]


class LogisticHead:
    """Probabilities of classes from an embedding and a category.

    Args:
        classes: k class names, sorted.
        weight: float32 [d, k] on L2-normalised embeddings; standardisation is folded in.
        bias: float32 [k].
        categories: m category slugs with an offset.
        offsets: float32 [m, k], logits added for a category; they average to 0 over the training
            images, so that an unknown category is treated as the average one.
        signals_version: the signals (algorithms and backbone) that the embeddings come from.
        info: how it was fitted, JSON-able: `c`, `cv_log_loss`, `n_train`, `notes`.
    """

    def __init__(
        self,
        classes: Sequence[str],
        weight: Floats,
        bias: Floats,
        categories: Sequence[str],
        offsets: Floats,
        signals_version: str,
        info: dict[str, Any],
    ) -> None:
        self.classes = tuple(classes)
        self.weight = weight
        self.bias = bias
        self.categories = tuple(categories)
        self.offsets = offsets
        self.signals_version = signals_version
        self.info = info

    @property
    def dimensions(self) -> int:
        """Length d of the embeddings that it takes."""
        return int(self.weight.shape[0])

    @classmethod
    def fit(
        cls,
        embeddings: Floats,
        labels: Sequence[str],
        categories: Sequence[str],
        groups: Sequence[str],
        *,
        seed: int = 0,
        signals_version: str = "",
        c: float | None = None,
    ) -> LogisticHead:
        """Fit a head.

        Args:
            embeddings: float32 [n, d].
            labels: n class names.
            categories: n category slugs.
            groups: n group ids; images of a group are never on both sides of a fold.
            seed: of the folds.
            signals_version: what made the embeddings.
            c: inverse regularisation strength; chosen by cross-validated log loss if not given.

        Raises:
            ValueError: fewer than two classes have enough examples.
        """
        y_all = np.asarray(labels, dtype=str)
        names, counts = np.unique(y_all, return_counts=True)
        classes = names[counts >= MIN_EXAMPLES]
        if len(classes) < 2:
            found = ", ".join(f"{n} ({k})" for n, k in zip(names, counts, strict=True)) or "nothing"
            raise ValueError(
                f"a head needs two classes with at least {MIN_EXAMPLES} labelled images each; "
                f"found {found}"
            )
        notes = [
            f"left out '{name}': {count} labelled images, {MIN_EXAMPLES} are needed"
            for name, count in zip(names, counts, strict=True)
            if count < MIN_EXAMPLES
        ]
        keep = np.isin(y_all, classes)
        x, y = _normalise(embeddings)[keep], y_all[keep]
        known, category = np.unique(np.asarray(categories, dtype=str)[keep], return_inverse=True)
        onehot = np.eye(len(known))[category]
        info: dict[str, Any] = {"n_train": int(keep.sum()), "notes": notes}
        if c is None:
            c, losses = _choose_c(x, onehot, y, np.asarray(groups, dtype=str)[keep], seed)
            info["cv_log_loss"] = losses
        info["c"] = c
        weight, bias, offsets = _fit(x, onehot, y, classes, c)
        return cls(
            classes=[str(name) for name in classes],
            weight=weight.astype(np.float32),
            bias=bias.astype(np.float32),
            categories=[str(name) for name in known],
            offsets=offsets.astype(np.float32),
            signals_version=signals_version,
            info=info,
        )

    def predict_proba(self, embeddings: Floats, categories: Sequence[str]) -> Floats:
        """Return each image's class probabilities.

        Args:
            embeddings: float32 [n, d], of any length (they are normalised here).
            categories: n category slugs; unknown ones get the average offset.

        Returns:
            float32 [n, k], columns as in `classes`; rows sum to 1.

        Raises:
            ValueError: the embeddings have another length d.
        """
        if len(categories) == 0:
            return np.zeros((0, len(self.classes)), dtype=np.float32)
        if embeddings.ndim != 2 or embeddings.shape[1] != self.dimensions:
            raise ValueError(
                f"the head takes embeddings of {self.dimensions} numbers (signals "
                f"'{self.signals_version}'), got {list(embeddings.shape[1:])}: train it again"
            )
        offsets = np.vstack([self.offsets, np.zeros_like(self.bias)])
        place = {name: i for i, name in enumerate(self.categories)}
        rows = [place.get(name, len(self.categories)) for name in categories]
        return _softmax(_normalise(embeddings) @ self.weight + self.bias + offsets[rows])

    def predict_frame(self, images: pd.DataFrame) -> pd.DataFrame:
        """Answer rows of `embedding` (a list of d floats) and `category` (a slug).

        Returns:
            One row per image: `image_type`, the most probable class as it is, before any limit;
            `probability`, its probability; and `p_<class>` for every class.
        """
        import pandas as pd

        stacked = np.zeros((0, self.dimensions), dtype=np.float32)
        if len(images):
            stacked = np.stack([np.asarray(e, dtype=np.float32) for e in images["embedding"]])
        p = self.predict_proba(stacked, [str(c) for c in images["category"]])
        best = [self.classes[i] for i in p.argmax(axis=1)]
        columns = {f"p_{name}": p[:, i] for i, name in enumerate(self.classes)}
        answer = {"image_type": best, "probability": p.max(axis=1), **columns}
        return pd.DataFrame(answer, index=images.index)

    def save(self, folder: Path) -> None:
        """Write `head.safetensors` and `head.json` into `folder`, which is made if need be."""
        from safetensors.numpy import save_file

        folder.mkdir(parents=True, exist_ok=True)
        tensors = {"weight": self.weight, "bias": self.bias, "offsets": self.offsets}
        save_file(
            {name: np.ascontiguousarray(value) for name, value in tensors.items()},
            folder / "head.safetensors",
        )
        described = {
            "classes": self.classes,
            "categories": self.categories,
            "dimensions": self.dimensions,
            "signals_version": self.signals_version,
            "info": self.info,
        }
        (folder / "head.json").write_text(json.dumps(described, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> LogisticHead:
        """Read a head that :meth:`save` wrote."""
        from safetensors.numpy import load_file

        folder = Path(folder)
        described = json.loads((folder / "head.json").read_text(encoding="utf-8"))
        return cls(
            classes=described["classes"],
            categories=described["categories"],
            signals_version=described["signals_version"],
            info=described["info"],
            **load_file(folder / "head.safetensors"),
        )


load_model = LogisticHead.load
"""What a registered version is loaded with."""


def _normalise(embeddings: Floats) -> Floats:
    """Return rows of length 1; a row of zeros stays so."""
    length = np.linalg.norm(embeddings, axis=1, keepdims=True)
    return np.asarray(embeddings / np.maximum(length, 1e-12), dtype=np.float32)


def _softmax(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float32)


def _fit(
    x: Floats, onehot: NDArray[Any], y: NDArray[Any], classes: NDArray[Any], c: float
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Fit at one strength and fold the standardisation in.

    Args:
        x: [n, d] normalised embeddings.
        onehot: [n, m] categories.
        y: [n] class names, each one of `classes`.
        classes: [k] class names in the order of the answer; those absent from `y` get no chance.
        c: inverse regularisation strength.

    Returns:
        Weight [d, k], bias [k] and category offsets [m, k].
    """
    from sklearn.linear_model import LogisticRegression

    d, m, k = x.shape[1], onehot.shape[1], len(classes)
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    # Constant dimensions (a dead channel of the backbone) carry nothing: they stay at zero.
    scale = np.divide(1.0, deviation * np.sqrt(d), out=np.zeros(d), where=deviation > 1e-6)
    frequency = onehot.mean(axis=0)
    model = LogisticRegression(C=c, max_iter=1000, tol=1e-3)
    model.fit(np.hstack([(x - mean) * scale, (onehot - frequency) * CATEGORY_SCALE]), y)
    coefficients, intercept = model.coef_, model.intercept_
    if len(model.classes_) == 2:  # scikit-learn keeps one row then: the second against the first
        coefficients = np.vstack([-coefficients, coefficients]) / 2
        intercept = np.concatenate([-intercept, intercept]) / 2
    weight, bias, offsets = np.zeros((d, k)), np.full(k, -np.inf), np.zeros((m, k))
    columns = np.searchsorted(classes, model.classes_)
    weight[:, columns] = coefficients[:, :d].T * scale[:, None]
    bias[columns] = intercept
    bias -= mean @ weight
    by_category = coefficients[:, d:].T * CATEGORY_SCALE
    offsets[:, columns] = by_category - frequency @ by_category
    return weight, bias, offsets


def _choose_c(
    x: Floats, onehot: NDArray[Any], y: NDArray[Any], groups: NDArray[Any], seed: int
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
    losses: dict[str, float] = {}
    for c in C_GRID:
        found = []
        for train, held in splits:
            weight, bias, offsets = _fit(x[train], onehot[train], y[train], classes, c)
            p = _softmax(x[held] @ weight + bias + onehot[held] @ offsets)
            right = p[np.arange(len(held)), place[held]]
            found.append(-np.log(np.maximum(right, _LEAST_PROBABILITY)))
        losses[str(c)] = float(np.concatenate(found).mean())
    return min(C_GRID, key=lambda c: losses[str(c)]), losses
