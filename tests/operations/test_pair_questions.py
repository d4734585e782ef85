from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from imgassets.defs.moderation.questions import pair_questions
from imgassets.defs.partitions import DAY_CATEGORY
from imgassets.moderation.flags import SAME_PICTURE
from imgassets.operations.pair_questions import ask_pairs, compared_categories
from imgassets.operations.reviews import (
    known_pairs,
    known_types,
    known_values,
    open_tasks,
    record_answer,
    undo_answer,
)
from imgassets.settings import Settings
from imgassets.warehouse.contracts import AggregatedImages, ComparedPairs, Contract
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from tests.moderation.people import NOW, image

DAYS = date(2026, 1, 5), date(2026, 1, 6)
WRITE = CommitMessage(asset="test")

# day, product, images, probability
COMPARED = [
    (0, "old", (1, 2), 0.9),
    (1, "old", (1, 3), 0.8),
    (0, "stays", (4, 5), 0.6),
    (1, "twin", (4, 5), 0.6),
    (1, "sure", (6, 7), 0.001),
    (1, "near", (8, 9), 0.91),
]


def settings(tmp_path: Path, **review: int) -> Settings:
    """A limit of 0.9 in every category but hats."""
    file = tmp_path / "thresholds.toml"
    file.write_text("[default]\nsame_probability = 0.9\n[categories.hats]\nsame_probability = 0.3")
    return Settings(home=tmp_path, dedup={"thresholds": file}, review=review)


def rows_of(contract: type[Contract], rows: list[dict]) -> Replacement:
    return Replacement(contract, pl.DataFrame(rows, schema=contract.create_empty().schema))


def key_of(*numbers: int) -> tuple[str, ...]:
    return tuple(sorted(image(number) for number in numbers))


@pytest.fixture
def compared(warehouse: Warehouse) -> Iterator[Warehouse]:
    """Two categories with the same pairs, of two days; the newest sets are asked about."""
    about = {
        "suppliers": ["s"], "image_urls": ["x"], "best_position": 1, "is_curated": False,
        "format": "JPEG", "width": 9, "height": 9, "byte_size": 9, "mode": "rgb", "bit_depth": 8,
        "frames": 1, "first_seen": DAYS[0],
    }  # fmt: skip
    pairs, images = [], []
    for category in ("hats", "toys"):
        for day, product, numbers, p in COMPARED:
            key = {"day": DAYS[day], "category": category, "product_id": product}
            images += [{**about, **key, "image_id": i} for i in key_of(*numbers)]
            left, right = key_of(*numbers)
            pairs.append(
                {**key, "left_image_id": left, "right_image_id": right, "image_type": "front",
                 "same": p >= 0.9, "probability": p, "decided_by": "pixels",
                 "left_box": [0.0, 0.0, 0.5, 0.5], "right_box": [0.0, 0.0, 0.5, 0.5],
                 "comparator_version": "v1"}
            )  # fmt: skip
    warehouse.replace([rows_of(AggregatedImages, images), rows_of(ComparedPairs, pairs)], WRITE)
    yield warehouse
    warehouse.replace([rows_of(AggregatedImages, [])], WRITE)


def asked(warehouse: Warehouse) -> list[tuple[str, ...]]:
    tasks = open_tasks(warehouse, "nobody", flag=SAME_PICTURE)
    return [tuple(pair) for pair in tasks.select("image_id", "other_image_id").iter_rows()]


def test_the_pairs_nearest_to_the_limit_of_the_newest_sets(compared: Warehouse, tmp_path) -> None:
    assert ask_pairs(compared, "toys", settings(tmp_path)) == 3
    assert asked(compared) == [key_of(8, 9), key_of(1, 3), key_of(4, 5)]
    tasks = open_tasks(compared, "ann")
    assert tasks["product_id"].to_list() == ["near", "old", "stays"]
    assert compared_categories(compared) == ["hats", "toys"]
    assert ask_pairs(compared, "shoes", settings(tmp_path)) == 0


def test_each_category_has_a_limit_of_its_own(compared: Warehouse, tmp_path) -> None:
    assert ask_pairs(compared, "hats", settings(tmp_path)) == 2
    assert asked(compared) == [key_of(4, 5), key_of(1, 3)], "0.91 is far above 0.3"


def test_so_many_are_open_at_a_time_and_none_is_asked_twice(compared: Warehouse, tmp_path) -> None:
    of = settings(tmp_path, tasks_per_round=2)
    assert ask_pairs(compared, "toys", of) == 2
    assert ask_pairs(compared, "toys", of) == 0
    record_answer(compared, open_tasks(compared, "ann")["task_id"][0], "unsure", "ann", NOW)
    assert ask_pairs(compared, "toys", of) == 1
    assert len(set(asked(compared))) == 3
    # What one category has asked, another does not ask again: an answer holds in both.
    assert ask_pairs(compared, "hats", settings(tmp_path)) == 0


def test_what_people_say_is_known_of_the_pair_and_of_nothing_else(
    compared: Warehouse, tmp_path
) -> None:
    ask_pairs(compared, "toys", settings(tmp_path))
    near, old, stays = open_tasks(compared, "ann")["task_id"]
    answer = record_answer(compared, near, "same", "ann", NOW)
    record_answer(compared, old, "different", "ann", NOW)
    record_answer(compared, stays, "same", "ann", NOW)
    record_answer(compared, stays, "different", "ben", NOW)
    with pytest.raises(ValueError, match="'yes' is no answer: say same, different, unsure"):
        record_answer(compared, near, "yes", "ben", NOW)
    found = {row[:2]: row[2] for row in known_pairs(compared).rows()}
    assert found == {key_of(8, 9): True, key_of(1, 3): False}
    states = dict(compared.sql("SELECT task_id, state FROM review_queue").iter_rows())
    assert states == {near: "same", old: "different", stays: "contradictory"}
    undo_answer(compared, answer, "ann", NOW)
    assert known_pairs(compared).rows() == [(*key_of(1, 3), False)]
    assert known_values(compared).is_empty()
    assert known_types(compared).is_empty()


def test_a_partition_run_asks_too(compared: Warehouse, tmp_path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("category", ["hats", "toys"])
        done = dg.materialize(
            [pair_questions, dg.AssetSpec("dedup_clusters", partitions_def=DAY_CATEGORY)],
            partition_key="toys",
            instance=instance,
            resources={"settings": settings(tmp_path), "warehouse": compared},
        )
    (made,) = done.asset_materializations_for_node("pair_questions")
    assert made.metadata["by_category"].value == {"toys": 3}
