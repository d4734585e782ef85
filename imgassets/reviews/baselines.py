"""What a ranker has to beat: NIMA's means, the size, the sharpness, the rules, and chance."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from imgassets.reviews.prompt import PhotoLimit
from imgassets.reviews.weakness import weaknesses

RANKER = "ranker"
AESTHETIC, TECHNICAL = "NIMA aesthetic", "NIMA technical"
RESOLUTION, SHARPNESS, RULES, RANDOM = "resolution", "sharpness", "rules", "random"

BASELINES = (AESTHETIC, TECHNICAL, RESOLUTION, SHARPNESS, RULES, RANDOM)
"""Names of the methods, in the order in which tables list them."""


def baseline_scores(
    photos: pl.DataFrame, limits: Mapping[str, PhotoLimit], seed: int
) -> pl.DataFrame:
    """Score photos by every baseline; higher is better, the scales differ.

    Args:
        photos: columns of contract ``PhotoFeatures`` (without the lists), and ``aesthetic`` and
            ``technical``, NIMA's mean ratings, where a model gives them.
        limits: of the rule score (:func:`imgassets.reviews.prompt.score_photo`).
        seed: of the random scores, one per row.

    Returns:
        One Float64 column per name in :data:`BASELINES`, but for NIMA's where there is no model.
    """
    rules = weaknesses(photos, limits)["rule_score"]
    named = {AESTHETIC: "aesthetic", TECHNICAL: "technical"}
    return photos.select(
        *(pl.col(column).alias(name) for name, column in named.items() if column in photos.columns),
        (pl.col("width").cast(pl.Float64) * pl.col("height")).alias(RESOLUTION),
        pl.col("sharpness").cast(pl.Float64).alias(SHARPNESS),
        rules.alias(RULES),
        pl.Series(RANDOM, np.random.default_rng([seed, 71]).random(photos.height)),
    )
