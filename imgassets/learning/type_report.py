"""How well the categories are typed, by vertical (paper A, figure 9)."""

from __future__ import annotations

import io
from collections.abc import Mapping

import polars as pl

from imgassets.learning.evaluation import evaluate
from imgassets.learning.image_types import held_out_answers
from imgassets.learning.registered import CorruptedModel
from imgassets.learning.registry import ModelRegistry
from imgassets.learning.type_models import TypeModels
from imgassets.learning.type_scopes import Scope, verticals_of
from imgassets.warehouse.contracts import TypeAccuracy


def accuracy_by_category(registry: ModelRegistry, models: TypeModels) -> pl.DataFrame:
    """Measure each category's types by the model that answers for it.

    Every answer is of a model that saw neither the image's group nor its bytes: a version keeps
    them (:mod:`imgassets.learning.image_types`). A category none of whose labels were held out, or
    whose version an older release made, has no row.

    Returns:
        Frame in contract ``TypeAccuracy``, sorted by category.
    """
    verticals = verticals_of(models.categories)
    held_out = _held_out(registry, models)
    categories = {
        *verticals, *(c for answers in held_out.values() for c in answers["category"].unique())
    }  # fmt: skip
    rows = []
    for category in sorted(categories):
        found = models.answering(category)
        if found is None or found[0] not in held_out:
            continue
        scope, model, version = found
        of = held_out[scope].filter(pl.col("category") == category)
        if of.is_empty():
            continue
        measured = evaluate(of["image_type"].to_list(), of["answer"].to_list())
        rows.append(
            {
                "category": category,
                "vertical": verticals.get(category),
                "answered_by": str(scope),
                "model_version": version,
                "approach": model.approach,
                "n": measured.n,
                "accuracy": measured.accuracy,
                "macro_f1": measured.macro_f1,
            }
        )
    return TypeAccuracy.conform(pl.DataFrame(rows, schema=TypeAccuracy.create_empty().schema))


def _held_out(registry: ModelRegistry, models: TypeModels) -> Mapping[Scope, pl.DataFrame]:
    found = {}
    for scope, (_, version) in models.by_scope.items():
        try:
            answers = held_out_answers(registry, scope.model, int(version))
        except CorruptedModel:  # it answers from the cache; training replaces it
            continue
        if answers is not None:
            found[scope] = answers
    return found


def accuracy_plot(by_vertical: pl.DataFrame, by_category: pl.DataFrame) -> bytes:
    """Draw least, median and greatest accuracy of each vertical, and its categories as dots.

    Args:
        by_vertical: rows of the view ``vertical_accuracy``.
        by_category: rows of ``type_accuracy``.

    Returns:
        A PNG; verticals that trail are red.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = by_vertical["vertical"].to_list()
    figure = Figure(figsize=(3 + 0.9 * max(len(names), 3), 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for place, row in enumerate(by_vertical.to_dicts()):
        colour = "tab:red" if row["trails"] else "tab:blue"
        axes.vlines(place, row["least"], row["greatest"], colors=colour, linewidth=6, alpha=0.35)
        axes.plot([place - 0.2, place + 0.2], [row["median"]] * 2, color=colour, linewidth=3)
        dots = by_category.filter(pl.col("vertical").fill_null("none") == row["vertical"])
        axes.plot([place] * dots.height, dots["accuracy"].to_list(), "o", color="black", ms=3)
    axes.set_xticks(range(len(names)), names, rotation=30, ha="right")
    axes.set(ylabel="accuracy on held-out labels", title="image types by vertical")
    axes.set_ylim(top=1.005)
    axes.grid(axis="y", alpha=0.3)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()
