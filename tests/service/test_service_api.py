"""The review API over a real connection."""

from __future__ import annotations

import datetime as dt
import uuid
from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pytest

from imgassets.moderation.flags import builtin_flags
from imgassets.moderation.pair_tasks import choose_pair_tasks
from imgassets.operations.reviews import add_tasks, record_answer
from imgassets.warehouse.contracts import ComparedPairs, ReviewTasks
from imgassets.warehouse.lake import CommitMessage, Replacement

BADGE = builtin_flags()["promo_badge"].title
NOW = "2026-01-06T10:00:00+01:00"


def answer(task_id: str, said: str = "yes", **changed: object) -> dict[str, object]:
    row = {"answer_id": str(uuid.uuid4()), "task_id": task_id, "answer": said, "answered_at": NOW}
    return {**row, **changed}


def post(client, *answers, reviewer="Ana"):
    return client.post("/api/review/answers", json={"reviewer": reviewer, "answers": answers})


def tasks_of(client, reviewer="Ana", **more):
    reply = client.get("/api/review/tasks", params={"reviewer": reviewer, **more})
    assert reply.status_code == 200, reply.text
    return reply.json()


def ids(batch):
    return [task["task_id"] for task in batch["tasks"]]


def test_tasks_come_most_urgent_first_with_all_that_is_shown(shop, client, drawn):
    batch = tasks_of(client, limit=3)
    wanted = shop.tasks.sort("priority", descending=True)
    assert ids(batch) == wanted["task_id"].to_list()[:3]
    assert batch["open"] == shop.tasks.height
    task = batch["tasks"][1]
    image = next(i for i in drawn if i.image_id == task["image_id"])
    siblings = [i.image_id for i in drawn if i.product_id == image.product_id and i != image]
    assert task["product"] == {
        "product_id": image.product_id,
        "category": image.category,
        "title": image.title,
        "suppliers": ["acme", "borealis"],
        "other_images": siblings,
    }
    assert task["flag_title"] == BADGE
    assert (task["width"], task["height"]) == (640, 640)
    assert task["probability"] == pytest.approx(0.92)
    assert task["why"].startswith("The model is not sure")


def test_a_pair_comes_with_both_pictures_and_where_they_differ(shop, client, drawn):
    left, right = sorted(i.image_id for i in drawn[:2])
    product = drawn[0]
    pair = {
        "day": dt.date(2026, 1, 5), "category": product.category, "image_type": "front",
        "product_id": product.product_id, "left_image_id": left, "right_image_id": right,
        "same": False, "probability": 0.25, "decided_by": "pixels", "comparator_version": "v",
        "left_box": [0.5, 0.25, 0.125, 0.0625], "right_box": [0.5, 0.25, 0.125, 0.125],
    }  # fmt: skip
    rows = pl.DataFrame([pair], schema=ComparedPairs.create_empty().schema)
    add_tasks(shop.warehouse, choose_pair_tasks(product.category, rows, 0.5, 1))
    try:
        (task,) = tasks_of(client, flag="same_picture")["tasks"]
        flags = client.get("/api/review/summary", params={"reviewer": "Ana"}).json()["flags"]
        said = post(client, answer(task["task_id"], "yes"))
    finally:
        only = [Replacement(ReviewTasks, shop.tasks)]
        shop.warehouse.replace(only, CommitMessage(asset="test"))
    assert (task["image_id"], task["other_image_id"]) == (left, right)
    assert (task["image_box"], task["other_box"]) == (pair["left_box"], pair["right_box"])
    assert (task["other_width"], task["other_height"]) == (640, 640)
    assert (task["choices"], task["guess"]) == (["same", "different"], "different")
    assert task["product"]["other_images"] == [i.image_id for i in drawn[2:4]]
    assert {"flag": "same_picture", "title": "same picture", "open": 1} in flags
    assert said.status_code == 422


