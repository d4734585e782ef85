"""The market as of a day: figures of all categories, and who is untreated."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, lru_cache

import polars as pl

from imgassets.impact.panel import Panel, read_panel
from imgassets.warehouse.impact_contracts import METRICS

_HELD = 8
"""Panels held at once: a cohort's own category and the similar ones."""

_FIGURES = ("day", "category", "product_id", *METRICS)


class Market:
    """Engagement by category, each turned into an array when it is asked for.

    Attributes:
        treated: category → products that had a new set, which are no controls.
    """

    def __init__(self, engagement: pl.DataFrame, treated: Mapping[str, frozenset[str]]) -> None:
        rows = engagement.select(_FIGURES)
        parts = rows.partition_by("category", as_dict=True, include_key=False)
        self._rows = {str(category): part for (category,), part in parts.items()}
        self.treated = treated
        self.panel = lru_cache(maxsize=_HELD)(self._panel)

    def _panel(self, category: str) -> Panel | None:
        """Return a category's figures, or None where there are none."""
        rows = self._rows.get(category)
        return None if rows is None else read_panel(rows)

    def untreated(self, category: str) -> list[str]:
        """Return a category's products with data that never had a new set."""
        panel = self.panel(category)
        none = self.treated.get(category, frozenset())
        return [] if panel is None else [p for p in panel.products if p not in none]

    @cached_property
    def clicks(self) -> dict[str, pl.DataFrame]:
        """Category → day and clicks of its untreated products together."""
        return {
            category: rows.filter(
                ~pl.col("product_id").is_in(list(self.treated.get(category, ()))),
                pl.col("clicks").cast(pl.Float64).is_finite(),
            )
            .group_by("day")
            .agg(pl.col("clicks").cast(pl.Float64).sum())
            .sort("day")
            for category, rows in sorted(self._rows.items())
        }
