"""Distributions of ratings that heads are taught.

Ratings that people gave are distributions already, or a mean with a standard deviation, which are
made into one as NIMA does for TID2013: the distribution of maximum entropy that has both. Without
ratings, distorted photos have made-up ones (:func:`distortion_targets`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imgassets.learning.nima.head import RATINGS

Doubles = NDArray[np.float64]

FAMILIES: dict[str, tuple[str, ...]] = {
    "aesthetic": ("crop_vertical", "crop_horizontal", "rotation", "colour_jitter", "greyscale"),
    "technical": ("gaussian_blur", "gaussian_noise"),
}
"""Distortions that spoil what each kind of head rates."""

GOOD, LOSS, SPREAD = 8.0, 6.0, 1.2
"""Made-up numbers: the mean rating of an undistorted photo, what the worst distortion takes from
it, and the standard deviation around it. Only the order that they make is meant."""

_SCALE = np.arange(1, RATINGS + 1, dtype=np.float64)
_STEPS = 200
_EXACT = 1e-9
_LEAST_SHARE = 1e-3
"""A mean or variance this near to what no distribution can have is as good as impossible."""


class Impossible(ValueError):
    """No distribution of ratings from 1 to 10 has this mean and standard deviation."""


def maximum_entropy(mean: float, std: float) -> Doubles:
    """Return the distribution of ratings of greatest entropy that has a mean and a deviation.

    It is p(k) ∝ exp(a·k + b·k²), a Gaussian on the ratings, whose a and b are found by Newton's
    method on the convex dual log Σ exp(a·k + b·k²) − a·E[k] − b·E[k²].

    Args:
        mean: 1 … 10.
        std: standard deviation, in ratings.

    Returns:
        float64 [10], shares of the ratings 1 … 10.

    Raises:
        Impossible: ratings cannot have both, e.g. a mean of 5.5 and no deviation at all.
    """
    below = mean - np.floor(mean)
    least, most = below * (1 - below), (mean - 1) * (RATINGS - mean)
    variance = std * std
    if not (1 < mean < RATINGS and least + _LEAST_SHARE < variance < most - _LEAST_SHARE):
        raise Impossible(
            f"no ratings from 1 to {RATINGS} have mean {mean:g} and standard deviation {std:g}: a "
            f"mean between 1 and {RATINGS} and a deviation between {np.sqrt(least):.2f} and "
            f"{np.sqrt(max(most, 0)):.2f} are possible"
            if 1 < mean < RATINGS
            else f"mean {mean:g} is not between 1 and {RATINGS}"
        )
    # Centred and scaled, the two terms are of one size, which keeps the steps well-conditioned.
    terms = np.stack([_SCALE - mean, (_SCALE - mean) ** 2 - variance]) / RATINGS
    shares, at = _tilted(terms, np.zeros(2))
    weights = np.zeros(2)
    for _ in range(_STEPS):
        slope = terms @ shares
        if np.abs(slope).max() < _EXACT:
            return shares
        curve = (terms * shares) @ terms.T - np.outer(slope, slope)
        step = np.linalg.solve(curve + 1e-12 * np.eye(2), slope)
        length = 1.0
        while True:  # the dual is convex: some shorter step lowers it
            tried = weights - length * step
            new_shares, new_at = _tilted(terms, tried)
            if new_at <= at - 1e-4 * length * float(slope @ step) or length < 1e-10:
                break
            length /= 2
        weights, shares, at = tried, new_shares, new_at
    return shares


def _tilted(terms: Doubles, weights: Doubles) -> tuple[Doubles, float]:
    """Return the shares ∝ exp(weights · terms), and the log of their sum before division."""
    exponents = weights @ terms
    top = exponents.max()
    powers = np.exp(exponents - top)
    total = powers.sum()
    return powers / total, float(np.log(total) + top)


class Targets(NamedTuple):
    """What a head is taught.

    Attributes:
        rows: ``example_id``, ``group_id``, ``category``, ``nima`` (features, a list) and
            ``target`` (shares of the ratings 1 … 10, a list), sorted by example_id.
        source: ``ratings`` (people's) or ``distortions`` (made up).
        features_version: what the features come from.
        notes: what was left out and why.
    """

    rows: pl.DataFrame
    source: str
    features_version: str
    notes: tuple[str, ...] = ()


def distortion_targets(kind: str, examples: pl.DataFrame, features_version: str) -> Targets:
    """Return made-up targets of distorted photos: the worse the distortion, the lower the mean.

    An image counts as good if it was distorted: the others are customers' photos that rules fault.

    Args:
        kind: ``aesthetic`` or ``technical``; other families say nothing about it.
        examples: rows of contract ``RankingExamples``.
        features_version: of NIMA's features.
    """
    own = examples.filter(pl.col("family").is_in(FAMILIES[kind]))
    plain = examples.filter(pl.col("family") == "").join(own, on="source_image_id", how="semi")
    rows = pl.concat([plain, own]).sort("example_id")
    severities = rows["severity"].clip(0, 1).to_list()
    known = {s: maximum_entropy(GOOD - LOSS * s, SPREAD).tolist() for s in set(severities)}
    targets = pl.Series("target", [known[s] for s in severities], pl.List(pl.Float64))
    columns = ["example_id", "group_id", "category", "nima"]
    return Targets(rows.select(columns).with_columns(targets), "distortions", features_version)
