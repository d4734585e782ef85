from __future__ import annotations

import polars as pl

from imgassets.moderation.answers import verdicts
from imgassets.moderation.known import contradictions as flag_contradictions
from imgassets.moderation.known import known_values
from imgassets.moderation.known_types import contradictions, known_types
from tests.moderation.people import answers, image, tasks, typed_task

LABELS = {
    "product_id": pl.String, "image_url": pl.String, "image_type": pl.String,
    "group_id": pl.String, "image_id": pl.String, "category": pl.String,
}  # fmt: skip
IMAGES = {"category": pl.String, "product_id": pl.String, "image_id": pl.String}
GROUPS = {"product_id": pl.String, "group_id": pl.String}

TASKS = tasks(*(typed_task(n) for n in range(5)))


def label(number: int, said: str, *, url: str = "a", group: str = "", product: str = "") -> tuple:
    product = product or f"P{number}"
    return (product, url, said, group or product, image(number), "toys")


def labels(*rows: tuple) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=LABELS, orient="row")


def typed(*said: tuple[int, str, str]) -> pl.DataFrame:
    return verdicts(answers(*said, of=typed_task))


def known(
    rows: pl.DataFrame,
    verdicts: pl.DataFrame,
    others: tuple[tuple[str, str, int], ...] = (),
    styles: tuple[tuple[str, str], ...] = (),
) -> dict[tuple[str, str], dict]:
    images = [(category, product, image(number)) for category, product, number in others]
    found = known_types(
        rows,
        verdicts,
        TASKS,
        pl.DataFrame(images, schema=IMAGES, orient="row"),
        pl.DataFrame(styles, schema=GROUPS, orient="row"),
    )
    return {(row["product_id"], row["image_id"]): row for row in found.to_dicts()}


def test_a_label_and_an_answer() -> None:
    found = known(labels(label(1, "front")), typed((2, "back", "ann")))
    assert list(found.values()) == [
        {
            "product_id": "P1", "image_id": image(1), "image_type": "front", "group_id": "P1",
            "category": "toys", "origin": "label",
        },
        {
            "product_id": "P2", "image_id": image(2), "image_type": "back", "group_id": "P2",
            "category": "toys", "origin": "answer",
        },
    ]  # fmt: skip


def test_a_decided_answer_overrules_a_label_and_is_listed() -> None:
    rows, said = labels(label(1, "front", group="shirt")), typed((1, "back", "ann"))
    (row,) = known(rows, said).values()
    assert (row["image_type"], row["origin"], row["group_id"]) == ("back", "answer", "shirt")
    (found,) = contradictions(rows, said, TASKS).to_dicts()
    assert found["origin"] == "label and answer"
    assert found["detail"] == f"a front; task {typed_task(1)['task_id']}: back"
    assert contradictions(rows, typed((1, "front", "ann")), TASKS).is_empty()


def test_answers_that_decide_nothing_leave_the_label() -> None:
    said = typed((1, "front", "ann"), (1, "back", "ben"), (2, "unsure", "ann"))
    rows = labels(label(1, "none"), label(2, "front"))
    assert {r["image_type"] for r in known(rows, said).values()} == {"none", "front"}
    (found,) = contradictions(rows, said, TASKS).to_dicts()
    assert (found["origin"], found["product_id"]) == ("answer", "P1")
    assert found["detail"].endswith(": back 1, front 1")


def test_contradicting_labels_give_no_type_unless_an_answer_decides() -> None:
    rows = labels(label(1, "front", url="a"), label(1, "back", url="b"))
    assert known(rows, typed()) == {}
    (found,) = contradictions(rows, typed(), TASKS).to_dicts()
    assert (found["origin"], found["detail"]) == ("label", "a front; b back")
    (row,) = known(rows, typed((1, "front", "ann"))).values()
    assert row["image_type"] == "front"


def test_an_answer_holds_for_the_categorys_other_products_with_the_image() -> None:
    others = (("toys", "P1", 1), ("toys", "Q", 1), ("toys", "R", 1), ("games", "S", 1))
    rows = labels(label(1, "front", product="R"))
    found = known(rows, typed((1, "back", "ann")), others, styles=(("Q", "style"),))
    said = {product: (row["image_type"], row["origin"]) for (product, _), row in found.items()}
    assert said == {"P1": ("back", "answer"), "Q": ("back", "answer"), "R": ("front", "label")}
    assert found["Q", image(1)]["group_id"] == "style"


def test_types_are_no_values_of_flags() -> None:
    said = typed((1, "front", "ann"), (2, "front", "ann"), (2, "back", "ben"))
    nothing = pl.DataFrame(
        schema={
            "product_id": pl.String, "image_url": pl.String, "flag": pl.String,
            "value": pl.Boolean, "group_id": pl.String, "split": pl.String,
            "image_id": pl.String, "category": pl.String,
        }
    )  # fmt: skip
    assert known_values(nothing, said, TASKS, pl.DataFrame(schema=GROUPS)).is_empty()
    assert flag_contradictions(nothing, said).is_empty()
