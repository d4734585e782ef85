"""How far fine-tuned weights may go: interpolated with the former ones (Wortsman et al., 2022)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

STRENGTHS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
"""What is tried: 0 are the former weights, 1 the fine-tuned ones."""


@dataclass(frozen=True)
class Interpolation:
    """What was measured between former and fine-tuned weights, and what was chosen.

    Attributes:
        strength: of the fine-tuned weights, 0 … 1.
        curve: ``strength``, ``target`` (what fine-tuning is for), ``ability`` (what the former
            weights could do already); a row per strength tried.
    """

    strength: float
    curve: pl.DataFrame


def interpolate(
    measure: Callable[[float], tuple[float, float]],
    keep: float,
    strengths: Sequence[float] = STRENGTHS,
) -> Interpolation:
    """Choose the strength that is best at the target and keeps the former ability.

    Args:
        measure: strength → (target, ability), both better if larger.
        keep: share of the former ability that may be lost, 0 … 1.
        strengths: what is tried, ascending from 0.

    Returns:
        The choice; the lesser of equally good ones, so 0 where fine-tuning gains nothing.
    """
    rows = [(strength, *measure(strength)) for strength in strengths]
    curve = pl.DataFrame(rows, schema=["strength", "target", "ability"], orient="row")
    kept = curve.filter(pl.col("ability") >= (1 - keep) * curve["ability"][0])
    best = kept.sort("target", "strength", descending=[True, False]).row(0, named=True)
    return Interpolation(best["strength"], curve)
