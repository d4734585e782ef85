"""Texts to the numbers of their tokens: stems, and the pieces of words that others share.

Pieces of three and four characters make a word that was never seen, or is misspelt, a neighbour of
those that it is like (Bojanowski et al., *Enriching Word Vectors with Subword Information*, 2017).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from imgassets.search.words import terms_of_document, words

MAX_TOKENS = 30_000
"""Tokens of a vocabulary, at most: the most frequent ones."""

MAX_WORDS = 64
"""Words of a text that are read."""

_STEM = "="
"""What a stem starts with, so that it is no piece."""

_PIECES = (3, 4)


class Vocabulary:
    """The tokens that a text encoder knows.

    Args:
        tokens: each once; a token's number is its place.
    """

    def __init__(self, tokens: Sequence[str]) -> None:
        self.tokens = tuple(tokens)
        self._numbers = {token: number for number, token in enumerate(self.tokens)}

    @classmethod
    def of(cls, texts: Iterable[str], most: int = MAX_TOKENS) -> Vocabulary:
        """Return the vocabulary of texts: stems that any has, and pieces that two words have."""
        stems: Counter[str] = Counter()
        for text in texts:
            stems.update(stem for word in words(text)[:MAX_WORDS] for stem in _stems(word))
        pieces = Counter(piece for stem in stems for piece in set(_pieces(stem)))
        shared = {piece: count for piece, count in pieces.items() if count > 1}
        counted = {_STEM + stem: count for stem, count in stems.items()} | shared
        # The most frequent, and among equals a fixed order.
        return cls(sorted(sorted(counted), key=counted.__getitem__, reverse=True)[:most])

    def __len__(self) -> int:
        return len(self.tokens)

    def numbers(self, text: str) -> list[int]:
        """Return the numbers of a text's known tokens, each once, sorted."""
        found = {
            self._numbers.get(token)
            for word in words(text)[:MAX_WORDS]
            for stem in _stems(word)
            for token in (_STEM + stem, *_pieces(stem))
        }
        return sorted(number for number in found if number is not None)

    def unknown(self, text: str) -> list[str]:
        """Return the words of which not even the stem is known, in order, each once."""
        return [
            word
            for word in dict.fromkeys(words(text)[:MAX_WORDS])
            if not any(_STEM + stem in self._numbers for stem in _stems(word))
        ]


def _stems(word: str) -> list[str]:
    return terms_of_document(word)


def _pieces(stem: str) -> Iterator[str]:
    framed = f"<{stem}>"
    for length in _PIECES:
        # The whole of a short word is its stem again.
        if len(framed) > length:
            for at in range(len(framed) - length + 1):
                yield framed[at : at + length]
