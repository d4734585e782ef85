"""The verdict on a pair: the probability that both pictures show the same."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imgassets.selection.pairs.record import MEASURES, MEASURES_VERSION, PairMeasures

if TYPE_CHECKING:
    from lightgbm import Booster

_SHIPPED = Path(__file__).with_name("comparator.txt")

_BLANK_APART = 8.0
"""Gray levels: blank pictures whose means differ by less show the same nothing."""


def comparator_version(model: Path | None = None) -> str:
    """Return the name of the measures and the model that judge pairs.

    Args:
        model: LightGBM's text, as `imgassets pairs train` writes it; None: the shipped one.

    Raises:
        ValueError: the file cannot be read.
    """
    return f"{MEASURES_VERSION}+{_content(model or _SHIPPED)[1]}"


def probabilities(
    measures: Sequence[PairMeasures], model: Path | None = None
) -> NDArray[np.float32]:
    """Return each pair's probability (0 … 1) that both pictures show the same.

    Of a pair with a blank picture it is 1 or 0: there is nothing to lay over.

    Args:
        measures: what :func:`~imgassets.selection.pairs.differences.measure_pair` returned.
        model: see :func:`comparator_version`.

    Raises:
        ValueError: the file is no model, or one of other measures.
    """
    if not measures:
        return np.empty(0, np.float32)
    booster = _load(model or _SHIPPED)
    found = np.asarray(
        booster.predict(np.stack([m.values for m in measures]), num_threads=1), np.float32
    )
    blank = np.array([m.blank for m in measures])
    same_nothing = np.array([m.blank_distance < _BLANK_APART for m in measures])
    return np.where(blank, same_nothing.astype(np.float32), found)


@functools.cache
def _content(path: Path) -> tuple[str, str]:
    """Return a model's text and the beginning of its hash."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"cannot read the comparator's model {path}: {error}") from error
    return text, hashlib.sha256(text.encode()).hexdigest()[:12]


@functools.cache
def _load(path: Path) -> Booster:
    import lightgbm

    text, _ = _content(path)
    if not text.startswith("tree"):
        raise ValueError(f"{path} is no model of LightGBM: `imgassets pairs train` makes one")
    booster = lightgbm.Booster(model_str=text)
    if tuple(booster.feature_name()) != MEASURES:
        raise ValueError(
            f"{path} judges other measures than {MEASURES_VERSION}: train it again with "
            "`imgassets pairs train`"
        )
    return booster
