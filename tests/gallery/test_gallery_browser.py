import pytest

from imgassets.gallery import render_gallery

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


def test_the_page_runs_alone_and_shows_its_pictures(opened, tmp_path):
    assert opened.problems == []
    assert [u for u in opened.asked if not u.startswith(("data:", "file:"))] == []
    painted = opened.evaluate(
        """() => [...document.querySelectorAll("img.pic")].every((e) =>
          getComputedStyle(e).backgroundImage.startsWith('url("data:image/webp')
          && e.getBoundingClientRect().width > 30)"""
    )
    assert painted
    shot = tmp_path / "shot.png"
    opened.screenshot(path=shot, full_page=True)
    assert shot.stat().st_size > 10_000


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
