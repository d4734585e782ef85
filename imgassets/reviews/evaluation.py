"""How well scores agree with what other customers found helpful (arXiv 2308.05390, "Results").

Engagement of a photo is its helpful votes per impression. Methods are compared by Pearson's and
Spearman's correlation with it, and by the share of a product's pairs of photos that they order as
the votes do; intervals come from resampling whole styles.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from imgassets.statistics import (
    MIN_GROUPS,
    RESAMPLES,
    Estimate,
    Statistic,
    cluster_bootstrap,
    pair_counts,
    pearson,
    pearson_of,
    ratio_of,
    spearman,
    spearman_of,
)
from imgassets.warehouse.review_photo_contracts import RankingEvaluations

DATASET = "engagement"
ALL = "all"
WITHIN = "mean of styles"
"""Slice of the mean, over styles, of correlations within each: styles' levels do not count."""

SIMULATED = "votes are simulated"

MIN_PHOTOS = 5
"""Photos of a style from which it has figures of its own."""

MAX_STYLES = 200
"""Styles that have figures of their own, those with most photos."""

_CELLS = 40_000_000
"""Rows times resamples, about, that one statistic may take; more rows, fewer resamples."""


class Evaluated(NamedTuple):
    """What an evaluation found.

    Attributes:
        rows: of contract ``RankingEvaluations``.
        n: photos that were used.
        left_out: photos without votes, or never shown: they say nothing of helpfulness.
    """

    rows: pl.DataFrame
    n: int
    left_out: int


def evaluate_against_engagement(
    photos: pl.DataFrame,
    methods: Sequence[str],
    *,
    model_version: str,
    seed: int,
    note: str = "",
    resamples: int = RESAMPLES,
) -> Evaluated:
    """Measure how well each method's scores agree with votes.

    Args:
        photos: product_id, style, helpful_votes, impressions, and a Float64 column per method; a
            photo that a method has no score of (null) is left out of that method's figures.
        methods: names of those columns.
        model_version: of the ranker.
        seed: of the resampling.
        note: what to say wherever these numbers stand, such as :data:`SIMULATED`.
        resamples: of the intervals; fewer are drawn where there are very many photos.
    """
    known = photos.filter(
        pl.col("helpful_votes").is_not_null(), pl.col("impressions").fill_null(0) > 0
    ).with_columns(_engagement=pl.col("helpful_votes") / pl.col("impressions"))
    left_out = photos.height - known.height
    rows = [
        {"method": method, **row}
        for method in methods
        for row in _of_method(known, method, seed, resamples)
    ]
    frame = pl.DataFrame(rows, schema_overrides=dict.fromkeys(Estimate._fields, pl.Float64))
    if frame.is_empty():
        return Evaluated(RankingEvaluations.create_empty(), known.height, left_out)
    frame = frame.with_columns(
        model_version=pl.lit(model_version), dataset=pl.lit(DATASET), note=pl.lit(note)
    )
    return Evaluated(RankingEvaluations.conform(frame), known.height, left_out)


def _of_method(
    known: pl.DataFrame, method: str, seed: int, resamples: int
) -> list[dict[str, object]]:
    """Return the rows of one method: all photos, within styles, and each style."""
    scored = known.filter(pl.col(method).is_finite()).sort("style", "product_id", method)
    if scored.is_empty():
        return []
    resamples = max(100, min(resamples, _CELLS // scored.height))
    rows = _slice(ALL, scored, method, scored["style"], seed, resamples)
    styles = scored.partition_by("style", as_dict=True, maintain_order=True)
    enough = {str(key[0]): part for key, part in styles.items() if part.height >= MIN_PHOTOS}
    rows += _within(enough, method, seed, resamples)
    largest = sorted(enough, key=lambda style: (-enough[style].height, style))[:MAX_STYLES]
    for style in sorted(largest):
        part = enough[style]
        rows += _slice(_slice_name(style), part, method, part["product_id"], seed, resamples)
    return rows


def _slice_name(style: str) -> str:
    return f"style {style}" if style in (ALL, WITHIN) else style


def _slice(
    name: str, part: pl.DataFrame, method: str, clusters: pl.Series, seed: int, resamples: int
) -> list[dict[str, object]]:
    """Return the three measures of some photos, with intervals over clusters."""
    score, votes = part[method].to_numpy(), part["_engagement"].to_numpy()
    groups = clusters.to_numpy()
    products, right, pairs = pair_counts(score, votes, part["product_id"].to_numpy())
    cluster_of = dict(zip(part["product_id"], clusters, strict=True))
    found = {
        "pearson": (part.height, pearson_of(score, votes), groups),
        "spearman": (part.height, spearman_of(score, votes), groups),
        "pairwise_accuracy": (
            int(pairs.sum()), ratio_of(right, pairs), np.array([cluster_of[p] for p in products]),
        ),
    }  # fmt: skip
    return [
        _row(name, measure, n, statistic, labels, seed, resamples)
        for measure, (n, statistic, labels) in found.items()
    ]


def _within(
    styles: dict[str, pl.DataFrame], method: str, seed: int, resamples: int
) -> list[dict[str, object]]:
    """Return the mean over styles of each style's correlations."""
    rows = []
    for measure, correlate in (("pearson", pearson), ("spearman", spearman)):
        values = np.array(
            [correlate(p[method].to_numpy(), p["_engagement"].to_numpy()) for p in styles.values()]
        )
        known = np.isfinite(values)
        values = values[known]
        n = sum(p.height for p, is_known in zip(styles.values(), known, strict=True) if is_known)
        labels = np.arange(len(values))
        mean = ratio_of(values, np.ones(len(values)))
        if len(values) >= MIN_GROUPS:
            rows.append(_row(WITHIN, measure, n, mean, labels, seed, resamples))
    return rows


def _row(
    name: str, measure: str, n: int, statistic: Statistic, labels: np.ndarray, seed: int,
    resamples: int,
) -> dict[str, object]:  # fmt: skip
    found = cluster_bootstrap(statistic, labels, seed=seed, resamples=resamples)
    return {"slice": name, "measure": measure, "n": n, **found._asdict()}
