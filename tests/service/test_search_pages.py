"""The search page: what it answers, and how it looks and works in Debian's chromium."""

from __future__ import annotations

import datetime as dt
import re
from urllib.parse import quote

import httpx2
import polars as pl
import pytest

from imgassets.ingest.store import ImageStore
from imgassets.operations.models import open_registry
from imgassets.service.app import create_app
from imgassets.settings import Settings
from imgassets.warehouse.contracts import ImageSetChanges, OrderedImageSets, SupplierOffers
from imgassets.warehouse.lake import CommitMessage, Replacement, Warehouse
from tests.screenshots import keep
from tests.service.threads import ServiceThread

DAY = dt.date(2026, 1, 5)
HOSTILE = "<script>alert('backpack')</script> & \"backpack\""
ODD_ID = "a/b c?d#ü"
SHOWN = "() => [...document.images].every((image) => image.complete && image.naturalWidth)"


@pytest.fixture(scope="module")
def service(drawn, tmp_path_factory):
    """Eight products with heroes, one of a hostile title and an odd id without any."""
    settings = Settings(home=tmp_path_factory.mktemp("search"))
    warehouse = Warehouse(settings.warehouse, settings.warehouse_data)
    store = ImageStore(settings.image_store)
    rows = {SupplierOffers: [], OrderedImageSets: [], ImageSetChanges: []}
    heroes = [(i.category, i.product_id, i.title, i.image_id) for i in drawn if i.position == 2]
    for category, product_id, title, image_id in [*heroes, ("backpack", ODD_ID, HOSTILE, None)]:
        product = {"day": DAY, "category": category, "product_id": product_id}
        rows[SupplierOffers].append(
            {
                **product, "supplier_id": "acme", "image_url": "1.jpg", "image_location": "/1.jpg",
                "position": 1, "title": title, "description": None, "is_curated": False,
                "feed_file": "f", "feed_row": 1,
            }
        )  # fmt: skip
        if image_id:
            rows[OrderedImageSets].append(
                {
                    **product, "rank": 1, "image_id": image_id, "image_type": "front",
                    "is_hero": True, "reason": "first",
                }
            )  # fmt: skip
            rows[ImageSetChanges].append(
                {
                    **product, "status": "changed", "before": [], "after": [image_id],
                    "added": [image_id], "removed": [], "moved": [], "hero_changed": True,
                }
            )  # fmt: skip
    for image in drawn:
        store.put(image.data)
    written = [
        Replacement(contract, pl.DataFrame(found, schema=contract.create_empty().schema))
        for contract, found in rows.items()
    ]
    warehouse.replace(written, CommitMessage(asset="test"))
    running = ServiceThread(create_app(settings, warehouse, store, open_registry(settings)))
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def get(service):
    with httpx2.Client(base_url=service.url, timeout=60) as client:
        yield lambda **query: client.get("/search", params=query)


def links(reply) -> list[str]:
    return re.findall(r'class="hit" href="([^"]+)"', reply.text)


def test_products_are_found_with_heroes_and_links_to_their_pages(get, drawn):
    reply = get(q="forest summit t-shirts")
    first = next(i for i in drawn if i.product_id == "summit-tee-forest" and i.position == 2)
    assert reply.status_code == 200
    assert links(reply)[0] == "/products/t-shirt/summit-tee-forest"
    assert f'src="/images/{first.image_id}/320"' in reply.text
    assert first.title in reply.text


def test_a_category_narrows_and_stays_chosen(get):
    reply = get(q="backpack t-shirt", category="backpack")
    assert all(link.startswith("/products/backpack/") for link in links(reply))
    assert '<option value="backpack" selected>' in reply.text


def test_what_people_and_suppliers_write_is_text(get):
    reply = get(q="alert <script>alert(1)</script>\"'")
    assert "<script>" not in reply.text
    assert "&lt;script&gt;alert(1)" in reply.text
    assert "&lt;script&gt;alert(&#39;backpack&#39;)" in reply.text
    assert f"/products/backpack/{quote(ODD_ID, safe='')}" in links(reply)
    assert "No image" in reply.text
    assert "script-src 'self'" in reply.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"q": "—!?"}, "The query has no words"),
        ({"q": "x" * 10_000}, "A query has at most 1,000 characters"),
        ({"q": "shirt", "category": "cars"}, "No product is of the category &#39;cars&#39;"),
    ],
)
def test_a_query_that_cannot_be_searched_is_explained(get, query, says):
    reply = get(**query)
    assert reply.status_code == 400
    assert says in reply.text
    assert len(reply.content) < 20_000


def test_nothing_asked_nothing_found_and_low_matches_are_told_apart(get):
    asked = get()
    assert (asked.status_code, links(asked)) == (200, [])
    assert "what the images show" in asked.text
    assert get(q="   ").text == asked.text.replace('value=""', 'value="   "', 1)
    nothing = get(q="unicorn", category="backpack")
    assert (nothing.status_code, links(nothing)) == (200, [])
    assert "No product of this category has any of these words." in nothing.text
    assert 'href="/search?q=unicorn"' in nothing.text
    low = get(q="backpack for a purple unicorn rider")
    assert links(low)
    assert "Nothing matches well: no product has" in low.text


@pytest.mark.browser
def test_searching_in_a_browser(browser, service):
    context = browser.new_context(
        base_url=service.url, viewport={"width": 1280, "height": 800}, color_scheme="light"
    )
    page = context.new_page()
    problems, asked = [], []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/search")
    assert page.evaluate("document.activeElement.name") == "q"
    page.keyboard.type("backpack")
    page.keyboard.press("Enter")
    page.wait_for_selector(".hits")
    assert page.url.endswith("/search?q=backpack&category=&method=")
    page.wait_for_function(SHOWN)
    keep(page, "search")
    page.select_option("[name=category]", "t-shirt")
    page.click("button:text-is('Search')")
    page.wait_for_selector("[role=status]")
    assert page.input_value("[name=q]") == "backpack"
    page.go_back()
    assert page.locator(".hits li").count() == 5
    page.goto("/search?q=summit shirt of a unicorn rider from mars")
    assert "Nothing matches well" in page.inner_text("[role=status]")
    keep(page, "search-low")
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    keep(page, "search-narrow")
    assert problems == []
    assert [url for url in asked if not url.startswith(service.url)] == []
    context.close()
