"""Questions to people: what identifies one, and to whom it is still open."""

from __future__ import annotations

import hashlib

import polars as pl

from imgassets.moderation.answers import standing_answers, verdicts


def task_id(flag: str, image_id: str, other_image_id: str = "") -> str:
    """Return the id of a question about an image, its flag or its type, or a pair: 16 hex digits.

    Flag and images alone make it, so that a question is asked once, however many rounds want it,
    and whichever image of a pair comes first.
    """
    images = sorted(image for image in (image_id, other_image_id) if image)
    return hashlib.sha256(":".join([flag, *images]).encode()).hexdigest()[:16]


def task_states(tasks: pl.DataFrame, answers: pl.DataFrame) -> pl.DataFrame:
    """Return every task with what people have said about it so far.

    Args:
        tasks: rows of contract ``ReviewTasks``.
        answers: the whole log, rows of contract ``ReviewAnswers``.

    Returns:
        ``tasks`` with yes, no, unsure and n_reviewers (0 where nobody answered), counts ('' there),
        last_answered_at (null there), decided, and state: 'open' (no answer stands), or the
        verdict: 'yes', 'no' or one of the task's choices, 'unsure' or 'contradictory'.
    """
    found = verdicts(answers).drop("image_id", "flag")
    return (
        tasks.join(found, on="task_id", how="left", maintain_order="left")
        .rename({"verdict": "state"})
        .with_columns(
            pl.col("state").fill_null("open"),
            pl.col("yes", "no", "unsure", "n_reviewers").fill_null(0),
            pl.col("counts").fill_null(""),
            pl.col("decided").fill_null(False),
        )
    )


def tasks_open_to(reviewer: str, tasks: pl.DataFrame, answers: pl.DataFrame) -> pl.DataFrame:
    """Return the tasks that a reviewer may still decide, in the order in which to ask.

    These are the tasks without a standing answer by anybody, and those whose answers decide
    nothing (all unsure, or as many say one thing as another) and to which this reviewer gave none.

    Returns:
        Rows of ``tasks``, by falling priority, then task_id.
    """
    own = standing_answers(answers).filter(pl.col("reviewer") == reviewer)
    undecided = task_states(tasks, answers).filter(~pl.col("decided"))
    return (
        undecided.join(own, on="task_id", how="anti")
        .select(tasks.columns)
        .sort("priority", "task_id", descending=[True, False])
    )
