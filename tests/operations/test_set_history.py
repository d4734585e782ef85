import datetime as dt

import pytest

from imgassets.operations.set_comparison import SetDifference, compare
from imgassets.operations.set_history import (
    NoImageSet,
    SeveralCategories,
    image_set,
    snapshots,
    standing_snapshot,
)
from imgassets.warehouse.history import BeforeHistory
from imgassets.warehouse.lake import Warehouse
from tests.set_rows import DAY, A, B, C, write_set

NEXT_DAY = DAY + dt.timedelta(days=1)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Warehouse, list[int]]:
    """A warehouse and the snapshots of four writes."""
    folder = tmp_path_factory.mktemp("kept")
    lake = Warehouse(f"ducklake:sqlite:{folder}/catalog.sqlite", f"{folder}/data")
    return lake, [
        write_set(lake, "run-1", DAY, "tees", "p/1", A, B),
        write_set(lake, "run-2", DAY, "tees", "p/1", B, A),
        write_set(lake, "run-2", NEXT_DAY, "tees", "p/1", C),
        write_set(lake, "run-3", DAY, "bags", "it's", A, B, C),
    ]


def test_what_a_product_shows_now(kept):
    warehouse, written = kept
    shown = image_set(warehouse, "p/1")
    assert (shown.category, shown.day, shown.title) == ("tees", NEXT_DAY, "p/1 of run-2")
    assert shown.snapshot_id == written[-1]
    assert [(i.rank, i.image_id, i.is_hero, i.reason) for i in shown.images] == [
        (1, C, True, "place 1 by run-2")
    ]
    assert (shown.images[0].suppliers, shown.images[0].width) == (["acme"], 800)
    assert [(i.image_id, i.rule_id, i.reason) for i in shown.left_out] == [
        (A, "blurry", "a is blurry"), (B, "blurry", "b is blurry")
    ]  # fmt: skip
    assert (shown.before, shown.removed, shown.hero_changed) == ([A, B, C], [A, B], True)


def test_the_same_without_what_is_left_out(kept):
    whole, short = (image_set(kept[0], "p/1", with_left_out=told) for told in (True, False))
    assert short.images == whole.images
    assert short.left_out == []


def test_what_it_showed_at_a_moment_and_after_a_day(kept):
    warehouse, (first, second, *_) = kept
    moments = {s.snapshot_id: s.time for s in snapshots(warehouse, "tees")}
    then = standing_snapshot(warehouse, None).time
    assert image_set(warehouse, "p/1", at=then).images[0].image_id == C
    # Of a run's writes the last one stands for it; what stood between is there all the same.
    assert list(moments) == [second + 1, first]
    old = image_set(warehouse, "p/1", at=moments[first])
    assert [i.image_id for i in old.images] == [A, B]
    assert (old.snapshot_id, old.title, old.moved) == (first, "p/1 of run-1", [])
    by_day = image_set(warehouse, "p/1", day=DAY)
    assert [i.image_id for i in by_day.images] == [B, A]
    assert by_day.moved == [B, A]
    both = image_set(warehouse, "p/1", at=moments[first], day=NEXT_DAY)
    assert [i.image_id for i in both.images] == [A, B]


def test_what_is_not_there_is_said(kept):
    warehouse, _ = kept
    first = snapshots(warehouse)[-1]
    cases = [
        ({"product_id": "p/2"}, "there is no image set of product 'p/2'$"),
        ({"product_id": "it's", "category": "tees"}, "'it's' in category 'tees'$"),
        ({"product_id": "it's", "at": first.time}, f"there was .* at {first.time:%Y-%m-%d}"),
        ({"product_id": "p/1", "day": dt.date(2026, 1, 4)}, "from feeds up to 2026-01-04"),
    ]
    for wanted, sentence in cases:
        with pytest.raises(NoImageSet, match=sentence):
            image_set(warehouse, **wanted)
    with pytest.raises(BeforeHistory, match="nothing is kept of 2020-01-01"):
        image_set(warehouse, "p/1", at=dt.datetime(2020, 1, 1, tzinfo=dt.UTC))


def test_a_product_of_two_categories_needs_one_named(kept):
    warehouse, _ = kept
    write_set(warehouse, "run-4", DAY, "tees", "it's", B)
    with pytest.raises(SeveralCategories, match="in the categories bags, tees: name one") as told:
        image_set(warehouse, "it's")
    assert told.value.categories == ["bags", "tees"]
    assert image_set(warehouse, "it's", category="bags").images[0].image_id == A


def test_two_snapshots_are_compared(kept):
    warehouse, (first, second, third, fourth) = kept
    found = compare(warehouse, first, second)
    assert (found.n_products, found.n_differing) == (1, 1)
    assert found.products == [SetDifference("tees", "p/1", [A, B], [B, A])]
    assert compare(warehouse, second, third).products[0].removed == [B, A]
    both = compare(warehouse, first, fourth)
    assert [(d.category, d.product_id) for d in both.products] == [
        ("bags", "it's"),
        ("tees", "p/1"),
    ]
    assert both.products[0].old is None
    assert compare(warehouse, first, fourth, offset=1, limit=1).products == both.products[1:]
    assert compare(warehouse, first, fourth, category="tees").n_differing == 1
    assert compare(warehouse, first, fourth, product_id="it's").n_products == 1
    assert compare(warehouse, third, fourth, category="tees").products == []
    assert compare(warehouse, 0, first).products[0].added == [A, B]


def test_a_difference_tells_how():
    change = SetDifference("c", "p", [A, B], [C, B, A])
    assert (change.added, change.removed, change.moved, change.hero_changed) == (
        [C], [], [B, A], True
    )  # fmt: skip
    gone = SetDifference("c", "p", [A], None)
    assert (gone.added, gone.removed, gone.moved, gone.hero_changed) == ([], [A], [], True)
