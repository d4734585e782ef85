import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from imgassets.operations.planning import Plan, fingerprints, plan, stale_partitions
from imgassets.operations.reviews import add_tasks, record_answer, undo_answer
from imgassets.settings import OrderingSettings, Settings
from imgassets.warehouse.contracts import (
    FeedFiles,
    FetchedImages,
    ImageClicks,
    ImageRelevance,
    ModelVersions,
    PartitionState,
    TypePriorities,
)
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from imgassets.warehouse.partitions import Partition
from tests.moderation.people import NOW, image, pair_task, task, tasks

DAYS = [dt.date(2026, 1, 5) + dt.timedelta(days=n) for n in range(4)]
WRITE = CommitMessage(asset="test")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def warehouse(settings: Settings) -> Warehouse:
    lake = Warehouse(settings.warehouse, settings.warehouse_data)
    lake.initialise()
    return lake


def share(day: dt.date, category: str, content: str, supplier: str = "acme") -> dict[str, object]:
    return {
        "day": day,
        "supplier_id": supplier,
        "category": category,
        "feed_file": f"{day}/{supplier}.csv",
        "landed_as": "x",
        "sha256": "x",
        "source_key": "x",
        "image_base": "",
        "n_rows": 10,
        "content_hash": content,
    }


def set_feeds(warehouse: Warehouse, *rows: dict[str, object]) -> None:
    warehouse.replace([Replacement(FeedFiles, pl.DataFrame(list(rows)))], WRITE)


def complete(warehouse: Warehouse, settings: Settings) -> None:
    rows = fingerprints(warehouse, settings).with_columns(stage=pl.lit("complete"))
    warehouse.replace([Replacement(PartitionState, rows)], WRITE)


def stale(warehouse: Warehouse, settings: Settings) -> list[tuple[dt.date, str]]:
    found = stale_partitions(warehouse, fingerprints(warehouse, settings))
    return found.select("day", "category").rows()


def test_a_corrected_feed_makes_its_category_stale_from_that_day_on(
    warehouse: Warehouse, settings: Settings
) -> None:
    rows = [share(d, c, f"{d}{c}") for d in DAYS for c in ("tablet", "laptop")]
    set_feeds(warehouse, *rows)
    assert len(stale(warehouse, settings)) == 8
    complete(warehouse, settings)
    assert stale(warehouse, settings) == []
    rows[4]["content_hash"] = "corrected"  # the third day's tablets
    set_feeds(warehouse, *rows)
    assert stale(warehouse, settings) == [(DAYS[2], "tablet"), (DAYS[3], "tablet")]


def test_settings_models_and_priorities_count(warehouse: Warehouse, settings: Settings) -> None:
    set_feeds(warehouse, *[share(DAYS[0], c, c) for c in ("tablet", "laptop")])
    complete(warehouse, settings)
    stricter = settings.model_copy(
        update={"quality": settings.quality.model_copy(update={"min_longest_side": 999})}
    )
    assert len(stale(warehouse, stricter)) == 2
    order = pl.DataFrame({"category": ["tablet"], "image_type": ["front"], "rank": [1]})
    warehouse.replace([Replacement(TypePriorities, order)], WRITE)
    assert stale(warehouse, settings) == [(DAYS[0], "tablet")]
    version = {
        "model": "image_type", "version": 1, "is_champion": True, "run_id": "r", "metric": "f1",
        "value": 1.0, "n_train": 1, "n_test": 1, "snapshot_id": 1,
    }  # fmt: skip
    warehouse.replace([Replacement(ModelVersions, pl.DataFrame([version]))], WRITE)
    assert len(stale(warehouse, settings)) == 2


def fetched(day: dt.date, category: str, number: int) -> dict[str, object]:
    return {
        "day": day, "category": category, "product_id": f"P{number}", "supplier_id": "acme",
        "image_url": f"{number}.jpg", "image_location": f"/{number}.jpg",
        "image_id": image(number), "format": "JPEG", "width": 500, "height": 500, "byte_size": 9,
        "mode": "rgb", "bit_depth": 8, "frames": 1, "extension": "jpg", "extension_matches": True,
    }  # fmt: skip


