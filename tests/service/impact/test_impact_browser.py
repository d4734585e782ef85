"""The impact pages in Debian's chromium: walked through, made narrow, dark, and looked at."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.contrast import faint
from tests.impact_rows import COHORT
from tests.screenshots import keep
from tests.strict_pages import strict_pages

pytestmark = pytest.mark.browser

CELL = f"/impact/laptop/{COHORT}/add_to_cart"


@pytest.fixture
def open_page(browser, impact_service):
    yield from strict_pages(browser, impact_service.url)


def test_from_home_to_what_an_estimate_rests_on(open_page):
    tab = open_page("/")
    tab.click("text=What new image sets did")
    expect(tab.locator("tbody tr")).to_have_count(12)
    keep(tab, "impact")
    tab.select_option("[name=category]", "laptop")
    tab.select_option("[name=weeks]", "2")
    tab.click(".filters button")
    expect(tab.locator("section[aria-labelledby=by-category] tbody tr")).to_have_count(4)
    tab.click("section[aria-labelledby=by-category] a:has-text('Add to cart')", force=True)
    expect(tab.locator("h1")).to_have_text("Add to cart, Laptop")
    expect(tab.locator(".panel svg")).to_have_count(4)
    keep(tab, "impact-cell")
    tab.click(".kinds >> text=Impressions")
    expect(tab.locator(".said")).to_have_text(re.compile("No effect shown"))


def test_the_interval_of_a_row_lies_where_its_figures_say(open_page):
    tab = open_page("/impact?category=laptop&metric=add_to_cart&weeks=3")
    drawn = tab.locator("svg.forest").first
    places = {
        name: drawn.locator(selector).first.bounding_box()
        for name, selector in {"zero": ".zero", "whisker": ".whisker", "dot": ".middle"}.items()
    }
    zero = places["zero"]["x"]
    low, wide = places["whisker"]["x"] - zero, places["whisker"]["width"]
    dot = places["dot"]["x"] + places["dot"]["width"] / 2 - zero
    # 1.0 %, 5.5 % and 10.0 %, whatever the scale.
    assert dot / (low + wide) == pytest.approx(0.55, abs=0.03)
    assert low / (low + wide) == pytest.approx(0.10, abs=0.03)


PATHS = {"impact": "/impact", "impact-category": "/impact?category=laptop", "impact-cell": CELL}


@pytest.mark.parametrize(("width", "scheme"), [(400, "light"), (1280, "dark")])
def test_no_width_scrolls_sideways_and_text_has_contrast(open_page, width, scheme):
    tab = open_page("/", viewport={"width": width, "height": 800}, color_scheme=scheme)
    for name, path in PATHS.items():
        tab.goto(path)
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, path
        assert faint(tab, "main *:not(option):not(svg *), header *:not(option)") == [], path
        assert faint_labels(tab) == [], path
        assert tab.locator("h1").count() == 1
        unlabelled = "[...document.querySelectorAll('select, input:not([type=hidden])')]"
        assert tab.evaluate(f"{unlabelled}.filter((e) => !e.labels.length).length") == 0
        undescribed = "svg:not([aria-hidden]):not([role=img][aria-label])"
        assert tab.locator(f"main {undescribed}").count() == 0
        keep(tab, f"{name}-{width}-{scheme}")


def faint_labels(tab) -> list[str]:
    """Texts of drawings whose fill has less contrast with the page than 4.5 to 1."""
    found: list[str] = tab.evaluate(
        """() => {
          const light = (c) => {
            const [r, g, b] = c.match(/[\\d.]+/g).slice(0, 3).map((v) => v / 255)
              .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
          };
          const page = light(getComputedStyle(document.body).backgroundColor);
          return [...document.querySelectorAll("main svg text")].filter((e) => {
            const [a, b] = [light(getComputedStyle(e).fill), page].sort((x, y) => y - x);
            return (a + 0.05) / (b + 0.05) < 4.5;
          }).map((e) => e.outerHTML);
        }"""
    )
    return found
