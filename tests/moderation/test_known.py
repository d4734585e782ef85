from __future__ import annotations

import polars as pl

from imgassets.moderation.answers import verdicts
from imgassets.moderation.known import contradictions, known_values
from tests.moderation.people import answers, image, task, tasks

LABELS = {
    "product_id": pl.String, "image_url": pl.String, "flag": pl.String, "value": pl.Boolean,
    "group_id": pl.String, "split": pl.String, "image_id": pl.String, "category": pl.String,
}  # fmt: skip
GROUPS = {"product_id": pl.String, "group_id": pl.String}


def label(number: int, value: bool, *, split: str = "train", url: str = "a", group: str = ""):
    product = f"P{number}"
    return (product, url, "weapon", value, group or product, split, image(number), "toys")


def labels(*rows: tuple) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=LABELS, orient="row")


def groups(**of: str) -> pl.DataFrame:
    return pl.DataFrame(list(of.items()), schema=GROUPS, orient="row")


TASKS = tasks(*(task(n) for n in range(5)))


def known(rows: pl.DataFrame, log: pl.DataFrame, styles: pl.DataFrame | None = None) -> dict:
    found = known_values(rows, verdicts(log), TASKS, groups() if styles is None else styles)
    assert found.select("image_id", "flag").is_unique().all()
    return {row["product_id"]: row for row in found.to_dicts()}


def test_a_label_and_an_answer() -> None:
    found = known(labels(label(1, True)), answers((2, "no", "ann")))
    assert found["P1"] == {
        "image_id": image(1), "flag": "weapon", "value": True, "group_id": "P1",
        "product_id": "P1", "category": "toys", "split": "train", "origin": "label",
    }  # fmt: skip
    assert (found["P2"]["value"], found["P2"]["origin"]) == (False, "answer")


def test_people_who_looked_later_overrule_a_train_label() -> None:
    found = known(labels(label(1, True)), answers((1, "no", "ann")))
    assert (found["P1"]["value"], found["P1"]["origin"]) == (False, "answer")


def test_nobody_overrules_the_holdout() -> None:
    found = known(labels(label(1, True, split="holdout")), answers((1, "no", "ann")))
    assert (found["P1"]["value"], found["P1"]["split"]) == (True, "holdout")
    assert found["P1"]["origin"] == "label"


def test_a_holdout_label_wins_over_a_train_label_of_the_same_bytes() -> None:
    both = labels(label(1, False, url="a"), label(1, True, split="holdout", url="b"))
    found = known(both, answers())
    assert (found["P1"]["value"], found["P1"]["split"]) == (True, "holdout")
    assert contradictions(both, verdicts(answers())).is_empty()


def test_answers_that_decide_nothing_give_no_value() -> None:
    log = answers((1, "yes", "ann"), (1, "no", "ben"), (2, "unsure", "ann"), (3, "unsure", "ann"))
    assert known(labels(label(3, True)), log).keys() == {"P3"}


def test_contradicting_labels_of_the_same_bytes_give_no_value_but_are_listed() -> None:
    both = labels(label(1, True, url="a"), label(1, False, url="b"))
    log = answers((2, "yes", "ann"), (2, "no", "ben"))
    assert known(both, log) == {}
    found = contradictions(both, verdicts(log)).sort("origin", descending=True).to_dicts()
    assert [(r["origin"], r["yes"], r["no"]) for r in found] == [("label", 1, 1), ("answer", 1, 1)]
    assert found[0]["detail"] == "P1 a yes; P1 b no"
    assert found[1]["detail"] == f"task {task(2)['task_id']}"


def test_a_contradicted_label_is_decided_by_an_answer() -> None:
    both = labels(label(1, True, url="a"), label(1, False, url="b"))
    assert known(both, answers((1, "yes", "ann")))["P1"]["value"] is True


def test_groups_come_from_the_label_then_from_any_label_of_the_product() -> None:
    found = known(
        labels(label(1, True, group="s1"), label(2, True)),
        answers((3, "yes", "ann"), (4, "yes", "ann"), (1, "no", "ann")),
        groups(P2="s2", P3="s3"),
    )
    of = {product: row["group_id"] for product, row in found.items()}
    assert of == {"P1": "s1", "P2": "s2", "P3": "s3", "P4": "P4"}


def test_one_label_that_two_suppliers_bytes_share_counts_once() -> None:
    twice = labels(label(1, True), (*label(1, True)[:-1], "games"), label(1, False, url="b"))
    found = contradictions(twice, verdicts(answers()))
    assert found.select("yes", "no").row(0) == (1, 1)
