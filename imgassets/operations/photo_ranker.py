"""What gives a review photo its score: the champion ranker, or, without one, the rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from imgassets.learning.nima.heads import KINDS, heads_of, model_of
from imgassets.learning.ranking.champion import MODEL, load_ranker
from imgassets.learning.ranking.net import read_columns
from imgassets.learning.registry import ModelRegistry
from imgassets.reviews.prompt import PhotoLimit, builtin_limits, read_limits
from imgassets.reviews.weakness import weaknesses
from imgassets.settings import Settings
from imgassets.vision.photo_version import photo_signals_version

RULES_MODEL = "limits-1"
"""Model version of scores that the rules gave, because there is no champion."""

RANKING_MODELS = (MODEL, *map(model_of, KINDS))
"""Registered models that a photo's row comes from."""

RATINGS: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "aesthetic": pl.Float64,
    "technical": pl.Float64,
    "aesthetic_distribution": pl.List(pl.Float32),
    "technical_distribution": pl.List(pl.Float32),
}
"""Columns of NIMA's ratings; null where there is no model of them."""

Scores = Callable[[pl.DataFrame], np.ndarray]
"""Photos with the columns of contract ``PhotoFeatures`` → scores, float64 [n], 0 … 1."""

Rate = Callable[[pl.DataFrame], pl.DataFrame]
"""The same photos → the columns of :data:`RATINGS`, one row per photo."""


@dataclass(frozen=True)
class PhotoRanker:
    """What photos are scored by.

    Attributes:
        limits: from where on a measure is a problem.
        scores: the champion; None: the rules' score stands for it.
        rate: NIMA's heads; None: there are none.
        version: of all that the scores come from.
        notes: what a person should know, such as a registry that is down.
    """

    limits: Mapping[str, PhotoLimit]
    scores: Scores | None = None
    rate: Rate | None = None
    version: str = RULES_MODEL
    notes: tuple[str, ...] = ()

    def judge(self, photos: pl.DataFrame) -> pl.DataFrame:
        """Judge photos.

        Args:
            photos: columns of contract ``PhotoFeatures``.

        Returns:
            ``score``, :data:`RATINGS`, and the columns of
            :func:`imgassets.reviews.weakness.weaknesses`, one row per photo.
        """
        words = weaknesses(photos, self.limits)
        if self.rate is not None and not photos.is_empty():
            ratings = self.rate(photos).select(*RATINGS)
        else:
            ratings = pl.DataFrame(
                {name: pl.Series([None] * photos.height, dtype=kind)
                 for name, kind in RATINGS.items()}
            )  # fmt: skip
        score = words["rule_score"]
        if self.scores is not None and not photos.is_empty():
            score = pl.Series(np.clip(self.scores(photos), 0, 1), dtype=pl.Float64)
        return ratings.hstack(words).insert_column(0, score.alias("score"))


def load_photo_ranker(registry: ModelRegistry, settings: Settings) -> PhotoRanker:
    """Return the champion with NIMA's heads, or the rules where there is no champion.

    Args:
        registry: where models are.
        settings: name limits, and the towers whose features the models must read.

    Raises:
        CorruptedModel: a champion's files are not those that were registered.
        ValueError: the file of limits is wrong.
    """
    heads = heads_of(settings, registry)
    ranker = load_ranker(registry, photo_signals_version(settings))

    def rate(photos: pl.DataFrame) -> pl.DataFrame:
        return heads.rate(read_columns(photos, ["nima"])["nima"])

    return PhotoRanker(
        photo_limits(settings),
        scores=None if ranker.model is None else ranker.model.scores,
        rate=rate if heads.versions else None,
        version=ranker.version or RULES_MODEL,
        notes=tuple(dict.fromkeys([*ranker.notes, *heads.notes])),
    )


def photo_limits(settings: Settings) -> Mapping[str, PhotoLimit]:
    """Return the limits of customers' photos: the settings' file, else the shipped ones.

    Raises:
        ValueError: the file is wrong.
    """
    path = settings.photo_limits
    return builtin_limits() if path is None else read_limits(path)
