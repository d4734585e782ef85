"""Random choices: how severity and a generator become the parameters of a defect.

A defect draws the same numbers whatever its severity, so that one seed is one defect that only
grows with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


def pick(rng: np.random.Generator, options: Sequence[T]) -> T:
    """Return one of the options, all alike likely."""
    return options[int(rng.integers(len(options)))]


def happens(rng: np.random.Generator, probability: float) -> bool:
    """Whether something of this probability (0 … 1) happens."""
    return bool(rng.random() < probability)


def grow(mild: float, gross: float, severity: float) -> float:
    """Interpolate geometrically: ``mild`` (> 0) at severity 0, ``gross`` (> 0) at severity 1."""
    return float(mild * (gross / mild) ** severity)


def shift(mild: float, gross: float, severity: float) -> float:
    """Interpolate linearly: ``mild`` at severity 0, ``gross`` at severity 1."""
    return mild + (gross - mild) * severity


def longest(picture: np.ndarray) -> int:
    """Return the longer side of a picture in pixels."""
    return int(max(picture.shape[:2]))
