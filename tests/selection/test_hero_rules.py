from __future__ import annotations

import polars as pl

from imgassets.selection import PRODUCT
from imgassets.selection.bypass import bypass_status
from imgassets.selection.decisions import explain
from tests.selection.set_inputs import DAY, image, image_id, order, policies, shown


def first_reason(sets) -> str:
    return str(sets.ordered.sort("rank")["reason"][0])


def test_the_hero_is_the_best_front_on_white_that_shows_one_item() -> None:
    images = [
        image("grey", white=0.3),
        image("collage", position=2, flags=("collage",)),
        image("dull", position=3, defect=0.4),
        image("good", position=4, defect=0.05),
        image("back", type="back"),
    ]
    sets = order(images)
    assert shown(sets, images) == ["good", "back", "grey", "collage", "dull"]
    assert first_reason(sets) == (
        "first front image: type rank 1 of bags; hero by one item alone, "
        "white background 1.0 (at least 0.75), quality 0.95 (within 0.1 of the best)"
    )


def test_among_equals_the_suppliers_position_decides() -> None:
    images = [image("a", position=3, defect=0.01), image("b", position=2, defect=0.05)]
    sets = order(images)
    assert shown(sets, images) == ["b", "a"]
    assert first_reason(sets).endswith("; hero by the suppliers' position 2, the first of 2")


def test_where_nobody_meets_a_rule_the_best_there_is_stands_and_says_so() -> None:
    images = [
        image("side", type="closeup", white=0.2),
        image("back", type="back", white=0.5, position=9),
    ]
    sets = order(images)
    assert shown(sets, images) == ["back", "side"]
    assert first_reason(sets) == (
        "first back image: type rank 2 of bags; hero, the best there is: no front image; "
        "white background 0.5, at least 0.75 wanted"
    )


def test_a_composite_is_pushed_down_and_no_hero_unless_alone() -> None:
    images = [
        image("all", type="multi_view", position=1),
        image("b", type="back", position=2),
        image("f1", position=3),
        image("f2", position=4),
    ]
    order_of_types = ("multi_view", "front", "back")
    sets = order(images, types=order_of_types)
    assert shown(sets, images) == ["f1", "b", "f2", "all"]
    assert sets.ordered["reason"][3] == "multi_view: a type that adds little, after all others"
    alone = [image("all", type="multi_view"), image("two", type="multi_view", position=2)]
    assert "hero" in first_reason(order(alone, types=order_of_types))
    kept = order(images, policies(push_down=[]), types=order_of_types)
    assert shown(kept, images)[0] == "all"


def test_rules_are_asked_in_their_order_and_of_what_is_left() -> None:
    images = [
        image("small", width=500, height=500, sharpness=0.5),
        image("large", width=2000, height=900, sharpness=0.3, fill=0.3),
        image("full", width=1900, height=900, sharpness=0.35, fill=0.9),
    ]

    def hero(*rules: dict[str, object]) -> str:
        return shown(order(images, policies(hero=rules)), images)[0]

    assert hero({"rule": "sharpness", "within": 0}) == "small"
    largest = {"rule": "longest_side", "at_least": 1000}
    assert hero(largest, {"rule": "sharpness", "within": 0}) == "full"
    assert hero(largest, {"rule": "frame_fill", "at_least": 0.95}) == "full"  # by its name's hash
    assert hero({"rule": "longest_side", "within": 50}) == "large"


def test_what_shows_something_else_is_demoted_and_no_hero() -> None:
    images = [
        image("other", relevance=0.1),
        image("front", relevance=0.8, position=5),
        image("unknown", type="back", position=2),
    ]
    sets = order(images, policies(min_relevance=0.25))
    assert shown(sets, images) == ["front", "unknown", "other"]
    assert sets.ordered["reason"][2] == (
        "shows something else: relevance 0.1 to title and description, at least 0.25 needed"
    )
    assert shown(order(images), images)[0] == "other"  # no limit, nobody is demoted
    two = [images[0], images[2]]
    found = order(two, policies(min_relevance=0.25))
    assert "; hero, the best there is: no front image will do" in first_reason(found)
    only = [image("a", relevance=0.1), image("b", type="back", relevance=0.2)]
    assert shown(order(only, policies(min_relevance=0.25)), only) == ["a", "b"]


