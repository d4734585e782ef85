"""How well an image fits its own title and description, as a number between 0 and 1.

The likeness of an image's and a text's vectors is no probability, and each encoder has its own
scale. It is calibrated on held-out images by Platt scaling (1999): a logistic regression tells
images beside their own text from the same images beside the text of another style.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imgassets.learning.search.data import Items
from imgassets.learning.search.encoder import SearchEncoder
from imgassets.learning.search.features import feature_matrix

SCALE = "relevance.json"
"""File of a bundle."""

_OTHERS = 4
"""Other styles' texts that each image is held against."""


@dataclass(frozen=True)
class RelevanceScale:
    """From likeness to relevance.

    Attributes:
        slope: of the logistic curve, at least 0.
        bias: its constant: both kinds of pairs count as equally frequent.
        auc: share of pairs of pairs in which the image's own text is the likelier; 0.5 is chance.
        n: images that it was fitted to.
    """

    slope: float
    bias: float
    auc: float
    n: int

    def scores(
        self, images: NDArray[np.float32], texts: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return the relevance of each image to the text beside it.

        Args:
            images: n × dimension, of length 1.
            texts: likewise.

        Returns:
            float32 [n], 0 … 1; ½ where own and others' texts are equally likely.
        """
        alike = (images * texts).sum(axis=1, dtype=np.float64)
        curve: NDArray[np.float64] = 1 / (1 + np.exp(-(self.slope * alike + self.bias)))
        return curve.astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write it into a bundle."""
        (folder / SCALE).write_text(json.dumps(asdict(self), indent=1))

    @classmethod
    def load(cls, folder: Path) -> RelevanceScale:
        """Read what :meth:`save` wrote.

        Raises:
            ValueError: the bundle holds no scale.
        """
        try:
            return cls(**json.loads((folder / SCALE).read_text()))
        except (OSError, ValueError, TypeError) as error:
            raise ValueError(f"{folder} holds no scale of relevance: {error}") from error


def fit_relevance(encoder: SearchEncoder, items: Items, seed: int) -> RelevanceScale | None:
    """Calibrate likeness on images that the encoder did not learn from.

    Args:
        encoder: of images and texts.
        items: held-out images.
        seed: of which other texts each image is held against.

    Returns:
        The scale; None where fewer than two styles have a text.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    told = items.take(np.flatnonzero((items.rows["text"] != "").to_numpy()))
    groups = told.rows["group_id"].to_numpy()
    if len(np.unique(groups)) < 2:
        return None
    images = encoder.embed_images(
        told.squares, feature_matrix(told.features, encoder.feature_groups)
    )
    distinct = told.rows.select(pl.col("text").unique(maintain_order=True))["text"].to_list()
    place = {text: number for number, text in enumerate(distinct)}
    texts = encoder.embed_texts(distinct)[[place[text] for text in told.rows["text"]]]
    chance = np.random.default_rng(seed)
    own: list[float] = []
    other: list[float] = []
    for at, group in enumerate(groups):
        others = np.flatnonzero(groups != group)
        own.append(float(images[at] @ texts[at]))
        other.extend(float(images[at] @ texts[to]) for to in chance.choice(others, _OTHERS))
    alike = np.array([*own, *other], np.float64)
    is_own = np.repeat([1, 0], [len(own), len(other)])
    # Hardly regularised: likenesses lie close together, so slopes are steep.
    curve = LogisticRegression(C=1e6, class_weight="balanced").fit(alike[:, None], is_own)
    return RelevanceScale(
        slope=max(float(curve.coef_[0, 0]), 0.0),
        bias=float(curve.intercept_[0]),
        auc=float(roc_auc_score(is_own, alike)),
        n=len(own),
    )
