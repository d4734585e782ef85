"""Pages of what methods of search found: marks, pictures, and nothing fetched."""

import cv2
import numpy as np
import polars as pl
import pytest

from imgassets.gallery import search_sheet
from imgassets.gallery.gallery import write_page
from imgassets.gallery.search_sheet import (
    Pictures,
    answered_queries,
    render_search_overview,
    render_search_sheet,
)
from imgassets.search.measures import RUN_SCHEMA, measure

QUERIES = pl.DataFrame({"query_id": ["q1", "q2"], "query": ["blue <b>shirt</b>", "mug"]})
JUDGED = pl.DataFrame(
    [("q1", "a", 2), ("q1", "b", 1), ("q2", "a", 2)],
    schema=["query_id", "item_id", "relevance"],
    orient="row",
)
TYPES = pl.DataFrame({"query_id": ["q1"], "type": ["names colour"]})
RUN = pl.DataFrame([("q1", "a", 3.0), ("q1", "b", 2.0), ("q1", "c", 1.0)], RUN_SCHEMA, orient="row")


def load(item_id):
    if item_id == "c":
        raise KeyError(item_id)
    return cv2.imencode(".png", np.full((200, 100, 3), 90, np.uint8))[1].tobytes()


@pytest.fixture
def answered():
    return answered_queries(
        RUN, QUERIES, JUDGED, TYPES, measure(RUN, JUDGED, 2), {"a": "A blue shirt"},
        Pictures(load), 2,
    )  # fmt: skip


@pytest.fixture
def tree(read_page, tmp_path):
    return lambda page: read_page(write_page(tmp_path / "pages" / "page.html", page))


def test_queries_are_answered_worst_first_and_marked_by_grade(answered):
    worst, best = answered
    assert (worst.query, worst.value, worst.hits) == ("mug", 0, ())
    assert (best.value, best.n_exact, best.types) == (1, 1, ("names colour",))
    assert [hit.mark for hit in best.hits] == ["exact", "partly", "wrong"]
    assert [hit.rank for hit in best.hits] == [1, 2, 3]


def test_a_page_shows_pictures_marks_and_texts_and_fetches_nothing(answered, tree):
    page = render_search_sheet(
        "re-ranked", "things", answered, figures={"nDCG@10": "0.5"}, n_queries=2, note="A note."
    )
    root = tree(page)
    marks = [node.attrs["class"] for node in root.find("li")]
    assert marks == ["exact", "partly", "wrong"]
    pictures = [node.attrs["src"] for node in root.find("img")]
    assert len(pictures) == 2
    assert all(source.startswith("data:image/webp;base64,") for source in pictures)
    assert "1 · exact" in root.text
    assert "A blue shirt" in root.text
    assert "Nothing found." in root.text
    assert "A note." in root.text
    assert "blue <b>shirt</b>" in root.text  # escaped, so it is text
    assert "default-src 'none'" in page


def test_pages_keep_to_a_number_of_queries(monkeypatch):
    monkeypatch.setattr(search_sheet, "MAX_QUERIES", 10)
    ids = [f"q{n:02}" for n in range(25)]
    queries = pl.DataFrame({"query_id": ids, "query": ids})
    judged = pl.DataFrame({"query_id": ids, "item_id": ids, "relevance": [1] * 25})
    run = judged.select("query_id", "item_id", score=pl.lit(1.0))
    found = answered_queries(
        run, queries, judged, TYPES, measure(run, judged, 1), {}, Pictures(load), 1
    )
    assert [one.query for one in found] == ids[::3]


def test_the_overview_links_each_method(tree):
    tables = {"All queries": pl.DataFrame({"method": ["words", "images"], "R@1": ["0.1", "0.2"]})}
    page = render_search_overview(
        "things", tables, sheets={"words": "words.html"}, plot="data:image/png;base64,AA==",
        notes=["Left out: <nothing>."],
    )  # fmt: skip
    root = tree(page)
    assert [(node.attrs["href"], node.text) for node in root.find("a")] == [("words.html", "words")]
    assert "Left out: <nothing>." in root.text
