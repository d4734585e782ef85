"""The review page in Debian's chromium; the service is a process where it is to be killed."""

from __future__ import annotations

import signal

import numpy as np
import pytest
from PIL import Image

from imgassets.operations.reviews import known_pairs
from tests.contrast import faint
from tests.screenshots import keep

DESK = "#desk *:not([disabled]), .bar *:not([disabled])"
"""All that a reviewer may have to read."""

MARK = (0, 120, 0)
"""Colour of what the pictures of a pair differ in, as in conftest.py."""

pytestmark = pytest.mark.browser


class Tab:
    """One reviewer's page."""

    def __init__(self, browser, service, **options) -> None:
        options = {"viewport": {"width": 1280, "height": 800}, **options}
        self.context = browser.new_context(base_url=service.url, **options)
        self.context.set_default_timeout(60_000)
        self.page = self.context.new_page()
        self.problems: list[str] = []
        self.asked: list[str] = []
        self.page.on("pageerror", lambda e: self.problems.append(str(e)))
        self.page.on("console", lambda m: self.problems.append(m.text))
        self.page.on("request", lambda r: self.asked.append(r.url))

    def open(self, address: str = "/review?reviewer=Ana") -> Tab:
        self.page.goto(address)
        return self

    def ready(self) -> str:
        """Wait until the picture in question is there; return its image id."""
        self.page.wait_for_selector("#stage:not(.coming) img")
        return self.page.get_attribute("#stage img", "src").split("/")[2]

    def key(self, key: str) -> None:
        """Press a key at a question and wait for what comes next."""
        before = self.ready()
        self.page.keyboard.press(key)
        self.page.wait_for_function(
            """(before) => document.getElementById("desk").hidden
              || !document.querySelector("#stage img").src.includes(before)""",
            arg=before,
        )

    def saved(self) -> None:
        self.page.wait_for_selector("#saved:text-is('All saved')")

    def text(self, selector: str) -> str:
        return self.page.inner_text(selector)


@pytest.fixture
def tab(browser, request):
    """A page of the test's service, which is a process where the test asks for `served`."""
    of = "served" if "served" in request.fixturenames else "service"
    made = Tab(browser, request.getfixturevalue(of))
    yield made
    made.context.close()


def test_y_n_u_skip_and_undo_by_keys(tab, service):
    shop = service.shop
    tasks = shop.tasks["task_id"].to_list()
    tab.open()
    images = []
    for key in ("y", "n", "ArrowRight", "u", " ", "y"):
        images.append(tab.ready())
        tab.key(key)
    assert images == shop.tasks["image_id"].to_list()[:6]
    tab.key("ArrowLeft")
    assert tab.ready() == images[5]
    tab.key("Backspace")
    assert tab.ready() == images[3]
    tab.key("n")
    tab.saved()
    assert shop.standing() == {tasks[0]: "yes", tasks[1]: "no", tasks[3]: "no"}
    assert sorted(shop.answers()["answer"]) == ["no", "no", "undo", "undo", "unsure", "yes", "yes"]
    assert set(shop.answers()["reviewer"]) == {"Ana"}
    assert tab.text("#done") == "3"
    assert tab.text("#open") == str(len(tasks) - 3)
    assert tab.problems == []
    assert [url for url in tab.asked if not url.startswith(service.url)] == []


def test_a_linked_question_is_asked_first_and_once(tab, service):
    shop = service.shop
    wanted = shop.tasks.row(7, named=True)
    tab.open(f"/review?reviewer=Ana&task={wanted['task_id']}")
    assert tab.ready() == wanted["image_id"]
    tab.key("y")
    assert tab.ready() == shop.tasks["image_id"][0]
    tab.saved()
    assert shop.standing() == {wanted["task_id"]: "yes"}
    tab.open("/review?reviewer=Ana&task=../summary")
    assert tab.ready() == shop.tasks["image_id"][0]
    assert tab.problems == []


def test_the_name_is_asked_once_and_remembered(tab, service):
    tab.open("/review")
    page = tab.page
    page.wait_for_selector("#who[open]")
    page.keyboard.press("y")
    page.keyboard.press("Escape")
    assert page.is_visible("#who")
    page.fill("#name", "\u202e")
    page.keyboard.press("Enter")
    assert "printable" in tab.text("#name-problem")
    page.fill("#name", " Zoë ")
    page.keyboard.press("Enter")
    tab.key("y")
    tab.saved()
    page.reload()
    tab.ready()
    assert page.is_hidden("#who")
    assert tab.text("#reviewer") == "Zoë"
    assert service.shop.answers()["reviewer"].to_list() == ["Zoë"]


