from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from imgassets.defs.moderation.questions import type_questions
from imgassets.defs.partitions import DAY_CATEGORY
from imgassets.moderation.type_tasks import (
    QUESTION,
    choose_type_tasks,
    type_choices,
    with_neighbours,
)
from imgassets.operations.reviews import known_types, open_tasks, record_answer
from imgassets.operations.type_questions import ask_types, typed_categories
from imgassets.settings import Settings
from imgassets.vision.backbones import signals_version
from imgassets.warehouse.contracts import (
    AggregatedImages,
    Contract,
    FetchedImages,
    ImageLabels,
    ImageSignals,
    ImageTypes,
    ReviewTasks,
    TypePriorities,
)
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from tests.moderation.people import NOW, image

DAYS = date(2026, 1, 5), date(2026, 1, 6)

# day, product, image, type, probability
TYPED = [
    (0, "old", 1, "unsure", 0.10),
    (1, "old", 1, "front", 0.80),
    (1, "doubtful", 2, "unsure", 0.41),
    (1, "doubtful", 3, "none", 0.95),
    (1, "sure", 4, "front", 0.99),
    (1, "sure", 5, "unsure", 0.30),
    (1, "told", 6, "unsure", 0.20),
    (1, "disputed", 7, "front", 0.97),
    (1, "twin", 4, "front", 0.70),
]


def settings(tmp_path, **review: int) -> Settings:
    return Settings(home=tmp_path, review={"tasks_per_round": 60, **review})


def rows_of(contract: type[Contract], rows: list[dict]) -> Replacement:
    schema = contract.create_empty().schema
    return Replacement(contract, pl.DataFrame(rows, schema=schema))


@pytest.fixture
def typed(warehouse: Warehouse, tmp_path: Path) -> Iterator[Warehouse]:
    """A category with an order of views, whose images a model has typed on two days."""
    keys = [
        {"day": DAYS[day], "category": "toys", "product_id": product, "image_id": image(number)}
        for day, product, number, _, _ in TYPED
    ]
    about = {
        "image_url": "", "supplier_id": "s", "image_location": "x", "suppliers": ["s"],
        "image_urls": ["x"], "best_position": 1, "is_curated": False, "format": "JPEG",
        "width": 9, "height": 9, "byte_size": 9, "mode": "rgb", "bit_depth": 8, "frames": 1,
        "first_seen": DAYS[0],
    }  # fmt: skip
    images = [{**about, **key} for key in keys]
    fetched = [{**row, "image_url": f"{row['image_id'][:4]}.jpg"} for row in images]
    fetched.append({**fetched[7], "image_url": "again.jpg"})
    types = [
        {**key, "image_type": said, "probability": p, "approach": "logistic", "model_version": "3",
         "answered_by": "global", "best_guess": "back" if said == "unsure" else said}
        for key, (_, _, _, said, p) in zip(keys, TYPED, strict=True)
    ]  # fmt: skip
    labels = [
        {"product_id": product, "image_url": url, "image_type": said, "group_id": product,
         "source": "f"}
        for product, url, said in (
            ("told", f"{image(6)[:4]}.jpg", "back"),
            ("disputed", f"{image(7)[:4]}.jpg", "front"),
            ("disputed", "again.jpg", "back"),
        )
    ]  # fmt: skip
    version = signals_version(settings(tmp_path).vision)
    measures = {
        "phash": "0" * 16, "dhash": "0" * 16, "object_phash": "0" * 16, "edge_dhash": "0" * 16,
        "hsv_histogram": [], "sharpness": 0, "foreground_fraction": 0, "background_whiteness": 0,
        "background_pure_white": 0, "object_extent": 0, "detail": 0, "colourfulness": 0,
        "embedding": [1.0, 0.0],
    }  # fmt: skip
    signals = [
        {**measures, "day": DAYS[1], "category": "toys", "image_id": image(number),
         "signals_version": version if number != 5 else "another"}
        for number in (2, 4, 5, 6)
    ]  # fmt: skip
    order = [
        {"category": "toys", "image_type": name, "rank": rank}
        for rank, name in enumerate(("front", "back", "closeup"), 1)
    ]
    tables = {
        FetchedImages: fetched, AggregatedImages: images, ImageTypes: types, ImageSignals: signals,
        ImageLabels: labels, TypePriorities: order,
    }  # fmt: skip
    warehouse.replace(
        [rows_of(contract, rows) for contract, rows in tables.items()],
        CommitMessage(asset="test"),
    )
    yield warehouse
    warehouse.replace(
        [rows_of(contract, []) for contract in (AggregatedImages, ImageSignals, ImageTypes)],
        CommitMessage(asset="test"),
    )


