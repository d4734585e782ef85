"""The files in data/ were exported by Label Studio 1.23.2 after it imported our tasks and config.

Two people answered there: task 1 yes and no, task 2 no and no, task 3 unsure; task 4 was skipped,
task 5 submitted empty, task 6 left as a draft, and tasks 7 and 8 not opened.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import polars as pl
import pytest

from imgassets.moderation.exchange import AnswerFile, accept
from imgassets.moderation.label_studio import label_studio_config, read_label_studio, tasks_json
from tests.moderation.people import NOW, pair_task, task, tasks, typed_task

DATA = Path(__file__).parent / "data"
WHOLE = DATA / "label_studio_1.23.json"
MINIMAL = DATA / "label_studio_1.23_min.json"
LATER = NOW.replace(year=2027)
TASKS = {row["task_id"]: row for row in (task(n) for n in range(8))}
IDS = list(TASKS)


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., AnswerFile]:
    def read_content(content: Any, reviewer: str = "", **more: Any) -> AnswerFile:
        path = tmp_path / "export.json"
        text = content if isinstance(content, str) else json.dumps(content)
        path.write_text(text, encoding="utf-8")
        return read_label_studio(path, reviewer, **more)

    return read_content


def annotation(choice: str | None = "yes", **other: Any) -> dict[str, Any]:
    result = {"from_name": "answer", "to_name": "image", "type": "choices"}
    chosen = [] if choice is None else [{**result, "value": {"choices": [choice]}}]
    return {
        "id": 7, "completed_by": 3, "result": chosen, "was_cancelled": False,
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-02T00:00:00Z", **other,
    }  # fmt: skip


def exported(*annotations: Any, **data: Any) -> dict[str, Any]:
    return {"id": 1, "data": {"task_id": IDS[0], **data}, "annotations": list(annotations)}


def test_a_real_export_is_read() -> None:
    found = read_label_studio(WHOLE)
    rows, faults = accept(found, TASKS, LATER)
    assert faults == []
    assert sorted((IDS.index(r["task_id"]), r["answer"], r["reviewer"]) for r in rows) == [
        (0, "no", "label-studio:2"),
        (0, "yes", "label-studio:1"),
        (1, "no", "label-studio:1"),
        (1, "no", "label-studio:2"),
        (2, "unsure", "label-studio:1"),
    ]
    assert found.unanswered == 5
    assert {r["answered_at"].date().isoformat() for r in rows} == {"2026-11-21"}
    assert {r["source"] for r in rows} == {WHOLE.name}


def test_both_formats_of_one_export_hold_the_same_answers() -> None:
    whole, _ = accept(read_label_studio(WHOLE), TASKS, LATER)
    minimal, faults = accept(read_label_studio(MINIMAL), TASKS, LATER)
    assert faults == []
    ids = [{row["answer_id"] for row in rows} for rows in (whole, minimal)]
    assert ids[0] == ids[1]


def test_tasks_come_back_from_label_studio_as_they_left() -> None:
    """What it took in is in its export: data, and meta."""
    rows = tasks(*(task(n, product_id=f"P&{n}", priority=1 - n / 10) for n in range(8)))
    rows = rows.with_columns(
        why=pl.Series([f"The model is not sure (p={n / 8:.2f}) <é>" for n in range(8)]),
        image_url="https://img.example.org/store/"
        + pl.concat_str(
            pl.col("image_id").str.slice(0, 2), pl.col("image_id").str.slice(2, 2), "image_id",
            separator="/",
        ),
    )  # fmt: skip
    ours = json.loads(tasks_json(rows))
    theirs = json.loads(WHOLE.read_text(encoding="utf-8"))
    assert [t["data"] for t in ours] == [t["data"] for t in theirs]
    assert [t["meta"] for t in ours] == [t["meta"] for t in theirs]


def test_predictions_name_controls_of_the_config() -> None:
    rows = tasks(task(1, probability=0.9), task(2, probability=0.25), task(3, probability=None))
    likely, unlikely, unknown = json.loads(tasks_json(rows.with_columns(image_url=pl.lit("u"))))
    assert unknown["predictions"] == []
    prediction = likely["predictions"][0]
    assert (prediction["model_version"], prediction["score"]) == ("weapon/3", 0.9)
    assert unlikely["predictions"][0]["score"] == 0.75
    assert unlikely["predictions"][0]["result"][0]["value"] == {"choices": ["no"]}
    view = ElementTree.fromstring(label_studio_config())
    control = view.find("Choices")
    picture = view.find("Image")
    assert control is not None
    assert picture is not None
    result = prediction["result"][0]
    assert result["from_name"] == control.get("name")
    assert result["to_name"] == control.get("toName") == picture.get("name")
    assert result["type"] == control.tag.lower()
    assert [c.get("value") for c in control] == ["yes", "no", "unsure"]
    wanted = {tag.get("value", "")[1:] for tag in view if tag.get("value", "").startswith("$")}
    assert wanted == {"image", "question", "why"}
    assert wanted <= likely["data"].keys()
    # JSON-MIN puts results beside the data: the same name would overwrite it.
    assert control.get("name") not in likely["data"]


def test_tasks_with_choices_bring_their_own() -> None:
    rows = tasks(typed_task(1, probability=0.4), typed_task(2, guess=None), task(3))
    rows = rows.with_columns(image_url=pl.lit("u"))
    typed, unguessed, yes_no = json.loads(tasks_json(rows))
    assert typed["data"]["choices"] == [
        {"value": "front", "hotkey": "1"}, {"value": "back", "hotkey": "2"},
        {"value": "open", "hotkey": "3"}, {"value": "none", "hotkey": "4"},
        {"value": "unsure", "hotkey": "u"},
    ]  # fmt: skip
    shown = [(choice["value"], choice["hotkey"]) for choice in yes_no["data"]["choices"]]
    assert shown == [("yes", "y"), ("no", "n"), ("unsure", "u")]
    (prediction,) = typed["predictions"]
    assert prediction["score"] == 0.4
    assert prediction["result"][0]["value"] == {"choices": ["back"]}
    assert unguessed["predictions"] == []
    control = ElementTree.fromstring(label_studio_config(rows)).find("Choices")
    assert control is not None
    assert control.get("value") == "$choices"
    assert list(control) == []
    assert label_studio_config(rows.filter(flag="weapon")) == label_studio_config()


def test_a_pair_is_two_pictures_side_by_side(read) -> None:
    asked = pair_task(1, 2, probability=0.75)
    rows = tasks(asked).with_columns(image_url=pl.lit("l"), other_image_url=pl.lit("r"))
    (pair,) = json.loads(tasks_json(rows))
    assert (pair["data"]["image"], pair["data"]["other_image"]) == ("l", "r")
    assert pair["predictions"][0]["result"][0]["value"] == {"choices": ["same"]}
    view = ElementTree.fromstring(label_studio_config(rows))
    pictures = [(tag.get("name"), tag.get("value")) for tag in view.iter("Image")]
    assert pictures == [("image", "$image"), ("other_image", "$other_image")]
    given = exported(annotation("different"), task_id=asked["task_id"])
    found = read([given], choices={asked["task_id"]: asked["choices"]})
    assert [(a.task_id, a.answer) for a in found.answers] == [(asked["task_id"], "different")]


def test_more_choices_than_digits_do_without_keys() -> None:
    many = [f"view{n}" for n in range(12)]
    rows = tasks(typed_task(1, choices=many)).with_columns(image_url=pl.lit("u"))
    choices = json.loads(tasks_json(rows))[0]["data"]["choices"]
    assert [choice["value"] for choice in choices] == [*many, "unsure"]
    assert [choice.get("hotkey") for choice in choices] == [*"123456789", None, None, None, "u"]


def test_answers_are_held_against_the_choices_of_their_task(read) -> None:
    asked = typed_task(0)
    choices = {asked["task_id"]: asked["choices"], IDS[1]: ("yes", "no")}
    content = [
        exported(annotation("back"), task_id=asked["task_id"]),
        exported(annotation("side"), task_id=asked["task_id"]),
        exported(annotation("back"), task_id=IDS[1]),
    ]
    found = read(content, choices=choices)
    assert [given.answer for given in found.answers] == ["back"]
    assert [fault.split(": ")[1] for fault in found.faults] == [
        "'side' is no answer", "'back' is no answer"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("completed_by", "reviewer"),
    [
        (3, "label-studio:3"),
        ({"id": 3, "email": "ann@example.org", "first_name": "Ann"}, "ann@example.org"),
        ({"id": 3}, "label-studio:3"),
        ("ann@example.org", "ann@example.org"),
        (None, "ben"),
        ("None", "ben"),
        ({}, "ben"),
    ],
)
def test_who_completed_it(read, completed_by: object, reviewer: str) -> None:
    found = read([exported(annotation(completed_by=completed_by))], reviewer="ben")
    assert [given.reviewer for given in found.answers] == [reviewer]


@pytest.mark.parametrize("value", ["No", ["no"], {"choices": ["no"]}, [{"choices": ["no"]}]])
def test_choices_of_json_min(read, value: object) -> None:
    item = {"task_id": IDS[0], "id": 1, "answer": value, "annotator": 2, "annotation_id": 9}
    found = read([{**item, "updated_at": "2026-01-02T00:00:00Z"}])
    assert [given.answer for given in found.answers] == ["no"]


def test_a_changed_annotation_is_a_later_answer(read) -> None:
    first = read([exported(annotation("yes"))])
    changed = read([exported(annotation("no", updated_at="2026-01-03T00:00:00Z"))])
    (was,), _ = accept(first, TASKS, NOW)
    (now,), _ = accept(changed, TASKS, NOW)
    assert was["answer_id"] != now["answer_id"]
    assert was["answered_at"] < now["answered_at"]


def test_what_is_no_answer_is_counted(read) -> None:
    content = [exported(annotation(was_cancelled=True), annotation(None)), exported()]
    found = read(content)
    assert (found.answers, found.unanswered, found.faults) == ([], 3, [])


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (exported(annotation("maybe")), "task 1, annotation 7: 'maybe' is no answer"),
        (exported(annotation(), task_id=None), "its data has no task_id"),
        (exported(12), "task 1: annotation 12 is only an id"),
        (exported(annotation(completed_by=None)), "nobody completed it"),
        (exported(annotation(updated_at="soon")), "'soon' is no ISO 8601 time"),
        (
            exported({**annotation(), "result": annotation()["result"] * 2}),
            "2 choices where one is an answer",
        ),
    ],
)
def test_faults_name_their_task(read, item: dict[str, Any], message: str) -> None:
    found = read([item, exported(annotation())])
    assert len(found.answers) == 1
    assert len(found.faults) == 1
    assert message in found.faults[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no JSON"),
        ('{"a": ', "no JSON"),
        ('"text"', "no Label Studio export: it holds no list of tasks"),
        ("[1]", "no Label Studio export: item 1 is no task"),
        ([exported(), {"images": [], "annotations": []}], "item 2 has no data and annotations"),
        ({"data": {"task_id": "x"}, "predictions": []}, "item 1 has no data and annotations"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_files_that_are_no_export(read, content: Any, message: str) -> None:
    with pytest.raises(ValueError, match=r"export\.json: ") as caught:
        read(content)
    assert message in str(caught.value)


def test_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    path.write_bytes(b'[{"data": "\xe9"}]')
    with pytest.raises(ValueError, match="not UTF-8"):
        read_label_studio(path)


def test_other_controls_of_the_project_are_no_answers(read) -> None:
    other = {"from_name": "colour", "type": "choices", "value": {"choices": ["red"]}}
    found = read([exported({**annotation(), "result": [other, *annotation()["result"]]})])
    assert [given.answer for given in found.answers] == ["yes"]


def test_one_task_alone_is_read_too(read) -> None:
    """Cloud storage gets a file per task."""
    assert len(read(exported(annotation())).answers) == 1
