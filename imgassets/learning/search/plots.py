"""Plots of a search model: its methods, what fine-tuning gains and loses, attributes."""

from __future__ import annotations

import io

import polars as pl

from imgassets.learning.search.interpolation import Interpolation
from imgassets.reviews.plot import plot_methods
from imgassets.search.evaluation import ALL
from imgassets.search.measures import MEASURES


def methods_plot(rows: pl.DataFrame, title: str) -> bytes:
    """Draw the methods' measures over all queries with their intervals; return a PNG.

    Args:
        rows: of contract ``SearchEvaluations``, of one model and data set.
        title: above all.
    """
    panels = {name: (name, 0.0) for name in MEASURES}
    return plot_methods(rows.filter(pl.col("slice") == ALL), title, panels)


def interpolation_plot(found: Interpolation) -> bytes:
    """Draw target and former ability against the strength of fine-tuning; return a PNG."""
    figure = _figure(5.6, 3.6)
    axes = figure.add_subplot()
    curve = found.curve
    axes.plot(curve["strength"], curve["target"], "o-", label="what it was fine-tuned for")
    axes.plot(curve["strength"], curve["ability"], "s--", label="what it could do before")
    axes.axvline(found.strength, color="grey", linewidth=1)
    axes.set(
        xlabel="strength of the fine-tuned weights (line: chosen)", ylabel="measure",
        title="former weights (0) … fine-tuned weights (1)",
    )  # fmt: skip
    axes.legend(frameon=False, fontsize=8)
    return _png(figure)


def attribute_plot(accuracy: pl.DataFrame) -> bytes:
    """Draw each attribute's held-out accuracy beside that of its commonest value; return a PNG.

    Args:
        accuracy: ``attribute``, ``accuracy``, ``majority``, as
            :class:`imgassets.learning.search.attribute_heads.AttributeHeads` has it.
    """
    names = accuracy["attribute"].to_list()
    figure = _figure(6, 1.4 + 0.3 * len(names))
    axes = figure.add_subplot()
    places = range(len(names))
    axes.barh(places, accuracy["accuracy"], height=0.55, alpha=0.6, label="head")
    axes.plot(accuracy["majority"], places, "k|", ms=12, label="always the commonest value")
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), xlabel="accuracy on held-out styles")
    axes.legend(frameon=False, fontsize=8)
    return _png(figure)


def _figure(width: float, height: float):  # type: ignore[no-untyped-def]  # noqa: ANN202
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _png(figure) -> bytes:  # type: ignore[no-untyped-def]  # noqa: ANN001
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()
