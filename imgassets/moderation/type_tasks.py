"""Questions about images' types: which images people are asked about, and in what order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from imgassets.moderation.answers import UNDO, UNSURE
from imgassets.moderation.flags import IMAGE_TYPE
from imgassets.moderation.tasks import task_id
from imgassets.warehouse.contract import NONE, UNTYPED
from imgassets.warehouse.contracts import ReviewTasks

QUESTION = "Which view of the product does the picture show?"


def type_choices(types: Sequence[str]) -> list[str]:
    """Return what can be answered about an image's type: a category's types, then 'none'.

    Raises:
        ValueError: there is no type, or one has a name that means something else.
    """
    own = [name for name in dict.fromkeys(types) if name != NONE]
    if not own:
        raise ValueError("it has no types: `imgassets categories import` names them")
    if taken := sorted(set(own) & {UNSURE, UNDO, UNTYPED}):
        raise ValueError(f"no type can be named {', '.join(taken)}: rename it")
    return [*own, NONE]


def choose_type_tasks(
    category: str, choices: Sequence[str], images: pl.DataFrame, budget: int
) -> pl.DataFrame:
    """Choose the images of a category to ask about.

    Images whose labels contradict each other come first, then those of products none of whose
    images shows a view for sure, then the others; among these the least probable type first. An
    image of several products is asked about once, with the product where that is most urgent.

    Args:
        category: whose images these are.
        choices: see :func:`type_choices`.
        images: product_id, image_id, image_type, best_guess, probability, model_version (as in
            ``image_types``), disputed (the types that its labels name, if they contradict each
            other; else null) and has_view (some image of the product shows a view for sure), one
            row per image of a product that may be asked about.
        budget: questions, at most.

    Returns:
        Rows of contract ``ReviewTasks`` by falling priority.
    """
    model = pl.col("probability").clip(0, 1)
    asked = (
        images.with_columns(
            priority=pl.when(pl.col("disputed").is_not_null())
            .then(1.0)
            .otherwise(pl.when("has_view").then(0.0).otherwise(0.5) + 0.5 * (1 - model))
        )
        .sort("priority", "product_id", "image_id", descending=[True, False, False])
        .unique("image_id", keep="first", maintain_order=True)
    )
    rows = [_task(category, choices, row) for row in asked.iter_rows(named=True)]
    tasks = pl.DataFrame(rows, schema=ReviewTasks.create_empty().schema, orient="row")
    wanted = tasks.sort("priority", "task_id", descending=[True, False])
    return ReviewTasks.conform(wanted.head(max(0, budget)))


def with_neighbours(
    tasks: pl.DataFrame, told: pl.DataFrame, embeddings: pl.DataFrame, count: int
) -> pl.DataFrame:
    """Return tasks with the nearest images whose type people told: what to compare with.

    Args:
        tasks: rows of contract ``ReviewTasks``.
        told: image_id of these images.
        embeddings: image_id and embedding (L2-normalised, of one length), one row per image of
            both that has one; others have no neighbours and are none.
        count: of each task, at most.
    """
    known = embeddings.join(told, on="image_id", how="semi")
    asked = embeddings.join(tasks, on="image_id", how="semi")
    if known.is_empty() or asked.is_empty() or count < 1:
        return tasks
    vectors, queries = (
        np.array(part["embedding"].to_list(), np.float32) for part in (known, asked)
    )
    order = np.argsort(-(queries @ vectors.T), axis=1, kind="stable")[:, :count]
    ids = known["image_id"].to_numpy()
    nearest = pl.DataFrame(
        {"image_id": asked["image_id"], "nearest": [list(ids[row]) for row in order]},
        schema_overrides={"nearest": pl.List(pl.String)},
    )
    return (
        tasks.join(nearest, on="image_id", how="left", maintain_order="left")
        .with_columns(neighbours=pl.coalesce("nearest", "neighbours"))
        .drop("nearest")
    )


def _task(category: str, choices: Sequence[str], row: dict[str, object]) -> dict[str, object]:
    said, p = row["image_type"], row["probability"]
    guess = next((name for name in (said, row["best_guess"]) if name in choices), None)
    if row["disputed"]:
        why = f"its labels contradict each other: {row['disputed']}"
    elif said == UNTYPED:
        why = "no model has typed it yet"
    elif said == UNSURE:
        why = f"the model is in doubt: {guess or 'its best guess'} has probability {p:.2f}"
    else:
        why = f"the model takes it for {said}, with probability {p:.2f}"
    if not row["has_view"] and said != UNTYPED:
        why += "; no other image of the product has a sure view"
    return {
        "task_id": task_id(IMAGE_TYPE, str(row["image_id"])),
        "image_id": row["image_id"],
        "flag": IMAGE_TYPE,
        "question": QUESTION,
        "choices": list(choices),
        "category": category,
        "product_id": row["product_id"],
        "round": 0,
        "reason": "disagreement" if row["disputed"] else "uncertain",
        "why": why,
        "probability": None if said == UNTYPED else p,
        "guess": guess,
        "model_version": row["model_version"],
        "priority": row["priority"],
        "neighbours": [],
    }