def test_neighbours_carry_what_people_said_else_what_the_model_did(shop, client):
    first = tasks_of(client, limit=1)["tasks"][0]
    near = {n["image_id"]: n for n in first["neighbours"]}
    assert len(near) == 4
    by_model = [(n["verdict"], n["by"]) for n in first["neighbours"]]
    assert by_model == [("yes", "model")] * 3 + [("no", "model")]
    asked = shop.tasks.filter(
        (pl.col("flag") == "promo_badge") & pl.col("image_id").is_in(list(near))
    )
    task = asked.row(0, named=True)
    assert post(client, answer(task["task_id"], "no"), reviewer="Ben").status_code == 200
    again = tasks_of(client, limit=1)["tasks"][0]
    found = {n["image_id"]: n for n in again["neighbours"]}[task["image_id"]]
    assert (found["verdict"], found["by"]) == ("no", "people")
    of_quality = tasks_of(client, limit=1, flag="blurry")["tasks"][0]
    assert {n["verdict"] for n in of_quality["neighbours"]} == {"unknown"}


def test_answers_are_in_the_warehouse_when_they_are_confirmed(shop, client):
    first, second = ids(tasks_of(client, limit=2))
    sent = [answer(first, "yes"), answer(second, "unsure")]
    reply = post(client, *sent)
    assert reply.json() == {"saved": [row["answer_id"] for row in sent]}
    rows = shop.answers().sort("answer")
    assert rows["task_id"].to_list() == [second, first]
    assert rows["answer_id"].to_list() == [sent[1]["answer_id"], sent[0]["answer_id"]]
    assert rows["reviewer"].to_list() == ["Ana", "Ana"]
    assert rows["source"].to_list() == ["web", "web"]
    assert set(rows["answered_at"]) == {dt.datetime(2026, 1, 6, 9, tzinfo=dt.UTC)}
    assert not {first, second} & set(ids(tasks_of(client, limit=50)))


def test_what_is_sent_twice_is_kept_once(shop, client):
    row = answer(ids(tasks_of(client))[0])
    assert post(client, row).status_code == 200
    assert post(client, row, row).json() == {"saved": [row["answer_id"]] * 2}
    assert shop.answers().height == 1


def test_what_is_sent_twice_at_once_is_kept_once(shop, client):
    row = answer(ids(tasks_of(client))[0])
    with ThreadPoolExecutor(4) as threads:
        replies = list(threads.map(lambda _: post(client, row), range(4)))
    assert [reply.json() for reply in replies] == [{"saved": [row["answer_id"]]}] * 4
    assert shop.answers().height == 1


def test_a_clock_that_is_ahead_or_far_behind_is_not_believed(shop, client):
    started = dt.datetime.now(dt.UTC)
    first, second = ids(tasks_of(client, limit=2))
    late = answer(first, answered_at="2999-01-01T00:00:00Z")
    early = answer(second, answered_at="1970-01-01T00:00:00Z")
    assert post(client, late, early).status_code == 200
    for at in shop.answers()["answered_at"]:
        assert started <= at <= dt.datetime.now(dt.UTC)


def test_an_unknown_task_is_404_and_stops_no_other_answer(shop, client):
    good, bad = answer(ids(tasks_of(client))[0]), answer("0" * 16)
    reply = post(client, bad, good)
    assert reply.status_code == 404
    body = reply.json()
    assert body["error"] == "unknown_task"
    assert body["saved"] == [good["answer_id"]]
    assert [r["id"] for r in body["refused"]] == [bad["answer_id"]]
    assert "0000000000000000" in body["refused"][0]["detail"]
    assert shop.answers()["answer_id"].to_list() == [good["answer_id"]]
    assert client.get(f"/api/review/tasks/{'0' * 16}").status_code == 404


def test_an_answer_id_of_another_answer_is_409(shop, client):
    first, second = ids(tasks_of(client, limit=2))
    row = answer(first)
    assert post(client, row).status_code == 200
    reply = post(client, {**row, "task_id": second})
    assert reply.status_code == 409
    assert reply.json()["error"] == "answer_id_taken"
    assert shop.standing() == {first: "yes"}


