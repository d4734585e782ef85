"""Fitting the model of categories: what is learnt, with what strength, and from where it is sure.

Every text is learnt whole, cut and as its title, because suppliers cut descriptions or send none.
Strength, temperature and limit are chosen out of fold.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgassets.learning.category_text import (
    BLOCKS,
    WORD,
    CategoryText,
    Floats,
    TextFeatures,
    plain,
    softmax,
    vectorizer,
)

Names = NDArray[np.str_]

FOLDS = 5
"""Folds of the group-wise cross-validation that chooses strength, temperature and limit."""

C_GRID = (5.0, 50.0)
"""Inverse regularisation strengths that are tried, strongest regularisation first."""

CUT = 120
"""Characters of a description that is cut."""

FLOOR = 0.5
"""Least limit: an answer that is not likelier than all others together is never taken."""

NEVER = 1.0
"""A limit that no probability reaches."""

EVENLY = 0.5
"""A word of which every category's share of titles is at least this part of the mean share tells
nothing of the category: a brand, for instance."""

TEMPERATURES = np.geomspace(0.5, 5.0, 47)
"""What is tried. Below 1 makes answers surer; where all are right, the least would always win."""

_MIN_ANSWERS = 5
"""Out-of-fold answers over a limit without which it is not believed."""


@dataclass
class TextExamples:
    """Texts of products whose category is known.

    Attributes:
        titles: n titles; None where there is none.
        descriptions: n descriptions, likewise.
        categories: n category slugs.
        products: n product ids; every product counts alike, however many texts it has.
        groups: n group ids, never split by a fold.
    """

    titles: Sequence[str | None]
    descriptions: Sequence[str | None]
    categories: Sequence[str]
    products: Sequence[str]
    groups: Sequence[str]


def fit_category_text(
    examples: TextExamples,
    *,
    min_precision: float,
    seed: int = 0,
    like: CategoryText | None = None,
) -> CategoryText:
    """Fit a model of categories.

    Args:
        examples: what to learn from.
        min_precision: precision of the answers over the limit, out of fold.
        seed: of the folds.
        like: a model whose strength, temperature and limit are taken over, not chosen again.

    Raises:
        ValueError: there are fewer than two categories, or no words to learn from.
    """
    data = _Data.of(examples)
    classes = np.unique(data.categories)
    if len(classes) < 2:
        found = ", ".join(classes) or "none"
        raise ValueError(f"a model of categories needs two of them at least; found {found}")
    if like is not None:
        c, temperature, limit = like.info["c"], like.temperature, like.limit
        info: dict[str, Any] = {"c": c}
    else:
        c, temperature, limit, info = _choose(data, classes, min_precision, seed)
    features, weight, bias = _fit(data, classes, [c])[0]
    return CategoryText(
        [str(name) for name in classes],
        features,
        weight.astype(np.float32),
        bias.astype(np.float32),
        temperature,
        limit,
        info,
    )


@dataclass
class _Data:
    """Examples as they are learnt: each text whole, cut, and as its title alone.

    Attributes:
        titles: n plain titles.
        descriptions: n plain descriptions.
        categories: n category slugs.
        products: n product ids.
        groups: n group ids.
        weights: float64 [n]; a product's add up to 1.
    """

    titles: list[str]
    descriptions: list[str]
    categories: Names
    products: Names
    groups: Names
    weights: Floats

    @classmethod
    def of(cls, examples: TextExamples) -> _Data:
        """Return the variants of examples, without repeats, in a fixed order."""
        rows = set()
        for title, text, *ids in zip(
            examples.titles, examples.descriptions, examples.categories, examples.products,
            examples.groups, strict=True,
        ):  # fmt: skip
            short, full = plain(title), plain(text)
            rows |= {(*ids, short, variant) for variant in (full, full[:CUT], "")}
        ordered = sorted(row for row in rows if row[3] or row[4])
        columns = list(zip(*ordered, strict=True)) or [()] * 5
        products = np.array(columns[1], dtype=str)
        _, place, counts = np.unique(products, return_inverse=True, return_counts=True)
        return cls(
            list(columns[3]),
            list(columns[4]),
            np.array(columns[0], dtype=str),
            products,
            np.array(columns[2], dtype=str),
            1.0 / counts[place] if len(products) else np.zeros(0),
        )

    def part(self, rows: NDArray[np.int64]) -> _Data:
        """Return some of the rows."""
        return _Data(
            [self.titles[i] for i in rows],
            [self.descriptions[i] for i in rows],
            self.categories[rows],
            self.products[rows],
            self.groups[rows],
            self.weights[rows],
        )


def _fit(
    data: _Data, classes: Names, strengths: Sequence[float]
) -> list[tuple[TextFeatures, Floats, Floats]]:
    """Fit at each strength.

    Returns:
        For each: the features, weight [m, k] and bias [k]; a class that the data lack gets no
        chance (a bias of -1e9).
    """
    from sklearn.linear_model import LogisticRegression

    features = _fit_features(data.titles, data.descriptions, data.categories, data.products)
    x, _ = features.transform(data.titles, data.descriptions)
    fitted = []
    for c in strengths:
        model = LogisticRegression(C=c, max_iter=500, tol=1e-4)
        model.fit(x, data.categories, sample_weight=data.weights)
        coefficients, intercept = model.coef_, model.intercept_
        if len(model.classes_) == 2:  # scikit-learn keeps one row then: the second's
            coefficients = np.vstack([-coefficients, coefficients]) / 2
            intercept = np.concatenate([-intercept, intercept]) / 2
        weight, bias = np.zeros((x.shape[1], len(classes))), np.full(len(classes), -1e9)
        columns = np.searchsorted(classes, model.classes_)
        weight[:, columns] = coefficients.T
        bias[columns] = intercept
        fitted.append((features, weight, bias))
    return fitted


def _choose(
    data: _Data, classes: Names, min_precision: float, seed: int
) -> tuple[float, float, float, dict[str, Any]]:
    """Return strength, temperature and limit, chosen out of fold, and what was found.

    Strength and temperature are those of products whose group is new. The limit must hold for these
    and, where groups have several products, for new products of known groups as well.
    """
    truth = np.searchsorted(classes, data.categories)
    info: dict[str, Any] = {"n_texts": len(truth)}
    logits = _out_of_fold(data, classes, C_GRID, data.groups, seed)
    asked = ~np.isnan(logits[0, :, 0])
    if not asked.any():
        return C_GRID[0], 1.0, NEVER, {**info, "c": C_GRID[0]}
    tried = [
        (*_coolest(found[asked], truth[asked], data.weights[asked]), c)
        for c, found in zip(C_GRID, logits, strict=True)
    ]
    _, temperature, c = min(tried)
    foldings = {"new groups": logits[C_GRID.index(c)]}
    if len(np.unique(data.groups)) < len(np.unique(data.products)):
        foldings["new products"] = _out_of_fold(data, classes, [c], data.products, seed)[0]
    answers = {}
    for name, found in foldings.items():
        asked = ~np.isnan(found[:, 0])
        p = softmax(found[asked] / temperature)
        right = p.argmax(axis=1) == truth[asked]
        answers[name] = (p.max(axis=1), right, data.weights[asked])
    limit = choose_limit(list(answers.values()), min_precision)
    info |= {
        "c": c,
        "cv_log_loss": {str(each): found for found, _, each in tried},
        "min_precision": min_precision,
        "out_of_fold": {name: _measures(*found, limit) for name, found in answers.items()},
    }
    return c, temperature, limit, info


def _out_of_fold(
    data: _Data, classes: Names, strengths: Sequence[float], groups: Names, seed: int
) -> Floats:
    """Return each text's logits by models that saw nothing of its group.

    Returns:
        float64 [strengths, n, k]; NaN where there are too few groups to ask such a model.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    logits = np.full((len(strengths), len(groups), len(classes)), np.nan)
    folds = min(FOLDS, len(np.unique(groups)))
    if folds < 2:
        return logits
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():  # a category with fewer products than folds is no fault
        warnings.simplefilter("ignore", UserWarning)
        splits = list(splitter.split(np.zeros(len(groups)), data.categories, groups))
    for train, held in splits:
        if len(np.unique(data.categories[train])) < 2:
            continue
        part = data.part(held)
        for i, (features, weight, bias) in enumerate(_fit(data.part(train), classes, strengths)):
            x, _ = features.transform(part.titles, part.descriptions)
            logits[i, held] = x @ weight + bias
    return logits


