"""Tasks for Label Studio, and answers from its exports (JSON and JSON-MIN).

Formats: https://labelstud.io/guide/task_format, https://labelstud.io/guide/predictions and
https://labelstud.io/guide/export.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from imgassets.moderation.answers import choices_of
from imgassets.moderation.exchange import (
    AnswerFile,
    Choices,
    GivenAnswer,
    parse_answer,
    parse_time,
    read_text,
)

_CONTROL = "answer"
_OBJECT = "image"
_OTHER = "other_image"
_DATA = ("task_id", "flag", "question", "why", "product_id", "category", "image_id")
_META = ("reason", "round", "priority")
_CONFIG = f"""\
<View>
  <Header value="$question"/>
  <Text name="why" value="$why"/>
%s
  <Choices name="{_CONTROL}" toName="{_OBJECT}" choice="single" required="true" showInline="true"%s
</View>
"""
_PICTURE = '  <Image name="%s" value="$%s" zoom="true" zoomControl="true"/>'
_ONE = _PICTURE % (_OBJECT, _OBJECT)
_PAIR = f"""\
  <View style="display: grid; grid-template-columns: 1fr 1fr; gap: 1em">
  {_ONE}
  {_PICTURE % (_OTHER, _OTHER)}
  </View>"""
_FIXED = """>
    <Choice value="yes" hotkey="y"/>
    <Choice value="no" hotkey="n"/>
    <Choice value="unsure" hotkey="u"/>
  </Choices>"""
_OF_THE_TASK = ' value="$choices"/>'


def label_studio_config(tasks: pl.DataFrame | None = None) -> str:
    """Return the labeling configuration (XML) of a Label Studio project for these tasks.

    Its choices are yes, no and unsure, or, where any task has its own, each task's (Label Studio's
    dynamic choices, https://labelstud.io/tags/choices). Tasks about pairs show both pictures side
    by side.
    """
    of_the_task = tasks is not None and _any_has_choices(tasks)
    pictures = _PAIR if tasks is not None and _are_pairs(tasks) else _ONE
    return _CONFIG % (pictures, _OF_THE_TASK if of_the_task else _FIXED)


def tasks_json(tasks: pl.DataFrame) -> str:
    """Return tasks in Label Studio's import format.

    Args:
        tasks: rows of contract ``ReviewTasks`` with image_url and other_image_url; either all are
            about pairs or none is.

    Returns:
        A JSON list. Each task's data names the question, and its choices where any task has its
        own; where a model has a probability it is a prediction: the likelier choice, with its
        probability as the score.
    """
    listed = []
    for row in tasks.iter_rows(named=True):
        data = {"image": row["image_url"], **{name: row[name] for name in _DATA}}
        if _any_has_choices(tasks):
            data["choices"] = _options(row)
        if row["other_image_id"]:
            data |= {_OTHER: row["other_image_url"], "other_image_id": row["other_image_id"]}
        listed.append(
            {
                "data": data,
                "meta": {name: row[name] for name in _META},
                "predictions": _predictions(row),
            }
        )
    return json.dumps(listed, ensure_ascii=False, indent=1) + "\n"


def _any_has_choices(tasks: pl.DataFrame) -> bool:
    return tasks["choices"].null_count() < tasks.height


def _are_pairs(tasks: pl.DataFrame) -> bool:
    return tasks["other_image_id"].null_count() < tasks.height


def _options(task: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return a task's choices as Label Studio takes them, with keys as on the review page."""
    numbers = [str(number) for number in range(1, 10)] if task["choices"] else ["y", "n"]
    *own, unsure = choices_of(task)
    keyed = itertools.zip_longest(own, numbers[: len(own)])
    return [
        *({"value": choice, "hotkey": key} if key else {"value": choice} for choice, key in keyed),
        {"value": unsure, "hotkey": "u"},
    ]


