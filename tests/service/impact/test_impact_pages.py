"""The impact pages as they are sent: what they say, how they are addressed, what they refuse."""

from __future__ import annotations

import html
import re

import polars as pl
import pytest

from imgassets.impact.verdicts import FALL, NO_EFFECT, RISE, UNSOUND
from imgassets.service.impact_pages import placebo_counts
from tests.impact_rows import COHORT, EARLIER, HOSTILE, LATEST

CELL = f"/impact/laptop/{COHORT}/add_to_cart"


def text_of(reply) -> str:
    """What a person reads, as one line."""
    return html.unescape(" ".join(re.sub(r"<[^>]*>", " ", reply.text).split()))


def table_rows(reply) -> list[str]:
    body = reply.text.split("<tbody>")[1].split("</tbody>")[0]
    texts = (re.sub(r"<[^>]*>", " ", row) for row in body.split("</tr>"))
    return [html.unescape(" ".join(text.split())) for text in texts if text.strip()]


def test_the_list_has_every_cell_with_effect_interval_probability_and_verdict(impact_client):
    reply = impact_client.get("/impact")
    assert reply.status_code == 200
    rows = table_rows(reply)
    assert len(rows) == 12
    (carts,) = [row for row in rows if row.startswith("Laptop , Add to cart")]
    assert "+5.5 %" in carts
    assert "99.8 %" in carts
    assert carts.endswith("Rise")
    assert 'aria-label="+5.5 %, between +1.0 % and +10.0 %"' in reply.text
    (refused,) = [row for row in rows if row.startswith("Mugs , Orders")]
    assert refused.endswith("Refused 3 treated products, at least 5 are needed")
    said = text_of(reply)
    assert "Estimated 6 Rose 2 Fell 1 Neither shown 3 Refused 3 Not over yet 0" in said
    assert "Comparisons whose impressions agree with that: 2 of 2." in said


def test_impressions_that_changed_or_do_not_compare_are_counted():
    verdicts = [NO_EFFECT, RISE, FALL, UNSOUND, f"{RISE}, but not after correcting for 9 cells"]
    assert placebo_counts(pl.DataFrame({"verdict": verdicts})) == {"estimated": 5, "holds": 2}


@pytest.mark.parametrize(
    ("query", "cells", "said"),
    [
        ("category=tablet", 4, "Tablet: impact of new image sets"),
        ("metric=orders", 3, "+12.0 %"),
        ("category=laptop&metric=add_to_cart&weeks=6", 1, "+1.7 %"),
        (f"cohort={COHORT}&category=mugs", 4, "Refused"),
        (f"day={EARLIER}", 8, "as of 2026-02-02"),
        (f"day={EARLIER}&weeks=6&metric=orders", 2, "Not yet"),
    ],
)
def test_the_list_is_filtered(impact_client, query, cells, said):
    reply = impact_client.get(f"/impact?{query}")
    assert len(table_rows(reply)) == cells
    assert said in text_of(reply)


def test_a_category_shows_whether_its_effect_lasts(impact_client):
    said = text_of(impact_client.get("/impact?category=laptop&metric=add_to_cart"))
    over_time = said.split("Does it last?")[1]
    found = [over_time.index(effect) for effect in ("+8.0 %", "+6.9 %", "+5.5 %", "+4.2 %")]
    assert found == sorted(found)


def test_pages_of_cells_follow_each_other(impact_client, monkeypatch):
    monkeypatch.setattr("imgassets.service.impact_pages._PAGE", 5)
    seen, link = [], "/impact?metric=&weeks=3"
    while link:
        reply = impact_client.get(link)
        seen += table_rows(reply)
        following = re.search(r'rel="next" href="([^"]*)"', reply.text)
        link = html.unescape(following[1]) if following else ""
    assert len(seen) == len(set(seen)) == 12


def test_a_cell_says_what_it_rests_on(impact_client):
    reply = impact_client.get(CELL)
    assert reply.status_code == 200
    said = text_of(reply)
    assert "Rise after 3 weeks: +5.5 %, calibrated interval +1.0 % to +10.0 %" in said
    assert "Treated products 68 Untreated products 102 Days before 118" in said
    assert "is 1.50 times as wide as the model's own at 3 weeks" in said
    assert "Effect when controls are left out in turn +4.5 % … +6.5 %" in said
    assert said.index("c2 2 0.90") < said.index("c1 2 0.90"), "what matters most comes first"
    assert "in time 2 10 60 % 90 %" in said
    assert "A/A 3 10 60 % 90 %" in said


def test_the_panels_break_where_a_day_is_missing(impact_client):
    (actual,) = re.findall(r'class="line actual" d="([^"]*)"', impact_client.get(CELL).text)
    assert actual.count("M") == 3


def test_a_refused_cell_says_why_and_shows_no_drawing(impact_client):
    reply = impact_client.get(f"/impact/mugs/{COHORT}/clicks")
    said = text_of(reply)
    assert "3 treated products, at least 5 are needed" in said
    assert "No control was chosen." in said
    assert 'class="panel"' not in reply.text


def test_an_earlier_evaluation_is_shown_when_asked_for(impact_client):
    said = text_of(impact_client.get(f"{CELL}?day={EARLIER}"))
    assert f"as of {EARLIER}" in said
    assert "ends on 2026-02-15" in said
    assert f"as of {LATEST}" in text_of(impact_client.get(CELL))


def test_hostile_text_of_a_note_is_only_text(impact_client):
    reply = impact_client.get(CELL)
    assert "<script" not in reply.text
    assert HOSTILE in text_of(reply) or html.escape(HOSTILE) in reply.text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/impact?category=shoes", 404),
        ("/impact?metric=returns", 404),
        ("/impact?weeks=5", 404),
        ("/impact?cohort=2020-01-01", 404),
        ("/impact?day=2020-01-01", 404),
        ("/impact?day=tomorrow", 400),
        ("/impact?cohort=%00", 400),
        ("/impact?weeks=0", 422),
        (f"/impact/shoes/{COHORT}/orders", 404),
        (f"/impact/laptop/{COHORT}/%00'", 404),
        ("/impact/laptop/monday/orders", 400),
        ("/impact/laptop/2020-01-06/orders", 404),
        (f"{CELL}?day=2020-01-01", 404),
        ("/impact?skip=999999", 200),
    ],
)
def test_what_there_is_not_is_said(impact_client, path, status):
    assert impact_client.get(path).status_code == status


def test_nothing_yet_says_what_to_do(fresh_client):
    assert "imgassets impact ingest" in text_of(fresh_client.get("/impact"))


def test_home_leads_to_the_estimates(impact_client):
    assert 'href="/impact"' in impact_client.get("/").text
