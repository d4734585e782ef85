"""Model cards: what a registered version was made from, how well it does, and where it fails.

The parts follow Mitchell et al., "Model Cards for Model Reporting" (FAT* 2019): details, intended
use, data, metrics overall and by category, thresholds, limits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

FEW_EXAMPLES = 20
"""A class with fewer examples to train on is named among the known failures."""

WEAK_MARGIN = 0.1
"""So is a category whose score lies this far below the mean of the categories."""

WEAK_LEAST = 5
"""Images of a category below which its score says nothing."""

SHOWN_MISTAKES = 5


@dataclass(frozen=True)
class ModelCard:
    """What a person should know before trusting a version.

    Attributes:
        model: the registered model.
        purpose: what it answers, in one or two sentences.
        approach: how: algorithm, inputs, hyperparameters.
        signals_version: signals that it reads.
        data: `label`, `split`, `source` and `n`: numbers of examples, as :func:`count_examples`
            returns them.
        how_split: one sentence: what keeps the parts apart.
        metrics: measure to value, overall.
        measured_on: the part that `metrics` and `metrics_by_category` were measured on.
        metrics_by_category: `category`, `n` and measures, as :mod:`imgassets.learning.evaluation`
            returns them.
        thresholds: name to value and how it was chosen.
        decision: why it became champion, or did not.
        known_failures: sentences.
        intended_use: what it is for and what it is not for: sentences.
    """

    model: str
    purpose: str
    approach: str
    signals_version: str
    data: pl.DataFrame
    how_split: str
    metrics: Mapping[str, float]
    measured_on: str
    metrics_by_category: pl.DataFrame
    thresholds: Mapping[str, tuple[float, str]] = field(default_factory=dict)
    decision: str = ""
    known_failures: Sequence[str] = ()
    intended_use: Sequence[str] = ()

    def to_markdown(self) -> str:
        """Return the card as Markdown."""
        measured = pl.DataFrame({"measure": list(self.metrics), "value": self.metrics.values()})
        limits = pl.DataFrame(
            [(name, value, why) for name, (value, why) in self.thresholds.items()],
            schema={"threshold": pl.String, "value": pl.Float64, "how it was chosen": pl.String},
            orient="row",
        )
        sources = self.data.group_by("source").agg(pl.col("n").sum()).sort("source")
        parts = [
            f"# {self.model}",
            self.purpose,
            f"**Approach.** {self.approach}",
            f"**Signals.** `{self.signals_version}`",
            f"**Decision.** {self.decision or 'none was taken'}",
            "## Intended use and limits",
            _bullets(self.intended_use),
            "## Data",
            f"Examples by class and part. {self.how_split}",
            _table(_by_split(self.data)),
            _table(sources.rename({"n": "examples"})),
            "## Metrics",
            f"Measured on {self.measured_on}.",
            _table(measured),
            _table(self.metrics_by_category),
            "## Thresholds",
            _table(limits),
            "## Known failures",
            _bullets(self.known_failures),
        ]
        return "\n\n".join(parts) + "\n"


def count_examples(examples: pl.DataFrame) -> pl.DataFrame:
    """Count rows of `label`, `split` and `source`; returns these columns and `n`, sorted."""
    keys = ["label", "split", "source"]
    return examples.group_by(keys).len("n").select(*keys, pl.col("n").cast(pl.Int64)).sort(keys)


def few_examples(data: pl.DataFrame, split: str = "train", least: int = FEW_EXAMPLES) -> list[str]:
    """Name the classes with few examples to train on.

    Args:
        data: counts, as in :class:`ModelCard`.
        split: the part that counts.
        least: examples that are enough.
    """
    in_split = pl.when(pl.col("split") == split).then("n").otherwise(0)
    counts = data.group_by("label").agg(in_split.sum().alias("n")).sort("label")
    return [
        f"class '{label}' was trained on {n} examples only"
        for label, n in counts.filter(pl.col("n") < least).iter_rows()
    ]


def weak_categories(
    by_category: pl.DataFrame, score: str, margin: float = WEAK_MARGIN, least: int = WEAK_LEAST
) -> list[str]:
    """Name the categories that score much below the mean of the categories, worst first.

    Args:
        by_category: `category`, `n` and the measure `score`, which may be null.
        score: the measure.
        margin: how far below the mean is much.
        least: images of a category below which its score says nothing.
    """
    known = by_category.filter(pl.col(score).is_not_null() & (pl.col("n") >= least))
    rows = known.select("category", score, "n", mean=pl.col(score).mean())
    weak = rows.filter(pl.col(score) < pl.col("mean") - margin).sort(score, "category")
    return [
        f"weak on '{category}': {score} {value:.3f} on {n} images, the categories' mean is "
        f"{mean:.3f}"
        for category, value, n, mean in weak.iter_rows()
    ]


def never_answered(labels: Sequence[str], answers: Sequence[str]) -> list[str]:
    """Name the classes that occur among the labels but never among the answers."""
    return [
        f"class '{name}' was never answered, though {list(labels).count(name)} images deserve it"
        for name in sorted(set(labels) - set(answers))
    ]


def worst_mistakes(answered: pl.DataFrame, shown: int = SHOWN_MISTAKES) -> list[str]:
    """Name the wrong answers that the model was surest of.

    Args:
        answered: `image_id`, `label`, `answer` and `probability` (of the answer).
        shown: how many, at most.
    """
    wrong = answered.filter(pl.col("label") != pl.col("answer")).sort(
        ["probability", "image_id"], descending=[True, False]
    )
    return [
        f"image `{image_id}` is '{label}', answered '{answer}' with probability {probability:.2f}"
        for image_id, label, answer, probability in wrong.head(shown)
        .select("image_id", "label", "answer", "probability")
        .iter_rows()
    ]


def _by_split(data: pl.DataFrame) -> pl.DataFrame:
    """Return a row per class and a column per part."""
    return (
        data.sort("split")
        .pivot("split", index="label", values="n", aggregate_function="sum")
        .fill_null(0)
        .sort("label")
        .rename({"label": "class"})
    )


def _bullets(sentences: Sequence[str]) -> str:
    return "\n".join(f"- {sentence}" for sentence in sentences) or "None known."


def _table(frame: pl.DataFrame) -> str:
    """Return a frame as a Markdown table; numbers are aligned to the right."""
    if frame.is_empty():
        return "None."
    aligned = ["---:" if dtype.is_numeric() else "---" for dtype in frame.dtypes]
    rows = [frame.columns, aligned, *([_cell(v) for v in row] for row in frame.iter_rows())]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(value: object) -> str:
    """Return a table's cell: no line breaks, no bars, floats with three decimals."""
    if value is None:
        return "–"
    text = f"{value:.3f}" if isinstance(value, float) else str(value)
    return " ".join(text.split()).replace("|", "\\|")
