"""What a query asks for: the value of each attribute that it names, and how surely.

A multinomial logistic regression per attribute on the query's tokens, learnt from phrases that were
made of known values, from titles and from judged queries. It knows "ladies" once people have judged
a query with that word; no list of synonyms does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imgassets.learning.search.tokens import Vocabulary

Floats = NDArray[np.float32]

UNNAMED = ""
"""The value of an attribute that a query does not name; always the first."""

_WEIGHTS, _ABOUT = "query_attributes.safetensors", "query_attributes.json"

_SURELY = 0.01
"""Least probability of what is asked for, so that no head's error rules an image out."""

_NEVER = -1e9
"""The logarithm of the odds of what is not asked for."""

_REGULARISATION = 10.0
"""scikit-learn's C."""


@dataclass(frozen=True)
class QueryAttributes:
    """Reads queries.

    Attributes:
        vocabulary: the tokens that it knows.
        values: by attribute, :data:`UNNAMED` first.
        weights: by attribute, float32 [tokens + 1, values]; the last row is the bias.
    """

    vocabulary: Vocabulary
    values: Mapping[str, tuple[str, ...]]
    weights: Mapping[str, Floats]

    def asked(self, query: str) -> dict[str, Floats]:
        """Return the probability of each value of each attribute, float32 [values]; sums to 1."""
        numbers = [*self.vocabulary.numbers(query), -1]
        found = {}
        for attribute, weights in self.weights.items():
            logits = weights[numbers].sum(0)
            odds = np.exp(logits - logits.max())
            found[attribute] = (odds / odds.sum()).astype(np.float32)
        return found

    def match(self, query: str, shown: Mapping[str, Floats], n: int) -> Floats:
        """Return how well images show what a query asks for.

        Args:
            query: the query.
            shown: by attribute, the probabilities of its values (without :data:`UNNAMED`, in the
                order of ``values``) for each image, float32 [n, values].
            n: images.

        Returns:
            float32 [n, 2 a + 1]: for each attribute the logarithm of the probability that the image
            shows what is asked for, and the probability that anything is; then the logarithms' sum.
        """
        asked = self.asked(query)
        met, named = [], []
        for attribute in self.values:
            unnamed = asked[attribute][0]
            met.append(np.log(shown[attribute] @ asked[attribute][1:] + unnamed + _SURELY))
            named.append(np.full(n, 1 - unnamed))
        whole = np.sum(met, axis=0) if met else np.zeros(n)
        return np.stack([*met, *named, whole], axis=1).astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write it into an existing folder."""
        from safetensors.numpy import save_file

        save_file({str(n): w for n, w in enumerate(self.weights.values())}, folder / _WEIGHTS)
        about = {"vocabulary": self.vocabulary.tokens, "values": dict(self.values)}
        (folder / _ABOUT).write_text(json.dumps(about, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> QueryAttributes:
        """Read what :meth:`save` wrote."""
        from safetensors.numpy import load_file

        about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        arrays = load_file(folder / _WEIGHTS)
        values = {name: tuple(known) for name, known in about["values"].items()}
        weights = {name: arrays[str(number)] for number, name in enumerate(values)}
        return cls(Vocabulary(about["vocabulary"]), values, weights)


def fit_query_attributes(
    texts: Sequence[str],
    named: Sequence[Mapping[str, str]],
    values: Mapping[str, Sequence[str]],
    vocabulary: Vocabulary,
) -> QueryAttributes:
    """Learn to read queries.

    Args:
        texts: phrases, titles, queries.
        named: what each of them names: attribute to value.
        values: by attribute, those that images are told apart by.
        vocabulary: what texts are read by.

    Returns:
        Readers of all attributes; one that no text names is never asked for.
    """
    from scipy.sparse import csr_matrix  # type: ignore[import-untyped]
    from sklearn.linear_model import LogisticRegression

    numbers = [vocabulary.numbers(text) for text in texts]
    counts = [len(found) for found in numbers]
    flat = np.concatenate([np.zeros(0, np.int64), *map(np.asarray, numbers)]).astype(np.int64)
    bags = csr_matrix(
        (np.ones(len(flat), np.float32), flat, np.concatenate([[0], np.cumsum(counts)])),
        shape=(len(texts), len(vocabulary)),
    )
    known, weights = {}, {}
    for attribute, of in values.items():
        every = (UNNAMED, *of)
        place = {value: number for number, value in enumerate(every)}
        said = np.asarray([place.get(one.get(attribute, UNNAMED), 0) for one in named])
        known[attribute] = every
        if len(np.unique(said)) < 2:
            weights[attribute] = np.zeros((len(vocabulary) + 1, len(every)), np.float32)
            weights[attribute][-1] = np.where(np.arange(len(every)) == said[:1].sum(), 0, _NEVER)
            continue
        fitted = LogisticRegression(C=_REGULARISATION, max_iter=200).fit(bags, said)
        weights[attribute] = _all_classes(fitted, len(every))
    return QueryAttributes(vocabulary, known, weights)


def _all_classes(fitted: object, n_values: int) -> Floats:
    """Return weights [tokens + 1, values]; values that no text names have no chance."""
    coefficients, bias = fitted.coef_, fitted.intercept_  # type: ignore[attr-defined]
    if len(bias) == 1:  # two classes are told apart by one line
        coefficients = np.concatenate([-coefficients / 2, coefficients / 2])
        bias = np.concatenate([-bias / 2, bias / 2])
    weights = np.zeros((coefficients.shape[1] + 1, n_values), np.float32)
    weights[-1] = _NEVER
    weights[:, fitted.classes_] = np.vstack([coefficients.T, bias])  # type: ignore[attr-defined]
    return weights
