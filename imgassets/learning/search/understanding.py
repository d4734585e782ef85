"""Heads of attributes, and the reader of queries, for each fold and for all items."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imgassets.learning.search.attribute_fit import fit_attribute_heads, refit_attribute_heads
from imgassets.learning.search.attribute_heads import AttributeHeads
from imgassets.learning.search.data import Items, Judged
from imgassets.learning.search.features import PIXEL_GROUPS, feature_matrix
from imgassets.learning.search.folds import Folds
from imgassets.learning.search.model import known_values
from imgassets.learning.search.phrases import Phrases
from imgassets.learning.search.query_attributes import QueryAttributes
from imgassets.learning.search.reading import teach_reader
from imgassets.learning.search.tokens import Vocabulary

Floats = NDArray[np.float32]
Places = NDArray[np.int64]


class Understanding:
    """What images show and what queries ask for, learnt from some items.

    Which attributes have heads, and what those read, is decided once, on the first fold.

    Args:
        items: of the training.
        folds: of them.
        groups: of custom features that are read.
        seed: of everything random.
    """

    def __init__(self, items: Items, folds: Folds, groups: Sequence[str], seed: int) -> None:
        self._rows, self._folds, self._seed = items.rows, folds, seed
        self._reads_attributes = "attributes" in groups
        self._groups = [group for group in PIXEL_GROUPS if group in groups]
        self._features = feature_matrix(items.features, self._groups)
        self._first = AttributeHeads.none()

    def outside(self, fold: int, images: Floats) -> tuple[AttributeHeads, QueryAttributes]:
        """Return heads and reader that learnt from all folds but one; the first fold comes first.

        Args:
            fold: that stays away.
            images: float32, all items' vectors by an encoder that it stayed away from.
        """
        if fold == self._folds.all[0] and self._reads_attributes:
            self._first = fit_attribute_heads(
                self._rows, images[: self._rows.height], self._features,
                self._folds.of_item == fold, self._groups,
            )  # fmt: skip
        places = self._folds.learnt(fold)
        return self._learnt(places, images, self._folds.asked_outside(fold))

    def of_all(self, images: Floats, judged: Judged) -> tuple[AttributeHeads, QueryAttributes]:
        """Return heads and reader that learnt from all folds, whose :meth:`outside` was asked."""
        return self._learnt(np.arange(self._rows.height), images, judged)

    def _learnt(
        self, places: Places, images: Floats, judged: Judged
    ) -> tuple[AttributeHeads, QueryAttributes]:
        rows = self._rows[places]
        heads = self._first
        if heads.heads:
            heads = refit_attribute_heads(
                rows, images[places], self._features[places], heads, self._groups
            )
        vocabulary = Vocabulary.of([*Phrases(rows).texts(), *judged.queries["query"]])
        return heads, teach_reader(rows, judged, known_values(heads), vocabulary, self._seed)
