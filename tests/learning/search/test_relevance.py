from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest

from imgassets.learning.search.data import ITEMS, Items
from imgassets.learning.search.relevance import RelevanceScale, fit_relevance
from imgassets.vision.inputs import InputSpec

SPEC = InputSpec(4, "pad")


class Toy:
    """Embeds a square by its mean colour, a text by the number that it is; noise on top."""

    kind, dimension, input, feature_groups = "toy", 8, SPEC, ()

    def __init__(self, noise: float = 0.0) -> None:
        self.noise = noise

    def embed_images(self, squares: np.ndarray, features: np.ndarray) -> np.ndarray:
        return self._vectors(squares[:, 0, 0, 0])

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        return self._vectors([int(text) for text in texts])

    def _vectors(self, numbers: Sequence[int]) -> np.ndarray:
        found = [np.random.default_rng(n).standard_normal(8) for n in numbers]
        rng = np.random.default_rng(0)
        found = np.array(found) + self.noise * rng.standard_normal((len(found), 8))
        return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)

    def unknown_words(self, text: str) -> list[str]:
        return []

    def save(self, folder) -> None: ...


def items(n: int, groups: int) -> Items:
    squares = np.zeros((n, 4, 4, 3), np.uint8)
    squares[:] = np.arange(n)[:, None, None, None]
    rows = {
        "item_id": [f"{i}" for i in range(n)],
        "group_id": [f"{i % groups}" for i in range(n)],
        "category": ["x"] * n,
        "title": [f"{i}" for i in range(n)],
        "text": [f"{i}" for i in range(n)],
        "attributes": [[] for _ in range(n)],
    }
    return Items(pl.DataFrame(rows, ITEMS), squares, pl.DataFrame({"none": [0] * n}), SPEC)


def test_own_texts_score_high_and_others_low(tmp_path) -> None:
    toy = Toy(noise=0.3)
    of = items(60, 20)
    scale = fit_relevance(toy, of, seed=0)
    assert scale.auc > 0.9
    images = toy.embed_images(of.squares, np.zeros((60, 0), np.float32))
    texts = toy.embed_texts(of.rows["text"].to_list())
    own, other = scale.scores(images, texts), scale.scores(images, np.roll(texts, 7, axis=0))
    assert own.dtype == np.float32
    assert own.mean() > 0.7 > 0.3 > other.mean()
    assert ((own >= 0) & (own <= 1)).all()
    scale.save(tmp_path)
    assert RelevanceScale.load(tmp_path) == scale
    assert fit_relevance(toy, of, seed=0) == scale


def test_without_other_styles_there_is_no_scale(tmp_path) -> None:
    assert fit_relevance(Toy(), items(5, 1), seed=0) is None
    with pytest.raises(ValueError, match="holds no scale of relevance"):
        RelevanceScale.load(tmp_path)
