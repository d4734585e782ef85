"""Pictures of a flag's model: the precision-recall curve, and a sheet of its worst mistakes."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

SHOWN = 24
"""Mistakes on a sheet, at most."""

_COLUMNS = 6


def precision_recall_plot(
    title: str, curves: Sequence[tuple[str, NDArray[np.bool_], NDArray[np.float64], float]]
) -> bytes:
    """Draw precision against recall, with the chosen limit on each curve.

    Args:
        title: of the picture.
        curves: (name, truth [n], probability [n], limit) of each.

    Returns:
        A PNG.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from sklearn.metrics import average_precision_score, precision_recall_curve

    figure = Figure(figsize=(6, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for name, truth, p, limit in curves:
        if not truth.any():
            continue
        precision, recall, _ = precision_recall_curve(truth, p)
        area = average_precision_score(truth, p)
        (line,) = axes.plot(recall, precision, label=f"{name}: average precision {area:.3f}")
        given = p >= limit
        if given.any():
            hits = np.sum(truth & given)
            axes.plot(hits / truth.sum(), hits / given.sum(), "o", color=line.get_color())
    axes.set(xlabel="recall", ylabel="precision", title=title, xlim=(0, 1.02), ylim=(0, 1.02))
    axes.grid(alpha=0.3)
    axes.legend(loc="lower left", fontsize=8)
    return _png(figure)


def mistakes_sheet(
    title: str,
    answered: pl.DataFrame,
    pictures: Callable[[Sequence[str]], NDArray[np.uint8]] | None,
) -> bytes:
    """Draw the wrong answers that the model was surest of, the worst first.

    Args:
        title: of the picture.
        answered: `example_id`, `value`, `answer`, `probability`, `kind`.
        pictures: example_ids → RGB, uint8 [n, side, side, 3]; None: frames stay empty.

    Returns:
        A PNG.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    sure = pl.when("value").then(1 - pl.col("probability")).otherwise("probability")
    wrong = (
        answered.filter(pl.col("value") != pl.col("answer"))
        .sort([sure, "example_id"], descending=[True, False])
        .head(SHOWN)
    )
    rows = max(1, -(-wrong.height // _COLUMNS))
    figure = Figure(figsize=(_COLUMNS * 1.8, rows * 2.1 + 0.5), layout="constrained")
    FigureCanvasAgg(figure)
    count = (
        f"{wrong.height} of {answered.height} shown are wrong" if wrong.height else "no mistakes"
    )
    figure.suptitle(f"{title}: {count}", fontsize=10)
    ids = wrong["example_id"].to_list()
    drawn = pictures(ids) if pictures is not None and ids else None
    for place, row in enumerate(wrong.to_dicts()):
        axes = figure.add_subplot(rows, _COLUMNS, place + 1)
        axes.axis("off")
        if drawn is not None:
            axes.imshow(drawn[place])
        said = "missed" if row["value"] else "wrongly flagged"
        axes.set_title(f"{said}, p {row['probability']:.2f}\n{row['kind'] or 'real'}", fontsize=7)
    return _png(figure)


def _png(figure: object) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)  # type: ignore[attr-defined]
    return buffer.getvalue()
