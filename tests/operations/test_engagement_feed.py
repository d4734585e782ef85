"""Files of engagement and interventions taken into a real warehouse: new, late, corrected, bad."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from imgassets.operations.engagement import take_in_engagement, take_in_interventions
from imgassets.operations.file_feed import TakenIn
from imgassets.operations.interventions import (
    data_notes,
    derive_interventions,
    standing_interventions,
)
from imgassets.settings import Settings
from imgassets.warehouse.contracts import (
    EngagementDaily,
    EngagementFiles,
    ImageSetChanges,
    Interventions,
    Quarantine,
)
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse

HEADER = "product_id,category,day,impressions,clicks,add_to_cart,orders"
LIVE = "product_id,category,intervention_date"
TABLES = (EngagementDaily, EngagementFiles, Interventions, Quarantine, ImageSetChanges)
DAY = dt.date(2026, 1, 5)


class Shop:
    """A warehouse, and a folder of files."""

    def __init__(self, warehouse: Warehouse, folder: Path) -> None:
        self.warehouse, self.folder = warehouse, folder
        self.settings = Settings(home=folder / "home")

    def write(self, name: str, *lines: str) -> str:
        path = self.folder / name
        path.write_text("\n".join(lines) + "\n")
        return str(path)

    def engage(self, name: str, *lines: str) -> TakenIn:
        return take_in_engagement(self.warehouse, self.settings, self.write(name, HEADER, *lines))

    def go_live(self, name: str, *lines: str) -> TakenIn:
        return take_in_interventions(self.warehouse, self.settings, self.write(name, LIVE, *lines))

    def known(self) -> list[tuple[object, ...]]:
        rows = self.warehouse.read(EngagementDaily)
        return rows.select("product_id", "day", "impressions", "add_to_cart").rows()


@pytest.fixture
def shop(lake: Warehouse, tmp_path: Path):
    lake.initialise()
    yield Shop(lake, tmp_path)
    lake.replace(
        [Replacement(table, table.create_empty()) for table in TABLES],
        CommitMessage(asset="test"),
    )


def test_a_later_file_corrects_the_earlier_and_leaves_what_it_does_not_know(shop: Shop) -> None:
    first = shop.engage("1.csv", "a,bags,2026-01-01,100,9,3,1", "b,bags,2026-01-01,50,9,3,1")
    assert (first.new, first.replaced, first.refused, first.categories) == (2, 0, 0, {"bags"})
    late = shop.engage(
        "2.csv", "a,bags,2026-01-01,,,4,", "b,bags,2026-01-01,50,9,3,1", "a,bags,2026-01-02,1,1,1,1"
    )
    assert (late.new, late.replaced, late.same) == (1, 1, 1)
    days = [dt.date(2026, 1, day) for day in (1, 2)]
    assert shop.known() == [("a", days[0], 100, 4), ("b", days[0], 50, 3), ("a", days[1], 1, 1)]
    files = shop.warehouse.read(EngagementDaily).sort("product_id", "day")["feed_file"].to_list()
    assert [Path(file).name for file in files] == ["2.csv", "2.csv", "1.csv"]


def test_the_same_again_changes_no_row(shop: Shop) -> None:
    lines = ["a,bags,2026-01-01,100,9,3,1", "x,bags,2026-01-01,-1,9,3,1"]
    shop.engage("1.csv", *lines)
    shop.go_live("live.csv", "a,bags,2026-01-10")
    before = {table: shop.warehouse.read(table) for table in TABLES}
    snapshot = shop.warehouse.snapshot_id()
    again = shop.engage("1.csv", *lines)
    assert (again.files, again.unchanged) == ([], 1)
    assert shop.go_live("live.csv", "a,bags,2026-01-10").unchanged == 1
    assert shop.warehouse.snapshot_id() == snapshot
    renamed = shop.engage("2.csv", lines[0])
    assert (renamed.new, renamed.replaced, renamed.same) == (0, 0, 1)
    assert shop.warehouse.read(EngagementDaily).equals(before[EngagementDaily])


def test_bad_rows_are_in_quarantine_with_rule_value_and_limit(shop: Shop) -> None:
    found = shop.engage(
        "1.csv",
        "a,bags,2026-01-01,100,9,3,1",
        "b,bags,2026-01-01,100,9,-3,1",
        "c,bags,someday,100,9,3,1",
        "d,,2026-01-01,100,9,3,1",
    )
    assert (found.new, found.refused) == (1, 3)
    rows = shop.warehouse.read(Quarantine, where="stage = 'engagement'").sort("feed_row")
    assert rows.select("feed_row", "rule_id", "measured", "category", "product_id").rows() == [
        (2, "negative_count", "add_to_cart -3", "bags", "b"),
        (3, "unknown_date", "someday", "bags", "c"),
        (4, "missing_value", "no value", "uncategorised", "d"),
    ]
    assert rows["day"].to_list()[1] == shop.settings.first_day
    corrected = shop.engage("1.csv", "b,bags,2026-01-01,100,9,3,1")
    assert (corrected.new, corrected.refused) == (1, 0)
    assert shop.warehouse.read(Quarantine).is_empty()


def test_a_file_that_cannot_be_read_is_in_quarantine_and_what_was_known_stays(shop: Shop) -> None:
    shop.engage("1.csv", "a,bags,2026-01-01,100,9,3,1")
    shop.go_live("live.csv", "a,bags,2026-01-10")
    path = shop.write("1.csv", "product_id,category", "a,bags")
    found = take_in_engagement(shop.warehouse, shop.settings, path)
    live = take_in_interventions(shop.warehouse, shop.settings, shop.write("live.csv", ""))
    assert (found.refused, live.refused) == (1, 1)
    assert shop.warehouse.read(Quarantine).select("stage", "rule_id").sort("stage").rows() == [
        ("engagement", "missing_column"), ("interventions", "empty_file"),
    ]  # fmt: skip
    assert len(shop.known()) == shop.warehouse.read(Interventions).height == 1
    with pytest.raises(ValueError, match="no such file or folder"):
        take_in_engagement(shop.warehouse, shop.settings, "nowhere.csv")
    with pytest.raises(ValueError, match=r"1\.xlsx: no csv, jsonl, parquet file by its name"):
        take_in_engagement(shop.warehouse, shop.settings, shop.write("1.xlsx", "PK"))


def test_a_folder_is_taken_in_the_order_of_its_paths_a_few_files_at_a_time(shop: Shop) -> None:
    folder = shop.folder / "in"
    folder.mkdir()
    for name, carts in (("b.csv", 2), ("a.csv", 1), ("c.csv", 3)):
        (folder / name).write_text(f"{HEADER}\np,bags,2026-01-01,9,9,{carts},0\n")
    (folder / ".hidden.csv").write_text("no rows")
    (folder / "notes.txt").write_text("no rows")
    first = take_in_engagement(shop.warehouse, shop.settings, str(folder), limit=2)
    assert [Path(file).name for file in first.files] == ["a.csv", "b.csv"]
    rest = take_in_engagement(shop.warehouse, shop.settings, str(folder), limit=2)
    assert ([Path(file).name for file in rest.files], rest.unchanged) == (["c.csv"], 2)
    assert shop.known() == [("p", dt.date(2026, 1, 1), 9, 3)]


def test_other_limits_judge_the_same_file_anew(shop: Shop) -> None:
    line = "a,bags,2026-01-01,9,3,5,1"
    assert shop.engage("1.csv", line).refused == 0
    shop.settings = Settings(
        home=shop.folder / "home", impact={"funnel": ["clicks", "add_to_cart"]}
    )
    assert shop.engage("1.csv", line).refused == 1


def test_days_to_come_are_taken_once_they_have_been(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_now(day: dt.date) -> None:
        monkeypatch.setattr("imgassets.operations.engagement.today", lambda: day)

    is_now(DAY)
    line = f"a,bags,{DAY + dt.timedelta(days=1)},9,3,1,1"
    assert shop.engage("1.csv", line).refused == 1
    path = str(shop.folder / "1.csv")
    assert take_in_engagement(shop.warehouse, shop.settings, path).unchanged == 1
    is_now(DAY + dt.timedelta(days=1))
    found = take_in_engagement(shop.warehouse, shop.settings, path)
    assert (found.new, found.refused) == (1, 0)
    assert shop.warehouse.read(Quarantine).is_empty()


def test_a_corrected_file_withdraws_interventions_that_it_no_longer_names(shop: Shop) -> None:
    shop.go_live("1.csv", "a,bags,2026-01-10", "b,bags,2026-01-10")
    shop.go_live("2.csv", "b,bags,2026-01-10")
    found = shop.go_live("1.csv", "a,bags,2026-01-11")
    assert (found.new, found.withdrawn, found.categories) == (1, 2, {"bags"})
    standing = standing_interventions(shop.warehouse, dt.date(2026, 2, 1))
    assert standing.select("product_id", "day").rows() == [
        ("a", dt.date(2026, 1, 11)), ("b", dt.date(2026, 1, 10)),
    ]  # fmt: skip
    assert shop.go_live("1.csv", "a,bags,").withdrawn == 1
    assert standing_interventions(shop.warehouse, dt.date(2026, 1, 9)).is_empty()


def changes(*rows: tuple[int, str, str, str, list[str]]) -> pl.DataFrame:
    """Return rows of ``image_set_changes``: day of January, category, product, status, after."""
    return ImageSetChanges.conform(
        pl.DataFrame(
            [
                {
                    "day": dt.date(2026, 1, day), "category": category, "product_id": product,
                    "status": status, "before": ["x"], "after": after, "added": after,
                    "removed": ["x"], "moved": [], "hero_changed": True, "missing_images": 0,
                }
                for day, category, product, status, after in rows
            ]
        )
    )  # fmt: skip


def test_sets_go_live_when_they_really_change(shop: Shop) -> None:
    rows = changes(
        (5, "bags", "new", "changed", ["1"]),
        (6, "bags", "new", "changed", ["1"]),  # made anew from the same images
        (8, "bags", "new", "changed", ["2", "1"]),
        (5, "bags", "same", "unchanged", ["x"]),
        (7, "bags", "same", "changed", ["y"]),
        (5, "hats", "h", "bypassed_curated", ["x"]),
    )
    shop.warehouse.replace([Replacement(ImageSetChanges, rows)], CommitMessage(asset="test"))
    found = derive_interventions(shop.warehouse, shop.settings)
    assert (found.rows, found.changed) == (3, 3)
    live = standing_interventions(shop.warehouse, dt.date(2026, 2, 1))
    assert live.select("product_id", pl.col("day").dt.day(), "source").rows() == [
        ("new", 5, "image_set"), ("new", 8, "image_set"), ("same", 7, "image_set"),
    ]  # fmt: skip
    assert (
        shop.warehouse.read(Interventions)["detail"][0] == "1 added, 1 removed, 0 moved, new hero"
    )
    snapshot = shop.warehouse.snapshot_id()
    assert derive_interventions(shop.warehouse, shop.settings).snapshot_id is None
    assert shop.warehouse.snapshot_id() == snapshot
    later = Settings(home=shop.folder / "home", impact={"live_after_days": 1})
    assert derive_interventions(shop.warehouse, later).changed == 6
    assert shop.warehouse.read(Interventions)["day"].dt.day().to_list() == [6, 8, 9]


def test_where_files_speak_of_a_category_they_alone_count(shop: Shop) -> None:
    rows = changes((5, "bags", "a", "changed", ["1"]), (5, "hats", "h", "changed", ["1"]))
    shop.warehouse.replace([Replacement(ImageSetChanges, rows)], CommitMessage(asset="test"))
    derive_interventions(shop.warehouse, shop.settings)
    shop.go_live("live.csv", "b,bags,2026-01-10")
    live = standing_interventions(shop.warehouse, dt.date(2026, 2, 1))
    assert live.select("category", "product_id", "source").rows() == [
        ("bags", "b", "feed"), ("hats", "h", "image_set"),
    ]  # fmt: skip


def test_what_stands_in_the_way_is_said(shop: Shop) -> None:
    shop.engage(
        "1.csv",
        *(f"a,{of},2026-01-{day:02},9,1,1,0" for of in ("bags", "hats") for day in (1, 2, 5)),
        *(f"a,mugs,2026-01-{day:02},9,1,1,0" for day in (1, 2)),
    )
    shop.go_live(
        "live.csv", "a,bags,2026-01-03", "a,bags,2026-01-20", "b,hats,2025-12-01",
        "c,mugs,2026-01-03",
    )  # fmt: skip
    assert data_notes(shop.warehouse, shop.settings) == [
        "2 of 5 days are missing in the engagement of bags, hats",
        "interventions in bags outside its engagement (2026-01-01 to 2026-01-05): 1, e.g. "
        "2026-01-20; they cannot be estimated before there is some",
        "products of bags with a second intervention within 42 days: 1; what one set did cannot "
        "be told from the other",
        "interventions in hats outside its engagement (2026-01-01 to 2026-01-05): 1, e.g. "
        "2025-12-01; they cannot be estimated before there is some",
    ]


def test_the_catalog_engagement_is_taken_in_whole(
    shop: Shop, shared: Callable[[str], Path]
) -> None:
    folder = shared("catalog") / "engagement"
    found = take_in_engagement(shop.warehouse, shop.settings, str(folder / "daily.parquet"))
    rows = pl.scan_parquet(folder / "daily.parquet")
    assert (found.new, found.refused) == (rows.select(pl.len()).collect().item(), 0)
    sums = ["impressions", "clicks", "add_to_cart", "orders"]
    expected = rows.select(pl.col(sums).cast(pl.Int64).sum()).collect()
    assert shop.warehouse.read(EngagementDaily, columns=sums).sum().equals(expected)
    live = take_in_interventions(shop.warehouse, shop.settings, str(folder / "products.csv"))
    assert (live.new, live.refused) == (1088, 0)
