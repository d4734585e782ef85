"""Answers from files: what every format has in common once it is read.

A format's reader turns a file into an :class:`AnswerFile`; :func:`accept` holds it against the
tasks that were asked. Faults of single answers are collected, each with its place in the file, so
that the caller refuses the file whole or leaves these answers out knowingly.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from imgassets.moderation.answers import UNSURE, YES_NO, answer_row, digest

Choices = Mapping[str, Sequence[str]]
"""By task_id, what can be answered besides unsure."""

_SHOWN = 5
"""Faults that an error message lists before it says how many more there are."""
_SKEW = timedelta(days=1)
"""How far in the future an answer may lie: a forgotten time zone is up to 14 hours."""


@dataclass(frozen=True)
class GivenAnswer:
    """One answer as a file gives it.

    Attributes:
        place: where it stands in the file, e.g. ``line 3``.
        task_id: the question.
        answer: one of the task's choices, by default yes or no; or unsure.
        reviewer: who answered.
        answered_at: when, with a zone; None: the file does not say.
        marker: what tells this answer from others in its file's format; together with the answer
            it makes the answer_id, so that a file imported twice adds nothing.
        other_task_id: the question by the file's other columns, should task_id be garbled.
    """

    place: str
    task_id: str
    answer: str
    reviewer: str
    answered_at: datetime | None
    marker: tuple[str, ...]
    other_task_id: str = ""


@dataclass
class AnswerFile:
    """What a reader found in a file.

    Attributes:
        source: the file's name.
        answers: in the file's order.
        unanswered: questions that the file leaves without an answer, or whose answer was
            cancelled.
        faults: one sentence each, with its place.
    """

    source: str
    answers: list[GivenAnswer] = field(default_factory=list)
    unanswered: int = 0
    faults: list[str] = field(default_factory=list)


def parse_choice(text: str, choices: Sequence[str] = YES_NO) -> str:
    """Return the answer that a text gives, in any case; u is unsure, y yes and n no.

    Args:
        text: one of the choices, or unsure.
        choices: what can be answered besides unsure.

    Raises:
        ValueError: it is another word.
    """
    yes_no = tuple(choices) == YES_NO
    words = {choice: choice for choice in (*choices, UNSURE)}
    for answer in (*YES_NO, UNSURE) if yes_no else (UNSURE,):
        words.setdefault(answer[0], answer)
    choice = words.get(text.strip().lower())
    if choice is None:
        raise ValueError(
            f"'{text}' is no answer: use {', '.join(choices)} or {UNSURE}"
            + (", or y, n or u" if yes_no else "")
        )
    return choice


def parse_answer(text: str, choices: Choices | None, *task_ids: str) -> str:
    """Return the answer that a text gives to the first of ``task_ids`` that there is.

    Args:
        text: as in :func:`parse_choice`.
        choices: of every task; None: all are answered yes or no.
        task_ids: the task, by one column or another.

    Raises:
        ValueError: it is no answer to this task. One to a task that there is not is returned as
            it stands: :func:`accept` says so.
    """
    if choices is None:
        return parse_choice(text)
    known = next((task for task in task_ids if task in choices), None)
    return text if known is None else parse_choice(text, choices[known])


def parse_time(text: str) -> datetime:
    """Return the instant of an ISO 8601 text; without a zone it is UTC.

    Raises:
        ValueError: it is no such text.
    """
    try:
        at = datetime.fromisoformat(text.strip())
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"'{text}' is no ISO 8601 time, such as 2026-01-31T12:00:00Z") from None


def read_text(path: Path) -> str:
    """Return a file's text without a byte order mark.

    Raises:
        ValueError: it is not there, cannot be read, or is not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path}: not UTF-8 (byte {error.start}): save the file as UTF-8"
        ) from error
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from error


def accept(
    found: AnswerFile, tasks: Mapping[str, Mapping[str, Any]], now: datetime
) -> tuple[list[dict[str, Any]], list[str]]:
    """Hold a file's answers against the tasks that were asked.

    Args:
        found: what the reader found.
        tasks: task_id → the task's task_id, image_id, flag and choices.
        now: the time of answers that name none; later ones than tomorrow are faults.

    Returns:
        Rows of contract ``ReviewAnswers``, a repeated answer once, and all faults: the reader's,
        then unknown tasks, times in the future, and contradictions (two answers of one reviewer
        to one task at one time).
    """
    faults = list(found.faults)
    said: dict[tuple[str, str, datetime | None], list[GivenAnswer]] = defaultdict(list)
    for given in found.answers:
        known = next((t for t in (given.task_id, given.other_task_id) if t in tasks), None)
        if known is None:
            faults.append(f"{given.place}: there is no task '{given.task_id}'")
        elif given.answered_at is not None and given.answered_at > now + _SKEW:
            faults.append(f"{given.place}: {given.answered_at.isoformat()} lies in the future")
        else:
            said[known, given.reviewer, given.answered_at].append(given)
    rows: dict[str, dict[str, Any]] = {}
    for (task_id, reviewer, answered_at), same in said.items():
        if len({given.answer for given in same}) > 1:
            places = ", ".join(given.place for given in same)
            faults.append(f"{places}: {reviewer} contradicts themselves about task {task_id}")
            continue
        given = same[0]
        row = answer_row(
            tasks[task_id],
            given.answer,
            reviewer,
            answered_at or now,
            found.source,
            digest(*given.marker, task_id, given.answer),
        )
        rows[row["answer_id"]] = row
    return list(rows.values()), faults


def some(items: Iterable[str]) -> str:
    """Join the first few items and say how many more there are."""
    found = list(items)
    more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return "; ".join(found[:_SHOWN]) + more
