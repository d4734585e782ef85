from __future__ import annotations

import itertools
from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgassets.moderation.answers import answer_log, answer_row, undo_row, verdicts
from imgassets.moderation.flags import SAME_PICTURE
from imgassets.moderation.known import contradictions, known_values
from imgassets.moderation.known_pairs import known_pairs
from imgassets.moderation.pair_tasks import QUESTION, choose_pair_tasks
from imgassets.moderation.tasks import task_id, task_states
from imgassets.warehouse.contracts import ComparedPairs
from tests.moderation.people import NOW, image, pair_task, task, tasks

LIMIT = 0.9


def compared(*probabilities: float, **other: object) -> pl.DataFrame:
    """Pairs of images 1 and 2, 1 and 3, … of product P, with these probabilities."""
    rows = []
    for number, p in enumerate(probabilities, 2):
        left, right = sorted((image(1), image(number)))
        row = {
            "day": NOW.date(), "category": "toys", "product_id": "P", "left_image_id": left,
            "right_image_id": right, "image_type": "front", "same": p >= LIMIT, "probability": p,
            "decided_by": "pixels", "left_box": [0.1, 0.2, 0.3, 0.4],
            "right_box": [0.5, 0.5, 0.5, 0.5], "comparator_version": "pairs 1",
        }  # fmt: skip
        rows.append({**row, **other})
    return pl.DataFrame(rows, schema=ComparedPairs.create_empty().schema)


def asked_of(pairs: pl.DataFrame, limit: float = LIMIT, budget: int = 9) -> list[float]:
    """Return the probabilities of what is asked, in order."""
    found = choose_pair_tasks("toys", pairs, limit, budget)
    keys = found.select(left_image_id="image_id", right_image_id="other_image_id")
    found = keys.join(pairs, on=keys.columns, how="left", maintain_order="left")
    return [round(p, 4) for p in found["probability"]]


def test_a_task_is_about_both_images_and_says_why() -> None:
    (row,) = choose_pair_tasks("toys", compared(0.62), LIMIT, 9).to_dicts()
    left, right = sorted((image(1), image(2)))
    assert (row["image_id"], row["other_image_id"]) == (left, right)
    assert row["image_box"] == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert row["other_box"] == [0.5] * 4
    assert (row["flag"], row["question"], row["choices"]) == (
        "same_picture", QUESTION, ["same", "different"],
    )  # fmt: skip
    assert (row["guess"], row["probability"]) == ("same", pytest.approx(0.62))
    assert row["why"] == (
        "the comparator is in doubt: same with probability 0.62; "
        "the boxes show where they differ most"
    )
    assert (row["model_version"], row["category"], row["product_id"]) == ("pairs 1", "toys", "P")
    (unlike,) = choose_pair_tasks("toys", compared(0.35), LIMIT, 9).to_dicts()
    assert (unlike["guess"], unlike["probability"]) == ("different", pytest.approx(0.65))


def test_what_is_nearest_to_the_limit_comes_first_and_what_is_far_is_not_asked() -> None:
    pairs = compared(0.999, 0.99, 0.93, 0.85, 0.5, 0.2, 0.0, 1.0)
    assert asked_of(pairs) == [0.93, 0.85, 0.5, 0.99]
    assert asked_of(pairs, budget=2) == [0.93, 0.85]
    assert asked_of(pairs, budget=-1) == []
    assert asked_of(pairs, limit=0.3) == [0.2, 0.5, 0.85]
    assert asked_of(compared(0.9, decided_by="people")) == []
    assert asked_of(pairs, limit=1.0) == [1.0]


def test_a_pair_of_two_products_is_asked_about_once() -> None:
    pairs = pl.concat([compared(0.8, product_id="Q"), compared(0.8, 0.7)])
    found = choose_pair_tasks("toys", pairs, LIMIT, 9)
    assert found["product_id"].to_list() == ["P", "P"]
    assert found["task_id"].is_unique().all()


@given(st.lists(st.floats(0, 1), max_size=8), st.floats(0, 1))
def test_every_probability_and_limit_gives_valid_tasks(found: list[float], limit: float) -> None:
    chosen = choose_pair_tasks("toys", compared(*found), limit, 9)
    assert chosen.height <= len(found)
    assert (chosen["priority"].is_between(0, 1) & chosen["probability"].is_between(0.5, 1)).all()


def test_both_orders_of_a_pair_are_one_question() -> None:
    both = {task_id(SAME_PICTURE, *pair) for pair in itertools.permutations((image(1), image(2)))}
    assert len(both) == 1
    assert task_id(SAME_PICTURE, image(1)) not in both


def said(*answers: tuple[tuple[int, int], str, str]) -> pl.DataFrame:
    """A log of (pair, answer, reviewer), a minute apart."""
    return answer_log(
        [
            answer_row(pair_task(*pair), answer, reviewer, NOW + timedelta(minutes=minute), "web")
            for minute, (pair, answer, reviewer) in enumerate(answers)
        ]
    )


PAIRS = [(1, 2), (1, 3), (2, 3), (3, 4)]
TASKS = tasks(*(pair_task(*pair) for pair in PAIRS))


def known(log: pl.DataFrame) -> dict[tuple[int, int], bool]:
    found = {row[:2]: row[2] for row in known_pairs(verdicts(log), TASKS).rows()}
    keys = {pair: tuple(sorted((image(pair[0]), image(pair[1])))) for pair in PAIRS}
    assert all(left < right for left, right in found)
    return {pair: found[key] for pair, key in keys.items() if key in found}


def test_most_decide_each_pair_by_itself() -> None:
    """Three pairs share an image: an answer to one says nothing of another."""
    log = said(
        ((1, 2), "same", "ann"), ((1, 2), "same", "ben"), ((1, 2), "different", "cas"),
        ((1, 3), "different", "ann"), ((2, 3), "same", "ann"), ((2, 3), "different", "ben"),
        ((3, 4), "unsure", "ann"),
    )  # fmt: skip
    assert known(log) == {(1, 2): True, (1, 3): False}
    states = dict(task_states(TASKS, log).select("task_id", "state").iter_rows())
    assert [states[pair_task(*pair)["task_id"]] for pair in PAIRS] == [
        "same", "different", "contradictory", "unsure",
    ]  # fmt: skip


def test_a_change_of_mind_and_an_undo_count() -> None:
    log = said(((1, 2), "same", "ann"), ((1, 2), "different", "ann"))
    assert known(log) == {(1, 2): False}
    latest = log.sort("answered_at").row(1, named=True)
    undone = answer_log([undo_row(latest, "ann", NOW, "web")])
    assert known(pl.concat([log, undone])) == {(1, 2): True}


def test_what_is_said_of_pairs_is_no_flag() -> None:
    log = said(((1, 2), "same", "ann"), ((2, 3), "same", "ann"), ((2, 3), "different", "ben"))
    flagged = answer_log([answer_row(task(1), "yes", "ann", NOW, "web")])
    found = verdicts(pl.concat([log, flagged]))
    labels = pl.DataFrame(
        schema={
            "product_id": pl.String, "image_url": pl.String, "flag": pl.String,
            "value": pl.Boolean, "group_id": pl.String, "split": pl.String,
            "image_id": pl.String, "category": pl.String,
        }
    )  # fmt: skip
    groups = pl.DataFrame(schema={"product_id": pl.String, "group_id": pl.String})
    asked = pl.concat([TASKS, tasks(task(1))])
    assert known_values(labels, found, asked, groups)["flag"].to_list() == ["weapon"]
    assert contradictions(labels, found).is_empty()
