"""Plots of a ranker: accuracy by family, score against blur, and what each family taught."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from imgassets.learning.ranking.evaluation import HELD_OUT, UNSEEN_FAMILIES
from imgassets.learning.synthetic.distortions import FAMILIES, TRAINED
from imgassets.reviews.baselines import RANDOM, RANKER

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLURS = ("gaussian_blur", "motion_blur", "defocus")
"""Families whose scores are drawn against severity."""


def accuracy_plot(evaluations: pl.DataFrame, methods: Sequence[str]) -> bytes:
    """Draw each family's pairwise accuracy, the ranker's with its interval.

    Args:
        evaluations: of :data:`imgassets.learning.ranking.evaluation.EVALUATION_SCHEMA`.
        methods: drawn beside the ranker, as dots; those without values are left out.

    Returns:
        A PNG.
    """
    by_family = evaluations.filter(
        pl.col("slice").is_in(list(FAMILIES)),
        pl.col("dataset").is_in([HELD_OUT, UNSEEN_FAMILIES]),
        pl.col("value").is_not_null(),
    )
    names = [name for name in FAMILIES if name in set(by_family["slice"])]
    figure, axes = _figure(4.2 + 0.6 * max(len(names), 4), 4.8)
    own = {row["slice"]: row for row in by_family.filter(pl.col("method") == RANKER).to_dicts()}
    for place, name in enumerate(names):
        if (row := own.get(name)) is not None:
            colour = "tab:blue" if name in TRAINED else "tab:orange"
            axes.bar(place, row["value"], width=0.6, color=colour, alpha=0.55)
            if row["lower"] is not None:
                axes.vlines(place, row["lower"], row["upper"], color="black", linewidth=1)
    for marker, method in zip("osD^vPX*", (m for m in methods if m != RANDOM), strict=False):
        rows = by_family.filter(pl.col("method") == method).to_dicts()
        places = [names.index(row["slice"]) for row in rows]
        if places:
            axes.plot(places, [row["value"] for row in rows], marker, ms=4, label=method)
    axes.axhline(0.5, color="grey", linewidth=0.8, linestyle="--")
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
    axes.set(
        ylim=(0, 1.03), ylabel="pairs in order",
        title="ranker on held-out groups: trained families (blue), unseen ones (orange)",
    )  # fmt: skip
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1, 1))
    return _png(figure)


def blur_plot(examples: pl.DataFrame, scores: NDArray[np.float64]) -> bytes:
    """Draw the score against the severity of blur: medians and the middle half.

    Args:
        examples: of held-out groups; columns of the table ``ranking_examples``.
        scores: float64 [n], 0 … 1.

    Returns:
        A PNG.
    """
    scored = examples.select("source_image_id", "family", "severity").with_columns(
        score=pl.Series(scores)
    )
    figure, axes = _figure(6, 4.2)
    for family in BLURS:
        spoilt = scored.filter(pl.col("family") == family)
        sharp = scored.filter(pl.col("family") == "").join(
            spoilt.select("source_image_id").unique(), on="source_image_id", how="semi"
        )
        steps = pl.concat([sharp, spoilt]).group_by("severity").agg(
            pl.col("score").median().alias("middle"),
            pl.col("score").quantile(0.25).alias("low"),
            pl.col("score").quantile(0.75).alias("high"),
        ).sort("severity")  # fmt: skip
        if spoilt.is_empty():
            continue
        x = steps["severity"].to_numpy()
        label = family if family in TRAINED else f"{family} (never trained on)"
        (line,) = axes.plot(x, steps["middle"].to_numpy(), marker="o", label=label)
        axes.fill_between(
            x, steps["low"].to_numpy(), steps["high"].to_numpy(), alpha=0.15,
            color=line.get_color(),
        )  # fmt: skip
    axes.set(
        xlabel="severity of blur (0: as it is)", ylabel="score", ylim=(0, 1),
        title="score against blur, held-out groups: median and middle half",
    )  # fmt: skip
    axes.grid(alpha=0.3)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8)
    return _png(figure)


def ablation_plot(ablation: pl.DataFrame) -> bytes:
    """Draw what a ranker knows of each family when it was trained without another.

    Args:
        ablation: ``without`` ('' for nothing left out), ``family`` and ``accuracy``.

    Returns:
        A PNG: a row per training, a column per family.
    """
    rows = list(ablation["without"].unique(maintain_order=True))
    columns = [name for name in FAMILIES if name in set(ablation["family"])]
    values = np.full((len(rows), len(columns)), np.nan)
    for row in ablation.to_dicts():
        if row["accuracy"] is not None:
            place = rows.index(row["without"]), columns.index(row["family"])
            values[place] = row["accuracy"]
    figure, axes = _figure(3 + 0.62 * len(columns), 2.2 + 0.45 * len(rows))
    axes.imshow(values, cmap="RdYlGn", vmin=0.5, vmax=1.0, aspect="auto")
    axes.set_xticks(range(len(columns)), columns, rotation=45, ha="right")
    axes.set_yticks(range(len(rows)), [f"without {name}" if name else "all" for name in rows])
    for place in np.ndindex(*values.shape):
        if np.isfinite(values[place]):
            axes.text(place[1], place[0], f"{values[place]:.2f}", ha="center", va="center",
                      fontsize=7)  # fmt: skip
    axes.set(title="pairs in order by family (columns), trained without one (rows)")
    return _png(figure)


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()
