"""The log of answers: what is appended to it, what stands, what it decides, who agrees with whom.

The log (contract ``ReviewAnswers``) only ever grows. A change of mind is a later answer, an undo
is a row of its own, and everything else is computed from the whole log.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import polars as pl

from imgassets.warehouse.contracts import ReviewAnswers

YES_NO = ("yes", "no")
"""What can be answered to a question without choices of its own."""

UNSURE, UNDO = "unsure", "undo"

_STANDING = ["answer_id", "task_id", "image_id", "flag", "answer", "reviewer", "answered_at"]
_QUESTION = ["image_id", "flag", "task_id"]
_PAIRS = {
    "flag": pl.String, "reviewer_a": pl.String, "reviewer_b": pl.String, "n": pl.UInt32,
    "equal": pl.Float64, "kappa": pl.Float64,
}  # fmt: skip


def digest(*parts: str) -> str:
    """Return 32 hex digits that identify a sequence of texts, e.g. as an answer_id."""
    joined = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(joined.encode()).hexdigest()[:32]


def choices_of(task: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what can be answered to a task: its choices, or yes and no; then unsure."""
    return (*(task.get("choices") or YES_NO), UNSURE)


def answer_row(
    task: Mapping[str, Any],
    answer: str,
    reviewer: str,
    answered_at: datetime,
    source: str,
    answer_id: str | None = None,
) -> dict[str, Any]:
    """Return the log's row of one answer.

    Args:
        task: has task_id, image_id and flag, and may have choices.
        answer: one of the task's choices (see :func:`choices_of`).
        reviewer: who answered.
        answered_at: when, with a time zone.
        source: ``web``, or the file it came from.
        answer_id: whatever identifies the answer to its sender; by default made from all the
            others, so that the same answer at the same time is the same row.

    Raises:
        ValueError: the answer is another word, nobody gave it, or the time has no zone.
    """
    if answer not in (possible := choices_of(task)):
        raise ValueError(f"'{answer}' is no answer: say {', '.join(possible)}")
    at = _instant(answered_at)
    who = _named(reviewer)
    return {
        "answer_id": answer_id or digest(task["task_id"], who, at.isoformat(), answer),
        "task_id": task["task_id"],
        "image_id": task["image_id"],
        "flag": task["flag"],
        "answer": answer,
        "reviewer": who,
        "answered_at": at,
        "undoes": None,
        "source": source,
    }


def undo_row(
    answer: Mapping[str, Any], reviewer: str, undone_at: datetime, source: str
) -> dict[str, Any]:
    """Return the log's row that takes an answer back; its id follows from the answer's.

    Args:
        answer: the log's row of the answer.
        reviewer: who takes it back: who gave it.
        undone_at: when, with a time zone.
        source: ``web``, or the file it came from.

    Raises:
        ValueError: the row is no answer or another reviewer's, or the time has no zone.
    """
    if answer["answer"] == UNDO:
        raise ValueError(f"{answer['answer_id']} is an undo, and cannot be undone: answer again")
    if answer["reviewer"] != _named(reviewer):
        raise ValueError(
            f"answer {answer['answer_id']} is {answer['reviewer']}'s: {reviewer} cannot undo it"
        )
    return {
        **{name: answer[name] for name in ("task_id", "image_id", "flag", "reviewer")},
        "answer_id": digest("undo", answer["answer_id"]),
        "answer": UNDO,
        "answered_at": _instant(undone_at),
        "undoes": answer["answer_id"],
        "source": source,
    }