@pytest.mark.slow
@pytest.mark.soak
def test_a_server_killed_while_answering_loses_and_doubles_nothing(tab, served):
    shop = served.shop
    tab.open()
    said = {}
    for key, answer in (("y", "yes"), ("n", "no")):
        said[tab.ready()] = answer
        tab.key(key)
    served.end(signal.SIGKILL)
    for key, answer in (("u", "unsure"), ("y", "yes")):
        said[tab.ready()] = answer
        tab.key(key)
    tab.page.keyboard.press("ArrowLeft")
    said.popitem()
    tab.page.wait_for_selector(".saved.failing")
    assert tab.text("#saved").startswith("Not saved yet (")
    # The page may be left, too: what waits is kept in the browser.
    tab.page.on("dialog", lambda dialog: dialog.accept())
    tab.page.close()
    tab.page = tab.context.new_page()
    served.start()
    tab.open("/review")
    tab.ready()
    tab.saved()
    image = dict(shop.tasks.select("task_id", "image_id").iter_rows())
    assert {image[task]: answer for task, answer in shop.standing().items()} == said
    rows = shop.answers()
    assert rows.height == 5
    assert rows["answer_id"].n_unique() == 5
    assert tab.ready() == shop.tasks["image_id"][3]


def test_leaving_with_unsaved_answers_warns(tab, served):
    tab.open()
    tab.ready()
    served.end(signal.SIGKILL)
    tab.key("y")
    with tab.page.expect_event("dialog") as warned:
        tab.page.close(run_before_unload=True)
    assert warned.value.type == "beforeunload"
    warned.value.dismiss()
    assert not tab.page.is_closed()


def test_a_question_with_choices_is_answered_by_numbers(typed, tab, service, pictures):
    tab.open()
    tab.key("y")
    tab.ready()
    answers = tab.page.locator("#answers [data-answer]")
    assert answers.all_inner_texts() == ["Front 1", "Back 2", "Closeup 3", "None 4", "Unsure u"]
    assert tab.text("#probability-text").startswith("41 % back")
    others = tab.page.locator("#others li")
    assert others.count() == 3
    assert others.first.bounding_box()["y"] < tab.page.locator("#why").bounding_box()["y"]
    assert others.first.bounding_box()["width"] > 100
    tab.page.wait_for_load_state("networkidle")
    tab.page.screenshot(path=pictures / "review-types.png")
    for ignored in ("y", "n", "5"):
        tab.page.keyboard.press(ignored)
    assert tab.text("#done") == "1"
    tab.page.keyboard.press("2")
    tab.page.wait_for_selector("#answers [data-answer=yes]")
    assert answers.all_inner_texts() == ["Yes y", "No n", "Unsure u"]
    assert "Back" in tab.text("#history li:first-child")
    tab.page.keyboard.press("ArrowLeft")
    tab.page.wait_for_selector("#answers [data-answer=front]")
    tab.ready()
    tab.page.keyboard.press("1")
    tab.page.wait_for_selector("#answers [data-answer=yes]")
    tab.saved()
    assert service.shop.standing()[typed["task_id"]] == "front"
    assert tab.problems == []


def _marks(page, path) -> list[tuple[float, ...]]:
    """Return where each picture of a pair has its mark: left, top, right, bottom on the screen."""
    page.screenshot(path=path)
    shot = np.asarray(Image.open(path).convert("RGB")).astype(int)
    found = []
    for frame in page.locator("#stage .shown").all():
        box = frame.bounding_box()
        x, y = round(box["x"]), round(box["y"])
        inside = shot[y : y + round(box["height"]), x : x + round(box["width"])]
        ys, xs = np.nonzero(np.abs(inside - MARK).sum(axis=2) < 60)
        found.append((xs.min() + x, ys.min() + y, xs.max() + x + 1, ys.max() + y + 1))
    return found


