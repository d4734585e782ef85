"""Tasks about made-up images, for the tests of what people say."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from imgassets.moderation.answers import answer_log, answer_row
from imgassets.moderation.flags import SAME_PICTURE
from imgassets.moderation.tasks import task_id
from imgassets.warehouse.contracts import ReviewTasks

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def image(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def task(number: int, flag: str = "weapon", **other: Any) -> dict[str, Any]:
    return {
        "task_id": task_id(flag, image(number)),
        "image_id": image(number),
        "flag": flag,
        "question": "Does the picture show a weapon?",
        "category": "toys",
        "product_id": f"P{number}",
        "round": 1,
        "reason": "uncertain",
        "why": "the model is not sure",
        "probability": 0.5,
        "model_version": "weapon/3",
        "priority": 0.5,
        "neighbours": [image(number + 1)],
        **other,
    }


def tasks(*rows: dict[str, Any]) -> pl.DataFrame:
    return ReviewTasks.conform(
        pl.DataFrame(list(rows), schema=ReviewTasks.create_empty().schema, orient="row")
    )


def typed_task(number: int, **other: Any) -> dict[str, Any]:
    """A question about an image's type."""
    asked = {
        "question": "Which view of the product does the picture show?",
        "choices": ["front", "back", "open", "none"],
        "guess": "back",
    }
    return task(number, "image_type", **{**asked, **other})


def pair_task(left: int, right: int, **other: Any) -> dict[str, Any]:
    """A question about two images, whether they show the same."""
    first, second = sorted((image(left), image(right)))
    asked = {
        "task_id": task_id(SAME_PICTURE, first, second),
        "image_id": first,
        "other_image_id": second,
        "image_box": [0.0, 0.25, 0.5, 0.5],
        "other_box": [0.5, 0.25, 0.5, 0.5],
        "question": "Do both pictures show the same, so that one of them is enough?",
        "choices": ["same", "different"],
        "guess": "same",
        "neighbours": [],
    }
    return task(left, SAME_PICTURE, **{**asked, **other})


def answers(
    *said: tuple[int, str, str], of: Callable[[int], dict[str, Any]] = task
) -> pl.DataFrame:
    """Return a log of (task number, answer, reviewer), a minute apart."""
    return answer_log(
        [
            answer_row(of(number), answer, reviewer, NOW + timedelta(minutes=minute), "web")
            for minute, (number, answer, reviewer) in enumerate(said)
        ]
    )
