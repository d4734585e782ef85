"""Label files as a feed: what is new, corrected, bad or contradicting, on real files."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from imgassets.learning.categories import read_categories
from imgassets.learning.labels import read_labels
from imgassets.operations.categories import import_categories
from imgassets.operations.label_feed import TakenIn, import_label_file, take_in_labels
from imgassets.operations.labels import import_image_labels
from imgassets.settings import Settings
from imgassets.warehouse.contracts import (
    FileLabels,
    FlagLabels,
    ImageLabels,
    LabelFiles,
    Quarantine,
    SupplierOffers,
)
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse

DAY = dt.date(2026, 1, 5)
LISTS = """
[categories.mugs]
types = ["front", "handle"]
[categories.shoes]
types = ["front", "sole"]
"""


class Shop:
    """A warehouse, and a folder of label files: mug-1 is in a feed of mugs, lamp-1 of lamps."""

    def __init__(self, warehouse: Warehouse, folder: Path) -> None:
        self.warehouse, self.folder = warehouse, folder
        self.settings = Settings(home=folder / "home")
        (folder / "labels").mkdir()
        offers = [
            (DAY, category, f"{category[:-1]}-1", "acme", "a.jpg", "a.jpg", 1, None, None, False,
             "2026-01-05/acme.csv", row)
            for row, category in enumerate(("mugs", "lamps"), start=1)
        ]  # fmt: skip
        frame = pl.DataFrame(offers, SupplierOffers.create_empty().schema, orient="row")
        warehouse.replace([Replacement(SupplierOffers, frame)], CommitMessage(asset="test"))

    def categories(self, text: str = LISTS) -> None:
        path = self.folder / "categories.toml"
        path.write_text(text, encoding="utf-8")
        import_categories(self.warehouse, read_categories(path))

    def write(self, name: str, *rows: str, header: str = "product_id,image_url,view") -> Path:
        path = self.folder / "labels" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
        return path

    def look(self, where: Path | None = None, limit: int | None = None) -> TakenIn:
        folder = where or self.folder / "labels"
        return take_in_labels(self.warehouse, self.settings, str(folder), limit)

    def types(self) -> dict[tuple[str, str], str]:
        rows = self.warehouse.read(ImageLabels).select("product_id", "image_url", "image_type")
        return {(product, url): image_type for product, url, image_type in rows.iter_rows()}

    def refused(self) -> list[tuple]:
        columns = ["rule_id", "measured", "limit", "product_id", "feed_row"]
        frame = self.warehouse.read(Quarantine, where="stage = 'labels'")
        return frame.sort("feed_file", "feed_row").select(columns).rows()


@pytest.fixture
def shop(warehouse: Warehouse, tmp_path: Path) -> Shop:
    return Shop(warehouse, tmp_path)


def test_every_row_is_a_label_or_in_quarantine(shop: Shop) -> None:
    shop.categories()
    path = shop.write(
        "team/day1.csv",
        "mug-1,a.jpg,Front",
        "mug-1,b.jpg,none",
        "mug-1,c.jpg,sole",
        "lamp-1,a.jpg,switch",
        "new-1,a.jpg,sole",
        "new-1,b.jpg,lid",
        "mug-1,,front",
        "mug-1,d.jpg,front",
        "mug-1,d.jpg,handle",
        "mug-1,a.jpg,front",
        "mug-1",
        "mug-1,e.jpg,sole",
        "mug-1,e.jpg,front",
    )
    found = shop.look()
    assert (found.files, found.given, found.refused) == ({str(path): "types"}, 5, 7)
    assert shop.types() == {
        ("mug-1", "a.jpg"): "front",
        ("mug-1", "b.jpg"): "none",
        ("lamp-1", "a.jpg"): "switch",
        ("new-1", "a.jpg"): "sole",
        ("mug-1", "e.jpg"): "front",
    }, "a type that a category lists; of a product in no feed, that any does"
    both = "row 8: front mug-1 ; row 9: handle mug-1 "
    assert shop.refused() == [
        ("unknown_type", "sole", "front, handle, none", "mug-1", 3),
        ("unknown_type", "lid", "front, handle, none, sole", "new-1", 6),
        ("missing_value", "no value", "product_id, image_url, image_type", "mug-1", 7),
        ("contradicting_labels", both, "one label per product and image", "mug-1", 8),
        ("contradicting_labels", both, "one label per product and image", "mug-1", 9),
        ("malformed_row", "1 fields", "3 fields", None, 11),
        ("unknown_type", "sole", "front, handle, none", "mug-1", 12),
    ]
    rows = shop.warehouse.read(Quarantine, where="rule_id = 'unknown_type'").sort("feed_row")
    assert rows["category"].to_list() == ["mugs", "uncategorised", "mugs"]
    assert rows["day"].to_list() == [DAY, shop.settings.first_day, DAY]
    assert "mugs has no such type: correct the label, or add the type" in rows["detail"][0]
    (file,) = shop.warehouse.read(LabelFiles).to_dicts()
    assert (file["n_rows"], file["n_imported"], file["n_refused"]) == (13, 5, 7)


def test_the_same_file_twice_changes_nothing(shop: Shop) -> None:
    path = shop.write("a.csv", "mug-1,a.jpg,front")
    shop.write("b.csv", "mug-1,a.jpg,handle")
    (shop.folder / "labels" / "notes.txt").write_text("no labels")
    shop.write(".hidden.csv", "mug-1,a.jpg,lid")
    assert len(shop.look(limit=1).files) == 1
    assert len(shop.look().files) == 1
    before = shop.warehouse.snapshot_id()
    again = shop.look()
    path.touch()
    touched = shop.look(path)
    assert (again.files, again.unchanged, touched.files) == ({}, 2, {})
    assert shop.warehouse.snapshot_id() == before
    assert shop.types() == {("mug-1", "a.jpg"): "handle"}, "the later file replaces"


def test_a_corrected_file_replaces_and_withdraws_what_it_gave(shop: Shop) -> None:
    shop.write("a.csv", "mug-1,a.jpg,front", "mug-1,b.jpg,front", "mug-1,c.jpg,front")
    shop.look()
    shop.write("b.csv", "mug-1,b.jpg,handle", "mug-1,d.jpg,handle", "mug-1,a.jpg,handle")
    shop.look()
    shop.write("a.csv", "mug-1,a.jpg,front", "mug-1,c.jpg,side")
    found = shop.look()
    assert (found.given, found.withdrawn, found.unchanged) == (1, 1, 1)
    assert shop.types() == {
        ("mug-1", "a.jpg"): "handle",
        ("mug-1", "b.jpg"): "handle",
        ("mug-1", "c.jpg"): "side",
        ("mug-1", "d.jpg"): "handle",
    }, "a label that a file repeats stays behind what was said since"
    shop.write("b.csv", "mug-1,d.jpg,handle")
    assert shop.look().withdrawn == 2
    assert shop.types() == {
        ("mug-1", "a.jpg"): "front",
        ("mug-1", "c.jpg"): "side",
        ("mug-1", "d.jpg"): "handle",
    }, "what another file said stands again"


def test_files_that_disagree_are_listed(shop: Shop) -> None:
    shop.categories(LISTS + '[categories.lamps]\ntypes = ["front"]\n')
    import_image_labels(shop.warehouse, read_labels(shop.write("../old.csv", "lamp-1,a.jpg,shade")))
    shop.write("a.csv", "mug-1,a.jpg,front", "mug-1,b.jpg,front")
    shop.write("b.csv", "mug-1,a.jpg,handle", "mug-1,b.jpg,front")
    shop.look()
    found = shop.warehouse.sql(
        "SELECT conflict, product_id, image_url, stands, detail FROM label_conflicts"
    )
    folder = shop.folder / "labels"
    assert found.rows() == [
        ("files_disagree", "mug-1", "a.jpg", "handle",
         f"handle ({folder}/b.csv); front ({folder}/a.csv)"),
        ("type_not_listed", "lamp-1", "a.jpg", "shade", "lamps has the types front"),
    ]  # fmt: skip


def test_a_version_that_cannot_be_read_leaves_the_labels_of_the_one_before(shop: Shop) -> None:
    path = shop.write("a.csv", "mug-1,a.jpg,front")
    shop.look()
    path.write_text("product_id,view\nmug-1,front\n")
    assert shop.look().refused == 1
    assert [row[0] for row in shop.refused()] == ["missing_column"]
    assert shop.types() == {("mug-1", "a.jpg"): "front"}
    assert shop.look().unchanged == 1
    shop.write("a.csv", "mug-1,b.jpg,front")
    assert shop.look().withdrawn == 1
    assert (shop.types(), shop.refused()) == ({("mug-1", "b.jpg"): "front"}, [])


def test_refused_rows_are_judged_again_when_the_lists_change(shop: Shop) -> None:
    shop.categories()
    shop.write("a.csv", "mug-1,a.jpg,lid", "mug-1,b.jpg,front")
    shop.write("b.csv", "mug-1,b.jpg,handle")
    shop.look()
    shop.categories(LISTS.replace('"handle"', '"handle", "lid"'))
    found = shop.look()
    assert (found.given, found.refused, found.unchanged) == (1, 0, 1)
    assert shop.types() == {("mug-1", "a.jpg"): "lid", ("mug-1", "b.jpg"): "handle"}
    assert shop.refused() == []


def test_flags_come_the_same_way(shop: Shop) -> None:
    shop.write("types.csv", "mug-1,a.jpg,front,s1", header="product_id,image_url,view,style")
    shop.look()
    path = shop.write(
        "z.csv",
        "mug-1,a.jpg,Weapon,1,s1,",
        "mug-1,b.jpg,weapon,no,,holdout",
        "mug-1,b.jpg,weapon,FALSE,,holdout",
        "mug-1,c.jpg,wepon,yes,,",
        "mug-1,d.jpg,weapon,perhaps,,",
        "mug-1,e.jpg,weapon,yes,,test",
        "mug-1,f.jpg,weapon,yes,s9,",
        "mug-1,g.jpg,weapon,yes,,",
        "mug-1,g.jpg,weapon,no,,",
        "mug-1,h.jpg,,yes,,",
        header="product_id,image_url,flag,value,group_id,split",
    )
    found = shop.look()
    assert (found.files, found.given) == ({str(path): "flags"}, 2)
    assert shop.warehouse.read(FlagLabels).rows() == [
        ("mug-1", "a.jpg", "weapon", True, "s1", "train", "z.csv"),
        ("mug-1", "b.jpg", "weapon", False, "mug-1", "holdout", "z.csv"),
    ]
    assert [row[0] for row in shop.refused()] == [
        "unknown_flag", "unknown_value", "unknown_split", "contradicting_group",
        "contradicting_labels", "contradicting_labels", "missing_value",
    ]  # fmt: skip


def test_a_single_file_is_taken_whole_or_not_at_all(shop: Shop) -> None:
    shop.categories()
    path = shop.write("a.csv", "mug-1,a.jpg,front", "mug-1,b.jpg,sole", "lamp-1,a.jpg,any")
    said = (
        r"a\.csv: unknown types, nothing was imported \(--quarantine imports the other rows\): "
        r"line 3: 'sole', known are front, handle, none: The category mugs has no such type"
    )
    with pytest.raises(ValueError, match=said):
        import_label_file(shop.warehouse, shop.settings, str(path))
    assert shop.warehouse.read(FileLabels).is_empty()
    shop.write("a.csv", "mug-1,a.jpg,front", "lamp-1,a.jpg,any")
    assert import_label_file(shop.warehouse, shop.settings, str(path)) == ("types", 2, 2)
    shop.write("a.csv", "mug-1,b.jpg,front")
    assert import_label_file(shop.warehouse, shop.settings, str(path)) == ("types", 1, 3)
    assert shop.look().unchanged == 1
    assert len(shop.types()) == 3, "by hand nothing is withdrawn"


def test_there_is_no_such_folder(shop: Shop) -> None:
    with pytest.raises(ValueError, match="nowhere: no such file or folder"):
        shop.look(shop.folder / "nowhere")