def _measures(p: Floats, right: NDArray[np.bool_], weights: Floats, limit: float) -> dict[str, Any]:
    """Return accuracy, and precision (None without any) and share of the answers at a limit."""
    sure = weights * (p >= limit)
    return {
        "accuracy": float(np.average(right, weights=weights)),
        "precision": float((sure * right).sum() / sure.sum()) if sure.any() else None,
        "coverage": float(sure.sum() / weights.sum()),
    }


def _coolest(logits: Floats, truth: NDArray[np.int64], weights: Floats) -> tuple[float, float]:
    """Return the least log loss at any temperature, and that temperature."""
    rows = np.arange(len(truth))
    losses = [
        float(-np.average(np.log(np.maximum(softmax(logits / t)[rows, truth], 1e-6)),
                          weights=weights))
        for t in TEMPERATURES
    ]  # fmt: skip
    best = int(np.argmin(losses))
    return losses[best], float(TEMPERATURES[best])


def choose_limit(
    foldings: Sequence[tuple[Floats, NDArray[np.bool_], Floats]], min_precision: float
) -> float:
    """Choose the least probability from which answers are precise enough in every folding.

    A folding none of whose answers is so sure has nothing against a limit: what is new is unsure.

    Args:
        foldings: of each, the probability of each answer, whether it is right, and its weight.
        min_precision: precision wanted of the answers from the limit on.

    Returns:
        The limit, `FLOOR` at least; `NEVER` where none is precise enough.
    """
    candidates = np.unique(np.concatenate([[FLOOR], *(p for p, _, _ in foldings)]))
    candidates = candidates[candidates >= FLOOR]
    enough = np.ones(len(candidates), dtype=bool)
    most = np.zeros(len(candidates), dtype=np.int64)
    for p, right, weights in foldings:
        order = np.argsort(p, kind="stable")
        first = np.searchsorted(p[order], candidates)  # answers from here on are over the limit
        given = _sums_from(weights[order])[first]
        hits = _sums_from((weights * right)[order])[first]
        enough &= (first == len(p)) | (hits >= (min_precision - 1e-9) * given)
        most = np.maximum(most, len(p) - first)
    enough &= most >= _MIN_ANSWERS
    return float(candidates[enough][0]) if enough.any() else NEVER


