"""Questions and answers in the warehouse: what is open, what was said, what is known from it."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import polars as pl

from imgassets.moderation import answers as log
from imgassets.moderation import known
from imgassets.moderation import known_pairs as pairs
from imgassets.moderation import known_types as types
from imgassets.moderation.flags import IMAGE_TYPE, SAME_PICTURE
from imgassets.moderation.tasks import task_states, tasks_open_to
from imgassets.settings import ReviewSettings
from imgassets.warehouse.contracts import (
    Contract,
    FetchedImages,
    FlagLabels,
    ImageLabels,
    ReviewAnswers,
    ReviewTasks,
)
from imgassets.warehouse.lake import Addition, CommitMessage, Warehouse
from imgassets.warehouse.partitions import quote


def open_tasks(
    warehouse: Warehouse, reviewer: str, flag: str | None = None, limit: int | None = 50
) -> pl.DataFrame:
    """Return the tasks that a reviewer may still decide, the most wanted first.

    These are the tasks without a standing answer by anybody, and those whose answers decide
    nothing (all unsure, or as many say one thing as another) and to which this reviewer gave none.

    Args:
        warehouse: where they are.
        reviewer: who asks.
        flag: only this flag's; None: all.
        limit: rows at most; None: all.

    Returns:
        Rows of contract ``ReviewTasks``, by falling priority, then task_id.
    """
    warehouse.initialise()
    where = "true" if flag is None else f"flag = {quote(flag)}"
    tasks = warehouse.read(ReviewTasks, where=where)
    answers = warehouse.read(ReviewAnswers, where=where)
    wanted = tasks_open_to(reviewer, tasks, answers)
    return wanted if limit is None else wanted.head(limit)


def record_answer(
    warehouse: Warehouse,
    task_id: str,
    answer: str,
    reviewer: str,
    answered_at: datetime,
    source: str = "web",
    answer_id: str | None = None,
) -> str:
    """Commit one answer in a transaction of its own and return its answer_id.

    Args:
        warehouse: where it goes.
        task_id: the question.
        answer: one of the task's choices, by default yes or no; or unsure.
        reviewer: who answered.
        answered_at: when, with a time zone.
        source: ``web``, or the file it came from.
        answer_id: given by a sender who may send twice; sent twice, it is kept once.

    Raises:
        ValueError: there is no such task, the answer is another word, nobody gave it, the time
            has no zone, or another answer already has this answer_id. Nothing is written.
    """
    warehouse.initialise()
    tasks = warehouse.read(ReviewTasks, where=f"task_id = {quote(task_id)}")
    if tasks.is_empty():
        raise ValueError(f"there is no task '{task_id}'")
    row = log.answer_row(tasks.row(0, named=True), answer, reviewer, answered_at, source, answer_id)
    said = ("task_id", "answer", "reviewer")
    for present in _rows_of(warehouse, row["answer_id"]):
        if any(present[name] != row[name] for name in said):
            raise ValueError(
                f"answer_id {row['answer_id']} is taken by "
                f"{', '.join(str(present[name]) for name in said)}: send another one"
            )
        return str(row["answer_id"])
    _append(warehouse, log.answer_log([row]))
    return str(row["answer_id"])


def undo_answer(
    warehouse: Warehouse,
    answer_id: str,
    reviewer: str,
    answered_at: datetime,
    source: str = "web",
) -> str:
    """Append the row that takes an answer back and return its answer_id.

    Raises:
        ValueError: there is no such answer, it is another reviewer's, it was undone before, or
            the time has no zone. Nothing is written.
    """
    warehouse.initialise()
    found = _rows_of(warehouse, answer_id)
    if not found:
        raise ValueError(f"there is no answer '{answer_id}'")
    row = log.undo_row(found[0], reviewer, answered_at, source)
    if _rows_of(warehouse, row["answer_id"]):
        raise ValueError(f"answer {answer_id} was already undone")
    _append(warehouse, log.answer_log([row]))
    return str(row["answer_id"])


def add_tasks(warehouse: Warehouse, tasks: pl.DataFrame) -> int:
    """Add the tasks that were never asked before; return how many these were.

    Args:
        warehouse: where they go.
        tasks: rows of contract ``ReviewTasks``.
    """
    warehouse.initialise()
    asked = warehouse.read(ReviewTasks, columns=["task_id"])
    new = tasks.join(asked, on="task_id", how="anti")
    if new.is_empty():
        return 0
    warehouse.replace([Addition(ReviewTasks, new)], CommitMessage(asset="review_tasks"))
    return new.height


class Asked(NamedTuple):
    """What was asked before.

    Attributes:
        tasks: every task of the flag, of all categories.
        budget: questions of the category that may be added now; negative if too many are open.
    """

    tasks: pl.DataFrame
    budget: int


def asked_before(warehouse: Warehouse, flag: str, category: str, settings: ReviewSettings) -> Asked:
    """Return what was asked about a flag, so that nothing is asked twice or too much at a time.

    Args:
        warehouse: holds tasks and answers.
        flag: a flag, or what stands for types and pairs.
        category: whose open questions count.
        settings: how many may be open.
    """
    where = f"flag = {quote(flag)}"
    tasks = warehouse.read(ReviewTasks, where=where)
    of_category = tasks.filter(pl.col("category") == category)
    states = task_states(of_category, warehouse.read(ReviewAnswers, where=where))
    unanswered = states.filter(pl.col("n_reviewers") == 0).height
    return Asked(tasks, settings.tasks_per_round - unanswered)


def known_values(warehouse: Warehouse) -> pl.DataFrame:
    """Return what people have said about images: imported labels and decided answers.

    Returns:
        image_id, flag, value, group_id, product_id, category, split, origin; one row per
        (image_id, flag): see :func:`imgassets.moderation.known.known_values`.
    """
    return known.known_values(*_said(warehouse))


def contradictions(warehouse: Warehouse) -> pl.DataFrame:
    """Return the images about which people contradict each other.

    Returns:
        image_id, flag, origin, yes, no, detail: see
        :func:`imgassets.moderation.known.contradictions`.
    """
    labels, decided, _, _ = _said(warehouse)
    return known.contradictions(labels, decided)


def known_types(warehouse: Warehouse) -> pl.DataFrame:
    """Return what people have said about images' types: imported labels and decided answers.

    Returns:
        product_id, image_id, image_type, group_id, category, origin; one row per (product_id,
        image_id): see :func:`imgassets.moderation.known_types.known_types`.
    """
    labels, decided, tasks = _said_of_types(warehouse)
    images = FetchedImages.create_empty().select("category", "product_id", "image_id")
    if not decided.is_empty():
        images = warehouse.sql(
            "SELECT DISTINCT category, product_id, image_id "
            "FROM fetched_images SEMI JOIN decided USING (image_id)",
            decided=decided.select("image_id"),
        )
    return types.known_types(labels, decided, tasks, images, product_groups(warehouse))


def type_contradictions(warehouse: Warehouse) -> pl.DataFrame:
    """Return the images about whose type people contradict each other.

    Returns:
        product_id, image_id, category, origin, detail: see
        :func:`imgassets.moderation.known_types.contradictions`.
    """
    return types.contradictions(*_said_of_types(warehouse))


def known_pairs(warehouse: Warehouse) -> pl.DataFrame:
    """Return what people have said about pairs of images: their decided answers.

    Returns:
        left_image_id < right_image_id, same; one row per pair: see
        :func:`imgassets.moderation.known_pairs.known_pairs`.
    """
    warehouse.initialise()
    where = f"flag = {quote(SAME_PICTURE)}"
    decided = log.verdicts(warehouse.read(ReviewAnswers, where=where))
    tasks = warehouse.read(ReviewTasks, where=where, columns=["task_id", "other_image_id"])
    return pairs.known_pairs(decided, tasks)


def _said(
    warehouse: Warehouse,
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Return flag labels with their images, verdicts, tasks, and every product's group."""
    labels = _with_images(warehouse, FlagLabels, "flag", "value", "group_id", "split")
    decided = log.verdicts(warehouse.read(ReviewAnswers))
    tasks = warehouse.read(ReviewTasks, columns=["task_id", "product_id", "category"])
    return labels, decided, tasks, product_groups(warehouse)


