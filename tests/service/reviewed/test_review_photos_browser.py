"""The pages of review photos in Debian's chromium: walked through, made narrow, dark, looked at."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from imgassets.gallery.addresses import review_photos_address
from tests.contrast import faint
from tests.screenshots import keep
from tests.strict_pages import strict_pages

pytestmark = pytest.mark.browser


@pytest.fixture
def open_page(browser, reviewed_service):
    yield from strict_pages(browser, reviewed_service.url)


def test_from_home_to_a_products_photos(open_page, reviewed):
    tab = open_page("/")
    tab.click("text=Customers' photos of each product")
    expect(tab.locator("h1")).to_have_text("Review photos")
    expect(tab.locator("svg.forest").first).to_be_visible()
    tab.click(f".card a:has-text('{reviewed.product_id}')")
    expect(tab.locator("li.photo")).to_have_count(len(reviewed.photos))
    first = tab.locator("li.photo img").first
    expect(first).to_be_visible()
    assert first.evaluate("async (e) => { await e.decode(); return e.naturalWidth; }") > 200
    tab.locator("summary").first.click()
    expect(tab.locator(".copies li").first).to_be_visible()
    keep(tab, "review-photos")


@pytest.mark.parametrize(("width", "scheme"), [(400, "light"), (1280, "dark")])
def test_no_width_scrolls_sideways_and_text_has_contrast(open_page, reviewed, width, scheme):
    tab = open_page("/", viewport={"width": width, "height": 800}, color_scheme=scheme)
    of_product = review_photos_address("backpack", reviewed.product_id)
    for name, path in {"review-photo-list": "/reviews", "review-photos": of_product}.items():
        tab.goto(path)
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, path
        assert faint(tab, "main *:not(option):not(svg *), header *:not(option)") == [], path
        assert tab.locator("h1").count() == 1
        assert tab.locator("main img:not([alt])").count() == 0
        assert tab.locator("main svg:not([aria-hidden]):not([role=img][aria-label])").count() == 0
        keep(tab, f"{name}-{width}-{scheme}")
