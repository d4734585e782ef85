"""The gallery's pages as they are sent: what they say, how they are addressed, what they refuse."""

from __future__ import annotations

import html
import re

import pytest
from markupsafe import escape

from imgassets.gallery.addresses import product_address
from tests.service.conftest import XSS
from tests.service.pages.conftest import DAY, HOSTILE, NEXT_DAY, REFUSED


def text_of(reply) -> str:
    """What a person reads, as one line."""
    return html.unescape(" ".join(re.sub(r"<[^>]*>", " ", reply.text).split()))


def address(stocked, place: int, **query) -> str:
    category = "backpack" if place < 2 else "t-shirt"
    return product_address(category, stocked.id_of(place), **query)


def titles(reply) -> list[str]:
    found = re.findall(r'<h2><a href="([^"]*)"', reply.text)
    return [html.unescape(link) for link in found]


@pytest.fixture(scope="module")
def story(pages, stocked):
    """The page of the product with the hostile id, as it stands now."""
    reply = pages.get(address(stocked, 0))
    assert reply.status_code == 200
    return reply


def test_the_list_has_all_products_with_both_their_sets(pages, stocked):
    reply = pages.get("/products")
    assert reply.status_code == 200
    assert sorted(titles(reply)) == sorted(address(stocked, place) for place in range(3))
    for images in stocked.images.values():
        for image in images[:3]:
            assert f"/images/{image}/160" in reply.text
    assert "Lost duplicates 2" in text_of(reply)


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ("category=t-shirt", [2]),
        ("kind=hero", [0, 1, 2]),
        ("kind=reordered", [0, 1, 2]),
        ("kind=duplicates", [0, 1]),
        ("kind=lost&category=backpack", [0, 1]),
        ("kind=gained", []),
        ("kind=bypassed", []),
        ("q=%3Cscript%3EALERT", [0]),
        ("q=%252f", [0]),
        ("q=nothing+like+that", []),
        ("q=%27+OR+1%3D1+--", []),
    ],
)
def test_the_list_is_filtered(pages, stocked, query, places):
    reply = pages.get(f"/products?{query}")
    assert sorted(titles(reply)) == sorted(address(stocked, place) for place in places)
    assert places or "No product is like that." in text_of(reply)


def test_counts_are_of_the_category_and_the_text(pages):
    assert "All 2 Gained images 0 Lost images 2 Lost duplicates 2" in text_of(
        pages.get("/products?category=backpack")
    )
    assert "All 1 Gained" in text_of(pages.get("/products?q=script"))


def test_a_category_says_what_changed_in_it(pages):
    said = text_of(pages.get("/products?category=backpack"))
    assert "Sets changed 100 %" in said
    assert "4.0 → 2.0" in said
    assert "Images left out 4" in said
    assert "Left out because of: Blurry 2 , Duplicate 2 ." in said


def test_pages_follow_each_other(pages, stocked, monkeypatch):
    monkeypatch.setattr("imgassets.service.gallery_pages._PAGE", 1)
    seen, link = [], "/products"
    while link:
        reply = pages.get(link)
        seen += titles(reply)
        following = re.search(r'rel="next" href="([^"]*)"', reply.text)
        link = html.unescape(following[1]) if following else ""
    assert seen == [address(stocked, place) for place in (0, 1, 2)]


@pytest.mark.parametrize("query", ["category=shoes", "kind=better"])
def test_what_there_is_not_is_said(pages, query):
    reply = pages.get(f"/products?{query}")
    assert reply.status_code == 404
    assert "There is no" in text_of(reply)


def test_hostile_text_is_only_text(pages, story):
    for reply in (story, pages.get("/products"), pages.get("/history?category=backpack")):
        assert reply.status_code == 200
        assert "<script" not in reply.text
        assert "<i>" not in reply.text
        assert "<img src=x" not in reply.text
    assert str(escape(XSS)) in story.text
    assert str(escape(HOSTILE)) in story.text
    assert str(escape(REFUSED)) in story.text


@pytest.mark.parametrize(
    "product_id", ["a/b", "100 %", "..", "../x", "a?b#c", "ü/ä", "\\", ".", "/"]
)
def test_any_id_has_an_address_that_leads_back_to_it(pages, product_id):
    reply = pages.get(product_address("backpack", product_id))
    assert reply.status_code == 404
    assert f"There is no image set of product '{product_id}'" in text_of(reply)


def test_every_image_has_its_story(story, stocked):
    said = text_of(story)
    badged, plain, _, blurry = stocked.images[HOSTILE]
    assert "1 · Hero · Back back is number 1 of the policy" in said
    assert "Was number 3 at the first supplier." in said
    assert "acme as number 1, first on 2026-01-05: images/1.jpg" in said
    assert "Fetched: arrived JPEG · 640 × 640 px" in said
    assert "Sharpness of edges, 0 to 0.5 0.050" in said
    assert "Quality: Blurry sharpness 0.05 is under 0.12" in said
    assert "By blurry: model 4" in said
    assert "Flags: none of 1 looked for weapon By weapon 3" in said
    assert "Type: Front Probability 93 % By logistic · category backpack · 7" in said
    assert "Duplicates: repeats another image Shape hash, bits that differ of 64 2" in said
    assert "By comparator, pixel by pixel (pairs-1)" in said
    assert "Laid over number 2: the same" in said
    assert f"duplicate of {plain[:8]}: laid over each other" in said
    assert "Place by the policy 1 Place by clicks 2 Clicks per look 0.0310 By policy" in said
    assert "1 short of the minimum" in said
    assert said.index(f"Image {badged}") > said.index("Left out")
    assert said.index(f"Image {blurry}") > said.index("Left out")


