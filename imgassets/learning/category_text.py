"""A product's category from its title and description (paper A's categorizer).

TF-IDF of word and character n-grams, of titles and descriptions apart, under a multinomial logistic
regression. Probabilities are calibrated by a temperature (Guo et al., "On Calibration of Modern
Neural Networks", ICML 2017), and below a limit the answer is unsure.

Suppliers write the same product differently: some in capitals, some with the brand in front, some
with HTML. Text is brought to one form, and words that every category's titles hold are passed over.
Fitting is in :mod:`imgassets.learning.category_fit`.

A registered version carries a copy of this file beside the weights (see
:mod:`imgassets.learning.registry`): it must not import anything else of imgassets.
"""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

MOST = 1 - 1e-6
"""Largest probability answered."""

Floats = NDArray[np.float64]

WORD = re.compile(r"[^\W_]+")
"""A word of a plain text."""

_TAG = re.compile(r"<[^<>]*>")


@dataclass(frozen=True, slots=True)
class TextBlock:
    """One kind of n-grams of one text (`title` or `description`): their lengths, number, weight."""

    name: str
    text: str
    analyzer: str
    ngrams: tuple[int, int]
    most: int
    weight: float


BLOCKS = (
    TextBlock("title_words", "title", "word", (1, 2), 20_000, 1.0),
    TextBlock("title_characters", "title", "char_wb", (3, 5), 20_000, 0.4),
    TextBlock("description_words", "description", "word", (1, 2), 40_000, 0.7),
)
"""What is counted, how many n-grams at most, and what each kind weighs."""


def plain(text: str | None) -> str:
    """Return a text without HTML, in Unicode's compatibility form, lower case, spaces single."""
    unescaped = html.unescape(_TAG.sub(" ", text or ""))
    return " ".join(unicodedata.normalize("NFKC", unescaped).casefold().split())


@dataclass
class TextFeatures:
    """Fitted n-grams.

    Attributes:
        passed_over: words of titles that tell nothing of the category.
        vocabulary: block to its n-grams, in the order of their columns.
        idf: block to float64 [m], their inverse document frequencies.
    """

    passed_over: frozenset[str] = frozenset()
    vocabulary: dict[str, list[str]] = field(default_factory=dict)
    idf: dict[str, Floats] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._made: dict[str, Any] = {}

    def transform(
        self, titles: Sequence[str | None], descriptions: Sequence[str | None]
    ) -> tuple[Any, NDArray[np.int64]]:
        """Return the features (sparse [n, m]), and how many known words each row has, int64 [n]."""
        from scipy.sparse import hstack  # type: ignore[import-untyped]

        texts = {
            "title": [self.kept(plain(title)) for title in titles],
            "description": [plain(text) for text in descriptions],
        }
        parts, known = [], np.zeros(len(texts["title"]), np.int64)
        for block in BLOCKS:
            if block.name not in self.vocabulary:
                continue
            counted = self._ready(block).transform(texts[block.text])
            if block.analyzer == "word":
                known += counted.getnnz(axis=1)
            parts.append(counted * block.weight)
        return hstack(parts, format="csr"), known

    def kept(self, title: str) -> str:
        """Return a plain title without the words that tell nothing."""
        return " ".join(w for w in WORD.findall(title) if w not in self.passed_over)

    def _ready(self, block: TextBlock) -> Any:  # noqa: ANN401  scikit-learn's vectorizer
        if block.name not in self._made:
            ready = vectorizer(block, self.vocabulary[block.name])
            ready.idf_ = self.idf[block.name]
            self._made[block.name] = ready
        return self._made[block.name]


