"""Files of review photos taken into a real warehouse, and their photos fetched."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from imgassets.operations.review_photos import take_in_reviews
from imgassets.warehouse.contracts import (
    FetchedReviewImages,
    Quarantine,
    ReviewFiles,
    ReviewImages,
)
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from imgassets.warehouse.partitions import Partition
from tests.review_home import DAY, ReviewHome

TABLES = (ReviewFiles, ReviewImages, FetchedReviewImages, Quarantine)
NEXT = DAY + dt.timedelta(days=1)


@pytest.fixture
def home(lake: Warehouse, tmp_path: Path) -> Iterator[ReviewHome]:
    lake.initialise()
    (tmp_path / "shop").mkdir()
    yield ReviewHome(tmp_path / "home", tmp_path / "shop", lake)
    lake.replace(
        [Replacement(table, table.create_empty()) for table in TABLES], CommitMessage("test")
    )


def known(home: ReviewHome) -> list[tuple[object, ...]]:
    rows = home.warehouse.read(ReviewImages)
    return rows.select("day", "review_id", "helpful_votes").rows()


def test_the_day_of_arrival_is_the_folders_or_the_one_given_or_the_newest_reviews(
    home: ReviewHome,
) -> None:
    line = "{},p,bags,a.png,2026-01-03T10:00:00,1,2"
    home.take_in("2026-01-05/a.csv", line.format("folder"), day=NEXT)
    home.take_in("a.csv", line.format("given"), day=NEXT)
    home.take_in("b.csv", line.format("newest"), "old,p,bags,a.png,2025-12-01,1,2")
    home.take_in("c.csv", "undated,p,bags,a.png,,1,2")
    days = dict(home.warehouse.read(ReviewImages).select("review_id", "day").iter_rows())
    today = dt.datetime.now(dt.UTC).date()
    newest = dt.date(2026, 1, 3)
    assert days == {
        "folder": DAY, "given": NEXT, "newest": newest, "old": newest, "undated": today,
    }  # fmt: skip


def test_a_later_day_tells_newer_votes_beside_the_earlier(home: ReviewHome) -> None:
    home.take_in("2026-01-05/a.csv", "r,p,bags,a.png,,1,2")
    again = home.take_in("2026-01-06/a.csv", "r,p,bags,a.png,,5,9")
    assert (again.new, again.touched) == (1, {Partition(NEXT, "bags")})
    assert known(home) == [(DAY, "r", 1), (NEXT, "r", 5)]


def test_a_corrected_file_replaces_what_it_said_on_its_day(home: ReviewHome) -> None:
    lines = ["r,p,bags,a.png,2026-01-05,1,2", "s,p,hats,a.png,2026-01-04,1,2"]
    home.photo("a.png", 1)
    home.take_in("a.csv", *lines)
    home.fetch()
    assert home.take_in("a.csv", *lines).unchanged == 1
    fixed = home.take_in("a.csv", "r,p,bags,a.png,2026-01-06,2,2", "t,p,bags,a.png,2026-01-06,1,2")
    assert (fixed.new, fixed.replaced, fixed.withdrawn, fixed.same) == (1, 1, 1, 0)
    assert fixed.touched == {Partition(DAY, "bags"), Partition(DAY, "hats")}
    assert known(home) == [(DAY, "r", 2), (DAY, "t", 1)]
    # A partition that no file names any more is empty at once: no run would come to empty it.
    assert home.warehouse.read(FetchedReviewImages)["review_id"].to_list() == ["r"]
    broken = home.take_in("a.csv", "x", day=NEXT)
    assert (broken.new, broken.withdrawn, broken.refused) == (0, 2, 1)


def test_of_two_files_of_a_day_the_later_counts_and_a_repetition_changes_nothing(
    home: ReviewHome,
) -> None:
    home.take_in("2026-01-05/a.csv", "r,p,bags,a.png,,1,2", "s,p,bags,a.png,,1,2")
    later = home.take_in("2026-01-05/b.csv", "r,p,bags,a.png,,2,2", "s,p,bags,a.png,,1,2")
    assert (later.new, later.replaced, later.same) == (0, 1, 1)
    assert known(home) == [(DAY, "r", 2), (DAY, "s", 1)]


def test_a_version_that_cannot_be_read_leaves_the_one_before(home: ReviewHome) -> None:
    home.take_in("2026-01-05/a.csv", "r,p,bags,a.png,,1,2")
    home.write("2026-01-05/a.csv", "r", header="review_id")
    found = take_in_reviews(
        home.warehouse, home.settings, str(home.folder / "2026-01-05"), str(home.folder)
    )
    assert (found.refused, found.new, found.withdrawn) == (1, 0, 0)
    assert known(home) == [(DAY, "r", 1)]
    rows = home.warehouse.read(Quarantine)
    assert rows.select("day", "category", "stage", "rule_id").rows() == [
        (DAY, "uncategorised", "reviews", "missing_column")
    ]


def test_a_day_without_a_partition_is_refused_with_the_remedy(home: ReviewHome) -> None:
    found = home.take_in("a.csv", "r,p,bags,a.png,2019-01-05,1,2")
    assert (found.new, found.refused) == (0, 1)
    (detail,) = home.warehouse.read(Quarantine)["detail"]
    assert "--day" in detail
    assert home.take_in("b.csv", "r,p,bags,a.png,2019-01-05,1,2", day=DAY).new == 1


def test_photos_are_fetched_once_and_what_does_not_arrive_is_quarantined(home: ReviewHome) -> None:
    home.photo("a.png", 1)
    (home.folder / "bad.png").write_bytes(b"no picture")
    home.take_in(
        "2026-01-05/a.csv",
        "one,p,bags,a.png,,1,2", "two,q,bags,a.png,,1,2", "bad,p,bags,bad.png,,,",
        "none,p,bags,none.png,,,",
    )  # fmt: skip
    found = home.fetch()
    assert found.images["review_id"].to_list() == ["one", "two"]
    assert found.images["image_id"].n_unique() == 1
    assert found.images.select("width", "height", "format").row(0) == (64, 48, "PNG")
    details = found.quarantine.sort("detail")["detail"].to_list()
    assert [detail.split(": ")[0] for detail in details] == ['Review "bad"', 'Review "none"']
    assert found.quarantine["stage"].unique().to_list() == ["review_fetch"]
    # Known photos need neither their file nor the network.
    (home.folder / "a.png").unlink()
    assert home.fetch().images.height == 2


def test_the_catalogues_reviews(home: ReviewHome, shared: Callable[[str], Path]) -> None:
    catalog = shared("catalog")
    found = take_in_reviews(
        home.warehouse, home.settings, str(catalog / "reviews"), str(catalog)
    )  # fmt: skip
    assert (found.new, found.refused, len(found.touched)) == (600, 0, 12)
    fetched = home.fetch()
    assert (fetched.images.height, fetched.quarantine.height) == (600, 0)
    assert fetched.images["product_id"].n_unique() == 40
