"""A picture of how well methods of ranking agree with votes, with their intervals."""

from __future__ import annotations

import io
from collections.abc import Mapping

import polars as pl

PANELS: Mapping[str, tuple[str, float]] = {
    "pearson": ("Pearson correlation with votes per impression", 0.0),
    "spearman": ("Spearman correlation", 0.0),
    "pairwise_accuracy": ("share of a product's pairs in order", 0.5),
}
"""Measures: what they are, and what a method without any knowledge has."""


def plot_methods(
    rows: pl.DataFrame, title: str, panels: Mapping[str, tuple[str, float]] = PANELS
) -> bytes:
    """Draw each method's measures as points with their intervals; return a PNG.

    Args:
        rows: ``method``, ``measure``, ``value``, ``lower``, ``upper``, in the order of methods.
        title: above all; say here if votes are simulated.
        panels: the measures that are drawn, as :data:`PANELS`.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    methods = rows["method"].unique(maintain_order=True).to_list()
    figure = Figure(figsize=(11, 1.3 + 0.32 * len(methods)), layout="constrained")
    FigureCanvasAgg(figure)
    found = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, (measure, (label, chance)) in zip(found, panels.items(), strict=True):
        axes.axvline(chance, color="grey", linestyle="--", linewidth=1)
        for row in rows.filter(measure=measure).iter_rows(named=True):
            place = methods.index(row["method"])
            colour = "tab:blue" if place == 0 else "0.35"
            if row["value"] is not None:
                axes.plot(row["value"], place, "o", color=colour, markersize=5)
            if row["lower"] is not None:
                axes.plot([row["lower"], row["upper"]], [place, place], color=colour, linewidth=1.5)
        axes.set_title(label, loc="left", fontsize=9)
        axes.grid(axis="x", alpha=0.25)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
    found[0].set_yticks(range(len(methods)), methods)
    found[0].invert_yaxis()
    figure.suptitle(title, fontsize=10)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()
