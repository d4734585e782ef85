"""The card of a flag's model."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from imgassets.learning.cards import (
    ModelCard,
    count_examples,
    few_examples,
    weak_categories,
    worst_mistakes,
)
from imgassets.learning.evaluation import evaluate_by_category
from imgassets.learning.flag_training import Parts, Stage, Trained
from imgassets.learning.limits import NEVER, Measures


def describe_flag(
    question: str,
    trained: Sequence[Trained],
    chosen: Trained,
    parts: Parts,
    answered: pl.DataFrame,
    measured: Measures,
    history: Sequence[Stage],
    decision: str,
) -> ModelCard:
    """Describe a version.

    Args:
        question: what the flag asks about an image.
        trained: all approaches that competed.
        chosen: the one that was registered.
        parts: the examples it learnt from, and those held out.
        answered: the held-out ones with `probability` and `answer`.
        measured: its measures on them.
        history: stages of augmentation.
        decision: why it became champion, or did not.
    """
    model = chosen.model
    said = answered.with_columns(label=_yes("value"), said=_yes("answer"), probability=_of_answer())
    by_category = evaluate_by_category(
        said["category"].to_list(), said["label"].to_list(), said["said"].to_list(), "yes"
    )
    data = count_examples(
        pl.concat(
            frame.select(label=_yes("value"), split=pl.lit(split), source=_source())
            for frame, split in ((parts.train, "train"), (parts.test, "held out"))
        )
    )
    rivals = "; ".join(
        f"{t.model.approach} F1 {t.tuned.f1:.3f} (precision {t.tuned.precision:.3f}, recall "
        f"{t.tuned.recall:.3f})"
        for t in trained
    )
    stages = "; ".join(
        f"stage {s.stage}: {s.n_synthetic} synthetic examples, precision {s.precision:.3f}, "
        f"recall {s.recall:.3f}"
        for s in history
    )
    real = said.filter(pl.col("origin") != "synthetic")
    return ModelCard(
        model=model.flag,
        purpose=f"Answers: {question}",
        approach=(
            f"{model.approach}, the best of what was tried. Out of fold on the training part: "
            f"{rivals}. Augmentation: {stages}."
        ),
        signals_version=model.signals_version,
        data=data,
        how_split=(
            "Parts share no group (style or product), and no image; a synthetic example stands "
            "where its source stands. 'presumed' images pass the quality rules and nobody judged "
            "them: a few of them may deserve the flag."
        ),
        metrics={
            **{name: value for name, value in measured.flat().items() if name != "n"},
            "real images that deserve it": float(real.filter("value").height),
            "recall on these": _recall(real),
        },
        measured_on=f"the held-out part, {measured.n} examples, at the limit `flag`",
        metrics_by_category=by_category,
        thresholds={
            "flag": (
                model.limits["flag"],
                "best F1 out of fold with few good images discarded; quality flags reject here",
            ),
            "reject": (
                model.limits["reject"],
                "wanted precision out of fold; compliance flags reject here"
                + (" (never: it was not reached)" if model.limits["reject"] >= NEVER else ""),
            ),
            "review": (
                model.limits["review"],
                "most of the known positives lie above it, few of the others: people are asked",
            ),
        },
        decision=decision,
        known_failures=[
            *few_examples(data),
            *_weak_kinds(said),
            *weak_categories(by_category, "f1"),
            *worst_mistakes(said.with_columns(answer="said")),
        ],
        intended_use=(
            "Judges product images of the kinds that it was trained on; whether other kinds are "
            "judged well is not known.",
            "What it rejects leaves the image sets; people's answers overrule it.",
        ),
    )


def _yes(column: str) -> pl.Expr:
    return pl.when(column).then(pl.lit("yes")).otherwise(pl.lit("no"))


def _source() -> pl.Expr:
    made = pl.col("origin") == "synthetic"
    return pl.when(made).then(pl.format("synthetic: {}", "kind")).otherwise("origin")


def _of_answer() -> pl.Expr:
    return pl.when("answer").then("probability").otherwise(1 - pl.col("probability"))


def _recall(real: pl.DataFrame) -> float:
    positives = real.filter("value")
    return float(positives["answer"].mean()) if positives.height else float("nan")  # type: ignore[arg-type]


def _weak_kinds(said: pl.DataFrame) -> list[str]:
    """Name the kinds of synthetic examples of which a fifth or more are answered wrongly."""
    kinds = (
        said.filter(pl.col("origin") == "synthetic")
        .group_by("kind")
        .agg((pl.col("value") != pl.col("answer")).mean().alias("wrong"), pl.len().alias("n"))
        .filter((pl.col("wrong") >= 0.2) & (pl.col("n") >= 5))
        .sort("wrong", "kind", descending=[True, False])
    )
    return [f"{wrong:.0%} of {n} examples of '{kind}' answered wrongly" for kind, wrong, n in
            kinds.iter_rows()]  # fmt: skip
