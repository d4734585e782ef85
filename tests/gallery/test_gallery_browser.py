import dataclasses

import numpy as np
import polars as pl
import pytest
from PIL import Image

from imgassets.gallery import render_gallery
from tests.gallery.conftest import DAY, picture
from tests.screenshots import keep

pytestmark = pytest.mark.browser


@pytest.fixture
def opened(browser, data, store, tmp_path):
    out = render_gallery(data, store.__getitem__, tmp_path / "g.html", title="Image sets")
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    tab = context.new_page()
    tab.problems, tab.asked = [], []
    tab.on("pageerror", lambda e: tab.problems.append(str(e)))
    tab.on("console", lambda m: tab.problems.append(m.text))
    tab.on("dialog", lambda d: (tab.problems.append(d.message), d.dismiss()))
    tab.on("request", lambda r: tab.asked.append(r.url))
    tab.goto(out.as_uri())
    yield tab
    context.close()


def visible(tab):
    return [c.inner_text() for c in tab.locator(".card:visible .id").all()]


def test_the_page_runs_alone_and_shows_its_pictures(opened):
    assert opened.problems == []
    assert [u for u in opened.asked if not u.startswith(("data:", "file:"))] == []
    painted = opened.evaluate(
        """() => [...document.querySelectorAll("img.pic")].every((e) =>
          getComputedStyle(e).backgroundImage.startsWith('url("data:image/webp')
          && e.getBoundingClientRect().width > 30)"""
    )
    assert painted
    keep(opened, "gallery-file")


def test_filters(opened):
    assert visible(opened) == ["l-1", "t-1", "t-2"]
    opened.check("#f-changed")
    assert visible(opened) == ["t-1"]
    assert opened.inner_text("#f-count") == "1 of 3 products"
    opened.uncheck("#f-changed")
    opened.select_option("#f-category", "tablets")
    assert visible(opened) == ["t-1", "t-2"]
    opened.fill("#f-text", "BOREALIS")
    assert visible(opened) == ["t-1"]
    opened.select_option("#f-status", "unchanged")
    assert visible(opened) == []
    assert opened.is_visible("#f-none")


@pytest.mark.parametrize("width", [360, 768, 1600])
def test_no_width_scrolls_sideways(opened, width):
    opened.set_viewport_size({"width": width, "height": 800})
    assert opened.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("selector", [".meta", ".reason", ".fate", ".chip", ".broken strong", "h4"])
def test_text_keeps_enough_contrast(opened, scheme, selector):
    opened.emulate_media(color_scheme=scheme)
    ratio = opened.locator(selector).first.evaluate(
        """(element) => {
          const parse = (c) => c.match(/[\\d.]+/g).map(Number);
          const light = (c) => {
            const [r, g, b] = c.slice(0, 3).map((v) => v / 255)
              .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
          };
          let behind = element;
          const solid = (e) => {
            const c = parse(getComputedStyle(e).backgroundColor);
            return c.length < 4 || c[3] > 0;
          };
          while (!solid(behind)) behind = behind.parentElement;
          const [a, b] = [
            light(parse(getComputedStyle(element).color)),
            light(parse(getComputedStyle(behind).backgroundColor)),
          ].sort((x, y) => y - x);
          return (a + 0.05) / (b + 0.05);
        }"""
    )
    assert ratio >= 4.5


# A mark of this colour covers the object of `picture` in wide, tall and square frames.
MARK = (0, 110, 0)
SIZES = {"wide": (400, 240), "tall": (240, 400), "square": (320, 320)}
"""In the order of their ranks."""


def _place(size):
    """Where `picture` has its object, as shares."""
    width, height = size
    return {
        "top": 80 / height, "left": 60 / width, "height": (height - 159) / height,
        "width": (width - 119) / width,
    }  # fmt: skip


@pytest.fixture
def compared(browser, data, store, tmp_path):
    """Three chosen images; wide differs least from square, square from tall, tall from square."""
    drawn = {name: picture(MARK, size=size) for name, size in SIZES.items()}
    images = {name * 8: content for name, content in drawn.items()}
    wide, tall, square = images
    sizes = dict(zip(images, SIZES.values(), strict=True))
    product = {"day": DAY, "category": "tablets", "product_id": "t-2"}
    chosen = [
        {**product, "rank": rank, "image_id": i, "image_type": "front", "is_hero": rank == 1,
         "reason": "r"}
        for rank, i in enumerate(images, 1)
    ]  # fmt: skip
    pairs = [(wide, square, 0.6), (tall, square, 0.7), (wide, tall, 0.2), (wide, "gone", 0.8)]
    differences = [
        {**product, "image_id": image, "other_image_id": other, "probability": p,
         **_place(sizes.get(image, (320, 400)))}
        for one, two, p in pairs
        for image, other in ((one, two), (two, one))
    ]  # fmt: skip
    shown = dataclasses.replace(
        data, after=pl.DataFrame(chosen), differences=pl.DataFrame(differences)
    )
    out = render_gallery(shown, {**store, **images}.__getitem__, tmp_path / "g.html", title="T")
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    tab = context.new_page()
    tab.problems = []
    tab.on("console", lambda m: tab.problems.append(m.text))
    tab.goto(out.as_uri())
    yield tab
    context.close()


def _boxes(tab):
    """Every box that is shown, on the page: rank of its tile, then left, top, right, bottom."""
    return [
        (rank, *box)
        for rank, *box in tab.evaluate(
            """() => [...document.querySelectorAll(".box:not([hidden])")].map((e) => {
              const { left, top, right, bottom } = e.getBoundingClientRect();
              const rank = Number(e.closest("[data-rank]").dataset.rank);
              return [rank, left + scrollX, top + scrollY, right + scrollX, bottom + scrollY];
            })"""
        )
    ]


def _marks(tab, path):
    """The marks on the page without boxes, by rank, likewise."""
    tab.add_style_tag(content=".box { display: none !important; }")
    tab.screenshot(path=path, full_page=True)
    shot = np.asarray(Image.open(path).convert("RGB")).astype(int)
    marks = {}
    for rank in (1, 2, 3):
        tile = tab.locator(f'[data-rank="{rank}"] .frame').bounding_box()
        x, y = round(tile["x"]), round(tile["y"] + tab.evaluate("scrollY"))
        inside = shot[y : y + round(tile["height"]), x : x + round(tile["width"])]
        ys, xs = np.nonzero(np.abs(inside - MARK).sum(axis=2) < 90)
        marks[rank] = (xs.min() + x, ys.min() + y, xs.max() + x + 1, ys.max() + y + 1)
    return marks


def test_a_box_is_where_a_chosen_image_differs_from_the_one_most_like_it(compared, tmp_path):
    notes = compared.locator(".differs")
    assert notes.all_inner_texts() == [
        "Differs from 3 here", "Differs from 3 here", "Differs from 2 here"
    ]  # fmt: skip
    own = _boxes(compared)
    notes.first.focus()
    with_echo = _boxes(compared)
    compared.locator('[data-rank="2"]').hover()
    assert sorted(box[0] for box in _boxes(compared)) == [1, 2, 3, 3, 3]
    compared.mouse.move(0, 0)
    assert compared.problems == []
    marks = _marks(compared, tmp_path / "marks.png")
    assert [rank for rank, *_ in own] == [1, 2, 3]
    assert sorted(rank for rank, *_ in with_echo) == [1, 2, 3, 3]
    for rank, *box in with_echo:
        assert box == pytest.approx(marks[rank], abs=2), rank
