from __future__ import annotations

import hashlib

import polars as pl

from imgassets.moderation.tasks import task_id, task_states, tasks_open_to
from tests.moderation.people import answers, image, task, tasks, typed_task


def open_numbers(reviewer: str, rows: pl.DataFrame, log: pl.DataFrame) -> list[str]:
    return tasks_open_to(reviewer, rows, log)["product_id"].to_list()


def test_task_id_is_the_start_of_a_hash_of_flag_and_image() -> None:
    expected = hashlib.sha256(f"weapon:{image(1)}".encode()).hexdigest()[:16]
    assert task_id("weapon", image(1)) == expected


def test_the_most_wanted_come_first() -> None:
    rows = tasks(task(1, priority=0.1), task(2, priority=0.9), task(3, priority=0.1))
    by_id = sorted((1, 3), key=lambda n: task_id("weapon", image(n)))
    assert open_numbers("ann", rows, answers()) == ["P2", *(f"P{n}" for n in by_id)]


def test_a_decided_task_is_open_to_nobody() -> None:
    rows = tasks(task(1), task(2))
    log = answers((1, "yes", "ann"))
    assert open_numbers("ann", rows, log) == ["P2"]
    assert open_numbers("ben", rows, log) == ["P2"]


def test_unsure_leaves_a_task_open_to_others() -> None:
    log = answers((1, "unsure", "ann"))
    assert open_numbers("ann", tasks(task(1)), log) == []
    assert open_numbers("ben", tasks(task(1)), log) == ["P1"]


def test_a_contradiction_is_open_to_a_third() -> None:
    log = answers((1, "yes", "ann"), (1, "no", "ben"))
    assert open_numbers("ann", tasks(task(1)), log) == []
    assert open_numbers("cas", tasks(task(1)), log) == ["P1"]


def test_states_keep_every_task_and_its_order() -> None:
    rows = tasks(task(3), task(1), task(2))
    log = answers((1, "yes", "ann"), (1, "no", "ben"), (2, "unsure", "ann"))
    found = task_states(rows, log)
    assert found["product_id"].to_list() == ["P3", "P1", "P2"]
    assert found["state"].to_list() == ["open", "contradictory", "unsure"]
    assert found["n_reviewers"].to_list() == [0, 2, 1]


def test_a_type_that_most_name_decides() -> None:
    """A type may be named like a state: 'open' is a view of a laptop."""
    rows = tasks(*(typed_task(n) for n in range(5)))
    log = answers(
        (0, "open", "ann"), (0, "open", "ben"), (0, "back", "cas"),
        (1, "front", "ann"), (1, "back", "ben"), (1, "unsure", "cas"),
        (2, "unsure", "ann"),
        (3, "none", "ann"), (3, "unsure", "ben"),
        of=typed_task,
    )  # fmt: skip
    found = {row["product_id"]: row for row in task_states(rows, log).to_dicts()}
    said = {name: (row["state"], row["decided"], row["counts"]) for name, row in found.items()}
    assert said == {
        "P0": ("open", True, "open 2, back 1"),
        "P1": ("contradictory", False, "back 1, front 1, unsure 1"),
        "P2": ("unsure", False, "unsure 1"),
        "P3": ("none", True, "none 1, unsure 1"),
        "P4": ("open", False, ""),
    }
    assert sorted(open_numbers("dan", rows, log)) == ["P1", "P2", "P4"]
    assert open_numbers("ann", rows, log) == ["P4"]
