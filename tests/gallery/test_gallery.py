import base64
import dataclasses
import datetime as dt
import io
import re

import polars as pl
import pytest
from PIL import Image

from imgassets.gallery import GalleryData, render_gallery
from imgassets.gallery.cards import shown_products
from imgassets.gallery.thumbnails import LARGE, SMALL, encode_thumbnail


@pytest.fixture
def html(data, store, tmp_path):
    return render_gallery(data, store.__getitem__, tmp_path / "out" / "g.html", title="Sets & more")


@pytest.fixture
def page(html, read_page):
    return read_page(html)


def card(page, product_id):
    (found,) = [c for c in page.find("article", "card") if product_id in c.text.split()]
    return found


def test_one_card_per_product_sorted_by_category(page):
    ids = [c.find("span", "id")[0].text for c in page.find("article", "card")]
    assert ids == ["l-1", "t-1", "t-2"]
    assert [h.text for h in page.find("h2")] == ["Laptops 1", "Tablets 2", "Scoreboard"]
    assert page.find("h1")[0].text == "Sets & more"


def test_title_falls_back_to_the_product_id(page):
    assert card(page, "t-2").find("h3")[0].text == "t-2"


def test_before_shows_every_supplier_in_its_order(page):
    suppliers = card(page, "t-1").find("div", "supplier")
    assert [s.find("h5")[0].text for s in suppliers] == ["acme", "borealis"]
    fates = [[t.text for t in s.find("li")] for s in suppliers]
    assert fates[0] == ["2 Chosen as 2", "1 Chosen as 1"]
    assert fates[1] == ["Duplicate", "Blurry", "Refused The server answered 404."]


def test_after_has_rank_type_hero_and_reason(page):
    tiles = card(page, "t-1").find("ol", "set")[0].find("li")
    assert [t.text for t in tiles] == [
        "1 Front Hero Front comes first.",
        "2 Side Side comes third.",
    ]
    assert [t.attrs["title"] for t in tiles] == ["Front comes first.", "Side comes third."]
    assert [t.attrs["class"] for t in tiles] == ["hero", "ranked"]


def test_every_left_out_image_has_its_reason_and_a_duplicate_its_twin(page):
    (section,) = card(page, "t-1").find("section", "left-out")
    blurry, duplicate = section.find("li")
    assert blurry.text == "Blurry Sharpness 0.05 is under 0.12."
    assert duplicate.text == "Duplicate Same picture as number 1. Repeats"
    assert "chosen as 1" in duplicate.find("div", "twin")[0].find("img")[0].attrs["alt"]
    assert not blurry.find("div", "twin")


def test_a_product_without_images_says_so(page):
    text = card(page, "l-1").text
    assert "No supplier sent an image." in text
    assert "No set was chosen." in text
    assert "Skipped: no image" in text


def test_each_distinct_image_is_embedded_once(html, page, store):
    rules = re.findall(r"\.(p\d+)\{background-image:url\(\"data:image/webp;base64,([^\"]+)\"\)}",
                       html.read_text())  # fmt: skip
    assert len(rules) == len(store) == len({data for _, data in rules})
    used = {c for n in page.find("img") for c in n.attrs["class"].split()}
    assert {name for name, _ in rules} <= used
    for _, data in rules:
        with Image.open(io.BytesIO(base64.b64decode(data))) as image:
            assert max(image.size) == LARGE


def test_every_picture_has_an_alternative_text(page):
    assert all(n.attrs["alt"].strip() for n in page.find("img"))


def test_nothing_is_fetched_from_outside(html, page):
    for node in page.walk():
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            assert (node.attrs.get(name) or "data:").startswith("data:")
        assert not any(name.startswith("on") for name in node.attrs)
    style = " ".join(n.text for n in page.find("style"))
    assert not re.search(r"@import|url\((?!\"data:)", style)
    assert "default-src 'none'" in html.read_text()


def test_supplier_text_cannot_become_markup(html, page, hostile):
    title, url = hostile
    text = html.read_text()
    assert title not in text
    assert url not in text
    assert len(page.find("script")) == 1
    assert card(page, "t-1").find("h3")[0].text == title
    refused = card(page, "t-1").find("li", "refused")[0]
    assert refused.attrs["title"] == f"{url} – The server answered 404."
    assert set(refused.attrs) == {"class", "title"}


def test_summary_and_scoreboard(page):
    assert [d.text for d in page.find("dl")[0].find("div")] == ["Products 3", "Images in 1,234"]
    row = page.find("tbody")[0].find("tr")[0]
    assert row.text == "Blurry images caught A note. 9 1 0 100.0% 90.0% –"


def test_missing_and_broken_pictures_become_empty_tiles(data, store, ids, read_page, tmp_path):
    partial = {**store, ids["back"]: b"no picture"}
    del partial[ids["side"]]
    page = read_page(render_gallery(data, partial.__getitem__, tmp_path / "g.html", title="t"))
    blanks = [n.attrs["aria-label"] for n in page.find("span", "blank")]
    assert len(blanks) == 4
    assert all(label.endswith("(picture not available)") for label in blanks)


def test_a_failing_store_is_an_error_and_the_old_page_stays(data, tmp_path):
    def load(image_id):
        raise PermissionError(image_id)

    out = tmp_path / "g.html"
    out.write_text("old")
    with pytest.raises(PermissionError):
        render_gallery(data, load, out, title="t")
    assert [p.name for p in tmp_path.iterdir()] == ["g.html"]
    assert out.read_text() == "old"


def test_only_the_newest_day_of_a_product_is_shown(data, store, read_page, tmp_path):
    later = data.products.filter(product_id="t-1").with_columns(
        day=dt.date(2026, 1, 9), title=pl.lit("Newer")
    )
    newer = dataclasses.replace(data, products=pl.concat([data.products, later]))
    page = read_page(render_gallery(newer, store.__getitem__, tmp_path / "g.html", title="t"))
    assert card(page, "t-1").find("h3")[0].text == "Newer"
    assert not card(page, "t-1").find("div", "supplier")


def test_too_many_products_leave_each_category_its_share(data):
    two = shown_products(data.products, 2)
    assert two["product_id"].to_list() == ["l-1", "t-1"]


def test_the_page_says_what_it_does_not_show(data, store, read_page, tmp_path):
    out = render_gallery(data, store.__getitem__, tmp_path / "g.html", title="t", max_products=2)
    assert "2 of 3 products" in read_page(out).find("p", "notice")[0].text


def test_an_empty_gallery_is_a_page(data, read_page, tmp_path):
    frames = (f.clear() for f in (data.products, data.before, data.after, data.left_out))
    out = render_gallery(GalleryData(*frames), {}.__getitem__, tmp_path / "g.html", title="t")
    assert "no products to show yet" in read_page(out).text


def test_a_missing_column_is_named(data):
    with pytest.raises(ValueError, match="'left_out' lacks: reason, rule"):
        dataclasses.replace(data, left_out=data.left_out.drop("reason", "rule"))


def test_a_thumbnail_is_upright_on_white():
    image = Image.new("RGBA", (400, 200), (0, 0, 0, 0))
    exif = Image.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    image.save(out, "PNG", exif=exif)
    data = base64.b64decode(encode_thumbnail(out.getvalue(), SMALL).partition(",")[2])
    with Image.open(io.BytesIO(data)) as thumbnail:
        assert thumbnail.size == (80, 160)
        assert min(thumbnail.convert("L").tobytes()) > 250
