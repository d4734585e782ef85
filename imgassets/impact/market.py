"""The market as of a day: figures of all categories, and who is untreated."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cached_property, lru_cache

import polars as pl

from imgassets.impact.panel import Panel, read_panel
from imgassets.warehouse.impact_contracts import METRICS

_HELD = 4
"""Panels held at once: a cohort's own category and the similar ones."""

_FIGURES = ("day", "product_id", *METRICS)


def by_category(engagement: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Return each category's rows of engagement that is in memory."""
    parts = engagement.partition_by("category", as_dict=True)
    return {str(category): part for (category,), part in parts.items()}


class Market:
    """Engagement by category, each read and turned into an array when it is asked for.

    Args:
        engagement: category → its rows of contract ``EngagementDaily``. A mapping that reads them
            from where they are keeps those of a few categories in memory.
        treated: category → products that had a new set, which are no controls.
        first: earliest day that is looked at.
        last: latest day that is looked at.
    """

    def __init__(
        self,
        engagement: Mapping[str, pl.DataFrame],
        treated: Mapping[str, frozenset[str]],
        first: date,
        last: date,
    ) -> None:
        self._engagement = engagement
        self._days = pl.col("day").is_between(first, last)
        self._treated = treated
        self.panel = lru_cache(maxsize=_HELD)(self._panel)

    def _rows(self, category: str) -> pl.DataFrame:
        return self._engagement[category].filter(self._days).select(_FIGURES)

    def _panel(self, category: str) -> Panel | None:
        """Return a category's figures, or None where there are none."""
        return read_panel(self._rows(category)) if category in self._engagement else None

    def untreated(self, category: str) -> list[str]:
        """Return a category's products with data that never had a new set."""
        panel = self.panel(category)
        none = self._treated.get(category, frozenset())
        return [] if panel is None else [p for p in panel.products if p not in none]

    @cached_property
    def clicks(self) -> dict[str, pl.DataFrame]:
        """Category → day and clicks of its untreated products together."""
        return {
            category: self._rows(category)
            .filter(
                ~pl.col("product_id").is_in(list(self._treated.get(category, ()))),
                pl.col("clicks").cast(pl.Float64).is_finite(),
            )
            .group_by("day")
            .agg(pl.col("clicks").cast(pl.Float64).sum())
            .sort("day")
            for category in sorted(self._engagement)
        }
