"""Questions about pairs of images: which pairs people are asked about, and in what order."""

from __future__ import annotations

import math

import polars as pl

from imgassets.moderation.flags import SAME_PICTURE
from imgassets.moderation.tasks import task_id
from imgassets.warehouse.contracts import ReviewTasks

QUESTION = "Do both pictures show the same, so that one of them is enough?"

SAME, DIFFERENT = "same", "different"
"""What can be answered."""

ODDS = 20.0
"""A pair is in doubt where its odds of 'same' are at most so many times the limit's, and at least
as small a part of them. Odds, since near 1 probabilities are all alike."""

_SURE = 1e-6
"""A probability this close to 0 or 1 has odds like this one."""


def choose_pair_tasks(
    category: str, pairs: pl.DataFrame, same_probability: float, budget: int
) -> pl.DataFrame:
    """Choose the pairs of a category to ask about: those nearest to the comparator's limit.

    A pair that several products have is asked about once, with the first of them.

    Args:
        category: whose pairs these are.
        pairs: rows of contract ``ComparedPairs`` (their days and categories need not be there).
        same_probability: the comparator's least probability of 'same' in this category, 0 … 1.
        budget: questions, at most.

    Returns:
        Rows of contract ``ReviewTasks`` by falling priority; what people decided, and what is far
        from the limit (see :data:`ODDS`), is not among them.
    """
    apart = (_log_odds(pl.col("probability")) - _log_odds(pl.lit(same_probability))).abs()
    doubtful = (
        pairs.filter(pl.col("decided_by") == "pixels")
        .with_columns(priority=1 - apart / math.log(ODDS))
        .filter(pl.col("priority") >= 0)
        .sort("priority", "product_id", "left_image_id", "right_image_id",
              descending=[True, False, False, False])
        .unique(["left_image_id", "right_image_id"], keep="first", maintain_order=True)
    )  # fmt: skip
    rows = [_task(category, row) for row in doubtful.iter_rows(named=True)]
    tasks = pl.DataFrame(rows, schema=ReviewTasks.create_empty().schema, orient="row")
    wanted = tasks.sort("priority", "task_id", descending=[True, False])
    return ReviewTasks.conform(wanted.head(max(0, budget)))


def _log_odds(probability: pl.Expr) -> pl.Expr:
    p = probability.cast(pl.Float64).clip(_SURE, 1 - _SURE)
    return (p / (1 - p)).log()


def _task(category: str, row: dict[str, object]) -> dict[str, object]:
    p = float(row["probability"])  # type: ignore[arg-type]
    left, right = str(row["left_image_id"]), str(row["right_image_id"])
    return {
        "task_id": task_id(SAME_PICTURE, left, right),
        "image_id": left,
        "other_image_id": right,
        "image_box": row["left_box"],
        "other_box": row["right_box"],
        "flag": SAME_PICTURE,
        "question": QUESTION,
        "choices": [SAME, DIFFERENT],
        "category": category,
        "product_id": row["product_id"],
        "round": 0,
        "reason": "uncertain",
        "why": f"the comparator is in doubt: same with probability {p:.2f}; "
        "the boxes show where they differ most",
        "probability": max(p, 1 - p),
        "guess": SAME if p >= 0.5 else DIFFERENT,
        "model_version": row["comparator_version"],
        "priority": row["priority"],
        "neighbours": [],
    }