def _said_of_types(warehouse: Warehouse) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Return labels of types with their images, verdicts about types, and their tasks."""
    labels = _with_images(warehouse, ImageLabels, "image_type", "group_id")
    where = f"flag = {quote(IMAGE_TYPE)}"
    decided = log.verdicts(warehouse.read(ReviewAnswers, where=where))
    columns = ["task_id", "product_id", "category"]
    return labels, decided, warehouse.read(ReviewTasks, where=where, columns=columns)


def _with_images(warehouse: Warehouse, contract: type[Contract], *columns: str) -> pl.DataFrame:
    """Return labels with the images that they speak of, each once.

    Returns:
        product_id, image_url, ``columns``, image_id, category.
    """
    warehouse.initialise()
    reference = ["product_id", "image_url"]
    labels = warehouse.read(contract, columns=[*reference, *columns])
    if labels.is_empty():  # Then nobody need look at all images of the catalog.
        return labels.with_columns(image_id=pl.lit(""), category=pl.lit(""))
    return warehouse.sql(
        "SELECT DISTINCT l.*, f.image_id, f.category "
        "FROM labels AS l JOIN fetched_images AS f USING (product_id, image_url)",
        labels=labels,
    )


def product_groups(warehouse: Warehouse) -> pl.DataFrame:
    """Return product_id, group_id of the products that any label gives a group."""
    return warehouse.sql(
        """
        SELECT product_id, min(group_id) AS group_id
        FROM (
            SELECT product_id, group_id FROM image_labels
            UNION ALL SELECT product_id, group_id FROM flag_labels
        )
        WHERE group_id <> product_id GROUP BY product_id
        """
    )


def _rows_of(warehouse: Warehouse, answer_id: str) -> list[dict[str, object]]:
    return warehouse.read(ReviewAnswers, where=f"answer_id = {quote(answer_id)}").to_dicts()


def _append(warehouse: Warehouse, rows: pl.DataFrame) -> None:
    warehouse.replace([Addition(ReviewAnswers, rows)], CommitMessage(asset="review_answers"))