def test_a_full_set_leaves_the_last_ones_out_and_says_so() -> None:
    images = [image(name, type=kind, position=n + 1) for n, (name, kind) in enumerate(
        [("f1", "front"), ("f2", "front"), ("b", "back"), ("c", "closeup"), ("other", "closeup")]
    )]  # fmt: skip
    images[-1]["relevance"] = 0.0
    sets = order(images, policies(max_images=3, min_relevance=0.5))
    assert shown(sets, images) == ["f1", "b", "c"]
    keys = {"day": DAY, "category": "bags", "product_id": "p1"}
    everything = pl.DataFrame([keys | {"image_id": image_id(i["name"])} for i in images])
    decisions = explain(
        everything,
        everything.with_columns(passed=True, reasons=pl.lit([], pl.List(pl.String))),
        everything.with_columns(image_type=pl.lit("front")),
        everything.with_columns(
            image_type=pl.lit("front"), is_representative=True, cluster_id="image_id",
            decided_by=None, probability=None, phash_distance=None, edge_dhash_distance=None,
            hsv_distance=None,
        ),
        sets.ordered,
        pl.DataFrame(schema=dict.fromkeys((*PRODUCT, "image_id", "flag", "decision", "reason"),
                                          pl.String)).with_columns(pl.col("day").cast(pl.Date)),
    )  # fmt: skip
    left_out = decisions.filter(decision="left_out")
    assert left_out["reason"].unique().to_list() == [
        "the set is full: 3 images come before it, the most allowed"
    ]
    assert set(left_out["image_id"]) == {image_id("f2"), image_id("other")}


def test_a_set_under_its_minimum_says_by_how_much() -> None:
    images = [image("f"), image("b", type="back"), image("one", product_id="p2")]
    changes = order(images, policies(min_images=4), products=["p1", "p2", "p3"]).changes
    assert dict(changes.select("product_id", "missing_images").iter_rows()) == {
        "p1": 2, "p2": 3, "p3": 4,
    }  # fmt: skip
    assert order(images, policies(min_images=2)).changes["missing_images"].to_list() == [0, 1]


def test_what_is_bypassed_is_the_policys() -> None:
    curated = [
        image("f", curated=True, position=2),
        image("b", type="back", curated=True),
        image("one", product_id="p2"),
    ]
    assert order(curated).changes["status"].to_list() == [
        "bypassed_curated", "bypassed_single_image",
    ]  # fmt: skip
    assert order(curated).ordered["ordered_by"].unique().to_list() == ["suppliers"]
    none = order(curated, policies(bypass=[]), products=["p1", "p2", "p3"])
    assert none.changes["status"].to_list() == ["changed", "unchanged", "unchanged"]
    assert shown(none, curated) == ["f", "b"]


def test_the_status_of_products_of_two_categories() -> None:
    keys = [(DAY, "bags", "p1"), (DAY, "hats", "p1")]
    products = pl.DataFrame(keys, schema=PRODUCT, orient="row")
    found = bypass_status(
        products,
        products.with_columns(image_id=pl.lit("x"), is_curated=False),
        products.with_columns(image_id=pl.lit("y")),
        policies(bypass=["curated"]),
    )
    assert dict(found.select("category", "status").iter_rows()) == {
        "bags": None, "hats": "bypassed_single_image",
    }  # fmt: skip


def test_what_was_before_is_the_products_own_order_where_nothing_else_is_known() -> None:
    images = [image("b", type="back"), image("f", position=2)]
    changes = order(images).changes
    assert changes["before"].to_list() == [[image_id("b"), image_id("f")]]
    assert changes["hero_changed"].to_list() == [True]