def _predictions(task: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what the model takes to be the answer, if there is a model and it takes any."""
    probability = task["probability"]
    if probability is None:
        return []
    if task["choices"]:
        choice = task["guess"]
    elif probability >= 0.5:
        choice = "yes"
    else:
        choice, probability = "no", 1 - probability
    if choice is None:
        return []
    return [
        {
            "model_version": task["model_version"] or "unnamed",
            "score": round(probability, 6),
            "result": [
                {
                    "id": task["task_id"],
                    "from_name": _CONTROL,
                    "to_name": _OBJECT,
                    "type": "choices",
                    "value": {"choices": [choice]},
                }
            ],
        }
    ]


def read_label_studio(path: Path, reviewer: str = "", choices: Choices | None = None) -> AnswerFile:
    """Read answers from what Label Studio exports as JSON or JSON-MIN.

    Every annotation is one answer by the one who completed it, at the time of its last update.
    Cancelled (skipped) annotations and those without a choice count as unanswered; drafts and
    predictions are no answers. An annotation that was changed is another answer, later than the
    first; one that was not is the same answer in whichever format and export it comes.

    Args:
        path: the export.
        reviewer: who answered where an annotation does not say.
        choices: of every task; None: all are answered yes or no.

    Raises:
        ValueError: the file cannot be read, is no JSON, or is no such export.
    """
    try:
        content = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}: no JSON: {error}") from error
    except RecursionError:
        raise ValueError(f"{path}: JSON nested too deeply for an export") from None
    items = [content] if isinstance(content, dict) else content
    if not isinstance(items, list):
        raise _no_export(path, "it holds no list of tasks")
    found = AnswerFile(source=path.name)
    for number, item in enumerate(items, start=1):
        for place, annotation in _annotations(path, number, item, found):
            _read_annotation(found, place, annotation, reviewer, choices)
    return found


def _annotations(
    path: Path, number: int, item: object, found: AnswerFile
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (place, annotation) of one exported item, with task_id and choices made alike.

    Raises:
        ValueError: the item comes from no export of Label Studio.
    """
    if not isinstance(item, dict):
        raise _no_export(path, f"item {number} is no task")
    place = f"task {item.get('id', number)}"
    if "annotation_id" in item:
        yield (
            place,
            {
                "id": item["annotation_id"],
                "task_id": item.get("task_id"),
                "choices": _choices(item.get(_CONTROL)),
                "completed_by": item.get("annotator"),
                "at": item.get("updated_at") or item.get("created_at"),
            },
        )
        return
    data, annotations = item.get("data"), item.get("annotations")
    if not isinstance(data, dict) or not isinstance(annotations, list):
        raise _no_export(path, f"item {number} has no data and annotations")
    if not annotations:
        found.unanswered += 1
    for annotation in annotations:
        if not isinstance(annotation, dict):
            found.faults.append(
                f"{place}: annotation {annotation} is only an id: export annotations whole"
            )
        elif annotation.get("was_cancelled"):
            found.unanswered += 1
        else:
            yield (
                f"{place}, annotation {annotation.get('id')}",
                {
                    "id": annotation.get("id"),
                    "task_id": data.get("task_id"),
                    "choices": [
                        choice
                        for result in annotation.get("result") or []
                        if isinstance(result, dict) and result.get("from_name") == _CONTROL
                        for choice in _choices(result.get("value"))
                    ],
                    "completed_by": annotation.get("completed_by"),
                    "at": annotation.get("updated_at") or annotation.get("created_at"),
                },
            )


def _read_annotation(
    found: AnswerFile,
    place: str,
    annotation: dict[str, Any],
    reviewer: str,
    choices: Choices | None,
) -> None:
    """Add an annotation to what was found: as an answer, as unanswered, or as a fault."""
    chosen = annotation["choices"]
    if not chosen:
        found.unanswered += 1
        return
    who = _reviewer(annotation["completed_by"]) or reviewer
    try:
        if len(chosen) > 1:
            raise ValueError(f"{len(chosen)} choices where one is an answer")
        answer = parse_answer(chosen[0], choices, str(annotation["task_id"]))
        answered_at = parse_time(str(annotation["at"])) if annotation["at"] else None
        if not who:
            raise ValueError("nobody completed it: name a reviewer for the file")
        if not isinstance(annotation["task_id"], str):
            raise ValueError("its data has no task_id: these are not the tasks exported from here")
    except ValueError as error:
        found.faults.append(f"{place}: {error}")
        return
    marker = (
        "label-studio", str(annotation["id"]), answered_at.isoformat() if answered_at else "",
    )  # fmt: skip
    found.answers.append(
        GivenAnswer(place, annotation["task_id"], answer, who, answered_at, marker)
    )


def _choices(value: object) -> list[str]:
    """Return the choices of a result, in all spellings of JSON and JSON-MIN."""
    if isinstance(value, dict):
        return _choices(value.get("choices"))
    if isinstance(value, list):
        return [choice for part in value for choice in _choices(part)]
    return [value] if isinstance(value, str) else []


def _reviewer(completed_by: object) -> str:
    """Return a name for who completed an annotation: e-mail, else 'label-studio:<user id>'."""
    if isinstance(completed_by, dict):
        return _reviewer(completed_by.get("email") or completed_by.get("id"))
    if isinstance(completed_by, int):
        return f"label-studio:{completed_by}"
    # JSON-MIN spells a user who was deleted since as the word 'None'.
    known = isinstance(completed_by, str) and completed_by not in ("", "None")
    return str(completed_by).strip() if known else ""


def _no_export(path: Path, why: str) -> ValueError:
    return ValueError(
        f"{path}: no Label Studio export: {why}; in Label Studio, choose Export, then JSON or "
        "JSON-MIN"
    )