def test_what_people_say_counts_where_the_image_is_from_its_first_day_on(
    warehouse: Warehouse, settings: Settings
) -> None:
    set_feeds(warehouse, *[share(d, c, f"{d}{c}") for d in DAYS for c in ("tablet", "laptop")])
    images = [fetched(DAYS[2], "tablet", 1), fetched(DAYS[3], "laptop", 2)]
    schema = FetchedImages.create_empty().schema
    warehouse.replace([Replacement(FetchedImages, pl.DataFrame(images, schema=schema))], WRITE)
    complete(warehouse, settings)
    add_tasks(warehouse, tasks(task(1), task(2), task(3)))
    assert stale(warehouse, settings) == [], "a question changes nothing"
    answer = record_answer(warehouse, task(1)["task_id"], "yes", "ann", NOW)
    assert stale(warehouse, settings) == [(DAYS[2], "tablet"), (DAYS[3], "tablet")]
    undo_answer(warehouse, answer, "ann", NOW + dt.timedelta(minutes=1))
    assert stale(warehouse, settings) == [], "what was taken back was never said"
    record_answer(warehouse, task(2)["task_id"], "unsure", "ann", NOW)
    record_answer(warehouse, task(3)["task_id"], "yes", "ann", NOW)
    assert stale(warehouse, settings) == [], "undecided, and of an image that nobody sends"
    record_answer(warehouse, task(2)["task_id"], "no", "ben", NOW)
    assert stale(warehouse, settings) == [(DAYS[3], "laptop")]


def test_what_people_say_of_a_pair_counts_where_a_product_has_both(
    warehouse: Warehouse, settings: Settings
) -> None:
    kinds = ("tablet", "laptop", "phone")
    set_feeds(warehouse, *[share(d, c, f"{d}{c}") for d in DAYS for c in kinds])
    images = [
        fetched(DAYS[0], "tablet", 1), {**fetched(DAYS[2], "tablet", 2), "product_id": "P1"},
        fetched(DAYS[0], "laptop", 1), fetched(DAYS[0], "laptop", 2), fetched(DAYS[0], "phone", 1),
    ]  # fmt: skip
    schema = FetchedImages.create_empty().schema
    warehouse.replace([Replacement(FetchedImages, pl.DataFrame(images, schema=schema))], WRITE)
    complete(warehouse, settings)
    add_tasks(warehouse, tasks(pair_task(1, 2), pair_task(1, 3)))
    record_answer(warehouse, pair_task(1, 3)["task_id"], "same", "ann", NOW)
    assert stale(warehouse, settings) == [], "nobody sends the other image"
    answer = record_answer(warehouse, pair_task(1, 2)["task_id"], "same", "ann", NOW)
    of_both = [(DAYS[2], "tablet"), (DAYS[3], "tablet")]
    assert stale(warehouse, settings) == of_both
    complete(warehouse, settings)
    undo_answer(warehouse, answer, "ann", NOW)
    assert stale(warehouse, settings) == of_both


def test_flags_of_ones_own_count(warehouse: Warehouse, settings: Settings, tmp_path: Path) -> None:
    set_feeds(warehouse, share(DAYS[0], "tablet", "x"))
    complete(warehouse, settings)
    file = tmp_path / "flags.toml"
    text = '[pet]\ngroup = "compliance"\nquestion = "A pet?"\ntitle = "pet"\n'
    file.write_text(text)
    own = settings.model_copy(update={"flags": file})
    assert stale(warehouse, own) == [(DAYS[0], "tablet")], "it is reported as not assessed"
    complete(warehouse, own)
    assert stale(warehouse, own) == []
    file.write_text(text.replace('"pet"', '"animal"'))
    assert stale(warehouse, own) == [(DAYS[0], "tablet")], "titles stand in reasons"


def test_a_categorys_policy_clicks_and_relevance_count(
    warehouse: Warehouse, settings: Settings, tmp_path: Path
) -> None:
    first, second = DAYS[:2]
    feeds = [share(d, c, f"{d}{c}") for d in (first, second) for c in ("laptop", "tablet")]
    set_feeds(warehouse, *feeds)
    complete(warehouse, settings)
    shown = {"day": second, "category": "tablet", "product_id": "p", "image": "a.jpg",
             "position": 1, "impressions": 10, "clicks": 1}  # fmt: skip
    fits = {"day": second, "category": "tablet", "product_id": "p", "image_id": "a" * 64,
            "score": 0.5, "model_version": "1"}  # fmt: skip
    for contract, row in ((ImageClicks, shown), (ImageRelevance, fits)):
        warehouse.replace([Replacement(contract, contract.conform(pl.DataFrame([row])))], WRITE)
    # Positions are compared in the whole category; no policy asks for relevance.
    assert stale(warehouse, settings) == [(first, "tablet"), (second, "tablet")]
    complete(warehouse, settings)
    warehouse.replace(
        [Replacement(ImageClicks, ImageClicks.conform(pl.DataFrame([shown | {"clicks": 2}])))],
        WRITE,
    )
    assert stale(warehouse, settings) == [(first, "tablet"), (second, "tablet")]

    (tmp_path / "p.toml").write_text("[categories.laptop]\nmax_images = 4")
    chosen = settings.model_copy(
        update={"ordering": OrderingSettings(policies=tmp_path / "p.toml")}
    )
    complete(warehouse, settings)
    assert stale(warehouse, chosen) == [(first, "laptop"), (second, "laptop")]
    (tmp_path / "p.toml").write_text("[default]\nmin_relevance = 0.2")
    complete(warehouse, chosen)
    changed = pl.DataFrame([fits | {"score": 0.6}])
    warehouse.replace([Replacement(ImageRelevance, ImageRelevance.conform(changed))], WRITE)
    assert stale(warehouse, chosen) == [(second, "tablet")]


