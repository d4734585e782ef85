from __future__ import annotations

import csv
import json
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from imgassets.operations.review_files import (
    export_tasks,
    import_answers,
    pair_status,
    review_status,
    type_status,
)
from imgassets.operations.reviews import (
    add_tasks,
    known_pairs,
    open_tasks,
    record_answer,
    undo_answer,
)
from imgassets.warehouse.contracts import FetchedImages, ReviewAnswers
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from tests.moderation.people import NOW, image, pair_task, task, tasks, typed_task


@pytest.fixture(autouse=True)
def _four_tasks(warehouse: Warehouse) -> None:
    add_tasks(warehouse, tasks(*(task(n, priority=1 - n / 10) for n in range(4))))


def id_of(number: int) -> str:
    return task(number)["task_id"]


def write(tmp_path: Path, *rows: str) -> Path:
    path = tmp_path / "answers.csv"
    path.write_text("task_id,answer\n" + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return path


def fill(path: Path, answer: str) -> None:
    frame = pl.read_csv(path, infer_schema=False)
    frame.with_columns(answer=pl.lit(answer)).write_csv(path)


def test_out_and_in_again(warehouse: Warehouse, tmp_path: Path) -> None:
    path = tmp_path / "new" / "tasks.csv"
    done = export_tasks(warehouse, path, limit=3)
    assert (done.tasks, done.config, done.unreachable) == (3, None, 3)
    fill(path, "n")
    answered = import_answers(warehouse, path, NOW, reviewer="ann")
    assert (answered.added, answered.seen) == (3, 0)
    assert open_tasks(warehouse, "ben")["product_id"].to_list() == ["P3"]


def test_the_same_file_twice_adds_nothing(warehouse: Warehouse, tmp_path: Path) -> None:
    path = write(tmp_path, f"{id_of(0)},y", f"{id_of(1)},")
    first = import_answers(warehouse, path, NOW, reviewer="ann")
    log = warehouse.read(ReviewAnswers)
    snapshot = warehouse.snapshot_id()
    again = import_answers(warehouse, path, NOW + timedelta(days=1), reviewer="ann")
    assert (first.added, first.unanswered) == (1, 1)
    assert (again.added, again.seen, again.overtaken) == (0, 1, 0)
    assert warehouse.read(ReviewAnswers).equals(log)
    assert warehouse.snapshot_id() == snapshot


def test_a_grown_file_adds_what_is_new(warehouse: Warehouse, tmp_path: Path) -> None:
    import_answers(warehouse, write(tmp_path, f"{id_of(0)},y"), NOW, reviewer="ann")
    grown = write(tmp_path, f"{id_of(0)},y", f"{id_of(1)},n")
    assert import_answers(warehouse, grown, NOW, reviewer="ann").added == 1


def test_seen_answers_that_stand_no_longer_are_reported(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    path = write(tmp_path, f"{id_of(0)},y", f"{id_of(1)},y", f"{id_of(2)},y")
    import_answers(warehouse, path, NOW, reviewer="ann")
    record_answer(warehouse, id_of(0), "no", "ann", NOW + timedelta(minutes=1))
    first = warehouse.read(ReviewAnswers).filter(task_id=id_of(1))["answer_id"][0]
    undo_answer(warehouse, first, "ann", NOW)
    assert import_answers(warehouse, path, NOW, reviewer="ann").overtaken == 2


def test_a_faulty_file_is_refused_whole_or_imported_in_part(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    path = write(
        tmp_path, f"{id_of(0)},y", "0123456789abcdef,y", f"{id_of(1)},maybe",
        f"{id_of(2)},y", f"{id_of(2)},n",
    )  # fmt: skip
    with pytest.raises(ValueError, match="nothing was imported") as caught:
        import_answers(warehouse, path, NOW, reviewer="ann")
    for fault in ("line 3: there is no task", "line 4: 'maybe'", "line 5, line 6: ann contradicts"):
        assert fault in str(caught.value)
    assert warehouse.read(ReviewAnswers).is_empty()
    done = import_answers(warehouse, path, NOW, reviewer="ann", skip_unknown=True)
    assert (done.added, len(done.skipped)) == (1, 3)


def test_ten_thousand_answers_are_one_commit(warehouse: Warehouse, tmp_path: Path) -> None:
    add_tasks(warehouse, tasks(*(task(n) for n in range(10_000))))
    snapshot = warehouse.snapshot_id()
    path = write(tmp_path, *(f"{id_of(n)},{'ynu'[n % 3]}" for n in range(10_000)))
    assert import_answers(warehouse, path, NOW, reviewer="ann").added == 10_000
    assert warehouse.snapshot_id() == snapshot + 1


def test_label_studio_gets_tasks_and_interface(warehouse: Warehouse, tmp_path: Path) -> None:
    path = tmp_path / "tasks.json"
    done = export_tasks(warehouse, path, image_url_prefix="https://cdn.example.org/store/")
    assert (done.config, done.unreachable) == (tmp_path / "tasks.xml", 0)
    assert done.config.read_text(encoding="utf-8").startswith("<View>")
    first = json.loads(path.read_text(encoding="utf-8"))[0]
    digest = image(0)
    place = f"{digest[:2]}/{digest[2:4]}/{digest}"
    assert first["data"]["image"] == f"https://cdn.example.org/store/{place}"
    config = tmp_path / "interface.xml"
    assert export_tasks(warehouse, path, config=config).config == config


def test_pictures_are_where_the_supplier_has_them(warehouse: Warehouse, tmp_path: Path) -> None:
    locations = ["https://supplier.example.org/0.jpg", "/srv/images/1.jpg"]
    fetched = [
        {
            "day": NOW.date(), "category": "toys", "product_id": f"P{n}", "supplier_id": "s1",
            "image_url": f"{n}.jpg", "image_location": location, "image_id": image(n),
            "format": "JPEG", "width": 9, "height": 9, "byte_size": 9, "mode": "rgb",
            "bit_depth": 8, "frames": 1, "extension": "jpg", "extension_matches": True,
        }
        for n, location in enumerate(locations)
    ]  # fmt: skip
    warehouse.replace(
        [Replacement(FetchedImages, pl.DataFrame(fetched))], CommitMessage(asset="test")
    )
    path = tmp_path / "tasks.csv"
    assert export_tasks(warehouse, path).unreachable == 3
    with path.open(newline="", encoding="utf-8") as file:
        assert [row["image_url"] for row in csv.DictReader(file)] == [*locations, "", ""]
    shown = export_tasks(
        warehouse, path, image_url_prefix="http://host/images/{image_id}/large", limit=2
    )
    assert shown.unreachable == 0
    for number in range(2):
        assert f"http://host/images/{image(number)}/large" in path.read_text(encoding="utf-8")


def test_nothing_to_ask_writes_nothing(warehouse: Warehouse, tmp_path: Path) -> None:
    path = tmp_path / "tasks.csv"
    with pytest.raises(ValueError, match="no open task about drugs: nothing was written"):
        export_tasks(warehouse, path, flag="drugs")
    assert not path.exists()


def test_status(warehouse: Warehouse) -> None:
    add_tasks(warehouse, tasks(task(0, flag="drugs")))
    for minute, (number, reviewer, answer) in enumerate(
        [(0, "ann", "yes"), (0, "ben", "no"), (1, "ann", "no"), (1, "ben", "no"),
         (2, "ann", "unsure")]
    ):  # fmt: skip
        record_answer(warehouse, id_of(number), answer, reviewer, NOW + timedelta(minutes=minute))
    drugs, weapon = review_status(warehouse).to_dicts()
    assert drugs == {
        "flag": "drugs", "tasks": 1, "open": 1, "yes": 0, "no": 0, "unsure": 0,
        "contradictory": 0, "reviewers": 0, "compared": 0, "equal": None, "kappa": None,
    }  # fmt: skip
    assert weapon == {
        "flag": "weapon", "tasks": 4, "open": 1, "yes": 0, "no": 1, "unsure": 1,
        "contradictory": 1, "reviewers": 2, "compared": 2, "equal": 0.5, "kappa": 0.0,
    }  # fmt: skip


def test_status_weighs_pairs_by_their_tasks_and_skips_undefined_kappas(
    warehouse: Warehouse,
) -> None:
    given = [(n, "ann", "yn"[n % 2]) for n in range(4)]
    given += [(0, "ben", "y"), (1, "ben", "n"), (0, "cas", "y")]
    words = {"y": "yes", "n": "no"}
    for minute, (number, reviewer, letter) in enumerate(given):
        at = NOW + timedelta(minutes=minute)
        record_answer(warehouse, id_of(number), words[letter], reviewer, at)
    found = review_status(warehouse).row(0, named=True)
    assert (found["compared"], found["equal"], found["kappa"]) == (4, 1.0, 1.0)


def test_types_out_and_in_again_and_their_status(warehouse: Warehouse, tmp_path: Path) -> None:
    add_tasks(warehouse, tasks(*(typed_task(n, category="hats") for n in range(3))))
    path = tmp_path / "tasks.csv"
    assert export_tasks(warehouse, path, flag="image_type").tasks == 3
    fill(path, "Back")
    assert import_answers(warehouse, path, NOW, reviewer="ann").added == 3
    record_answer(warehouse, typed_task(0)["task_id"], "front", "ben", NOW)
    assert type_status(warehouse).row(0, named=True) == {
        "category": "hats", "tasks": 3, "open": 0, "decided": 2, "unsure": 0, "contradictory": 1,
        "reviewers": 2, "compared": 1, "equal": 0.0, "kappa": 0.0,
    }  # fmt: skip
    assert review_status(warehouse)["flag"].to_list() == ["weapon"]
    config = export_tasks(warehouse, tmp_path / "tasks.json").config
    assert config is not None
    assert 'value="$choices"' in config.read_text(encoding="utf-8")


def test_pairs_go_out_and_in_again(warehouse: Warehouse, tmp_path: Path) -> None:
    add_tasks(warehouse, tasks(pair_task(1, 2), pair_task(1, 3), typed_task(1)))
    path = tmp_path / "tasks.csv"
    done = export_tasks(
        warehouse, path, flag="same_picture", image_url_prefix="https://x/{image_id}.webp"
    )
    assert (done.tasks, done.unreachable, done.left_out) == (2, 0, 0)
    rows = pl.read_csv(path, infer_schema=False)
    assert (rows["other_image_url"] == "https://x/" + rows["other_image_id"] + ".webp").all()
    fill(path, "Same")
    assert import_answers(warehouse, path, NOW, reviewer="ann").added == 2
    pairs = [tuple(sorted((image(1), image(n)))) for n in (2, 3)]
    assert known_pairs(warehouse).rows() == [(*pair, True) for pair in sorted(pairs)]
    (row,) = pair_status(warehouse).iter_rows(named=True)
    assert (row["category"], row["tasks"], row["open"], row["same"], row["different"]) == (
        "toys", 2, 0, 2, 0,
    )  # fmt: skip
    assert review_status(warehouse)["flag"].to_list() == ["weapon"]
    assert type_status(warehouse)["tasks"].to_list() == [1]


def test_label_studio_has_pairs_alone_or_none(warehouse: Warehouse, tmp_path: Path) -> None:
    pair = pair_task(1, 2)
    add_tasks(warehouse, tasks(pair))
    path = tmp_path / "tasks.json"
    done = export_tasks(warehouse, path, limit=4)
    assert (done.tasks, done.left_out) == (4, 1)
    done = export_tasks(warehouse, path, flag="same_picture")
    assert (done.tasks, done.left_out, done.unreachable) == (1, 0, 1)
    (out,) = json.loads(path.read_text())
    assert out["data"]["other_image_id"] == pair["other_image_id"]
    assert 'value="$other_image"' in path.with_suffix(".xml").read_text()
