"""What is most wrong with a photo, in one sentence to the customer who took it.

The paper on ranking review images (arXiv 2308.05390) tells customers what lowered their photo's
score. Here the ranker gives the score and measures with limits the words
(:mod:`imgassets.reviews.prompt`): a network's score has no reason that a person could act on. That
a product is cut off by the frame is not among them, for no measure tells it from a close-up.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from imgassets.reviews.prompt import PhotoLimit, score_photo
from imgassets.selection.comparator import GRAYSCALE
from imgassets.vision.record import PhotoMeasures

WEAKNESS_VERSION = "weakness-1"
"""Changed whenever the same measures and limits would be told in other words."""

COLOURLESS = "colourless"
COLOURLESS_ADVICE = "Send it in colour: this copy is black and white."

COLUMNS = (*PhotoMeasures._fields, "colourfulness")
"""Columns of photos that are judged."""


def weaknesses(photos: pl.DataFrame, limits: Mapping[str, PhotoLimit]) -> pl.DataFrame:
    """Judge photos by their measures.

    Args:
        photos: :data:`COLUMNS`.
        limits: from where on a measure is a problem.

    Returns:
        ``weakness`` (id of the worst problem, '' for none), ``weakness_text`` (its advice, '' for
        none) and ``rule_score`` (0 … 1, the lowest of the measures' scores), one row per photo.
    """
    rows = []
    for *values, colourfulness in photos.select(COLUMNS).iter_rows():
        found = score_photo(PhotoMeasures(*values), limits)
        worst = found.problems[0] if found.problems else None
        if worst is not None:
            rows.append((worst.id, worst.advice, found.score))
        elif colourfulness < GRAYSCALE:
            rows.append((COLOURLESS, COLOURLESS_ADVICE, found.score))
        else:
            rows.append(("", "", found.score))
    return pl.DataFrame(
        rows,
        schema={"weakness": pl.String, "weakness_text": pl.String, "rule_score": pl.Float64},
        orient="row",
    )