def test_where_things_are_kept_does_not_count(warehouse: Warehouse, settings: Settings) -> None:
    set_feeds(warehouse, share(DAYS[0], "tablet", "x"))
    complete(warehouse, settings)
    moved = settings.model_copy(update={"image_store": "/elsewhere", "webserver": "http://x"})
    assert stale(warehouse, moved) == []


def test_days_and_categories_restrict_a_plan(warehouse: Warehouse, settings: Settings) -> None:
    set_feeds(warehouse, *[share(d, c, f"{d}{c}") for d in DAYS for c in ("tablet", "laptop")])
    chosen = plan(warehouse, settings, first=DAYS[1], last=DAYS[2], categories=["tablet"])
    assert chosen.partitions == [Partition(DAYS[1], "tablet"), Partition(DAYS[2], "tablet")]
    complete(warehouse, settings)
    assert plan(warehouse, settings).rows == {}
    assert plan(warehouse, settings).n_fresh == 8
    assert len(plan(warehouse, settings, force=True).rows) == 8
    with pytest.raises(ValueError, match="unknown category sofa"):
        plan(warehouse, settings, categories=["sofa"])
    with pytest.raises(ValueError, match="lies after"):
        plan(warehouse, settings, first=DAYS[1], last=DAYS[0])


def rectangles(rows: dict[Partition, int], fresh: set[Partition], **options: int):
    order = ["tablet", "laptop", "t-shirt"]
    return Plan(rows, frozenset(rows) | fresh, len(fresh)).rectangles(order, **options)


def test_a_full_grid_is_one_rectangle_in_dagsters_order() -> None:
    grid = {Partition(d, c): 10 for d in DAYS for c in ("tablet", "laptop", "t-shirt")}
    (only,) = rectangles(grid, set())
    assert only[0] == Partition(DAYS[0], "tablet")
    assert only[-1] == Partition(DAYS[3], "t-shirt")
    assert sorted(only) == sorted(grid)


def test_rectangles_avoid_what_is_fresh_and_stay_small() -> None:
    tablet = {Partition(d, "tablet"): 10 for d in DAYS}
    laptop = {Partition(DAYS[3], "laptop"): 10}
    fresh = {Partition(DAYS[0], "laptop")}
    found = rectangles({**tablet, **laptop}, fresh)
    assert [len(r) for r in found] == [4, 1]
    assert not {p for r in found for p in r} & fresh
    assert [len(r) for r in rectangles(tablet, set(), max_rows=20)] == [2, 2]


def test_a_runs_own_categories_have_the_fingerprints_of_a_whole_plan(
    warehouse: Warehouse, settings: Settings
) -> None:
    rows = [share(d, c, f"{d}{c}") for d in DAYS for c in ("tablet", "laptop", "t-shirt")]
    set_feeds(warehouse, *rows)
    images = [fetched(DAYS[1], "tablet", 1), fetched(DAYS[2], "laptop", 2)]
    schema = FetchedImages.create_empty().schema
    warehouse.replace([Replacement(FetchedImages, pl.DataFrame(images, schema=schema))], WRITE)
    add_tasks(warehouse, tasks(task(1), task(2)))
    for number in (1, 2):
        record_answer(warehouse, task(number)["task_id"], "yes", "ann", NOW)
    every = fingerprints(warehouse, settings)
    some = fingerprints(warehouse, settings, ["tablet", "t-shirt"])
    assert some.equals(every.filter(pl.col("category") != "laptop"))
    assert fingerprints(warehouse, settings, []).is_empty()


def test_many_partitions_are_covered_in_little_time() -> None:
    days = [dt.date(2025, 1, 1) + dt.timedelta(days=n) for n in range(100)]
    names = [f"category-{n:03d}" for n in range(200)]
    every = frozenset(Partition(day, name) for day in days for name in names)
    sizes = {p: 10 for p in every if (p.day.toordinal() + len(p.category)) % 2}
    found = Plan(sizes, every, 0).rectangles(names)
    covered = [p for rectangle in found for p in rectangle]
    assert sorted(covered) == sorted(sizes)