def _boxes(page) -> list[tuple[float, ...]]:
    """Return the boxes on the screen, likewise, without their strokes."""
    return page.evaluate(
        """() => [...document.querySelectorAll("#stage .line")].map((line) => {
          const { x, y, width, height } = line.getBBox();
          const [a, b] = [[x, y], [x + width, y + height]]
            .map(([px, py]) => new DOMPoint(px, py).matrixTransform(line.getScreenCTM()));
          return [a.x, a.y, b.x, b.y];
        })"""
    )


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_a_pair_is_shown_side_by_side_with_boxes_where_it_differs(
    browser, service, paired, tmp_path, width, scheme
):
    size = {"width": width, "height": 800}
    tab = Tab(browser, service, viewport=size, color_scheme=scheme).open()
    page = tab.page
    tab.key("y")
    page.wait_for_selector("#stage.two:not(.coming) .line >> nth=1")
    left, right = (page.locator("#stage .shown").nth(n).bounding_box() for n in (0, 1))
    assert (left["y"], left["width"], left["height"]) == (
        right["y"], right["width"], right["height"]
    )  # fmt: skip
    assert left["x"] + left["width"] < right["x"]
    boxes = _boxes(page)
    page.keyboard.press("b")
    assert page.is_hidden("#stage .box >> nth=0")
    for box, mark in zip(boxes, _marks(page, tmp_path / "marks.png"), strict=True):
        assert box == pytest.approx(mark, abs=2)
    page.keyboard.press("b")
    assert page.is_visible("#stage .box >> nth=0")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert faint(page, DESK) == []
    assert tab.problems == []
    tab.context.close()


def test_a_pair_is_swapped_looked_at_closer_and_answered_by_keys(paired, tab, service):
    shop, page = service.shop, tab.page
    tab.open()
    tab.ready()
    assert page.is_hidden("#pair")
    tab.key("y")
    page.wait_for_selector("#stage.two:not(.coming)")
    ids = [paired["image_id"], paired["other_image_id"]]

    def shown(place: str) -> list[str]:
        found = page.locator(f"{place} img").evaluate_all("(all) => all.map((i) => i.src)")
        return [src.split("/")[-2] for src in found]

    assert shown("#stage") == ids
    held = page.locator("#stage").bounding_box()
    page.keyboard.down("x")
    assert shown("#stage") == ids[::-1]
    assert page.get_attribute("#swap", "aria-pressed") == "true"
    assert page.locator("#stage").bounding_box() == held
    page.keyboard.up("x")
    assert shown("#stage") == ids
    page.click("#swap")
    assert shown("#stage") == ids[::-1]
    page.click("#swap")
    page.click("#stage img >> nth=1")
    assert shown("#zoomed") == ids[::-1]
    assert page.locator("#zoomed img:visible").count() == 1
    assert page.locator("#zoomed .line:visible").count() == 1
    page.keyboard.down("x")
    assert shown("#zoomed") == ids
    page.keyboard.up("x")
    page.keyboard.press("z")
    assert page.is_hidden("#zoomed")

    answers = page.locator("#answers [data-answer]")
    assert answers.all_inner_texts() == ["Same 1", "Different 2", "Unsure u"]
    assert tab.text("#question") == paired["question"]
    assert tab.text("#why") == paired["why"]
    assert tab.text("#probability-text").startswith("62 % same")
    assert page.get_attribute("#stage img >> nth=1", "alt").startswith("Second picture")
    page.keyboard.press("y")
    page.keyboard.press("2")
    page.wait_for_selector("#answers [data-answer=yes]")
    assert page.is_hidden("#pair")
    assert page.locator("#stage img").count() == 1
    tab.saved()
    assert known_pairs(shop.warehouse).rows() == [(*sorted(ids), False)]
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector("#stage.two:not(.coming)")
    page.keyboard.press("1")
    page.wait_for_selector("#answers [data-answer=yes]")
    tab.saved()
    assert known_pairs(shop.warehouse).rows() == [(*sorted(ids), True)]
    assert tab.problems == []


def test_earlier_answers_can_be_undone_after_a_reload(tab, service):
    tab.open()
    image = tab.ready()
    tab.key("y")
    tab.key("n")
    tab.saved()
    tab.page.reload()
    tab.ready()
    tab.page.wait_for_selector("#history li:nth-child(2)")
    tab.page.click("#history li:nth-child(2) button")
    tab.page.wait_for_function(
        "(id) => document.querySelector('#stage img')?.src.includes(id)", arg=image
    )
    tab.saved()
    assert list(service.shop.standing().values()) == ["no"]


