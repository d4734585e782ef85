"""Verdicts in words that follow from numbers, and the control of false discoveries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ESTIMATED, REFUSED, NOT_YET = "estimated", "refused", "not yet"
"""What may become of a cell's horizon (``IMPACT_STATUSES``)."""

RISE, FALL = "rise", "fall"
NO_EFFECT = "no effect shown"
UNSOUND = "comparison does not hold"

MAX_SCALE = 6.0
"""Largest factor between what placebos err and what the model says: it does not fit beyond."""

MIN_R2 = -0.5
"""Smallest share of variance that predictions one day ahead explain; a mean alone has 0."""


@dataclass(frozen=True)
class Judged:
    """The numbers that a verdict follows from.

    Attributes:
        status: estimated, refused or not yet.
        effect: actual less predicted.
        p_value: two-sided, calibrated.
        q_value: the same after Benjamini and Hochberg.
        cells: how many the correction was over.
        placebo_q: q value of the cohort's impressions, which a set cannot change; NaN if unknown.
        scale: of the calibrated interval.
        r2: of predictions one day ahead before the intervention; NaN if unknown.
    """

    status: str
    effect: float = float("nan")
    p_value: float = float("nan")
    q_value: float = float("nan")
    cells: int = 0
    placebo_q: float = float("nan")
    scale: float = 1.0
    r2: float = float("nan")


def verdict(cell: Judged, alpha: float) -> tuple[str, str]:
    """Return the verdict of a cell, and what to know about it ('' if nothing).

    Args:
        cell: its numbers.
        alpha: share of false discoveries allowed, and the level of a single test.
    """
    if cell.status != ESTIMATED:
        return cell.status, ""
    unsound = _unsound(cell, alpha)
    if unsound:
        return UNSOUND, unsound
    if not cell.p_value < alpha:
        return NO_EFFECT, ""
    word = RISE if cell.effect > 0 else FALL
    if cell.q_value < alpha:
        return word, ""
    return f"{word}, but not after correcting for {cell.cells} cells", ""


def _unsound(cell: Judged, alpha: float) -> str:
    if cell.placebo_q < alpha:
        return (
            "impressions, which a new set cannot change, differ from the prediction "
            f"(q {cell.placebo_q:.3f}, limit {alpha:g})"
        )
    if cell.scale > MAX_SCALE:
        return (
            f"placebos err {cell.scale:.1f} times as much as the model says (limit {MAX_SCALE:g})"
        )
    if cell.r2 < MIN_R2:
        return (
            "the controls predict worse than the mean before the intervention "
            f"(R² {cell.r2:.2f}, limit {MIN_R2:g})"
        )
    return ""


def false_discovery(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return q values by Benjamini and Hochberg (1995); NaN where p is.

    Args:
        p: p values of one family, [cells].
    """
    from scipy.stats import (  # type: ignore[import-untyped]
        false_discovery_control,  # takes most of a second to import
    )

    q = np.full(p.shape, np.nan)
    known = np.isfinite(p)
    if known.any():
        q[known] = false_discovery_control(p[known], method="bh")
    return q
