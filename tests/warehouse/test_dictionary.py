"""The data dictionary: nothing without a meaning, the committed file current, a page to search."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from imgassets.warehouse.contracts import BY_NAME
from imgassets.warehouse.dictionary import Entry, entries, html, markdown
from imgassets.warehouse.lineage import Column, lineage, origins
from imgassets.warehouse.views import views
from tests.command import run_command
from tests.conftest import REPOSITORY


def entry(name: str) -> Entry:
    return next(found for found in entries() if found.name == name)


def test_every_table_view_and_column_has_a_meaning_and_a_type() -> None:
    assert [e.name for e in entries() if e.kind == "table"] == list(BY_NAME)
    assert {e.name for e in entries() if e.kind == "view"} == {view.name for view in views()}
    without = [
        f"{e.name}.{c.name}"
        for e in entries()
        for c in e.columns
        if not c.meaning or not c.type
    ]  # fmt: skip
    assert without == []


def test_an_entry_says_key_partitions_and_where_rows_come_from_and_go() -> None:
    sets = entry("ordered_image_sets")
    assert sets.key == ("day", "category", "product_id", "rank")
    assert sets.partitioned_by == ("day", "category")
    assert {"dedup_clusters", "aggregated_images"} <= set(sets.made_from)
    assert {"image_set_changes", "latest_image_sets"} <= set(sets.used_by)
    (image,) = (c for c in sets.columns if c.name == "image_id")
    assert (image.type, image.nullable, image.sources) == (
        "VARCHAR", False, ("aggregated_images.image_id",),
    )  # fmt: skip


def test_a_views_column_means_what_it_does_where_it_is_from() -> None:
    columns = {c.name: c for c in entry("latest_image_sets").columns}
    assert columns["reason"].meaning == BY_NAME["ordered_image_sets"].column_comments()["reason"]
    assert columns["suppliers"].type == "VARCHAR[]"
    assert columns["day"].type == "DATE"


def test_every_column_that_lineage_names_exists() -> None:
    known = {str(Column(t, c)) for t, contract in BY_NAME.items() for c in contract.column_names()}
    named = {
        str(column)
        for table, found in lineage().items()
        for name, sources in found.columns.items()
        for column in (Column(table, name), *sources)
    }
    assert named - known == set()
    assert {table for found in lineage().values() for table in found.tables} <= set(BY_NAME)
    assert set(lineage()) <= set(BY_NAME)


def test_the_lineage_of_a_chosen_image_reaches_the_suppliers_reference() -> None:
    assert Column("supplier_offers", "image_url") in origins(
        Column("ordered_image_sets", "image_id")
    )
    of_rank = origins(Column("ordered_image_sets", "rank"))
    tables = {column.table for column in of_rank}
    assert {
        "supplier_offers", "fetched_images", "aggregated_images", "image_signals",
        "quality_scores", "image_types", "dedup_clusters", "type_priorities", "image_clicks",
    } <= tables  # fmt: skip
    assert set(lineage()["ordered_image_sets"].columns) == set(
        BY_NAME["ordered_image_sets"].column_names()
    )


def test_the_committed_dictionary_is_current() -> None:
    committed = (REPOSITORY / "docs" / "data-dictionary.md").read_text(encoding="utf-8")
    assert committed == markdown(), "run `imgassets dictionary --out docs/data-dictionary.md`"


def test_the_markdown_has_whole_rows_and_no_html() -> None:
    text = markdown()
    for line in text.splitlines():
        assert "<" not in line, line
    headings = re.findall(r"^### `([a-z_]+)`$", text, re.MULTILINE)
    assert headings == [e.name for e in entries()]


def test_the_command_writes_either_and_refuses_other_endings(tmp_path: Path) -> None:
    home = {"IMGASSETS_HOME": str(tmp_path / "home")}
    for name, expected in (("a.html", html()), ("b.md", markdown())):
        done = run_command("dictionary", "--out", str(tmp_path / name), environment=home)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / name).read_text(encoding="utf-8") == expected
    done = run_command("dictionary", "--out", str(tmp_path / "c.pdf"), environment=home)
    assert done.returncode == 1
    assert "neither .html nor .md" in done.stderr


@pytest.mark.browser
def test_the_page_finds_tables_and_columns_in_a_browser(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "dictionary.html"
    path.write_text(html(), encoding="utf-8")
    page = browser.new_page(viewport={"width": 400, "height": 900})
    page.goto(path.as_uri())
    everything = page.locator("section:visible")
    expect(everything).to_have_count(len(entries()))
    page.get_by_label("Search").fill("is_curated")
    expect(page.locator("section#supplier_offers")).to_be_visible()
    expect(page.locator("section#categories")).to_be_hidden()
    expect(page.locator("section#supplier_offers tbody tr:visible")).to_have_count(1)
    page.get_by_label("Search").fill("no such word")
    expect(page.get_by_text("No table, view or column")).to_be_visible()
    expect(page.get_by_role("status")).to_have_text(f"0 of {len(entries())} tables and views")
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    page.close()