@pytest.mark.parametrize(
    "changed",
    [
        {"answer": "undo"},
        {"answer": "maybe"},
        {"task_id": "../../etc"},
        {"answer_id": "1"},
        {"answered_at": "2026-01-06T10:00:00"},
        {"extra": 1},
    ],
)
def test_a_malformed_answer_is_422(standing_client, changed):
    row = {**answer("0" * 16), **changed}
    assert post(standing_client, row).status_code == 422


@pytest.mark.parametrize("name", ["", "   ", "x" * 61, "a\nb", "a\x00b", "a\u202eb"])
def test_a_reviewer_needs_a_printable_name(standing_client, name):
    assert post(standing_client, answer("0" * 16), reviewer=name).status_code == 422
    reply = standing_client.get("/api/review/tasks", params={"reviewer": name})
    assert reply.status_code == 422


def test_hostile_names_are_only_names(shop, client):
    name = "Robert'); DROP TABLE review_answers;--"
    row = answer(ids(tasks_of(client, reviewer=name))[0])
    assert post(client, row, reviewer=f"  {name} ").status_code == 200
    assert shop.answers()["reviewer"].to_list() == [name]
    found = client.get("/api/review/summary", params={"reviewer": name}).json()
    assert found["answered"] == 1


def test_too_many_answers_at_once_are_refused(standing_client):
    assert post(standing_client, *[answer("0" * 16)] * 101).status_code == 422
    long = b'{"reviewer": "' + b"x" * 300_000 + b'"}'
    headers = {"content-type": "application/json"}
    reply = standing_client.post("/api/review/answers", content=long, headers=headers)
    assert reply.status_code == 413


def undo(client, answer_id, reviewer="Ana"):
    body = {"reviewer": reviewer, "answer_id": answer_id, "undone_at": NOW}
    return client.post("/api/review/undo", json=body)


def test_undo_opens_the_task_again_and_keeps_both_rows(shop, client):
    task = ids(tasks_of(client))[0]
    row = answer(task)
    post(client, row)
    first, second = undo(client, row["answer_id"]), undo(client, row["answer_id"])
    assert first.status_code == second.status_code == 200
    assert first.json() == second.json()
    rows = shop.answers()
    assert sorted(rows["answer"]) == ["undo", "yes"]
    assert rows.filter(pl.col("answer") == "undo")["undoes"].item() == row["answer_id"]
    assert ids(tasks_of(client))[0] == task


def test_an_undo_that_cannot_be_is_409(shop, client):
    row = answer(ids(tasks_of(client))[0])
    post(client, row)
    for answer_id, reviewer in ((row["answer_id"], "Ben"), ("nothing", "Ana")):
        reply = undo(client, answer_id, reviewer)
        assert reply.status_code == 409
        assert reply.json()["error"] == "cannot_undo"
    assert shop.answers().height == 1


def test_summary(shop, client):
    tasks = tasks_of(client, limit=3)["tasks"]
    rows = [
        answer(task["task_id"], said, answered_at=f"2026-01-06T10:0{minute}:00Z")
        for minute, (task, said) in enumerate(zip(tasks, ("yes", "no", "unsure"), strict=True))
    ]
    post(client, *rows)
    undo(client, rows[1]["answer_id"])
    record_answer(shop.warehouse, tasks[1]["task_id"], "no", "Ben", dt.datetime.now(dt.UTC))
    found = client.get("/api/review/summary", params={"reviewer": "Ana"}).json()
    assert found["open"] == shop.tasks.height - 3
    assert found["flags"][0] == {"flag": "promo_badge", "title": BADGE, "open": 9}
    assert found["answered"] == 2
    assert [(g["answer_id"], g["answer"]) for g in found["latest"]] == [
        (rows[2]["answer_id"], "unsure"), (rows[0]["answer_id"], "yes"),
    ]  # fmt: skip
    assert found["latest"][0]["question"] == tasks[2]["question"]
    assert found["latest"][0]["image_id"] == tasks[2]["image_id"]