def test_what_is_disputed_then_products_without_a_view_then_the_least_probable(
    typed: Warehouse, tmp_path
) -> None:
    assert ask_types(typed, "toys", settings(tmp_path)) == 6
    tasks = open_tasks(typed, "ann", flag="image_type")
    asked = tasks.select("product_id", "image_id").rows()
    assert asked == [
        (product, image(number))
        for product, number in [
            ("disputed", 7), ("doubtful", 2), ("doubtful", 3), ("sure", 5), ("twin", 4), ("old", 1)
        ]
    ]  # fmt: skip
    assert tasks["priority"].to_list() == pytest.approx([1, 0.795, 0.525, 0.35, 0.15, 0.1])
    assert set(tasks["question"]) == {QUESTION}
    assert tasks["choices"][0].to_list() == ["front", "back", "closeup", "none"]
    assert tasks["guess"].to_list() == ["front", "back", "none", "back", "front", "front"]
    told = [image(6)]  # those that are measured alike can be compared with it
    assert tasks["neighbours"].to_list() == [[], told, [], [], told, []]
    assert tasks["reason"].to_list() == ["disagreement", *["uncertain"] * 5]
    assert tasks["why"][0].startswith("its labels contradict each other: ")
    assert {"again.jpg back", f"{image(7)[:4]}.jpg front"} == {*tasks["why"][0][34:].split("; ")}
    assert tasks["why"][1] == (
        "the model is in doubt: back has probability 0.41; "
        "no other image of the product has a sure view"
    )
    assert tasks["why"][5] == "the model takes it for front, with probability 0.80"


def test_so_many_are_open_at_a_time_and_none_is_asked_twice(typed: Warehouse, tmp_path) -> None:
    of = settings(tmp_path, tasks_per_round=2)
    assert ask_types(typed, "toys", of) == 2
    assert ask_types(typed, "toys", of) == 0
    first, second = open_tasks(typed, "ann")["task_id"]
    record_answer(typed, first, "front", "ann", NOW)
    record_answer(typed, second, "unsure", "ann", NOW)
    assert ask_types(typed, "toys", of) == 2
    asked = typed.read(ReviewTasks)["image_id"]
    assert asked.n_unique() == asked.len() == 4
    assert known_types(typed).filter(origin="answer")["image_type"].to_list() == ["front"]


def test_a_partition_run_asks_too(typed: Warehouse, tmp_path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("category", ["hats", "toys"])
        done = dg.materialize(
            [type_questions, dg.AssetSpec("image_types", partitions_def=DAY_CATEGORY)],
            partition_key="toys",
            instance=instance,
            resources={"settings": settings(tmp_path), "warehouse": typed},
        )
    (made,) = done.asset_materializations_for_node("type_questions")
    assert made.metadata["by_category"].value == {"toys": 6}
    assert typed_categories(typed) == ["toys"]


def test_without_an_order_of_views_the_labels_name_the_types(typed: Warehouse, tmp_path) -> None:
    typed.replace([rows_of(TypePriorities, [])], CommitMessage(asset="test"))
    assert ask_types(typed, "toys", settings(tmp_path)) == 6
    assert open_tasks(typed, "ann")["choices"][0].to_list() == ["back", "none"]


def test_without_any_type_nothing_can_be_asked(typed: Warehouse, tmp_path) -> None:
    nothing = [rows_of(TypePriorities, []), rows_of(ImageLabels, [])]
    typed.replace(nothing, CommitMessage(asset="test"))
    with pytest.raises(ValueError, match="category toys: it has no types: `imgassets categories"):
        ask_types(typed, "toys", settings(tmp_path))
    assert ask_types(typed, "hats", settings(tmp_path)) == 0
    assert typed.read(ReviewTasks).is_empty()


def test_choices_end_with_none_and_are_no_words_of_the_review() -> None:
    assert type_choices(["none", "front", "back", "front"]) == ["front", "back", "none"]
    assert type_choices(["open"]) == ["open", "none"]
    with pytest.raises(ValueError, match="no type can be named undo, unsure"):
        type_choices(["front", "unsure", "undo"])


def test_the_nearest_images_that_people_typed_stand_beside() -> None:
    tasks = choose_type_tasks("toys", ["front", "none"], untyped(1, 2, 3), 5)
    angles = {1: 0.0, 2: 1.5, 11: 0.1, 12: 0.4, 13: 1.4, 14: 0.2}
    embeddings = pl.DataFrame(
        {
            "image_id": [image(n) for n in angles],
            "embedding": [[math.cos(a), math.sin(a)] for a in angles.values()],
        }
    )
    told = pl.DataFrame({"image_id": [image(n) for n in (11, 12, 13)]})
    found = with_neighbours(tasks, told, embeddings, 2)
    assert found.drop("neighbours").equals(tasks.drop("neighbours"))
    assert dict(found.select("image_id", "neighbours").iter_rows()) == {
        image(1): [image(11), image(12)], image(2): [image(13), image(12)], image(3): [],
    }  # fmt: skip
    assert with_neighbours(tasks, told.clear(), embeddings, 2).equals(tasks)
    assert with_neighbours(tasks, told, embeddings, 0).equals(tasks)


def untyped(*numbers: int) -> pl.DataFrame:
    return pl.DataFrame(
        {"product_id": [f"P{n}" for n in numbers], "image_id": [image(n) for n in numbers]}
    ).with_columns(
        image_type=pl.lit("untyped"), best_guess=pl.lit(None, pl.String), probability=0.0,
        model_version=pl.lit(""), disputed=pl.lit(None, pl.String), has_view=False,
    )  # fmt: skip


def test_before_any_model_every_image_is_as_urgent() -> None:
    tasks = choose_type_tasks("toys", ["front", "none"], untyped(1, 2), 5)
    assert tasks["priority"].to_list() == [1, 1]
    assert tasks["probability"].to_list() == [None, None]
    assert set(tasks["why"]) == {"no model has typed it yet"}
    assert choose_type_tasks("toys", ["front", "none"], untyped(1, 2), -1).is_empty()
