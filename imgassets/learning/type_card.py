"""The image-type model's card."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from imgassets.learning.cards import (
    ModelCard,
    count_examples,
    few_examples,
    never_answered,
    weak_categories,
    worst_mistakes,
)
from imgassets.learning.evaluation import Evaluation, evaluate_by_category
from imgassets.learning.head import LogisticHead
from imgassets.settings import TypeSettings


def describe_types(
    model: str,
    head: LogisticHead,
    train: pl.DataFrame,
    answered: pl.DataFrame,
    result: Evaluation,
    *,
    limits: TypeSettings,
    decision: str,
    notes: Sequence[str],
) -> ModelCard:
    """Describe a version.

    Args:
        model: the registered model's name.
        head: the head that was fitted on the training part and measured.
        train: the training part: `image_type`, one row per labelled image.
        answered: the held-out part: `image_id`, `category`, `image_type`, `answer` and
            `probability` of the answer.
        result: the overall comparison on it.
        limits: what answers are held against.
        decision: why it became champion, or did not.
        notes: what was left out and why.
    """
    labels, answers = answered["image_type"].to_list(), answered["answer"].to_list()
    data = count_examples(
        pl.concat(
            frame.select(label="image_type", split=pl.lit(split), source=pl.lit("labels of people"))
            for frame, split in ((train, "train"), (answered, "held out"))
        )
    )
    by_category = evaluate_by_category(answered["category"].to_list(), labels, answers)
    return ModelCard(
        model=model,
        purpose="Says which view of its product an image shows, or 'none' where it shows no view.",
        approach=(
            "Multinomial logistic regression on stored embeddings of "
            f"{head.dimensions} numbers, with an offset per category; inverse regularisation "
            f"strength {head.info['c']:g}, chosen by cross-validation. The head that was measured "
            "saw the training part; the head that answers is fitted on both parts in the same way."
        ),
        signals_version=head.signals_version,
        data=data,
        how_split=(
            "Parts share no group (style or product), and no image of the held-out part has the "
            "bytes of one to train on."
        ),
        metrics={
            "macro_f1": result.macro_f1,
            "accuracy": result.accuracy,
            **{f"f1 of {name}": result.per_class[name]["f1"] for name in result.scored},
        },
        measured_on=f"the held-out part, {result.n} images, before any threshold",
        metrics_by_category=by_category,
        thresholds={
            "types.min_none_probability": (
                limits.min_none_probability,
                "set by hand; below it the best view stands instead of 'none'",
            ),
            "types.min_probability": (
                limits.min_probability,
                "set by hand; below it the answer is 'unsure'",
            ),
        },
        decision=decision,
        known_failures=[
            *notes,
            *few_examples(data),
            *never_answered(labels, answers),
            *weak_categories(by_category, "macro_f1"),
            *worst_mistakes(answered.rename({"image_type": "label"})),
        ],
        intended_use=(
            "Orders product images by view, in the categories that the labels cover.",
            "Reads embeddings of the signals named above only; others are refused.",
            "An unknown category is treated as the average one. A view that no label names is "
            "answered as one that some label does.",
        ),
    )
