"""The gallery's pages in Debian's chromium: looked at, walked through by keys, and made narrow."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from imgassets.gallery.addresses import product_address
from tests.contrast import faint
from tests.screenshots import keep
from tests.service.pages.conftest import HOSTILE
from tests.strict_pages import strict_pages

pytestmark = pytest.mark.browser

PAINTED = """() => [...document.images].every(
  (i) => !i.checkVisibility() || (i.complete && i.naturalWidth))"""
"""A function: playwright would evaluate an expression anew at every try, and the pages' policy
allows the first evaluation alone."""


@pytest.fixture
def open_page(browser, gallery):
    yield from strict_pages(browser, gallery.url)


def look(tab, name: str) -> None:
    """Wait until every picture is painted, and keep how the page looks."""
    for picture in tab.locator("img:visible").all():
        picture.scroll_into_view_if_needed()
    tab.wait_for_function(PAINTED)
    tab.evaluate("scrollTo(0, 0)")
    keep(tab, name)


def test_from_home_to_a_products_story(open_page, stocked):
    tab = open_page("/")
    tab.click("text=Every product")
    expect(tab.locator(".card")).to_have_count(3)
    look(tab, "products")
    tab.select_option("[name=category]", "backpack")
    tab.fill("[name=q]", "SCRIPT")
    tab.keyboard.press("Enter")
    expect(tab.locator(".card")).to_have_count(1)
    tab.click("text=Lost duplicates")
    expect(tab.locator(".kinds [aria-current]")).to_have_text(re.compile("Lost duplicates 1"))
    assert tab.input_value("[name=q]") == "SCRIPT"
    tab.click(".card h2 a")
    expect(tab.locator("h1")).to_have_text(re.compile("<script>alert"))
    assert tab.locator("article.image").count() == 4
    story = tab.locator("article.image.out details").last
    story.locator("summary").focus()
    tab.keyboard.press("Enter")
    expect(story.locator(".boxed")).to_have_count(2)
    look(tab, "product")
    assert tab.locator(".refused li").count() == 1


def test_a_box_lies_on_its_picture(open_page, stocked):
    tab = open_page(product_address("backpack", HOSTILE))
    story = tab.locator("article.image.out", has=tab.locator(".pair")).first
    story.locator("summary").click()
    frame = story.locator(".boxed").first
    frame.locator("img").scroll_into_view_if_needed()
    tab.wait_for_function(
        "() => [...document.querySelectorAll('.boxed img')].some((i) => i.naturalWidth)"
    )
    picture, line = frame.locator("img").bounding_box(), frame.locator(".line").bounding_box()
    image_id = frame.locator("img").get_attribute("src").split("/")[2]
    pair = stocked.warehouse.sql(
        "SELECT left_image_id, left_box, right_image_id, right_box FROM compared_pairs"
    )
    boxes = {row[0]: row[1] for row in pair.iter_rows()} | {
        row[2]: row[3] for row in pair.iter_rows()
    }
    top, left, height, width = boxes[image_id]
    assert line["x"] == pytest.approx(picture["x"] + left * picture["width"], abs=3)
    assert line["y"] == pytest.approx(picture["y"] + top * picture["height"], abs=3)
    assert line["width"] == pytest.approx(width * picture["width"], abs=6)
    assert line["height"] == pytest.approx(height * picture["height"], abs=6)


def test_another_moment_is_chosen_and_left_again(open_page, stocked):
    tab = open_page(product_address("backpack", HOSTILE))
    expect(tab.locator("article.image h3").first).to_have_text(re.compile("Back"))
    tab.select_option("[name=at]", index=2)
    tab.click("text=Show >> nth=0")
    expect(tab.locator("article.image h3").first).to_have_text(re.compile("Front"))
    expect(tab.locator(".then")).to_be_visible()
    look(tab, "product-then")
    tab.click("text=Show what stands now")
    expect(tab.locator("article.image h3").first).to_have_text(re.compile("Back"))


def test_two_moments_side_by_side(open_page):
    tab = open_page("/history")
    tab.select_option("[name=category]", "backpack")
    tab.select_option("[name=old]", index=2)
    tab.click("button")
    expect(tab.locator(".card")).to_have_count(1)
    expect(tab.locator(".card .chips")).to_have_text(re.compile("Hero changed"))
    look(tab, "history")
    tab.click("text=why then")
    expect(tab.locator("article.image h3").first).to_have_text(re.compile("Front"))


def test_an_open_question_is_one_click_away(open_page, stocked):
    tab = open_page(product_address("backpack", HOSTILE))
    tab.click("text=Does it carry a badge?")
    tab.fill("#name", "Ana")
    tab.keyboard.press("Enter")
    expect(tab.locator("#question")).to_have_text("Does it carry a badge?")


PATHS = {
    "products": "/products",
    "product": product_address("backpack", HOSTILE),
    "history": "/history?category=backpack",
}


@pytest.mark.parametrize(("width", "scheme"), [(400, "light"), (1280, "dark")])
def test_no_width_scrolls_sideways_and_text_has_contrast(open_page, width, scheme):
    tab = open_page("/", viewport={"width": width, "height": 800}, color_scheme=scheme)
    for name, path in PATHS.items():
        tab.goto(path)
        for summary in tab.locator("summary").all():
            summary.click()
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, path
        assert faint(tab, "main *:not(option), header *:not(option)") == [], path
        assert tab.locator("img:not([alt])").count() == 0
        assert tab.locator("h1").count() == 1
        unlabelled = "[...document.querySelectorAll('select, input:not([type=hidden])')]"
        assert tab.evaluate(f"{unlabelled}.filter((e) => !e.labels.length).length") == 0
        look(tab, f"{name}-{width}-{scheme}")
