"""The card of a model of image types."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
from imgassets.learning.type_scopes import Scope
from imgassets.settings import TypeSettings

if TYPE_CHECKING:
    from imgassets.learning.type_approaches import AnyTypeModel

_APPROACHES = {
    "logistic": "Multinomial logistic regression on stored embeddings, with an offset per category",
    "shallow_net": "Three fully connected layers on stored embeddings, trained by slow stochastic "
    "gradient descent on the categorical cross-entropy",
    "retrained_block": "The backbone with its last block retrained: it reads pixels, not stored "
    "embeddings",
}


def describe_types(
    scope: Scope,
    model: AnyTypeModel,
    held_out: pl.DataFrame,
    result: Evaluation,
    comparison: pl.DataFrame,
    *,
    limits: TypeSettings,
    decision: str,
) -> ModelCard:
    """Describe a version.

    Args:
        scope: the images that it is for.
        model: the model that answers, fitted on all labels.
        held_out: the images that were held out in turn: `image_id`, `category`, `image_type`,
            `answer` and `probability` of the answer.
        result: the overall comparison on them.
        comparison: every approach's measures, a row each.
        limits: what answers are held against.
        decision: why it became champion, or did not.
    """
    labels, answers = held_out["image_type"].to_list(), held_out["answer"].to_list()
    data = count_examples(
        held_out.select(
            label="image_type", split=pl.lit("train"), source=pl.lit("labels of people")
        )
    )
    by_category = evaluate_by_category(held_out["category"].to_list(), labels, answers)
    rivals = "; ".join(
        f"{row['approach']}: macro-F1 {row['macro_f1']:.3f}, accuracy {row['accuracy']:.3f} on "
        f"{row['n']} images"
        for row in comparison.to_dicts()
    )
    return ModelCard(
        model=scope.model,
        purpose=(
            "Says which view of its product an image shows, or 'none' where it shows no view. "
            f"It answers for: {scope}."
        ),
        approach=(
            f"{_APPROACHES[model.approach]}. Logits are divided by "
            f"{model.info['temperature']:.2f}, fitted on held-out answers. Compared: {rivals}."
        ),
        signals_version=model.signals_version,
        data=data,
        how_split=(
            "A tenth of the groups (styles or products) is held out in turn: each image is "
            "answered by a model that saw neither its group nor its bytes. The model that answers "
            "is fitted on all labels in the same way."
        ),
        metrics={
            "macro_f1": result.macro_f1,
            "accuracy": result.accuracy,
            **{f"f1 of {name}": result.per_class[name]["f1"] for name in result.scored},
        },
        measured_on=f"{result.n} held-out images, before any threshold",
        metrics_by_category=by_category,
        thresholds={
            "types.min_none_probability": (
                limits.min_none_probability,
                "set by hand; below it the best view stands instead of 'none'",
            ),
            "types.min_probability": (
                limits.min_probability,
                "set by hand; below it the answer is 'unsure', and people are asked",
            ),
        },
        decision=decision,
        known_failures=[
            *model.info["notes"],
            *few_examples(data),
            *never_answered(labels, answers),
            *weak_categories(by_category, "macro_f1"),
            *worst_mistakes(held_out.rename({"image_type": "label"})),
        ],
        intended_use=(
            "Orders product images by view, in the categories that the labels cover.",
            "Reads the signals named above only; others are refused.",
            "An unknown category is treated as the average one. A view that no label names is "
            "answered as one that some label does.",
        ),
    )
