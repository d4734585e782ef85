"""The review API: questions out, answers in, each acknowledged only when it is committed."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any

import polars as pl
from fastapi import APIRouter, Depends, Query, Request

from imgassets.moderation.answers import choices_of, standing_answers
from imgassets.moderation.flags import Flag
from imgassets.operations.reviews import open_tasks, record_answer, undo_answer
from imgassets.service import messages as m
from imgassets.service.context import describe, flag_title, latest_answers
from imgassets.service.leases import Leases
from imgassets.warehouse.contracts import ReviewAnswers, ReviewTasks
from imgassets.warehouse.lake import Warehouse
from imgassets.warehouse.partitions import quote

_LATEST = 8
"""Answers that the summary shows."""

_EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)
"""A reviewer's clock that says less is wrong."""


@dataclass(frozen=True)
class ReviewDesk:
    """What the routes work with."""

    warehouse: Warehouse
    flags: Mapping[str, Flag]
    leases: Leases = field(default_factory=Leases)

    def open_to(self, reviewer: str, flag: str | None = None) -> pl.DataFrame:
        """Return all tasks open to a reviewer, the most urgent first: they are counted, too."""
        return open_tasks(self.warehouse, reviewer, flag, limit=sys.maxsize)


class ApiError(Exception):
    """A request that fails with a status and a :class:`messages.Failure`."""

    def __init__(self, status: int, failure: m.Failure) -> None:
        super().__init__(failure.detail)
        self.status = status
        self.failure = failure


def _desk(request: Request) -> ReviewDesk:
    desk: ReviewDesk = request.app.state.desk
    return desk


Desk = Annotated[ReviewDesk, Depends(_desk)]
_TaskIds = Annotated[list[m.TaskId], Query(max_length=500)]

router = APIRouter(prefix="/api/review", tags=["review"])
_NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"model": m.Failure}}
_CONFLICT: dict[int | str, dict[str, Any]] = {409: {"model": m.Failure}}


@router.get("/tasks")
def next_tasks(
    desk: Desk,
    reviewer: Annotated[m.Reviewer, Query()],
    flag: Annotated[m.FlagId | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=50)] = 6,
    held: _TaskIds = [],  # noqa: B006  FastAPI copies defaults
    skip: _TaskIds = [],  # noqa: B006
    answered: _TaskIds = [],  # noqa: B006
) -> m.TaskBatch:
    """Return the next questions for a reviewer and lease them for two minutes.

    `held` are questions that the reviewer has already, whose leases are renewed; `skip` are others
    not to send; `answered` are those whose answers may be on their way: they count as answered.
    Questions that another reviewer has come last.
    """
    open_now = desk.open_to(reviewer, flag)
    left_out = {*held, *skip, *answered}
    wanted = [task for task in open_now["task_id"] if task not in left_out]
    # What a reviewer holds is open, although an undo may be on its way.
    still_open = {*open_now["task_id"], *held}.difference(answered)
    chosen = desk.leases.take(reviewer, wanted, limit, renew=held)
    rows = pl.DataFrame({"task_id": chosen}, schema={"task_id": pl.String}).join(
        open_now, on="task_id", how="left", maintain_order="left"
    )
    return m.TaskBatch(tasks=describe(desk.warehouse, desk.flags, rows), open=len(still_open))


@router.get("/tasks/{task_id}", responses=_NOT_FOUND)
def one_task(desk: Desk, task_id: m.TaskId) -> m.Task:
    """Return one question, answered or not."""
    rows = desk.warehouse.read(ReviewTasks, where=f"task_id = {quote(task_id)}")
    if rows.is_empty():
        raise ApiError(404, m.Failure(error="unknown_task", detail=_no_task(task_id)))
    return describe(desk.warehouse, desk.flags, rows)[0]


