"""What a comparator of two pictures is: it looks at each once, and tells how far apart they are.

Pictures are what :func:`imgassets.vision.decode.decode` returns: RGB, uint8, height × width × 3, of
any size. Where "the same" ends is data (:mod:`imgassets.selection.thresholds`), tuned on labelled
pairs by :mod:`imgassets.selection.tuning`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Generic, TypeVar

import numpy as np

from imgassets.selection.thresholds import Limits

Seen = TypeVar("Seen")
"""What a comparator keeps of a picture."""


class Comparator(ABC, Generic[Seen]):
    """One way to compare two pictures.

    Attributes:
        name: what it is called in thresholds.
        title: what it is called in reports.
    """

    name: ClassVar[str]
    title: ClassVar[str]

    @abstractmethod
    def describe(self, picture: np.ndarray) -> Seen:
        """Return what is kept of a picture."""

    @abstractmethod
    def distance(self, left: Seen, right: Seen) -> float:
        """Compare two pictures: 0 is identical; never NaN."""

    def describe_all(self, pictures: Sequence[np.ndarray]) -> list[Seen]:
        """Describe many pictures, together where that is faster."""
        return [self.describe(picture) for picture in pictures]

    def distances(self, left: Sequence[Seen], right: Sequence[Seen]) -> np.ndarray:
        """Compare many pairs: float64, one per pair."""
        pairs = zip(left, right, strict=True)
        return np.array([self.distance(*pair) for pair in pairs], np.float64)

    def limit(self, limits: Limits) -> float:
        """Return the largest distance that is still "the same".

        Raises:
            ValueError: the limits have none for this comparator.
        """
        try:
            return limits.distances[self.name]
        except KeyError:
            raise ValueError(
                f"no threshold is known for {self.name}: `imgassets pairs tune` finds one"
            ) from None
