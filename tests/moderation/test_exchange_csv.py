from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from imgassets.moderation.exchange import AnswerFile, accept
from imgassets.moderation.exchange_csv import read_answers_csv, tasks_csv
from tests.moderation.people import NOW, image, pair_task, task, tasks, typed_task

TASKS = {row["task_id"]: row for row in (task(n) for n in range(5))}
IDS = list(TASKS)


@pytest.fixture
def read(tmp_path: Path):
    def read_text(text: str | bytes, reviewer: str = "ann") -> AnswerFile:
        path = tmp_path / "answers.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_answers_csv(path, reviewer)

    return read_text


def said(found: AnswerFile) -> list[tuple[str, str]]:
    assert found.faults == []
    return [(given.task_id, given.answer) for given in found.answers]


def test_exported_tasks_are_filled_in_and_read_back(read) -> None:
    nasty = "Is this \"it\", or\nnot; 'é'?"
    rows = tasks(*(task(n, question=nasty, why=nasty) for n in range(3)))
    exported = tasks_csv(
        rows.with_columns(image_url=pl.lit("http://x/1,2.jpg"), other_image_url=None)
    )
    table = list(csv.DictReader(io.StringIO(exported, newline="")))
    assert table[0]["question"] == nasty
    assert all(row["answer"] == "" for row in table)
    filled = io.StringIO(newline="")
    writer = csv.DictWriter(filled, table[0].keys(), delimiter=";")
    writer.writeheader()
    for row, answer in zip(table, ("Y", "no", ""), strict=True):
        writer.writerow({**row, "answer": answer})
    found = read("﻿" + filled.getvalue())
    assert said(found) == [(IDS[0], "yes"), (IDS[1], "no")]
    assert found.unanswered == 1


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_no_text_of_a_supplier_is_a_formula(start: str) -> None:
    evil = f"{start}HYPERLINK(1)"
    row = tasks(task(1, product_id=evil))
    exported = tasks_csv(row.with_columns(image_url=pl.lit(evil), other_image_url=None))
    row = next(csv.DictReader(io.StringIO(exported)))
    assert row["product_id"] == row["image_url"] == f"'{evil}"
    assert row["task_id"] == IDS[1]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_spreadsheets_spellings(read, separator: str, ending: str) -> None:
    lines = ["Task_ID ,note,ANSWER", f"{IDS[0]},x, YES ", "", f"{IDS[1]},x,n", f"{IDS[2]},x,U"]
    found = read(ending.join(lines).replace(",", separator) + ending)
    assert said(found) == [(IDS[0], "yes"), (IDS[1], "no"), (IDS[2], "unsure")]


def test_times_and_reviewers_of_the_file_win(read) -> None:
    found = read(
        "task_id,answer,reviewer,answered_at\n"
        f"{IDS[0]},y,ben,2026-01-31T12:00:00+02:00\n{IDS[1]},y,,2026-01-31 12:00\n"
    )
    assert [(a.reviewer, a.answered_at) for a in found.answers] == [
        ("ben", datetime(2026, 1, 31, 10, tzinfo=UTC)),
        ("ann", datetime(2026, 1, 31, 12, tzinfo=UTC)),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "missing columns: task_id, answer; the file has: nothing"),
        ("task_id,verdict\n", "missing columns: answer; the file has: task_id, verdict"),
        (b"task_id,answer\n\xff\xfe,y\n", "not UTF-8 (byte 15): save the file as UTF-8"),
        ("task_id,answer\n".encode("utf-16"), "not UTF-8"),
        ('task_id,answer\n"a"b,y\n', "line 2: no CSV"),
        ('task_id,answer\n"never closed,y\n', "no CSV"),
        ("task_id,answer\n" + "a" * 200_000 + ",y\n", "line 2: no CSV: field larger than"),
    ],
)
def test_files_that_are_no_answers(read, text: str | bytes, message: str) -> None:
    with pytest.raises(ValueError, match=r"answers\.csv: ") as caught:
        read(text)
    assert message in str(caught.value)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere\.csv: no such file"):
        read_answers_csv(tmp_path / "nowhere.csv")
    with pytest.raises(ValueError, match="cannot be read: Is a directory"):
        read_answers_csv(tmp_path)


def test_faults_of_rows_name_their_lines(read) -> None:
    found = read(
        "task_id,answer,answered_at,reviewer\n"
        f"{IDS[0]},maybe,,ann\n{IDS[1]},y,yesterday,ann\n{IDS[2]},y,,\n{IDS[3]},y,,ann,more\n"
        f"{IDS[4]},n,0001-01-01T00:00:00+14:00,ann\n",
        reviewer="",
    )
    assert found.answers == []
    lines = [fault.split(":")[0] for fault in found.faults]
    assert lines == [f"line {n}" for n in range(2, 7)]
    assert "'maybe' is no answer: use yes, no or unsure" in found.faults[0]
    assert "'yesterday' is no ISO 8601 time" in found.faults[1]
    assert "nobody answered" in found.faults[2]


