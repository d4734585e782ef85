from __future__ import annotations

from datetime import datetime, timedelta, timezone

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgassets.moderation.answers import (
    agreement,
    answer_log,
    answer_row,
    standing_answers,
    undo_row,
    verdicts,
)
from tests.moderation.people import NOW, answers, task, typed_task

REVIEWERS = ("ann", "ben")

an_answer = st.tuples(
    st.just("answer"),
    st.integers(0, 2),
    st.sampled_from(REVIEWERS),
    st.sampled_from(("yes", "no", "unsure")),
    st.integers(0, 3),
)
an_undo = st.tuples(
    st.just("undo"),
    st.integers(0, 20),
    st.sampled_from(REVIEWERS),
    st.just(""),
    st.integers(0, 3),
)


def log_of(events: list[tuple]) -> tuple[list[dict], list[tuple[dict, bool]]]:
    """Apply events as the warehouse does; return the log and the model's (answer, undone)."""
    rows: list[dict] = []
    said: list[tuple[dict, bool]] = []
    for number, (kind, which, reviewer, choice, minute) in enumerate(events):
        before = list(rows)
        at = NOW + timedelta(minutes=minute)
        if kind == "answer":
            rows.append(answer_row(task(which), choice, reviewer, at, "web", f"a{number:03}"))
            said.append((rows[-1], False))
        elif rows:
            wanted = rows[which % len(rows)]
            may = wanted["answer"] != "undo" and wanted["reviewer"] == reviewer
            if not may:
                with pytest.raises(ValueError, match="undo"):
                    undo_row(wanted, reviewer, at, "web")
                continue
            row = undo_row(wanted, reviewer, at, "web")
            if row["answer_id"] not in {r["answer_id"] for r in rows}:
                rows.append(row)
            said = [(a, gone or a is wanted) for a, gone in said]
        assert rows[: len(before)] == before
    return rows, said


@given(st.lists(st.one_of(an_answer, an_undo), max_size=25))
def test_what_stands_is_each_reviewers_latest_answer_not_undone(events: list[tuple]) -> None:
    rows, said = log_of(events)
    expected: dict[tuple[str, str], dict] = {}
    for answer, undone in said:
        key = (answer["task_id"], answer["reviewer"])
        order = (answer["answered_at"], answer["answer_id"])
        if not undone and (
            key not in expected
            or order > (expected[key]["answered_at"], expected[key]["answer_id"])
        ):
            expected[key] = answer
    standing = standing_answers(answer_log(rows))
    assert standing["answer_id"].to_list() == [expected[k]["answer_id"] for k in sorted(expected)]
    assert standing_answers(answer_log(rows[::-1])).equals(standing)


@given(st.lists(an_answer, max_size=25))
def test_verdicts_count_what_stands(events: list[tuple]) -> None:
    rows, _ = log_of(events)
    log = answer_log(rows)
    standing = standing_answers(log)
    found = verdicts(log)
    assert set(found["task_id"]) == set(standing["task_id"])
    for row in found.iter_rows(named=True):
        said = standing.filter(task_id=row["task_id"])["answer"].to_list()
        yes, no = said.count("yes"), said.count("no")
        assert (row["yes"], row["no"], row["unsure"]) == (yes, no, said.count("unsure"))
        assert row["n_reviewers"] == len(said)
        tie = "contradictory" if yes else "unsure"
        assert row["verdict"] == ("yes" if yes > no else "no" if no > yes else tie)


def test_an_undo_by_somebody_else_takes_nothing_back() -> None:
    """No function here writes such a row; the log may hold one all the same."""
    given = answer_row(task(1), "yes", "ann", NOW, "web")
    forged = {**undo_row(given, "ann", NOW, "web"), "reviewer": "ben"}
    assert standing_answers(answer_log([given, forged]))["reviewer"].to_list() == ["ann"]


def test_an_answer_given_twice_alike_has_one_id() -> None:
    first, again = (answer_row(task(1), "yes", "ann", NOW, "web") for _ in range(2))
    later = answer_row(task(1), "yes", "ann", NOW + timedelta(seconds=1), "web")
    assert first == again
    assert later["answer_id"] != first["answer_id"]