def test_an_answer_that_the_server_refuses_is_said(tab, service):
    shop = service.shop
    tab.open()
    tab.ready()
    task = shop.tasks.row(0, named=True)["task_id"]
    tab.page.route("**/api/review/tasks?*", lambda route: _with_other_task(route, task))
    tab.page.reload()
    tab.key("y")
    tab.key("n")
    tab.saved()
    assert "there is no task '0000000000000000'" in tab.text("#notice")
    assert list(shop.standing().values()) == ["no"]
    tab.page.click("#notice button")
    assert tab.page.is_hidden("#notice")


def _with_other_task(route, task_id):
    reply = route.fetch()
    route.fulfill(response=reply, body=reply.text().replace(task_id, "0" * 16))


def test_two_reviewers_see_different_questions(browser, tab, service):
    first = tab.open().ready()
    other = Tab(browser, service).open("/review?reviewer=Ben")
    assert other.ready() != first
    other.context.close()


def test_all_done_and_the_skipped_ones_again(tab, service):
    tab.open("/review?flag=blurry&reviewer=Ana")
    for key in ("y", "ArrowRight", "n"):
        tab.key(key)
    tab.key("u")
    tab.page.wait_for_selector("#rest-skipped:visible")
    assert tab.text("#rest-title") == "Only skipped questions are left"
    tab.page.click("#rest-skipped")
    tab.key("y")
    tab.page.wait_for_selector("#rest-title:text-is('All done, thank you')")
    assert "imgassets review round FLAG" in tab.text("#rest-how")
    tab.page.wait_for_selector("#rest-flags a:visible")
    assert "12" in tab.text("#rest-flags")
    tab.page.keyboard.press("ArrowLeft")
    tab.ready()
    tab.saved()
    assert len(service.shop.standing()) == 3


def test_supplier_text_is_only_text(tab, service):
    tab.open().ready()
    assert tab.text("#product-title").startswith("<script>alert('title')</script>")
    assert tab.problems == []


def test_zoom_and_help_by_keys(tab):
    tab.open().ready()
    page = tab.page
    page.keyboard.press("z")
    assert page.is_visible("#zoomed img")
    page.keyboard.press("z")
    assert page.is_hidden("#zoomed")
    page.keyboard.press("?")
    assert page.is_visible("#help")
    page.keyboard.press("y")
    page.keyboard.press("Escape")
    assert page.is_hidden("#help")
    assert tab.text("#done") == "0"


def test_mouse_and_space_do_not_answer_twice(tab, service):
    tab.open()
    before = tab.ready()
    tab.page.click(".answer.yes")
    tab.page.wait_for_function(
        "(b) => !document.querySelector('#stage img').src.includes(b)", arg=before
    )
    tab.key(" ")
    tab.saved()
    assert list(service.shop.standing().values()) == ["yes"]


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_width_scrolls_sideways_and_text_has_contrast(browser, service, width, scheme):
    tab = Tab(
        browser, service, viewport={"width": width, "height": 800}, color_scheme=scheme
    ).open()
    tab.key("y")
    tab.ready()
    tab.page.wait_for_selector("#history li")
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= width
    for selector in (".answer.yes", ".answer.no", ".answer.unsure", ".step"):
        box = tab.page.locator(selector).first.bounding_box()
        assert box["height"] >= 44
        assert 0 <= box["y"] <= 800 - box["height"], f"{selector} is in view"
    missing = tab.page.evaluate("[...document.images].filter((i) => !i.hasAttribute('alt')).length")
    assert missing == 0
    assert faint(tab.page, DESK) == []
    tab.context.close()


def test_picture(tab, service, pictures):
    tab.page.set_viewport_size({"width": 1300, "height": 940})
    tab.open()
    for key in ("y", "y", "n", "u"):
        tab.key(key)
    tab.saved()
    tab.page.reload()
    tab.ready()
    tab.page.wait_for_selector("#history li:nth-child(4)")
    tab.page.wait_for_load_state("networkidle")
    keep(tab.page, "review")
    out = pictures / "review.png"
    tab.page.screenshot(path=out)
    assert out.stat().st_size > 10_000


def test_picture_of_a_pair(badged_pair, tab, service, pictures):
    tab.page.set_viewport_size({"width": 1300, "height": 760})
    tab.open("/review?reviewer=Ana&flag=same_picture")
    tab.page.wait_for_selector("#stage.two:not(.coming) .line >> nth=1")
    tab.page.wait_for_load_state("networkidle")
    keep(tab.page, "review-pairs")
    out = pictures / "review-pairs.png"
    tab.page.screenshot(path=out)
    assert out.stat().st_size > 10_000