def test_unknown_tasks_and_the_future_are_faults(read) -> None:
    tomorrow = (NOW + timedelta(days=2)).isoformat()
    found = read(
        f"task_id,answer,answered_at\nffffffffffffffff,y,\n{IDS[0]},y,{tomorrow}\n{IDS[1]},y,\n"
    )
    rows, faults = accept(found, TASKS, NOW)
    assert [row["task_id"] for row in rows] == [IDS[1]]
    assert faults[0] == "line 2: there is no task 'ffffffffffffffff'"
    assert faults[1].startswith("line 3: ")
    assert faults[1].endswith("lies in the future")


def test_a_reviewer_who_contradicts_themselves_is_a_fault(read) -> None:
    rows, faults = accept(read(f"task_id,answer\n{IDS[0]},y\n{IDS[0]},n\n"), TASKS, NOW)
    assert rows == []
    assert faults == [f"line 2, line 3: ann contradicts themselves about task {IDS[0]}"]


def test_a_change_of_mind_and_a_second_opinion_are_none(read) -> None:
    found = read(
        "task_id,answer,answered_at,reviewer\n"
        f"{IDS[0]},y,2026-01-01,ann\n{IDS[0]},n,2026-01-02,ann\n{IDS[0]},y,2026-01-02,ben\n"
    )
    rows, faults = accept(found, TASKS, NOW)
    assert faults == []
    assert len({row["answer_id"] for row in rows}) == 3


def test_a_task_id_that_a_spreadsheet_took_for_a_number(read) -> None:
    found = read(f"task_id,flag,image_id,answer\n1.23E+15,weapon,{image(2)},y\n")
    rows, faults = accept(found, TASKS, NOW)
    assert faults == []
    assert rows[0]["task_id"] == IDS[2]


def test_the_same_content_gives_the_same_ids_at_any_time(read) -> None:
    text = f"task_id,answer,answered_at\n{IDS[0]},y,\n{IDS[1]},n,2026-01-01T00:00:00Z\n"
    respelt = text.replace(",y,", ",YES,").replace("00:00Z", "00:00+00:00")
    first, _ = accept(read(text), TASKS, NOW)
    later, _ = accept(read(respelt), TASKS, NOW + timedelta(days=1))
    assert [r["answer_id"] for r in first] == [r["answer_id"] for r in later]
    assert [r["answered_at"] for r in first] == [NOW, datetime(2026, 1, 1, tzinfo=UTC)]
    other, _ = accept(read(text.replace(",y,", ",n,"), reviewer="ben"), TASKS, NOW)
    assert not {r["answer_id"] for r in first} & {r["answer_id"] for r in other}


def test_choices_go_out_and_come_back(tmp_path: Path) -> None:
    asked = {row["task_id"]: row for row in (task(0), *(typed_task(n) for n in range(4)))}
    rows = tasks(*asked.values())
    exported = tasks_csv(rows.with_columns(image_url=pl.lit("u"), other_image_url=None))
    table = list(csv.DictReader(io.StringIO(exported, newline="")))
    shown = {row["task_id"]: (row["choices"], row["guess"]) for row in table}
    assert shown[task(0)["task_id"]] == ("yes, no, unsure", "")
    assert shown[typed_task(0)["task_id"]] == ("front, back, open, none, unsure", "back")
    path = tmp_path / "answers.csv"
    ids = list(asked)
    path.write_text(
        f"task_id,answer\n{ids[0]},y\n{ids[1]},Front\n{ids[2]},u\n{ids[3]},yes\n{ids[4]},n\n"
        "ffffffffffffffff,front\n"
    )
    choices = {task_id: row.get("choices") or ("yes", "no") for task_id, row in asked.items()}
    rows, faults = accept(read_answers_csv(path, "ann", choices), asked, NOW)
    said = {row["task_id"]: row["answer"] for row in rows}
    assert said == {ids[0]: "yes", ids[1]: "front", ids[2]: "unsure"}
    assert faults == [
        "line 5: 'yes' is no answer: use front, back, open, none or unsure",
        "line 6: 'n' is no answer: use front, back, open, none or unsure",
        "line 7: there is no task 'ffffffffffffffff'",
    ]


def test_pairs_go_out_and_come_back(tmp_path: Path) -> None:
    asked = {row["task_id"]: row for row in (pair_task(1, 2), pair_task(1, 3), pair_task(2, 3))}
    urls = {"image_url": pl.lit("https://x/left"), "other_image_url": pl.lit("https://x/right")}
    exported = tasks_csv(tasks(*asked.values()).with_columns(**urls))
    table = list(csv.DictReader(io.StringIO(exported, newline="")))
    assert {(row["image_id"], row["other_image_id"]) for row in table} == {
        (row["image_id"], row["other_image_id"]) for row in asked.values()
    }
    assert (table[0]["image_url"], table[0]["other_image_url"]) == (
        "https://x/left", "https://x/right",
    )  # fmt: skip
    said = dict(zip(asked, ("same", "Different", "u"), strict=True))
    path = tmp_path / "answers.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, table[0].keys())
        writer.writeheader()
        for row in table:  # a spreadsheet took the ids for numbers
            writer.writerow({**row, "task_id": "1.2E+15", "answer": said[row["task_id"]]})
    choices = {task_id: row["choices"] for task_id, row in asked.items()}
    rows, faults = accept(read_answers_csv(path, "ann", choices), asked, NOW)
    assert faults == []
    assert [
        row["answer"] for row in sorted(rows, key=lambda r: list(asked).index(r["task_id"]))
    ] == ["same", "different", "unsure"]
