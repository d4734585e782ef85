"""Tasks and answers as CSV, for spreadsheets."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import polars as pl

from imgassets.moderation.answers import UNSURE, YES_NO
from imgassets.moderation.exchange import (
    AnswerFile,
    Choices,
    GivenAnswer,
    parse_answer,
    parse_time,
    read_text,
)
from imgassets.moderation.tasks import task_id as make_task_id

_EXPORTED = (
    "task_id", "flag", "question", "choices", "why", "product_id", "category", "image_id",
    "image_url", "other_image_id", "other_image_url", "guess", "probability",
)  # fmt: skip
_REQUIRED = ("task_id", "answer")
_SEPARATORS = ",;\t"
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def tasks_csv(tasks: pl.DataFrame) -> str:
    """Return tasks as CSV with an empty column ``answer`` to fill in with one of ``choices``.

    Args:
        tasks: rows of contract ``ReviewTasks`` with image_url and other_image_url.

    Returns:
        The text, with a header. Suppliers choose product ids and URLs: a text that a spreadsheet
        would run as a formula gets an apostrophe in front (only task_id and answer are read back).
    """
    texts = pl.col(pl.String)
    choices = pl.col("choices").fill_null(pl.lit(list(YES_NO))).list.join(", ") + f", {UNSURE}"
    return (
        tasks.with_columns(choices)
        .select(*_EXPORTED, answer=pl.lit(""))
        .with_columns(
            pl.when(texts.str.slice(0, 1).is_in(_FORMULA_STARTS))
            .then("'" + texts)
            .otherwise(texts)
            .name.keep()
        )
        .write_csv()
    )


def read_answers_csv(path: Path, reviewer: str = "", choices: Choices | None = None) -> AnswerFile:
    """Read answers from a CSV file.

    Args:
        path: UTF-8, separated by commas, semicolons or tabs, with ``task_id`` and ``answer`` (one
            of the task's choices or unsure; y, n and u will do; empty: not answered) and optionally
            ``reviewer`` and ``answered_at`` (ISO 8601; without a zone: UTC). Where a spreadsheet
            took a task_id for a number, ``flag``, ``image_id`` and ``other_image_id`` stand in for
            it. Other columns are ignored.
        reviewer: who answered where the file does not say.
        choices: of every task; None: all are answered yes or no.

    Raises:
        ValueError: the file cannot be read, is not UTF-8, is no CSV, or lacks a column.
    """
    text = read_text(path)
    header_line = text.split("\n", 1)[0]
    separator = max(_SEPARATORS, key=header_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    found = AnswerFile(source=path.name)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        missing = [name for name in _REQUIRED if name not in header]
        if missing:
            raise ValueError(
                f"{path}: missing columns: {', '.join(missing)}; the file has: "
                f"{', '.join(header) or 'nothing'}"
            )
        for cells in reader:
            place = f"line {reader.line_num}"
            if len(cells) > len(header):
                found.faults.append(f"{place}: more cells than the header has columns")
            elif any(cells):
                row = dict(zip(header, (cell.strip() for cell in cells), strict=False))
                _read_row(found, place, row, reviewer, choices)
    except csv.Error as error:
        raise ValueError(f"{path}: line {reader.line_num}: no CSV: {error}") from error
    return found


def _read_row(
    found: AnswerFile,
    place: str,
    row: dict[str, str],
    reviewer: str,
    choices: Choices | None,
) -> None:
    """Add a row to what was found: as an answer, as unanswered, or as a fault."""
    if not row.get("answer"):
        found.unanswered += 1
        return
    who = row.get("reviewer") or reviewer
    at = row.get("answered_at", "")
    other = ""
    if row.get("flag") and row.get("image_id"):
        other = make_task_id(row["flag"], row["image_id"], row.get("other_image_id", ""))
    try:
        answer = parse_answer(row["answer"], choices, row["task_id"], other)
        answered_at = parse_time(at) if at else None
        if not who:
            raise ValueError("nobody answered: name a reviewer for the file, or fill the column")
    except ValueError as error:
        found.faults.append(f"{place}: {error}")
        return
    marker = ("csv", who, answered_at.isoformat() if answered_at else "")
    found.answers.append(
        GivenAnswer(place, row["task_id"], answer, who, answered_at, marker, other)
    )