@router.post("/answers", responses={**_NOT_FOUND, **_CONFLICT})
def take_answers(desk: Desk, sent: m.Answers) -> m.Saved:
    """Commit answers one by one; the reply is sent when the last of them is in the warehouse.

    Answers that cannot be kept (404: no such task; 409: the answer_id is taken by another answer)
    do not stop the others: the failure names those that were saved, and those refused. A word that
    is none of a task's choices (422) stops all: nobody who read the questions sends it.
    """
    known = _known_tasks(desk.warehouse, [answer.task_id for answer in sent.answers])
    faulty = [
        m.Refused(
            id=str(answer.answer_id),
            detail=f"'{answer.answer}' is no answer to task {answer.task_id}",
        )
        for answer in sent.answers
        if answer.answer not in known.get(answer.task_id, choices_of({}))
    ]
    if faulty:
        failure = m.Failure(error="no_answer", detail=faulty[0].detail, refused=faulty)
        raise ApiError(422, failure)
    saved: list[str] = []
    unknown: list[m.Refused] = []
    taken: list[m.Refused] = []
    for answer in sent.answers:
        answer_id = str(answer.answer_id)
        if answer.task_id not in known:
            unknown.append(m.Refused(id=answer_id, detail=_no_task(answer.task_id)))
            continue
        try:
            record_answer(
                desk.warehouse,
                answer.task_id,
                answer.answer,
                sent.reviewer,
                _instant(answer.answered_at),
                answer_id=answer_id,
            )
        except ValueError as error:
            taken.append(m.Refused(id=answer_id, detail=str(error)))
        else:
            saved.append(answer_id)
            desk.leases.release(answer.task_id)
    if refused := unknown + taken:
        raise ApiError(
            404 if unknown else 409,
            m.Failure(
                error="unknown_task" if unknown else "answer_id_taken",
                detail=refused[0].detail,
                saved=saved,
                refused=refused,
            ),
        )
    return m.Saved(saved=saved)


@router.post("/undo", responses=_CONFLICT)
def undo(desk: Desk, sent: m.Undo) -> m.Undone:
    """Take one of the reviewer's own answers back; the answer and its undo are both kept."""
    undone = desk.warehouse.read(
        ReviewAnswers,
        where=f"undoes = {quote(sent.answer_id)} AND reviewer = {quote(sent.reviewer)}",
    )
    if not undone.is_empty():
        return m.Undone(undo_id=undone["answer_id"][0])
    try:
        undo_id = undo_answer(
            desk.warehouse, sent.answer_id, sent.reviewer, _instant(sent.undone_at)
        )
    except ValueError as error:
        refused = m.Refused(id=sent.answer_id, detail=str(error))
        raise ApiError(
            409, m.Failure(error="cannot_undo", detail=str(error), refused=[refused])
        ) from error
    return m.Undone(undo_id=undo_id)


@router.get("/summary")
def summary(desk: Desk, reviewer: Annotated[m.Reviewer, Query()]) -> m.Summary:
    """Return what is open to a reviewer, and what the reviewer said last."""
    open_now = desk.open_to(reviewer)
    answers = desk.warehouse.read(ReviewAnswers, where=f"reviewer = {quote(reviewer)}")
    standing = standing_answers(answers)
    return m.Summary(
        open=open_now.height,
        flags=open_flags(desk, open_now),
        answered=standing.height,
        latest=latest_answers(desk.warehouse, desk.flags, standing, _LATEST),
    )


def open_flags(desk: ReviewDesk, tasks: pl.DataFrame) -> list[m.OpenFlag]:
    """Count tasks by flag, most first."""
    counts = tasks.group_by("flag").len().sort("len", "flag", descending=[True, False])
    return [
        m.OpenFlag(flag=flag, title=flag_title(desk.flags, flag), open=count)
        for flag, count in counts.iter_rows()
    ]


def _known_tasks(warehouse: Warehouse, task_ids: list[str]) -> dict[str, tuple[str, ...]]:
    """Return what can be answered to each of these tasks that there is."""
    found = warehouse.sql(
        "SELECT task_id, choices FROM review_tasks SEMI JOIN wanted USING (task_id)",
        wanted=pl.DataFrame({"task_id": task_ids}),
    )
    return {task["task_id"]: choices_of(task) for task in found.iter_rows(named=True)}


def _no_task(task_id: str) -> str:
    return f"there is no task '{task_id}'"


def _instant(at: datetime) -> datetime:
    """Return when a reviewer did something: by the reviewer's clock, unless that is wrong."""
    now = datetime.now(UTC)
    return at if _EARLIEST <= at <= now else now