def test_two_reviewers_get_different_tasks_until_none_is_left(shop, client):
    first = ids(tasks_of(client, "Ana", limit=8))
    second = ids(tasks_of(client, "Ben", limit=8))
    assert len(first) == len(second) == 8
    assert not set(first) & set(second)
    assert set(ids(tasks_of(client, "Cem", limit=2))) <= set(first) | set(second)
    assert ids(tasks_of(client, "Ana", limit=8)) == first


def test_tasks_that_a_reviewer_has_or_skips_are_not_sent_again(shop, client):
    first = ids(tasks_of(client, limit=4))
    more = ids(tasks_of(client, limit=4, held=first[:2], skip=first[2:]))
    assert len(more) == 4
    assert not set(more) & set(first)


def test_answers_and_undos_on_their_way_are_counted_right(shop, client):
    first, second, third = ids(tasks_of(client, limit=3))
    row = answer(third)
    post(client, row)
    batch = tasks_of(client, limit=50, answered=[first], held=[second, third])
    assert batch["open"] == shop.tasks.height - 1
    assert not {first, second, third} & set(ids(batch))


def test_a_flag_narrows_the_questions(shop, client):
    batch = tasks_of(client, flag="blurry", limit=50)
    assert batch["open"] == len(batch["tasks"]) == 4
    assert {task["flag"] for task in batch["tasks"]} == {"blurry"}
    assert tasks_of(client, flag="weapon") == {"tasks": [], "open": 0}
    reply = client.get("/api/review/tasks", params={"reviewer": "Ana", "flag": "x' OR '1'='1"})
    assert reply.status_code == 422


def test_a_question_with_choices_takes_only_them(shop, typed, client):
    (task,) = tasks_of(client, flag="image_type")["tasks"]
    assert (task["choices"], task["guess"]) == (["front", "back", "closeup", "none"], "back")
    assert task["flag_title"] == "image type"
    (yes_no,) = tasks_of(client, limit=1)["tasks"]
    assert (yes_no["choices"], yes_no["guess"]) == (None, None)
    good = answer(task["task_id"], "closeup")
    refused = [answer(task["task_id"], "yes"), answer(yes_no["task_id"], "front")]
    reply = post(client, good, *refused)
    assert reply.status_code == 422
    assert [item["id"] for item in reply.json()["refused"]] == [r["answer_id"] for r in refused]
    assert shop.answers().is_empty()
    assert post(client, good).json() == {"saved": [good["answer_id"]]}
    assert tasks_of(client, flag="image_type")["open"] == 0
    (latest,) = client.get("/api/review/summary", params={"reviewer": "Ana"}).json()["latest"]
    assert (latest["answer"], latest["question"]) == ("closeup", typed["question"])


def test_a_neighbours_type_is_what_people_said(shop, typed, client):
    (near,) = tasks_of(client, flag="image_type")["tasks"][0]["neighbours"]
    assert (near["verdict"], near["by"]) == ("unknown", "")
    of_near = {**typed, "image_id": near["image_id"], "task_id": "f" * 16}
    add_tasks(shop.warehouse, pl.DataFrame([of_near], schema=shop.tasks.schema))
    record_answer(shop.warehouse, "f" * 16, "back", "Ben", dt.datetime.now(dt.UTC))
    (near,) = tasks_of(client, flag="image_type")["tasks"][0]["neighbours"]
    assert (near["verdict"], near["by"]) == ("back", "people")


def test_one_task_answered_or_not(shop, client):
    task = tasks_of(client)["tasks"][0]
    post(client, answer(task["task_id"]))
    assert client.get(f"/api/review/tasks/{task['task_id']}").json() == task


def test_the_api_is_described_without_pages_from_elsewhere(standing_client):
    paths = standing_client.get("/openapi.json").json()["paths"]
    assert {"/api/review/tasks", "/api/review/answers", "/api/review/undo"} <= set(paths)
    assert "404" in paths["/api/review/answers"]["post"]["responses"]
    assert standing_client.get("/docs").status_code == 404
    assert standing_client.get("/redoc").status_code == 404
