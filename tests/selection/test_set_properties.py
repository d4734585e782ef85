from __future__ import annotations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.selection.set_inputs import clicks, image, image_id, order, policies, shown, url

KINDS = ("front", "back", "closeup", "multi_view", "unsure")


@st.composite
def product(draw: st.DrawFn) -> list[dict]:
    share = st.sampled_from((0.0, 0.3, 0.5, 0.9, 1.0))
    made: list[dict] = []
    for number in range(draw(st.integers(0, 8))):
        originals = [i["name"] for i in made if i["duplicate_of"] is None and not i["rejected"]]
        made.append(
            image(
                f"i{number}",
                type=draw(st.sampled_from(KINDS)),
                position=draw(st.integers(1, 4)),
                white=draw(share),
                defect=draw(share),
                relevance=draw(st.none() | share),
                curated=draw(st.booleans()),
                rejected=draw(st.integers(0, 5)) == 0,
                duplicate_of=draw(st.none() | st.sampled_from(originals)) if originals else None,
            )
        )
        if made[-1]["rejected"]:
            made[-1]["duplicate_of"] = None
    return made


@st.composite
def policy(draw: st.DrawFn):
    low = draw(st.integers(0, 4))
    return policies(
        min_images=low,
        max_images=draw(st.just(0) | st.integers(max(low, 1), 6)),
        min_relevance=draw(st.sampled_from((0.0, 0.4))),
        bypass=draw(st.lists(st.sampled_from(("no_image", "single_image", "curated")))),
        push_down=draw(st.sampled_from(([], ["multi_view"], ["front"]))),
        hero=draw(
            st.lists(
                st.sampled_from(
                    (
                        {"rule": "first_type"},
                        {"rule": "one_item"},
                        {"rule": "white_background", "at_least": 0.9},
                        {"rule": "quality", "within": 0.1},
                    )
                ),
                unique_by=lambda rule: rule["rule"],
            )
        ),
        clicks={"learned": draw(st.booleans()), "min_impressions": 10},
    )


@st.composite
def seen(draw: st.DrawFn, images: list[dict]):
    """Return clicks on the product's images, in a category whose positions are known."""
    moved = [("x", "moved", place, 1000, 400 // place) for place in (1, 2, 3, 4)]
    own = [
        ("p1", url(i["name"]), draw(st.integers(1, 4)), 100, draw(st.integers(0, 100)))
        for i in images
        if draw(st.booleans())
    ]
    return clicks(own, moved)


@settings(deadline=None, max_examples=25)
@given(st.data())
def test_a_set_is_an_order_of_what_is_chosen(data: st.DataObject) -> None:
    images, by = data.draw(product()), data.draw(policy())
    known = data.draw(st.none() | seen(images))
    sets = order(images, by, clicks=known, products=["p1"])
    of = by.of("bags")
    names = shown(sets, images)
    status = sets.changes["status"].item()
    allowed = [i["name"] for i in images if not i["rejected"]]
    if not status.startswith("bypassed"):
        allowed = [i["name"] for i in images if not i["rejected"] and i["duplicate_of"] is None]
        most = min(of.max_images or len(allowed), len(allowed))
        assert len(names) == most >= min(of.min_images, len(allowed))
        if not of.max_images:
            ranks = sets.ordered.select("policy_rank", "click_rank")
            assert sorted(ranks["policy_rank"]) == list(range(1, most + 1))
            assert sorted(ranks["click_rank"].drop_nulls()) in ([], list(range(1, most + 1)))
    else:
        assert sorted(names) == sorted(allowed)
    assert set(names) <= set(allowed)
    assert sets.ordered["rank"].to_list() == list(range(1, len(names) + 1))
    assert sets.changes["missing_images"].item() == max(0, of.min_images - len(names))

    mixed = data.draw(st.permutations(images))
    again = order(mixed, by, clicks=known, products=["p1"])
    assert again.ordered.equals(sets.ordered)
    assert again.changes.equals(sets.changes)


@settings(deadline=None, max_examples=25)
@given(st.data())
def test_clicks_never_choose_a_hero_that_the_policy_would_turn_away(data: st.DataObject) -> None:
    images = data.draw(product())
    rules = [{"rule": "first_type"}, {"rule": "white_background", "at_least": 0.9}]
    by = policies(hero=rules, bypass=[], clicks={"learned": True, "min_impressions": 10})
    sets = order(images, by, clicks=data.draw(seen(images)), products=["p1"])
    if sets.ordered.is_empty():
        return
    hero = sets.ordered.row(by_predicate=pl.col("is_hero"), named=True)
    candidates = [i for i in images if not i["rejected"] and i["duplicate_of"] is None]
    place = {name: n for n, name in enumerate(("front", "back", "closeup"))}
    first = min(_place(i, place) for i in candidates)
    eligible = [i for i in candidates if _place(i, place) == first]
    eligible = [i for i in eligible if i["white"] >= 0.9] or eligible
    assert hero["image_id"] in {image_id(i["name"]) for i in eligible}


def _place(of: dict, place: dict[str, int]) -> int:
    return 9 if of["type"] == "multi_view" else place.get(of["type"], 8)