def answer_log(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Return rows of :func:`answer_row` and :func:`undo_row` as a frame in ``ReviewAnswers``."""
    return ReviewAnswers.conform(
        pl.DataFrame(rows, schema=ReviewAnswers.create_empty().schema, orient="row")
    )


def standing_answers(answers: pl.DataFrame) -> pl.DataFrame:
    """Return the answers that stand: each reviewer's latest to each task that was not undone.

    An undo counts whatever its time: it names its answer, so it was made later, and clocks of two
    machines may say otherwise. Undoing the latest answer brings the one before it back.

    Args:
        answers: the whole log, rows of contract ``ReviewAnswers``.

    Returns:
        answer_id, task_id, image_id, flag, answer, reviewer, answered_at; one row per (task_id,
        reviewer), sorted by them. Of two answers at the same time the greater answer_id stands.
    """
    undone = answers.filter(pl.col("answer") == UNDO).select("reviewer", answer_id="undoes")
    return (
        answers.filter(pl.col("answer") != UNDO)
        .join(undone, on=["answer_id", "reviewer"], how="anti")
        .sort("task_id", "reviewer", "answered_at", "answer_id")
        .unique(["task_id", "reviewer"], keep="last", maintain_order=True)
        .select(_STANDING)
    )


def verdicts(answers: pl.DataFrame) -> pl.DataFrame:
    """Return what the standing answers decide about each question.

    Args:
        answers: the whole log, rows of contract ``ReviewAnswers``.

    Returns:
        image_id, flag, task_id, yes, no, unsure (standing answers), counts (how many say what,
        e.g. 'front 2, back 1', most first), verdict, decided, n_reviewers, last_answered_at; one
        row per task with a standing answer, sorted by these three (of a flag or a type, an image
        has one task; of pairs, one for each other image). What most say decides,
        'unsure' left aside; where several are said equally often the verdict is 'contradictory',
        where nobody says more it is 'unsure', and neither is decided.
    """
    said = pl.col("answer")
    standing = standing_answers(answers)
    return (
        standing.group_by(_QUESTION)
        .agg(
            yes=(said == "yes").sum(),
            no=(said == "no").sum(),
            unsure=(said == UNSURE).sum(),
            n_reviewers=pl.col("reviewer").n_unique(),
            last_answered_at=pl.col("answered_at").max(),
        )
        .join(_decide(standing), on=_QUESTION)
        .select(
            *_QUESTION, "yes", "no", "unsure", "counts", "verdict",
            "decided", "n_reviewers", "last_answered_at",
        )
        .sort(_QUESTION)
    )  # fmt: skip


def _decide(standing: pl.DataFrame) -> pl.DataFrame:
    """Return image_id, flag, task_id, counts, verdict and decided of standing answers."""
    votes = (
        standing.group_by(*_QUESTION, "answer")
        .len()
        .sort("len", "answer", descending=[True, False])
    )
    sure = pl.col("answer") != UNSURE
    most = pl.col("len").filter(sure).max()
    leading = pl.col("answer").filter(sure & (pl.col("len") == most))
    return votes.group_by(_QUESTION, maintain_order=True).agg(
        counts=pl.concat_str("answer", "len", separator=" ").str.join(", "),
        decided=leading.len() == 1,
        verdict=pl.when(leading.len() == 1)
        .then(leading.first())
        .when(leading.len() > 1)
        .then(pl.lit("contradictory"))
        .otherwise(pl.lit(UNSURE)),
    )


def agreement(answers: pl.DataFrame) -> pl.DataFrame:
    """Return how far each two reviewers agree on the tasks of which neither was unsure.

    Args:
        answers: the whole log, rows of contract ``ReviewAnswers``.

    Returns:
        flag, reviewer_a < reviewer_b, n (tasks), equal (share answered alike, 0 … 1) and kappa
        (Cohen 1960, -1 … 1: agreement beyond chance; null where both always gave one and the same
        answer, so that chance alone explains everything), sorted. Pairs without a common task are
        left out.
    """
    from sklearn.metrics import cohen_kappa_score

    decided = standing_answers(answers).filter(pl.col("answer") != UNSURE)
    rows = []
    for (flag,), of_flag in decided.group_by("flag"):
        by_reviewer = {
            str(name): dict(part.select("task_id", "answer").iter_rows())
            for (name,), part in of_flag.group_by("reviewer")
        }
        for first, second in itertools.combinations(sorted(by_reviewer), 2):
            left, right = by_reviewer[first], by_reviewer[second]
            common = sorted(left.keys() & right.keys())
            if not common:
                continue
            said = [left[task] for task in common], [right[task] for task in common]
            rows.append(
                {
                    "flag": flag,
                    "reviewer_a": first,
                    "reviewer_b": second,
                    "n": len(common),
                    "equal": sum(map(str.__eq__, *said)) / len(common),
                    "kappa": None
                    if len({*said[0], *said[1]}) == 1
                    else float(cohen_kappa_score(*said)),
                }
            )
    return pl.DataFrame(rows, schema=_PAIRS).sort("flag", "reviewer_a", "reviewer_b")


def _instant(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError(f"{at.isoformat()} has no time zone: the log keeps instants")
    return at.astimezone(UTC)


def _named(reviewer: str) -> str:
    if not reviewer.strip():
        raise ValueError("an answer needs a reviewer")
    return reviewer.strip()
