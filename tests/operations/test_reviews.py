from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise

import polars as pl
import pytest

from imgassets.moderation.answers import agreement
from imgassets.moderation.tasks import task_states
from imgassets.operations.reviews import (
    add_tasks,
    contradictions,
    known_types,
    known_values,
    open_tasks,
    record_answer,
    type_contradictions,
    undo_answer,
)
from imgassets.warehouse.contracts import (
    FetchedImages,
    FlagLabels,
    ImageLabels,
    ReviewAnswers,
    ReviewTasks,
)
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from tests.moderation.people import NOW, image, task, tasks, typed_task

MINUTE = timedelta(minutes=1)


@pytest.fixture
def asked(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Iterator[Warehouse]:
    """Yield a warehouse with four tasks, and check that its log only ever grew."""
    add_tasks(warehouse, tasks(*(task(n, priority=1 - n / 10) for n in range(4))))
    replace = warehouse.replace
    logs = [warehouse.read(ReviewAnswers)]

    def replace_and_look(*args, **kwargs) -> int:
        snapshot = replace(*args, **kwargs)
        logs.append(warehouse.read(ReviewAnswers))
        return snapshot

    monkeypatch.setattr(warehouse, "replace", replace_and_look)
    yield warehouse
    for before, after in pairwise(logs):
        assert before.join(after, on=before.columns, how="anti", nulls_equal=True).is_empty()


def id_of(number: int) -> str:
    return task(number)["task_id"]


def open_to(warehouse: Warehouse, reviewer: str) -> list[str]:
    return open_tasks(warehouse, reviewer)["product_id"].to_list()


def test_a_task_is_asked_once(warehouse: Warehouse) -> None:
    assert add_tasks(warehouse, tasks(task(1), task(2))) == 2
    assert add_tasks(warehouse, tasks(task(2, round=2, why="again"), task(3))) == 1
    assert add_tasks(warehouse, tasks(task(2, round=3))) == 0
    assert warehouse.read(ReviewTasks).filter(product_id="P2")["round"].to_list() == [1]


def test_open_tasks_of_a_flag_and_a_limit(warehouse: Warehouse) -> None:
    add_tasks(warehouse, tasks(*(task(n) for n in range(3)), task(1, flag="drugs")))
    assert open_tasks(warehouse, "ann", limit=2).height == 2
    assert open_tasks(warehouse, "ann", limit=None).height == 4
    assert open_tasks(warehouse, "ann", flag="drugs")["flag"].to_list() == ["drugs"]


def test_an_answer_closes_its_task_and_an_undo_opens_it_again(asked: Warehouse) -> None:
    answer_id = record_answer(asked, id_of(0), "yes", "ann", NOW)
    assert open_to(asked, "ann") == ["P1", "P2", "P3"]
    row = asked.read(ReviewAnswers).row(0, named=True)
    assert row == {
        "answer_id": answer_id, "task_id": id_of(0), "image_id": image(0), "flag": "weapon",
        "answer": "yes", "reviewer": "ann", "answered_at": NOW, "undoes": None, "source": "web",
    }  # fmt: skip
    undo_answer(asked, answer_id, "ann", NOW + MINUTE)
    assert open_to(asked, "ann") == ["P0", "P1", "P2", "P3"]
    assert asked.read(ReviewAnswers).height == 2


def test_an_undo_brings_the_answer_before_back(asked: Warehouse) -> None:
    record_answer(asked, id_of(0), "no", "ann", NOW)
    mistake = record_answer(asked, id_of(0), "yes", "ann", NOW + MINUTE)
    undo_answer(asked, mistake, "ann", NOW + 2 * MINUTE)
    assert known_values(asked)["value"].to_list() == [False]


@pytest.mark.parametrize(
    ("number", "answer", "message"),
    [(9, "yes", f"there is no task '{task(9)['task_id']}'"), (0, "maybe", "'maybe' is no answer")],
)
def test_faulty_answers_are_refused(
    asked: Warehouse, number: int, answer: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        record_answer(asked, id_of(number), answer, "ann", NOW)
    assert asked.read(ReviewAnswers).is_empty()


def test_faulty_undos_are_refused(asked: Warehouse) -> None:
    answer_id = record_answer(asked, id_of(0), "yes", "ann", NOW)
    with pytest.raises(ValueError, match="there is no answer 'nothing'"):
        undo_answer(asked, "nothing", "ann", NOW)
    with pytest.raises(ValueError, match="is ann's: ben cannot undo it"):
        undo_answer(asked, answer_id, "ben", NOW)
    undo_id = undo_answer(asked, answer_id, "ann", NOW)
    with pytest.raises(ValueError, match="was already undone"):
        undo_answer(asked, answer_id, "ann", NOW + MINUTE)
    with pytest.raises(ValueError, match="is an undo, and cannot be undone"):
        undo_answer(asked, undo_id, "ann", NOW)
    assert asked.read(ReviewAnswers).height == 2


def test_an_answer_sent_by_many_at_once_is_kept_once(asked: Warehouse) -> None:
    def send(_: int) -> str:
        return record_answer(asked, id_of(0), "yes", "ann", NOW, answer_id="click-1")

    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(send, range(8))) == {"click-1"}
    assert asked.read(ReviewAnswers).height == 1


def test_no_acknowledged_answer_is_lost_when_its_process_is_killed(asked: Warehouse) -> None:
    script = f"""
import sys
from datetime import datetime, timedelta
from imgassets.operations.reviews import record_answer
from imgassets.warehouse.lake import Warehouse
warehouse = Warehouse({asked.catalog!r}, {asked.data_path!r})
at = datetime.fromisoformat({NOW.isoformat()!r})
for second in range(1000):
    print(record_answer(warehouse, {id_of(0)!r}, "yes", "ann", at + timedelta(seconds=second)),
          flush=True)
"""
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        acknowledged = [process.stdout.readline().strip() for _ in range(3)]
        process.kill()
        acknowledged += [line for line in process.stdout.read().split("\n")[:-1] if line]
    log = asked.read(ReviewAnswers)
    assert set(acknowledged) <= set(log["answer_id"])
    assert log.height <= len(acknowledged) + 1
    record_answer(asked, id_of(0), "no", "ann", NOW + timedelta(days=1))
    assert open_tasks(asked, "ben")["product_id"].to_list() == ["P1", "P2", "P3"]


def test_another_answer_under_a_taken_id_is_refused_not_lost(asked: Warehouse) -> None:
    record_answer(asked, id_of(0), "yes", "ann", NOW, answer_id="click-1")
    with pytest.raises(ValueError, match="click-1 is taken"):
        record_answer(asked, id_of(1), "yes", "ann", NOW, answer_id="click-1")
    with pytest.raises(ValueError, match="click-1 is taken"):
        record_answer(asked, id_of(0), "no", "ann", NOW, answer_id="click-1")


def test_names_with_quotes_stay_names(asked: Warehouse) -> None:
    answer_id = record_answer(asked, id_of(0), "yes", "o'hara", NOW, answer_id="x' OR '1'='1")
    undo_answer(asked, answer_id, "o'hara", NOW)
    with pytest.raises(ValueError, match="there is no task"):
        record_answer(asked, "' OR true --", "yes", "ann", NOW)
    assert open_tasks(asked, "ann", flag="' OR true --").is_empty()


def test_views_say_what_the_functions_say(asked: Warehouse) -> None:
    add_tasks(asked, tasks(*(typed_task(n) for n in range(4))))
    minute = iter(range(100))
    for number, reviewer, answer in [
        (0, "ann", "yes"), (0, "ben", "no"), (1, "ann", "yes"), (1, "ben", "yes"),
        (1, "cas", "no"), (2, "ann", "unsure"), (2, "ben", "no"), (2, "ben", "yes"),
    ]:  # fmt: skip
        at = NOW + next(minute) * MINUTE
        last = record_answer(asked, id_of(number), answer, reviewer, at)
    undo_answer(asked, last, "ben", NOW)
    for number, reviewer, answer in [
        (0, "ann", "front"), (0, "ben", "front"), (0, "cas", "back"), (1, "ann", "none"),
        (1, "ben", "unsure"), (2, "ann", "front"), (2, "ben", "open"),
    ]:  # fmt: skip
        at = NOW + next(minute) * MINUTE
        record_answer(asked, typed_task(number)["task_id"], answer, reviewer, at)
    columns = [
        "task_id", "state", "decided", "counts", "yes", "no", "unsure", "last_answered_at",
    ]  # fmt: skip
    log = asked.read(ReviewAnswers)
    expected = task_states(asked.read(ReviewTasks), log).select(columns).sort("task_id")
    queue = asked.sql("FROM review_queue").select(columns).sort("task_id")
    assert queue.cast(dict(expected.schema)).equals(expected)
    assert sorted(expected["state"]) == [
        "contradictory", "contradictory", "front", "no", "none", "open", "open", "yes",
    ]  # fmt: skip
    pairs = agreement(log)
    view = asked.sql("FROM review_agreement")
    assert view.drop("kappa").cast(dict(pairs.drop("kappa").schema)).equals(pairs.drop("kappa"))
    assert view["kappa"].to_list() == pytest.approx(pairs["kappa"].to_list())
    assert pairs.height == 6


def fetched() -> pl.DataFrame:
    """Every task's image, from two suppliers."""
    return pl.DataFrame(
        [
            {
                "day": NOW.date(), "category": "toys", "product_id": f"P{n}", "supplier_id": s,
                "image_url": f"{n}.jpg", "image_location": f"/x/{n}.jpg", "image_id": image(n),
                "format": "JPEG", "width": 9, "height": 9, "byte_size": 9, "mode": "rgb",
                "bit_depth": 8, "frames": 1, "extension": "jpg", "extension_matches": True,
            }
            for n in range(4) for s in ("s1", "s2")
        ]
    )  # fmt: skip


def test_known_values_join_labels_with_the_images_they_name(asked: Warehouse) -> None:
    flag_labels = pl.DataFrame(
        [
            ("P0", "0.jpg", "weapon", True, "P0", "train", "f"),
            ("P1", "1.jpg", "weapon", True, "style", "holdout", "f"),
            ("P9", "9.jpg", "weapon", True, "P9", "train", "f"),
        ],
        schema=FlagLabels.create_empty().schema,
        orient="row",
    )
    image_labels = pl.DataFrame(
        [("P2", "other.jpg", "front", "shirt", "f")],
        schema=ImageLabels.create_empty().schema,
        orient="row",
    )
    asked.replace(
        [
            Replacement(FetchedImages, fetched()),
            Replacement(FlagLabels, flag_labels),
            Replacement(ImageLabels, image_labels),
        ],
        CommitMessage(asset="test"),
    )
    record_answer(asked, id_of(2), "no", "ann", NOW)
    found = known_values(asked).drop("image_id", "flag", "category").sort("product_id")
    assert found.rows() == [
        (True, "P0", "P0", "train", "label"),
        (True, "style", "P1", "holdout", "label"),
        (False, "shirt", "P2", "train", "answer"),
    ]
    assert contradictions(asked).is_empty()


def test_known_types_join_labels_and_answers_with_images(asked: Warehouse) -> None:
    add_tasks(asked, tasks(*(typed_task(n) for n in range(4))))
    with pytest.raises(ValueError, match="'side' is no answer: say front, back, open, none"):
        record_answer(asked, typed_task(1)["task_id"], "side", "ann", NOW)
    image_labels = pl.DataFrame(
        [("P0", "0.jpg", "front", "shirt", "f"), ("P2", "2.jpg", "none", "P2", "f")],
        schema=ImageLabels.create_empty().schema,
        orient="row",
    )
    asked.replace(
        [Replacement(FetchedImages, fetched()), Replacement(ImageLabels, image_labels)],
        CommitMessage(asset="test"),
    )
    record_answer(asked, typed_task(1)["task_id"], "back", "ann", NOW)
    record_answer(asked, typed_task(2)["task_id"], "front", "ann", NOW)
    record_answer(asked, id_of(3), "yes", "ann", NOW)
    assert known_types(asked).drop("image_id").rows() == [
        ("P0", "front", "shirt", "toys", "label"),
        ("P1", "back", "P1", "toys", "answer"),
        ("P2", "front", "P2", "toys", "answer"),
    ]
    assert known_values(asked)["flag"].to_list() == ["weapon"]
    assert type_contradictions(asked)["origin"].to_list() == ["label and answer"]


def test_nothing_known_yet(warehouse: Warehouse) -> None:
    assert known_values(warehouse).is_empty()
    assert contradictions(warehouse).is_empty()
    assert known_types(warehouse).is_empty()
    assert type_contradictions(warehouse).is_empty()
    assert open_tasks(warehouse, "ann").is_empty()
