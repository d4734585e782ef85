"""BM25 over texts (Robertson and Zaragoza, 2009), in memory, by the library bm25s."""

from __future__ import annotations

import functools
import math
import operator
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgassets.search.words import terms_of_document, terms_of_query, words

TITLE_WEIGHT = 2
"""How often a title's word counts for one of a description's."""

K1, B = 1.2, 0.75
"""BM25's saturation of repeated words, and how far long texts are discounted."""


class TextMatch(NamedTuple):
    """One document that has words of a query.

    Attributes:
        document: its place in what the index was built from.
        score: BM25.
        matched: the query's words that it has, in the query's order.
    """

    document: int
    score: float
    matched: list[str]


class TextMatches(NamedTuple):
    """What a query found.

    Attributes:
        best: the best documents first.
        unknown: the query's words that no document has.
        coverage: the share of the query that the best document has, each word weighted by its
            inverse document frequency: 0 … 1. A word that no document has weighs most.
    """

    best: list[TextMatch]
    unknown: list[str]
    coverage: float


class TextIndex:
    """An index of documents, each of titles and descriptions; unchanging, so threads share it.

    Args:
        documents: each one's titles and descriptions. A word counts as often as the text that has
            it most often says it, so that a product of many suppliers is not found before others.
    """

    def __init__(self, documents: Iterable[tuple[Sequence[str], Sequence[str]]]) -> None:
        import bm25s  # It imports numba and scipy: most of a second.
        from bm25s.stopwords import STOPWORDS_EN

        terms = _Terms()
        rows = [
            terms.of_texts(titles) * TITLE_WEIGHT + terms.of_texts(descriptions)
            for titles, descriptions in documents
        ]
        vocabulary = terms.vocabulary
        self._size = len(rows)
        self._vocabulary = vocabulary
        self._stop_words = frozenset(STOPWORDS_EN)
        self._bm25 = bm25s.BM25(k1=K1, b=B, method="lucene", csc_backend="scipy")
        if vocabulary:
            self._bm25.index((rows, vocabulary), create_empty_token=False, show_progress=False)

    def __len__(self) -> int:
        return self._size

    def search(
        self, query: Sequence[str], k: int, among: NDArray[np.bool_] | None = None
    ) -> TextMatches:
        """Return the documents that match best; those with none of the words are left out.

        Args:
            query: words (:func:`imgassets.search.words.words`). English stop words ("of", "the")
                are passed over, unless there are no others.
            k: documents at most.
            among: mask of the documents that may be found; None: all.
        """
        distinct = list(dict.fromkeys(query))
        distinct = [word for word in distinct if word not in self._stop_words] or distinct
        total = np.zeros(self._size, np.float32)
        frequency: dict[str, int] = {}
        for word in distinct:
            scores, has = self._score(word)
            frequency[word] = int(has.sum())
            total += scores
        if among is not None:
            total[~among] = 0.0
        found = np.flatnonzero(total)
        # Equal scores stay in the documents' order.
        best = found[np.argsort(-total[found], kind="stable")][:k]
        matched: list[list[str]] = [[] for _ in best]
        for word in distinct:
            if frequency[word]:
                _, has = self._score(word)
                for place in np.flatnonzero(has[best]):
                    matched[place].append(word)
        weights = {word: self._weight(count) for word, count in frequency.items()}
        covered = sum(weights[word] for word in matched[0]) if matched else 0.0
        return TextMatches(
            best=[
                TextMatch(int(document), float(total[document]), of_document)
                for document, of_document in zip(best, matched, strict=True)
            ],
            unknown=[word for word, count in frequency.items() if not count],
            coverage=covered / sum(weights.values()) if weights else 0.0,
        )

    def _score(self, word: str) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return a word's part of each document's score, and which documents have all of it."""
        total = np.zeros(self._size, np.float32)
        has = np.ones(self._size, bool)
        for term in terms_of_query(word):
            if term not in self._vocabulary:
                return np.zeros_like(total), np.zeros_like(has)
            scores = self._bm25.get_scores([term])
            total += scores
            has &= scores > 0
        # Half of a word is no match: pairs of characters mean little alone.
        total[~has] = 0.0
        return total, has

    def _weight(self, frequency: int) -> float:
        """Return the inverse document frequency of a word, as BM25 weighs it."""
        return math.log1p((self._size - frequency + 0.5) / (frequency + 0.5))


class _Terms(dict[str, list[int]]):
    """Words of documents to the numbers of their terms, which are given out as words come.

    Attributes:
        vocabulary: the terms' numbers.
    """

    def __init__(self) -> None:
        super().__init__()
        self.vocabulary: dict[str, int] = {}

    def __missing__(self, word: str) -> list[int]:
        numbers = self.vocabulary
        self[word] = [numbers.setdefault(term, len(numbers)) for term in terms_of_document(word)]
        return self[word]

    def of_texts(self, texts: Sequence[str]) -> list[int]:
        """Return the terms of texts; what several of them say alike counts once."""
        each = [
            [*chain.from_iterable(map(self.__getitem__, words(t)))] for t in dict.fromkeys(texts)
        ]
        if len(each) == 1:
            return each[0]
        return [*functools.reduce(operator.or_, map(Counter, each), Counter()).elements()]
