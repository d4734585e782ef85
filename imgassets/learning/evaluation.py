"""Holding labels out and measuring answers against them."""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray


def group_split(
    labels: pl.DataFrame, holdout: float = 0.2, seed: int = 0
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split labelled images into a part to train on and a part held out, by group.

    A group's side follows from a hash of its id alone, so it keeps its side when labels are added:
    what an earlier model held out, a later one holds out too. With so few groups that a side would
    be empty, the group nearest to the limit goes there.

    Args:
        labels: any frame with a column `group_id`.
        holdout: share of the groups to hold out, on average.
        seed: another seed is another split.

    Returns:
        The rows to train on and the rows held out, in their given order.

    Raises:
        ValueError: there are fewer than two groups.
    """
    places = {group: place_of(group, seed) for group in labels["group_id"].unique()}
    if len(places) < 2:
        raise ValueError(
            f"labels of {len(places)} groups cannot be split: label images of at least two "
            "products (or styles)"
        )
    in_order = sorted(places, key=lambda group: (places[group], group))
    n_held = sum(place < holdout for place in places.values())
    held = in_order[: min(max(n_held, 1), len(in_order) - 1)]
    is_held = pl.col("group_id").is_in(held)
    return labels.filter(~is_held), labels.filter(is_held)


def place_of(group: str, seed: int) -> float:
    """Return a group's place in 0 … 1, a hash of its id."""
    digest = hashlib.sha256(f"{seed}:{group}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


@dataclass(frozen=True)
class Evaluation:
    """How well answers agree with the labels.

    Attributes:
        n: images compared.
        accuracy: share answered right, over all images.
        macro_f1: mean F1 of the `scored` classes.
        scored: classes that count in macro-F1.
        per_class: class to precision, recall, f1 and support, for every class that occurs.
        classes: classes of the matrix's rows and columns.
        confusion: int64 [k, k], rows are labels, columns answers.
    """

    n: int
    accuracy: float
    macro_f1: float
    scored: tuple[str, ...]
    per_class: dict[str, dict[str, float]]
    classes: tuple[str, ...]
    confusion: NDArray[np.int64]

    def metrics(self) -> dict[str, float]:
        """Return all measures under flat names, e.g. `recall_back`."""
        flat = {"accuracy": self.accuracy, "macro_f1": self.macro_f1, "n": float(self.n)}
        for name, measures in self.per_class.items():
            flat |= {f"{measure}_{name}": value for measure, value in measures.items()}
        return flat

    def confusion_plot(self, title: str) -> bytes:
        """Draw the confusion matrix; shades are shares of a label's images. Returns a PNG."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        k = len(self.classes)
        shares = self.confusion / np.maximum(self.confusion.sum(axis=1, keepdims=True), 1)
        figure = Figure(figsize=(2 + 0.8 * k, 1.6 + 0.7 * k), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        axes.set(xlabel="answer", ylabel="label", title=title)
        axes.set_xticks(range(k), self.classes, rotation=45, ha="right")
        axes.set_yticks(range(k), self.classes)
        for row, column in np.ndindex(k, k):
            colour = "white" if shares[row, column] > 0.5 else "black"
            count = str(self.confusion[row, column])
            axes.text(column, row, count, ha="center", va="center", color=colour)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=100)
        return buffer.getvalue()


def evaluate(
    labels: Sequence[str], answers: Sequence[str], scored: Collection[str] | None = None
) -> Evaluation:
    """Compare answers with labels.

    Args:
        labels: n true classes.
        answers: n answered classes.
        scored: classes whose F1 is averaged: those that a model was taught and could have known.
            Only those that occur among the labels count; by default, all of them.

    Raises:
        ValueError: there is nothing to compare.
    """
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    if not len(labels):
        raise ValueError("there are no held-out labels to compare with")
    truth, given = np.asarray(labels, dtype=str), np.asarray(answers, dtype=str)
    occurring = {str(name) for name in np.unique(truth)}
    classes = tuple(sorted(occurring | {str(name) for name in np.unique(given)}))
    counted = tuple(sorted(occurring if scored is None else occurring & set(scored)))
    with warnings.catch_warnings():  # a single class is no fault: its matrix is 1 × 1
        warnings.simplefilter("ignore", UserWarning)
        confusion = confusion_matrix(truth, given, labels=classes)
    precision, recall, f1, support = precision_recall_fscore_support(
        truth, given, labels=classes, zero_division=0
    )
    per_class = {
        name: {
            "precision": float(precision[i]),
            "recall": float(recall[i]),
            "f1": float(f1[i]),
            "support": float(support[i]),
        }
        for i, name in enumerate(classes)
    }
    return Evaluation(
        n=len(truth),
        accuracy=float((truth == given).mean()),
        macro_f1=float(np.mean([per_class[name]["f1"] for name in counted])) if counted else 0.0,
        scored=counted,
        per_class=per_class,
        classes=classes,
        confusion=np.asarray(confusion, dtype=np.int64),
    )


def evaluate_by_category(
    categories: Sequence[str],
    labels: Sequence[str],
    answers: Sequence[str],
    positive: str | None = None,
) -> pl.DataFrame:
    """Compare answers with labels in each category.

    Args:
        categories: n categories.
        labels: n true classes.
        answers: n answered classes.
        positive: the class that counts where there are two of them, e.g. 'yes'.

    Returns:
        A row per category, sorted. Without `positive`: `category`, `n`, `accuracy` and `macro_f1`
        over the classes that occur among the category's labels. With it: `category`, `n`,
        `positives`, `precision`, `recall` and `f1`, null where there is nothing to divide by.
    """
    rows = pl.DataFrame(
        {"category": categories, "label": labels, "answer": answers},
        schema=dict.fromkeys(("category", "label", "answer"), pl.String),
    )
    if positive is not None:
        return _binary_by_category(rows, positive)
    measured = []
    for (category,), part in sorted(rows.group_by("category"), key=lambda item: str(item[0][0])):
        found = evaluate(part["label"].to_list(), part["answer"].to_list())
        measured.append((category, found.n, found.accuracy, found.macro_f1))
    schema = {"category": pl.String, "n": pl.Int64, "accuracy": pl.Float64, "macro_f1": pl.Float64}
    return pl.DataFrame(measured, schema=schema, orient="row")


def _binary_by_category(rows: pl.DataFrame, positive: str) -> pl.DataFrame:
    """Return precision, recall and F1 of one class in each category."""
    is_positive, said = pl.col("label") == positive, pl.col("answer") == positive
    hits = (is_positive & said).sum()
    counted = rows.group_by("category").agg(
        n=pl.len().cast(pl.Int64),
        positives=is_positive.sum().cast(pl.Int64),
        precision=_ratio(hits, said.sum()),
        recall=_ratio(hits, is_positive.sum()),
        f1=_ratio(2 * hits, is_positive.sum() + said.sum()),
    )
    return counted.sort("category")


def _ratio(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    """Return part / whole, null where the whole is 0."""
    return pl.when(whole > 0).then(part / whole)


def luck_of_win(labels: Sequence[str], answers: Sequence[str], others: Sequence[str]) -> float:
    """Return how probable so many wins over another model are if both are equally good.

    The one-sided sign test on the rows that one of them answers rightly and the other does not
    (Dixon and Mood, 1946; on paired classifiers known as McNemar's exact test).

    Args:
        labels: n right classes.
        answers: n classes that the one model answered.
        others: n classes that the other answered.

    Returns:
        0 … 1; 1 where they are never right apart.
    """
    from scipy.stats import binomtest  # type: ignore[import-untyped]

    pairs = [(a == t, o == t) for t, a, o in zip(labels, answers, others, strict=True)]
    won, lost = pairs.count((True, False)), pairs.count((False, True))
    return float(binomtest(won, won + lost, alternative="greater").pvalue) if won + lost else 1.0