def test_times_are_kept_as_instants_of_utc() -> None:
    there = timezone(timedelta(hours=5, minutes=30))
    row = answer_row(task(1), "yes", "ann", datetime(2026, 3, 1, 17, 30, tzinfo=there), "web")
    assert answer_log([row])["answered_at"].to_list() == [NOW]


@pytest.mark.parametrize(
    ("answer", "reviewer", "at", "message"),
    [
        ("maybe", "ann", NOW, "'maybe' is no answer: say yes, no, unsure"),
        ("undo", "ann", NOW, "'undo' is no answer"),
        ("yes", "  ", NOW, "needs a reviewer"),
        ("yes", "ann", NOW.replace(tzinfo=None), "has no time zone"),
    ],
)
def test_faulty_answers_are_refused(answer, reviewer, at, message) -> None:
    with pytest.raises(ValueError, match=message):
        answer_row(task(1), answer, reviewer, at, "web")


def test_agreement_and_kappa() -> None:
    # Ann and Ben: 20 tasks, 14 alike. By hand: equal 0.7, chance 0.5 · 0.6 + 0.5 · 0.4 = 0.5.
    ann = ["yes"] * 10 + ["no"] * 10
    ben = ["yes"] * 8 + ["no"] * 2 + ["yes"] * 4 + ["no"] * 6
    log = answers(
        *((i, said, "ben") for i, said in enumerate(ben)),
        *((i, said, "ann") for i, said in enumerate(ann)),
        (0, "yes", "cas"), (1, "yes", "cas"), (30, "no", "cas"), (2, "unsure", "cas"),
    )  # fmt: skip
    found = {(r["reviewer_a"], r["reviewer_b"]): r for r in agreement(log).to_dicts()}
    both = found["ann", "ben"]
    assert (both["flag"], both["n"], both["equal"]) == ("weapon", 20, 0.7)
    assert both["kappa"] == pytest.approx(0.4)
    assert found["ann", "cas"]["n"] == 2
    assert found["ann", "cas"]["equal"] == 1.0
    assert found["ann", "cas"]["kappa"] is None


def test_choices_of_a_task_are_what_can_be_answered() -> None:
    assert answer_row(typed_task(1), "front", "ann", NOW, "web")["answer"] == "front"
    for answer in ("yes", "side", "undo"):
        with pytest.raises(ValueError, match="say front, back, open, none, unsure"):
            answer_row(typed_task(1), answer, "ann", NOW, "web")


def test_an_undone_type_brings_the_one_before_back() -> None:
    first = answer_row(typed_task(1), "front", "ann", NOW, "web")
    second = answer_row(typed_task(1), "back", "ann", NOW + timedelta(minutes=1), "web")
    undo = undo_row(second, "ann", NOW + timedelta(minutes=2), "web")
    found = verdicts(answer_log([first, second, undo]))
    assert found["verdict"].to_list() == ["front"]


def test_agreement_about_types() -> None:
    # Two of four alike. By chance: front ½ · ½, back ¼ · ½, and Ben never says none.
    ann, ben = ("front", "front", "back", "none"), ("front", "back", "back", "front")
    log = answers(
        *((i, said, "ann") for i, said in enumerate(ann)),
        *((i, said, "ben") for i, said in enumerate(ben)),
        (7, "unsure", "ann"), (7, "back", "ben"),
        of=typed_task,
    )  # fmt: skip
    row = agreement(log).row(0, named=True)
    assert (row["flag"], row["n"], row["equal"]) == ("image_type", 4, 0.5)
    chance = 0.5 * 0.5 + 0.25 * 0.5
    assert row["kappa"] == pytest.approx((0.5 - chance) / (1 - chance))


def test_nobody_agrees_with_nobody() -> None:
    assert agreement(answers()).is_empty()
    assert agreement(answers((1, "yes", "ann"), (2, "yes", "ben"))).is_empty()
    assert agreement(answers()).schema["kappa"] == pl.Float64
