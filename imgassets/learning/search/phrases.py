"""Texts that images are trained with: their titles, and what is known of them in any order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

_TITLE = 0.5
"""How often an image comes with its title, not with some of its attributes."""

_KEPT_WORD, _KEPT_ATTRIBUTE = 0.9, 0.7
"""How often a title's word, or an attribute, is said."""

Floats = NDArray[np.float32]


class Phrases:
    """Draws texts for items, and tells which items a text fits.

    Args:
        rows: columns of :data:`imgassets.learning.search.data.ITEMS`.
    """

    def __init__(self, rows: pl.DataFrame) -> None:
        self._titles = rows["title"].to_list()
        self._known = [
            [(one["attribute"], one["value"]) for one in known] for known in rows["attributes"]
        ]
        self.values = sorted({pair for known in self._known for pair in known})
        numbers = {pair: number for number, pair in enumerate(self.values)}
        self.has: Floats = np.zeros((rows.height, len(self.values)), np.float32)
        for row, known in enumerate(self._known):
            self.has[row, [numbers[pair] for pair in known]] = 1
        self._numbers = numbers

    def texts(self) -> list[str]:
        """Return all titles, and each value once: what a vocabulary is made of."""
        return [*self._titles, *(value for _, value in self.values)]

    def draw(self, places: NDArray[np.int64], rng: np.random.Generator) -> tuple[list[str], Floats]:
        """Draw a text for each of some items.

        Args:
            places: the items.
            rng: randomness.

        Returns:
            The texts, and what they say: float32 [n, values], 1 where a text says a value. A title
            counts as saying all that is known of its item.
        """
        texts, said = [], self.has[places].copy()
        for row, place in enumerate(places):
            title, known = self._titles[place], self._known[place]
            if known and (not title or rng.random() >= _TITLE):
                text, named = phrase(known, rng)
                said[row] = 0
                said[row, [self._numbers[pair] for pair in named]] = 1
            else:
                words = title.split()
                kept = [word for word in words if rng.random() < _KEPT_WORD]
                text = " ".join(kept or words)
            texts.append(text)
        return texts, said

    def fits(self, said: Floats, places: NDArray[np.int64]) -> Floats:
        """Return which items have all that texts say, float32 [texts, items]; 0 … 1."""
        asked = said.sum(1, keepdims=True)
        return ((said @ self.has[places].T >= asked) & (asked > 0)).astype(np.float32)


def phrase(
    known: Sequence[tuple[str, str]], rng: np.random.Generator
) -> tuple[str, list[tuple[str, str]]]:
    """Say some of what is known, in any order: what people type into a search box.

    Args:
        known: attributes and values, at least one.
        rng: randomness.

    Returns:
        The phrase, and what it says.
    """
    named = [pair for pair in known if rng.random() < _KEPT_ATTRIBUTE]
    named = named or [known[int(rng.integers(len(known)))]]
    order = rng.permutation(len(named))
    return " ".join(named[at][1].casefold() for at in order), named