def _sums_from(values: Floats) -> Floats:
    """Return for each place, and the one after the last, the sum of the values from it on."""
    return np.append(np.cumsum(values[::-1])[::-1], 0.0)


def _fit_features(
    titles: list[str], descriptions: list[str], categories: Names, products: Names
) -> TextFeatures:
    """Learn n-grams and their frequencies from plain texts."""
    made = TextFeatures(passed_over=_uninformative(titles, categories, products))
    texts = {"title": [made.kept(title) for title in titles], "description": descriptions}
    for block in BLOCKS:
        fitted = vectorizer(block)
        try:
            fitted.fit(texts[block.text])
        except ValueError:  # no text has a word that occurs twice, or any at all
            continue
        made.vocabulary[block.name] = [str(name) for name in fitted.get_feature_names_out()]
        made.idf[block.name] = fitted.idf_
    if not made.vocabulary:
        raise ValueError(
            "titles and descriptions hold no word twice: nothing can be learnt from them"
        )
    return made


def _uninformative(titles: list[str], categories: Names, products: Names) -> frozenset[str]:
    """Return the words that the titles of every category hold about equally often."""
    names, sizes = np.unique(
        np.unique(np.stack([categories, products]), axis=1)[0], return_counts=True
    )
    held: dict[str, dict[str, set[str]]] = {}
    for title, category, product in zip(titles, categories, products, strict=True):
        for word in set(WORD.findall(title)):
            held.setdefault(word, {}).setdefault(category, set()).add(product)
    found = set()
    for word, by_category in held.items():
        if len(by_category) == len(names):
            shares = np.array([len(by_category[n]) for n in names]) / sizes
            if shares.min() >= EVENLY * shares.mean():
                found.add(word)
    return frozenset(found)