def test_the_box_is_where_the_pictures_differ(story, stocked):
    sent = story.text
    boxes = re.findall(r'class="line" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)"', sent)
    pair = stocked.warehouse.sql("SELECT left_box FROM compared_pairs")["left_box"].to_list()
    measured = {tuple(round(v, 4) for v in (b[1], b[0], b[3])) for b in pair}
    assert {tuple(round(float(v), 4) for v in box) for box in boxes} & measured


def test_refused_references_are_told(story):
    said = text_of(story)
    assert f"acme , number 5: {REFUSED}" in said
    assert "The server refused it. Found: 404; allowed: 200." in said
    assert "By rule http_status, 2026-01-05" in said


def test_an_open_question_is_linked(story, stocked):
    task = stocked.tasks["task_id"][0]
    assert f'<a href="/review?task={task}">Does it carry a badge?</a>' in story.text


def test_what_stood_then_is_shown_with_a_way_back(pages, stocked, story):
    assert "1 · Hero · Back" in text_of(story)
    moments = re.findall(r'<option value="(\d{4}-[^"]*Z)"', story.text)
    assert len(moments) == 2
    reply = pages.get(address(stocked, 0, at=moments[-1]))
    then = text_of(reply)
    assert "1 · Hero · Front" in then
    assert "not what is shown now. Show what stands now" in then
    assert f'value="{moments[-1]}" selected' in reply.text


def test_a_day_of_feeds_can_be_chosen(pages, stocked):
    latest = text_of(pages.get(address(stocked, 2)))
    assert f"feeds up to {NEXT_DAY}" in latest
    assert "After 3" in latest
    earlier = text_of(pages.get(address(stocked, 2, day=DAY)))
    assert f"feeds up to {DAY}" in earlier
    assert "Flag: weapon: in doubt, shown while people are asked 55 %" in earlier
    assert "After 2" in earlier


@pytest.mark.parametrize(
    ("query", "status", "sentence"),
    [
        ({"at": "2001-01-01"}, 404, "Nothing is kept of 2001-01-01"),
        ({"at": "yesterday"}, 400, "A moment is written like"),
        ({"day": "2026-13-01"}, 400, "a day like 2026-01-08"),
        ({"day": "2001-01-01"}, 404, "There was no image set of product"),
    ],
)
def test_moments_that_there_are_not_are_said(pages, stocked, query, status, sentence):
    reply = pages.get(address(stocked, 1, **query))
    assert reply.status_code == status
    assert sentence in text_of(reply)
    assert "The product as it stands" in text_of(reply)


def test_two_moments_are_compared(pages, stocked):
    old, new, latest = stocked.snapshots
    reply = pages.get(f"/history?category=backpack&old={old}&new={new}")
    assert titles(reply) == [address(stocked, 0)]
    said = text_of(reply)
    assert "1 of 2 products shows something else" in said
    assert "Hero changed 2 moved" in said
    reply = pages.get(f"/history?old={new}&new={latest}")
    assert titles(reply) == [address(stocked, 2)]
    assert "1 new" in text_of(reply)
    swapped = pages.get(f"/history?category=backpack&old={new}&new={old}")
    assert titles(swapped) == [address(stocked, 0)]
    elsewhere = pages.get(f"/history?category=backpack&old={old}&new={latest}")
    assert titles(elsewhere) == [address(stocked, 0)]
    only = pages.get(f"/history?category=backpack&old={old}&new={new}&product=x")
    assert titles(only) == []


@pytest.mark.parametrize("query", ["old=999999", "category=shoes", "old=0&new=1"])
def test_moments_and_categories_are_checked(pages, query):
    assert pages.get(f"/history?{query}").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/products?q=%00",
        "/products?q=%EF%BF%BE%F0%9F%91%95%25_%5C",
        "/products?after=%27%00&after_category=%22",
        "/products?category=%00",
        "/products/backpack/%00",
        "/products/%00/x",
        "/products/backpack/x?at=9999-12-31",
        "/products/backpack/x?at=0001-01-01T00:00:00%2B23:59",
        "/products/backpack/x?day=9999-12-31",
        "/history?product=%00&category=backpack",
        "/history?old=99999999999999999999",
        "/history?skip=99999999999",
        "/history?skip=99999999999999999999999",
    ],
)
def test_no_address_breaks_a_page(pages, path):
    assert pages.get(path).status_code in (200, 400, 404, 422)


def test_nothing_yet_says_what_to_do(fresh_client):
    assert "imgassets demo" in text_of(fresh_client.get("/products"))
    assert "imgassets backfill" in text_of(fresh_client.get("/history"))


def test_home_leads_to_the_gallery(pages):
    sent = pages.get("/").text
    assert 'href="/products"' in sent
    assert 'href="/history"' in sent