class CategoryText:
    """Probabilities of categories from a title and a description.

    Args:
        classes: k category slugs, sorted.
        features: the n-grams.
        weight: float32 [m, k].
        bias: float32 [k].
        temperature: what logits are divided by.
        limit: probability from which an answer is taken.
        info: how it was fitted, JSON-able.
    """

    def __init__(
        self,
        classes: Sequence[str],
        features: TextFeatures,
        weight: NDArray[np.float32],
        bias: NDArray[np.float32],
        temperature: float,
        limit: float,
        info: dict[str, Any],
    ) -> None:
        self.classes = tuple(classes)
        self.features = features
        self.weight = weight
        self.bias = bias
        self.temperature = temperature
        self.limit = limit
        self.info = info

    def predict_proba(
        self, titles: Sequence[str | None], descriptions: Sequence[str | None]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return category probabilities.

        Args:
            titles: n titles as suppliers wrote them.
            descriptions: n descriptions, likewise.

        Returns:
            float32 [n, k], columns as in `classes`; and how many known words and word pairs each
            row has, int64 [n]: with none, the probabilities say nothing.
        """
        if len(titles) == 0:
            return np.zeros((0, len(self.classes)), np.float32), np.zeros(0, np.int64)
        x, known = self.features.transform(titles, descriptions)
        logits = np.asarray(x @ self.weight + self.bias, dtype=np.float64)
        return np.minimum(softmax(logits / self.temperature), MOST).astype(np.float32), known

    def predict_frame(self, products: pd.DataFrame) -> pd.DataFrame:
        """Answer rows of `title` and `description`.

        Returns:
            `category`, the most probable one; `probability`; and `sure`: whether it is over the
            limit and any word was known.
        """
        import pandas as pd

        p, known = self.predict_proba(list(products["title"]), list(products["description"]))
        best, probability = p.argmax(axis=1), p.max(axis=1)
        answer = {
            "category": [self.classes[i] for i in best],
            "probability": probability,
            "sure": (probability >= self.limit) & (known > 0),
        }
        return pd.DataFrame(answer, index=products.index)

    def save(self, folder: Path) -> None:
        """Write `category.safetensors` and `category.json` into `folder`, made if need be."""
        from safetensors.numpy import save_file

        folder.mkdir(parents=True, exist_ok=True)
        tensors = {"weight": self.weight, "bias": self.bias}
        tensors |= {f"idf_{name}": np.asarray(idf) for name, idf in self.features.idf.items()}
        save_file(
            {name: np.ascontiguousarray(value) for name, value in tensors.items()},
            folder / "category.safetensors",
        )
        described = {
            "classes": self.classes,
            "passed_over": sorted(self.features.passed_over),
            "vocabulary": self.features.vocabulary,
            "temperature": self.temperature,
            "limit": self.limit,
            "info": self.info,
        }
        text = json.dumps(described, indent=1, ensure_ascii=False)
        (folder / "category.json").write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> CategoryText:
        """Read a model that :meth:`save` wrote.

        Raises:
            ValueError: the folder does not hold what :meth:`save` writes.
        """
        from safetensors.numpy import load_file

        try:
            described = json.loads((Path(folder) / "category.json").read_text(encoding="utf-8"))
            tensors = load_file(Path(folder) / "category.safetensors")
            vocabulary = {name: list(grams) for name, grams in described["vocabulary"].items()}
            idf = {name: tensors[f"idf_{name}"] for name in vocabulary}
            features = TextFeatures(frozenset(described["passed_over"]), vocabulary, idf)
            model = cls(
                described["classes"],
                features,
                tensors["weight"],
                tensors["bias"],
                float(described["temperature"]),
                float(described["limit"]),
                described["info"],
            )
            model.predict_proba([""], [""])
        except Exception as error:  # a damaged file fails in as many ways as there are types
            raise ValueError(
                f"{folder} holds no readable model of categories ({type(error).__name__}: "
                f"{error}); register it again or train again"
            ) from error
        return model


load_model = CategoryText.load
"""What a registered version is loaded with."""


def softmax(logits: Floats) -> Floats:
    """Return probabilities, rows summing to 1."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def vectorizer(block: TextBlock, vocabulary: list[str] | None = None) -> Any:  # noqa: ANN401
    """Return scikit-learn's TF-IDF of a block: of a fixed vocabulary, or still to be fitted."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(
        analyzer=block.analyzer,
        ngram_range=block.ngrams,
        token_pattern=WORD.pattern if block.analyzer == "word" else None,
        lowercase=False,
        sublinear_tf=True,
        min_df=1 if vocabulary else 2,
        max_features=None if vocabulary else block.most,
        vocabulary=vocabulary,
    )
